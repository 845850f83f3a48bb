/* attend/model.h - a trained model: configuration, weights, vocabulary.
 *
 * A model is a directory in Hugging Face's layout (config.json, model.safetensors,
 * tokenizer files). Once loaded it is immutable: any number of sessions in any number of
 * threads may share it. What changes while a model is used lives in the session
 * (attend/decode.h). The files must not be modified while the model is open. */
#ifndef ATTEND_MODEL_H
#define ATTEND_MODEL_H

#include "attend/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct att_model att_model;

/* Opens a directory: config.json, model.safetensors (or its index and shards),
 * generation_config.json, source.spm, target.spm, vocab.json (target_vocab.json where the
 * vocabularies are separate, as share_encoder_decoder_embeddings of config.json or
 * separate_vocabs of tokenizer_config.json says); encoders and decoders: what att_tokenizer_open_dir takes. Weights in f16, bf16 or f64 become f32. A tied tensor may
 * be stored under any of its names. Without tokenizer files the model works on ids.
 *
 * Everything is checked before any weight is used. ATT_ENOTFOUND: no such directory or no
 * weights; ATT_ENOTSUP: a model_type or option that this version does not have;
 * ATT_EFORMAT: a damaged file, a number out of its range, a tensor that is missing,
 * left over, of another shape than the config implies, or that holds NaN or Inf
 * (the message names file, tensor, expected and found); ATT_EIO; ATT_ENOMEM. */
ATT_API ATT_MUST_CHECK att_status att_model_load(att_model **out, const char *dir);
/* Its sessions must be gone. NULL is fine. */
ATT_API void att_model_destroy(att_model *model);

/* config.json's model_type: "marian", or "attend" for what Marian's class cannot hold;
 * "llama", "gpt2"; "bert", "roberta", "xlm-roberta".
 * Borrowed, never NULL; so is the architecture, "MarianMTModel". */
ATT_API const char *att_model_type(const att_model *model);
ATT_API const char *att_model_architecture(const att_model *model);
/* What the model is for: "translate", "tag" (a label a word), "classify" (a label a text) or
 * "generate"; "" for an encoder without labels. Borrowed, never NULL. */
ATT_API const char *att_model_task(const att_model *model);
/* Numbers in all weights, tied ones counted once. */
ATT_API int64_t att_model_parameters(const att_model *model);
/* Bytes of the weights as they lie in memory; what sessions prepare comes on top. */
ATT_API int64_t att_model_memory(const att_model *model);

/* Weights by index (0 .. count-1; NULL out of range), then by name: a borrowed f32 view that
 * must not be written to. ATT_ENOTFOUND. */
ATT_API int64_t att_model_tensor_count(const att_model *model);
ATT_API const char *att_model_tensor_name(const att_model *model, int64_t i);
ATT_API ATT_MUST_CHECK att_status att_model_tensor(const att_model *model,
                                                   att_tensor *view, const char *name);

/* The configuration in force as JSON, a line a key, defaults filled in. Borrowed. */
ATT_API const char *att_model_config_json(const att_model *model);

/* Text to the model's ids and back. side 0 = source, 1 = target. Source ids end with
 * </s>, target ids do not. A model of one side (encoder, decoder) has one tokenizer: side 0
 * puts the special tokens of its template around the text, side 1 does not. text need not be NUL-terminated; invalid UTF-8 becomes
 * U+FFFD. *ids and *text are the caller's (att_free) and never NULL on ATT_OK.
 * ATT_ENOTFOUND: the directory has no tokenizer. Thread-safe. */
ATT_API ATT_MUST_CHECK att_status att_model_encode(const att_model *model, int32_t side,
                                                   const char *text, size_t len,
                                                   int32_t **ids, size_t *n_ids);
ATT_API ATT_MUST_CHECK att_status att_model_decode(const att_model *model, int32_t side,
                                                   const int32_t *ids, size_t n_ids,
                                                   char **text);
/* The piece behind an id, borrowed; NULL out of range or without a tokenizer. Of models whose
 * tokens are words side 0 has the words, in lower case, and side 1 the characters. */
ATT_API const char *att_model_piece(const att_model *model, int32_t side, int32_t id);

#ifdef __cplusplus
}
#endif
#endif
