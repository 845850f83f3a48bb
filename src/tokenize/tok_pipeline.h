/* tok_pipeline.h - a Hugging Face tokenizer in memory, and its stages.
 *
 *   text -> added tokens -> normalise -> pre-tokenise -> model -> ids -> template
 *   ids  -> pieces -> decoders -> text
 *
 * Built by tokenizer_json.c or tokenizer_files.c, immutable after that. All texts inside
 * are valid UTF-8; all loops are iterative. */
#ifndef ATTI_TOK_PIPELINE_H
#define ATTI_TOK_PIPELINE_H

#include "base/json.h"
#include "tokenize/split_scan.h"
#include "tokenize/tok_pieces.h"
#include "tokenize/tok_trie.h"

enum { ATTI_MAX_STEPS = 64, ATTI_MAX_TOKENIZER_BYTES = 512 << 20 };

typedef enum atti_step_kind {
    /* normalizers */
    ATTI_N_BERT,
    ATTI_N_FORM, /* mode: atti_normal_form */
    ATTI_N_LOWER,
    ATTI_N_STRIP,
    ATTI_N_STRIP_ACCENTS,
    ATTI_N_REPLACE, /* pattern -> b */
    ATTI_N_PREPEND, /* b */
    ATTI_N_CHARSMAP,
    ATTI_N_NMT,
    ATTI_N_BYTES,
    /* pre-tokenizers */
    ATTI_P_BERT,
    ATTI_P_BYTES, /* PREFIX, REGEX */
    ATTI_P_METASPACE,
    ATTI_P_WORDS, /* \w+|[^\w\s]+ */
    ATTI_P_SPACES,
    ATTI_P_SPLIT, /* pattern, mode: atti_split, INVERT */
    ATTI_P_DIGITS,
    ATTI_P_PUNCT,
    /* decoders */
    ATTI_D_WORDPIECE,
    ATTI_D_BYTES,
    ATTI_D_METASPACE,
    ATTI_D_BYTE_FALLBACK,
    ATTI_D_FUSE,
    ATTI_D_STRIP,
    ATTI_D_REPLACE,
    ATTI_D_BPE /* suffix */
} atti_step_kind;

typedef enum atti_split {
    ATTI_SPLIT_REMOVED,
    ATTI_SPLIT_ISOLATED,
    ATTI_SPLIT_WITH_PREVIOUS,
    ATTI_SPLIT_WITH_NEXT,
    ATTI_SPLIT_CONTIGUOUS
} atti_split;

typedef enum atti_prepend { ATTI_NEVER, ATTI_FIRST, ATTI_ALWAYS } atti_prepend;

enum { /* flags */
       ATTI_F_CLEAN = 1,
       ATTI_F_CHINESE = 2,
       ATTI_F_ACCENTS = 4, /* strip them */
       ATTI_F_LOWER = 8,
       ATTI_F_LEFT = 16,
       ATTI_F_RIGHT = 32,
       ATTI_F_PREFIX = 64, /* add a space in front */
       ATTI_F_REGEX = 128, /* split as GPT-2 does */
       ATTI_F_SPLIT = 256,
       ATTI_F_INVERT = 512,
       ATTI_F_EACH = 1024, /* every digit alone */
       ATTI_F_CLEANUP = 2048
};

typedef struct atti_step {
    atti_step_kind kind;
    uint32_t flags;
    int mode;        /* atti_normal_form, atti_split or atti_prepend */
    atti_scan *scan; /* a known regular expression, or NULL: the text a */
    char *a, *b;     /* pattern or replacement sign; content or prefix */
    size_t a_n, b_n;
    int32_t start, stop; /* ATTI_D_STRIP */
} atti_step;

typedef struct atti_steps {
    atti_step *list;
    size_t n, cap;
} atti_steps;

enum { /* added tokens */
       ATTI_A_SINGLE_WORD = 1,
       ATTI_A_LSTRIP = 2,
       ATTI_A_RSTRIP = 4,
       ATTI_A_NORMALIZED = 8,
       ATTI_A_SPECIAL = 16
};

typedef struct atti_added {
    int32_t id;
    uint32_t flags;
} atti_added;

typedef enum atti_model_kind {
    ATTI_M_BPE,
    ATTI_M_WORDPIECE,
    ATTI_M_UNIGRAM,
    ATTI_M_WORDLEVEL
} atti_model_kind;

typedef struct atti_merge {
    uint64_t pair; /* left << 32 | right, plus 1; 0 = free */
    uint32_t rank;
    int32_t id;
} atti_merge;

typedef struct atti_tok_model {
    atti_model_kind kind;
    int32_t unk; /* -1 none */
    char *prefix, *suffix;
    size_t prefix_n, suffix_n;
    bool fuse_unk, byte_fallback, ignore_merges;
    int64_t max_chars;  /* WordPiece */
    atti_merge *merges; /* [merges_size] open addressing */
    size_t merges_size;
    double *scores; /* [pieces] Unigram */
    double unk_score;
    int32_t bytes[256]; /* <0xHH>, -1 absent */
    atti_trie trie;     /* WordPiece, Unigram */
} atti_tok_model;

typedef struct atti_slot { /* one part of a template */
    int32_t id;            /* -1: sequence A, -2: sequence B */
    int32_t type;
} atti_slot;

typedef struct atti_template {
    atti_slot *list;
    size_t n, cap;
} atti_template;

typedef struct atti_pipeline {
    char *name; /* for messages */
    atti_pieces pieces;
    atti_tok_model model;
    atti_steps norm, pre, dec;
    char *charsmap; /* checked; one a tokenizer */
    size_t charsmap_n;
    atti_added *added;
    size_t n_added, cap_added;
    unsigned char *special;    /* [pieces.size] */
    int32_t *added_of;         /* [pieces.size] index into added, -1 */
    atti_trie raw, normalized; /* added tokens: value = index into added */
    atti_template single, pair;
    int32_t unk, bos, eos, pad; /* -1 none */
} atti_pipeline;

