/* attend/tokenizer.h - text to pieces to ids and back.
 *
 * SentencePiece models (BPE or unigram) with a Marian vocab.json that gives the ids;
 * SentencePiece's own ids where there is none. Immutable once opened, shareable. */
#ifndef ATTEND_TOKENIZER_H
#define ATTEND_TOKENIZER_H

#include "attend/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct att_tokenizer att_tokenizer;

/* A .spm / .model file (checked before it is parsed) and, optional, vocab.json. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_open(att_tokenizer **out, const char *spm_path, const char *vocab_path);
/* From memory; source names it in messages. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_open_memory(att_tokenizer **out, const void *spm, size_t n, const char *source);
ATT_API void att_tokenizer_destroy(att_tokenizer *t);

ATT_API int32_t att_tokenizer_size(const att_tokenizer *t);
ATT_API const char *att_tokenizer_piece(const att_tokenizer *t, int32_t id); /* borrowed, NULL out of range */
ATT_API int32_t att_tokenizer_id(const att_tokenizer *t, const char *piece); /* unk id when absent */
ATT_API int32_t att_tokenizer_unk(const att_tokenizer *t);
ATT_API int32_t att_tokenizer_eos(const att_tokenizer *t); /* -1 none */
ATT_API int32_t att_tokenizer_pad(const att_tokenizer *t); /* -1 none */

/* ids are appended to the caller's growing array (*ids, *n, *cap; start with NULL,0,0; att_free).
 * Invalid UTF-8 becomes U+FFFD. No </s> is added. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_encode(const att_tokenizer *t, const char *text, size_t len,
                                                       int32_t **ids, size_t *n, size_t *cap);
/* *text is the caller's (att_free). Control ids (</s>, <pad>) vanish; unknown ids print as " ⁇ ". */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_decode(const att_tokenizer *t, const int32_t *ids, size_t n, char **text);

typedef struct att_tokenizer_train_opts {
    uint32_t size;
    int32_t vocab_size;       /* pieces */
    int32_t unigram;          /* 0 = BPE */
    double character_coverage; /* default 1.0 */
    int64_t max_sentences;    /* a capped random sample of the input; default 1,000,000 */
    uint64_t seed;
    int32_t n_threads;
    int32_t byte_fallback;
    int32_t normalise;        /* 0: identity (text is taken as it is, spaces kept apart from collapsing), 1: nmt_nfkc (default) */
} att_tokenizer_train_opts;
ATT_API void att_tokenizer_train_opts_init(att_tokenizer_train_opts *opts);
/* Trains on text files (one sentence a line) and writes model_path. Same input, same bytes, for any thread count. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_train(const char *model_path, const char *const *files, int32_t n_files,
                                                      const att_tokenizer_train_opts *opts);
/* Writes Marian's vocab.json: </s> 0, <unk> 1, the pieces of the models in order (each once), <pad> last. */
ATT_API ATT_MUST_CHECK att_status att_tokenizer_write_vocab(const char *vocab_path, const char *const *spm_paths, int32_t n);

#ifdef __cplusplus
}
#endif
#endif
