/* config_keys.h - reading and writing the keys that config.json files of several families
 * share. Messages name the key, the value found and what was expected; the caller puts
 * the file's name in front. */
#ifndef ATTI_CONFIG_KEYS_H
#define ATTI_CONFIG_KEYS_H

#include "base/json.h"
#include "kernels/kernels.h"

/* One size of config.json: where it goes and its hard range. */
typedef struct atti_config_size {
    const char *key;
    int64_t *at; /* holds the default */
    int64_t lo, hi;
} atti_config_size;
ATT_MUST_CHECK att_status atti_config_sizes(const atti_json *root,
                                            const atti_config_size *sizes, size_t n);

/* *out holds the default. */
ATT_MUST_CHECK att_status atti_config_flag(int32_t *out, const atti_json *root,
                                           const char *key);
/* A probability, 0 <= p < 1. */
ATT_MUST_CHECK att_status atti_config_dropout(float *out, const atti_json *root,
                                              const char *key);
/* lo < x <= hi. */
ATT_MUST_CHECK att_status atti_config_float(float *out, const atti_json *root,
                                            const char *key, double lo, double hi);
/* A token id; absent keeps *out, an explicit null gives -1. It may lie past the
 * vocabulary, as the defaults of transformers' classes do in small models: such a
 * token is never met. */
ATT_MUST_CHECK att_status atti_config_id(int64_t *out, const atti_json *root,
                                         const char *key);

/* eos_token_id may be a list. */
enum { ATTI_CONFIG_MAX_EOS = 16 };
typedef struct atti_config_eos {
    int64_t id[ATTI_CONFIG_MAX_EOS];
    int32_t n;
    int32_t is_list;
} atti_config_eos;
ATT_MUST_CHECK att_status atti_config_eos_read(atti_config_eos *eos,
                                               const atti_json *root);
void atti_config_eos_write(const atti_config_eos *eos, atti_jsonw *w);

/* Words of `hidden_act` and the like. */
ATT_MUST_CHECK att_status atti_config_act(atti_act *out, const atti_json *root,
                                          const char *key, const char *dflt);
const char *atti_config_act_name(atti_act act); /* the usual word */

/* Writing as transformers does: ids of -1 as null, floats with a point. */
void atti_config_put_id(atti_jsonw *w, const char *key, int64_t id);
void atti_config_put_float(atti_jsonw *w, const char *key, float x);

/* The class that wrote the file: architectures[0], "" when absent. Borrowed from root. */
ATT_MUST_CHECK att_status atti_config_class(const char **out, const atti_json *root);

#endif