/* A text and the places where it is cut. head: bytes of text that stand for the first
 * character of the whole input (Metaspace's "first" asks for it). */
typedef struct atti_cut {
    size_t start, end;
    bool first;
} atti_cut;
typedef struct atti_cuts {
    atti_str text;
    size_t head;
    atti_cut *list;
    size_t n, cap;
} atti_cuts;

/* tok_normalize.c: a -> through all steps; b is scratch. Result in a. */
ATT_MUST_CHECK att_status atti_normalize(const atti_pipeline *p, atti_cuts *a,
                                         atti_cuts *b);
/* tok_pretokenize.c: a holds one text and one cut, and is cut further. */
ATT_MUST_CHECK att_status atti_pretokenize(const atti_pipeline *p, atti_cuts *a,
                                           atti_cuts *b);
void atti_cuts_deinit(atti_cuts *c);
/* tok_charsmap.c: SentencePiece's precompiled map, with the reading that HF gives it. */
void atti_charsmap_apply(const atti_pipeline *p, const char *s, size_t n, size_t head,
                         atti_str *out, size_t *new_head);
ATT_MUST_CHECK att_status atti_charsmap_decode(atti_pipeline *p, const char *base64,
                                               size_t n);
/* Next occurrence of a step's pattern at or behind `at`; false when there is none. */
bool atti_step_find(const atti_step *s, const char *text, size_t n, size_t at,
                    size_t *start, size_t *end);
/* The 256 code points of byte-level BPE, both ways (-1: stands for no byte). */
uint32_t atti_byte_to_code(unsigned char byte);
int atti_code_to_byte(uint32_t code);

/* Ids of one pre-token. work is the caller's, reused from word to word. */
typedef struct atti_ids {
    int32_t **ids;
    size_t *n, *cap;
} atti_ids;
typedef struct atti_work {
    void *mem[3];
    size_t cap[3];
    atti_str text;
} atti_work;
void atti_work_deinit(atti_work *w);
ATT_MUST_CHECK att_status atti_ids_add(atti_ids *o, int32_t id);
ATT_MUST_CHECK att_status atti_bpe_word(const atti_pipeline *p, const char *s, size_t n,
                                        atti_work *w, atti_ids *o);
ATT_MUST_CHECK att_status atti_bpe_add_merge(atti_pipeline *p, const char *a, size_t na,
                                             const char *b, size_t nb, size_t rank);
ATT_MUST_CHECK att_status atti_bpe_reserve(atti_pipeline *p, size_t n_merges);
ATT_MUST_CHECK att_status atti_wordpiece_word(const atti_pipeline *p, const char *s,
                                              size_t n, atti_ids *o);
ATT_MUST_CHECK att_status atti_unigram_word(const atti_pipeline *p, const char *s,
                                            size_t n, atti_work *w, atti_ids *o);

/* tok_pipeline.c */
ATT_MUST_CHECK att_status atti_pipeline_encode(const atti_pipeline *p, const char *text,
                                               size_t n, int32_t **ids, size_t *count,
                                               size_t *cap);
/* Appends text with each ill-formed UTF-8 sequence replaced by one U+FFFD. */
void atti_add_valid(atti_str *out, const char *s, size_t n);
/* tok_decode.c */
ATT_MUST_CHECK att_status atti_pipeline_decode(const atti_pipeline *p,
                                               const int32_t *ids, size_t n,
                                               char **text);
/* A copy that ends at its first zero byte: those inside become U+FFFD. */
ATT_MUST_CHECK att_status atti_decoded_text(char **out, const char *text, size_t n);
void atti_pipeline_destroy(atti_pipeline *p);

/* Building, in this order: pieces and model, added tokens, steps; then finish. */
ATT_MUST_CHECK att_status atti_pipeline_create(atti_pipeline **out, const char *name);
ATT_MUST_CHECK att_status atti_pipeline_add_token(atti_pipeline *p, const char *s,
                                                  size_t n, int64_t id, uint32_t flags);
ATT_MUST_CHECK att_status atti_steps_add(const atti_pipeline *p, atti_steps *s,
                                         const atti_step *step);
ATT_MUST_CHECK att_status atti_template_add(atti_template *t, int32_t id, int32_t type);
ATT_MUST_CHECK att_status atti_model_finish(atti_pipeline *p); /* tries, byte pieces */
ATT_MUST_CHECK att_status atti_pipeline_finish(atti_pipeline *p);

/* tokenizer_json.c and its parts */
ATT_MUST_CHECK att_status atti_tokenizer_json(atti_pipeline **out, const char *text,
                                              size_t n, const char *name);
ATT_MUST_CHECK att_status atti_json_model(atti_pipeline *p, const atti_json *model);
ATT_MUST_CHECK att_status atti_json_normalizer(atti_pipeline *p, const atti_json *v);
ATT_MUST_CHECK att_status atti_json_pretokenizer(atti_pipeline *p, const atti_json *v);
ATT_MUST_CHECK att_status atti_json_decoder(atti_pipeline *p, const atti_json *v);
ATT_MUST_CHECK att_status atti_json_post(atti_pipeline *p, const atti_json *v);
/* tokenizer_files.c: vocab.txt, or vocab.json and merges.txt; config may be NULL. */
ATT_MUST_CHECK att_status atti_wordpiece_files(atti_pipeline **out, const char *vocab,
                                               const atti_json *config);
ATT_MUST_CHECK att_status atti_bpe_files(atti_pipeline **out, const char *vocab,
                                         const char *merges, const atti_json *config);

#endif
