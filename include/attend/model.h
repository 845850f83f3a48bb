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

/* Reads and checks everything before any weight is used. Every refusal names file, tensor,
 * expected and found. */
ATT_API ATT_MUST_CHECK att_status att_model_load(att_model **out, const char *dir);
ATT_API void att_model_destroy(att_model *model); /* sessions must be gone; NULL is fine */

ATT_API const char *att_model_type(const att_model *model);         /* "marian", "attend" */
ATT_API const char *att_model_architecture(const att_model *model); /* "MarianMTModel" */
ATT_API int64_t att_model_parameters(const att_model *model);       /* how many numbers */
ATT_API int64_t att_model_memory(const att_model *model);           /* bytes held */
/* Weights by index, then by name: borrowed views, f32. */
ATT_API int64_t att_model_tensor_count(const att_model *model);
ATT_API const char *att_model_tensor_name(const att_model *model, int64_t i);
ATT_API ATT_MUST_CHECK att_status att_model_tensor(const att_model *model, att_tensor *view, const char *name);
/* The effective configuration as JSON text, borrowed; one line a key for people to read. */
ATT_API const char *att_model_config_json(const att_model *model);

/* Text to model ids and back with the directory's tokenizer. side 0 = source, 1 = target.
 * ids end with </s> on the source side. *ids / *text are the caller's (att_free). */
ATT_API ATT_MUST_CHECK att_status att_model_encode(const att_model *model, int32_t side, const char *text, size_t len,
                                                   int32_t **ids, size_t *n_ids);
ATT_API ATT_MUST_CHECK att_status att_model_decode(const att_model *model, int32_t side, const int32_t *ids, size_t n_ids,
                                                   char **text);
ATT_API const char *att_model_piece(const att_model *model, int32_t side, int32_t id); /* borrowed; NULL out of range */

#ifdef __cplusplus
}
#endif
#endif
