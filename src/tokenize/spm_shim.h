/* spm_shim.h - SentencePiece behind a C face: what sentencepiece.cc promises.
 *
 * Only checked models come here (spm_check.h): SentencePiece itself trusts its file. No
 * exception leaves the functions; a failure is written to err as one line. Without the
 * library (ATTI_HAVE_SENTENCEPIECE) tokenizer.c answers ATT_ENOTSUP and nothing here is
 * linked. */
#ifndef ATTI_SPM_SHIM_H
#define ATTI_SPM_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atti_spm atti_spm;

enum { ATTI_SPM_OK = 0, ATTI_SPM_NO_MEMORY = 1, ATTI_SPM_FAILED = 2 };

int atti_spm_open(atti_spm **out, const void *data, size_t n, char *err,
                  size_t err_size);
void atti_spm_close(atti_spm *s);
int32_t atti_spm_size(const atti_spm *s);
const char *atti_spm_piece(const atti_spm *s, int32_t id);   /* borrowed; id in range */
int32_t atti_spm_find(const atti_spm *s, const char *piece); /* unk id when absent */
int32_t atti_spm_unk(const atti_spm *s);
int32_t atti_spm_eos(const atti_spm *s); /* -1 none */
int32_t atti_spm_pad(const atti_spm *s); /* -1 none */
int atti_spm_is_control(const atti_spm *s, int32_t id);
int atti_spm_is_unused(const atti_spm *s, int32_t id);

/* Gives the ids in one call of sink; the array dies with the call. sink returns nonzero
 * to report failure (memory), which is handed on. */
typedef int atti_spm_ids_fn(void *ctx, const int *ids, size_t n);
int atti_spm_encode(const atti_spm *s, const char *text, size_t n,
                    atti_spm_ids_fn *sink, void *ctx, char *err, size_t err_size);
typedef int atti_spm_text_fn(void *ctx, const char *text, size_t n);
int atti_spm_decode(const atti_spm *s, const char *const *pieces, size_t n,
                    atti_spm_text_fn *sink, void *ctx, char *err, size_t err_size);

typedef struct atti_spm_train {
    const char
        *symbols; /* with commas between them: pieces that are never split; "" none */
    int32_t vocab_size;
    int32_t unigram;
    int32_t byte_fallback;
    int32_t normalise;
    double character_coverage;
} atti_spm_train;
/* next gives one sentence a call, nonzero at the end. The model goes to sink. */
typedef int atti_spm_next_fn(void *ctx, const char **line, size_t *n);
int atti_spm_train_run(const atti_spm_train *t, atti_spm_next_fn *next, void *next_ctx,
                       atti_spm_text_fn *sink, void *sink_ctx, char *err,
                       size_t err_size);

#ifdef __cplusplus
}
#endif
#endif
