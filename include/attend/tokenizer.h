/* attend/tokenizer.h - text to pieces to ids and back.
 *
 * SentencePiece models (BPE or unigram) with a Marian vocab.json that gives the ids;
 * SentencePiece's own ids where there is none. Hugging Face's tokenizer.json (BPE,
 * WordPiece, Unigram, WordLevel), BERT's vocab.txt, GPT-2's vocab.json with merges.txt.
 * Immutable once opened, shareable. */
#ifndef ATTEND_TOKENIZER_H
#define ATTEND_TOKENIZER_H

#include "attend/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct att_tokenizer att_tokenizer;

/* A .spm / .model file (checked before it is parsed) and, optional, vocab.json. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_open(att_tokenizer **out,
                                                     const char *spm_path,
                                                     const char *vocab_path);
/* From memory; source names it in messages. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_open_memory(att_tokenizer **out,
                                                            const void *spm, size_t n,
                                                            const char *source);
/* A tokenizer.json in memory. A type or a regular expression that is not known here is
 * ATT_ENOTSUP and named; a file that contradicts itself is ATT_EFORMAT. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_open_json(att_tokenizer **out,
                                                          const void *json, size_t n,
                                                          const char *source);
/* The tokenizer of a model directory, the first of: source.spm with vocab.json; tokenizer.json;
 * spiece.model; tokenizer.model; vocab.txt; vocab.json with merges.txt. tokenizer_config.json and
 * special_tokens_map.json say which tokens are special and, beside vocab files, how text is
 * normalised. ATT_EIO when the directory has none of them; else as the readers of each. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_open_dir(att_tokenizer **out,
                                                         const char *model_dir);
ATT_API void att_tokenizer_destroy(att_tokenizer *t); /* NULL is fine */

ATT_API int32_t att_tokenizer_size(const att_tokenizer *t); /* largest id + 1 */
/* Borrowed; NULL out of range and for an id that the vocabulary leaves out. */
ATT_API const char *att_tokenizer_piece(const att_tokenizer *t, int32_t id);
ATT_API int32_t att_tokenizer_id(const att_tokenizer *t,
                                 const char *piece);       /* unk id when absent */
ATT_API int32_t att_tokenizer_unk(const att_tokenizer *t); /* -1 none */
ATT_API int32_t att_tokenizer_bos(const att_tokenizer *t); /* -1 none */
ATT_API int32_t att_tokenizer_eos(const att_tokenizer *t); /* -1 none */
ATT_API int32_t att_tokenizer_pad(const att_tokenizer *t); /* -1 none */

/* ids are appended to the caller's growing array (*ids, *n, *cap; start with NULL,0,0; att_free).
 * Invalid UTF-8 becomes U+FFFD. No </s> or [CLS] is added; special tokens written in the
 * text become their ids. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_encode(const att_tokenizer *t,
                                                       const char *text, size_t len,
                                                       int32_t **ids, size_t *n,
                                                       size_t *cap);
/* As a model wants its input: with the special tokens of the tokenizer's template ([CLS] a [SEP]
 * b [SEP]; a </s> for SentencePiece). pair NULL = one sequence. *ids and *types, n each, are the
 * caller's (att_free); types tells the two sequences apart, NULL = not wanted. Returns ATT_OK;
 * ATT_EINVAL; ATT_ENOTSUP for a pair with SentencePiece; ATT_EFORMAT for text that has no ids
 * (an unknown character without an unknown token); ATT_ENOMEM. On failure nothing is written. */
typedef struct att_text_pair {
    const char *text;
    size_t len;
    const char *pair;
    size_t pair_len;
} att_text_pair;
ATT_API ATT_MUST_CHECK att_status att_tokenizer_encode_model(const att_tokenizer *t,
                                                             const att_text_pair *in,
                                                             int32_t **ids,
                                                             int32_t **types,
                                                             size_t *n);
/* *text is the caller's (att_free). Control ids (</s>, <pad>, special tokens) vanish; SentencePiece's
 * unknown ids print as " ⁇ ". A byte 0, which some vocabularies have a token for, becomes U+FFFD: the
 * text ends at its first zero byte. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_decode(const att_tokenizer *t,
                                                       const int32_t *ids, size_t n,
                                                       char **text);

typedef struct att_tokenizer_train_opts {
    uint32_t size;
    int32_t vocab_size;        /* pieces */
    int32_t unigram;           /* 0 = BPE */
    double character_coverage; /* default 1.0 */
    int64_t max_sentences; /* a capped random sample of the input; default 1,000,000 */
    uint64_t seed;
    int32_t n_threads;
    int32_t byte_fallback;
    int32_t
        normalise; /* 0: identity (text is taken as it is, spaces kept apart from collapsing), 1: nmt_nfkc (default) */
    const char *const
        *symbols; /* [n_symbols]: pieces of their own that are never split, such
                                   as ">>de<<"; without commas */
    int32_t n_symbols;
} att_tokenizer_train_opts;
ATT_API void att_tokenizer_train_opts_init(att_tokenizer_train_opts *opts);
/* Trains on text files (one sentence a line) and writes model_path. Same input, same bytes, for any thread count. */
ATT_API ATT_MUST_CHECK att_status
att_tokenizer_train(const char *model_path, const char *const *files, int32_t n_files,
                    const att_tokenizer_train_opts *opts);
/* Writes Marian's vocab.json: </s> 0, <unk> 1, the pieces of the models in order (each once), <pad> last. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_write_vocab(
    const char *vocab_path, const char *const *spm_paths, int32_t n);

#ifdef __cplusplus
}
#endif
#endif
