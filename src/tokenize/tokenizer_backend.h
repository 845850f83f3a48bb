/* tokenizer_backend.h - what stands behind an att_tokenizer: SentencePiece with a
 * vocabulary (tokenizer.c), or a pipeline (tok_pipeline.h). */
#ifndef ATTI_TOKENIZER_BACKEND_H
#define ATTI_TOKENIZER_BACKEND_H

#include "attend/tokenizer.h"
#include "tokenize/spm_shim.h"
#include "tokenize/tok_pipeline.h"
#include "tokenize/tokenizer_vocab.h"

/* Arguments are checked; ids are appended; text is the caller's. */
typedef struct atti_tokenizer_ops {
    att_status (*encode)(const att_tokenizer *t, const char *text, size_t len,
                         int32_t **ids, size_t *n, size_t *cap);
    att_status (*decode)(const att_tokenizer *t, const int32_t *ids, size_t n,
                         char **text);
    const char *(*piece)(const att_tokenizer *t, int32_t id);
    int32_t (*id)(const att_tokenizer *t, const char *piece); /* -1 when absent */
    void (*deinit)(att_tokenizer *t);
} atti_tokenizer_ops;

struct att_tokenizer {
    const atti_tokenizer_ops *ops;
    int32_t size;
    int32_t unk, bos, eos, pad;
    bool frame_bos, frame_eos; /* SentencePiece: what a model wants around a text */
    atti_pipeline *pipeline;   /* NULL: SentencePiece, the members below */
    atti_spm *spm;
    bool merges;  /* SentencePiece with BPE */
    char *source; /* for messages */
    atti_vocab vocab;
    int32_t *from_spm;   /* [spm pieces] model id */
    unsigned char *skip; /* [vocab.n] nonzero: prints as nothing */
};

/* Takes p, also on failure. */
ATT_MUST_CHECK att_status atti_tokenizer_of_pipeline(att_tokenizer **out,
                                                     atti_pipeline *p);

#endif
