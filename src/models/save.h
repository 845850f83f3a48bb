/* save.h - writing a model directory that this library, transformers and CTranslate2's
 * converter read. */
#ifndef ATTI_SAVE_H
#define ATTI_SAVE_H

#include "models/family.h"
#include "models/params.h"

typedef struct atti_save {
    const atti_family *family;
    const void *cfg;
    const atti_params *params; /* names and layout */
    const float *data;         /* values in that layout; NULL = params->data */
    /* Files to copy under their names in the directory; NULL = none. vocab alone serves
     * both sides, target_vocab beside it makes the vocabularies separate. */
    const char *source_spm, *target_spm, *vocab, *target_vocab;
    /* Encoders and decoders: the tokenizer's files are copied from here; NULL = none. */
    const char *tokenizer_dir;
    const char *source_lang, *target_lang; /* "en"; NULL = unknown */
    int32_t num_beams;  /* of generation_config.json; 0 = left out (greedy) */
    int32_t max_length; /* target tokens with </s>; 0 = left out */
    /* Training leaves the padding class out of the softmax, other programs do not know
     * that: nonzero writes its final_logits_bias as -10000, which gives it no
     * probability anywhere, also in f16. */
    int32_t seal_padding;
    /* Extra pairs of the safetensors' metadata. */
    const char *const (*metadata)[2];
    int64_t n_metadata;
} atti_save;

/* config.json, generation_config.json (not for encoders), model.safetensors and, when source_spm is given, the
 * tokenizer's files, each whole or not at all, into dir, which exists. Same input, same
 * bytes. The caller makes the directory as a whole appear by renaming it. */
ATT_MUST_CHECK att_status atti_model_save(const char *dir, const atti_save *s);
/* The weights alone, f32, under their own names. */
ATT_MUST_CHECK att_status atti_weights_save(const char *path, const atti_params *params,
                                            const float *data,
                                            const char *const (*metadata)[2],
                                            int64_t n_metadata);

#endif
