/* config_keys.c - keys that config.json files of several families share. */
#include "models/config_keys.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_ID (1 << 24)

att_status atti_config_sizes(const atti_json *root, const atti_config_size *sizes,
                             size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const atti_config_size *s = &sizes[i];
        ATTI_TRY(atti_json_get_i64(s->at, root, s->key, *s->at, s->lo, s->hi));
    }
    return ATT_OK;
}

att_status atti_config_flag(int32_t *out, const atti_json *root, const char *key)
{
    bool b;
    ATTI_TRY(atti_json_get_bool(&b, root, key, *out != 0));
    *out = b;
    return ATT_OK;
}

att_status atti_config_dropout(float *out, const atti_json *root, const char *key)
{
    double x;
    ATTI_TRY(atti_json_get_f64(&x, root, key, (double)*out));
    if (!(x >= 0.0 && (float)x < 1.0f))
        return atti_fail(ATT_EFORMAT, "%s is %g, expected 0 <= p < 1", key, x);
    *out = (float)x;
    return ATT_OK;
}

att_status atti_config_float(float *out, const atti_json *root, const char *key,
                             double lo, double hi)
{
    double x;
    ATTI_TRY(atti_json_get_f64(&x, root, key, (double)*out));
    if (!((float)x > (float)lo && (float)x <= (float)hi))
        return atti_fail(ATT_EFORMAT, "%s is %g, expected more than %g, at most %g",
                         key, x, lo, hi);
    *out = (float)x;
    return ATT_OK;
}

/* ---- token ids ---- */

typedef struct looking {
    const char *key;
    bool found;
} looking;

static bool same_key(void *ctx, const char *key, const atti_json *value)
{
    looking *l = ctx;
    (void)value;
    l->found = strcmp(key, l->key) == 0;
    return !l->found;
}

/* Whether the key is written at all, be it as null, which atti_json_get takes for
 * absent. */
static bool mentioned(const atti_json *root, const char *key)
{
    looking l = {key, false};
    atti_json_each(root, same_key, &l);
    return l.found;
}

att_status atti_config_id(int64_t *out, const atti_json *root, const char *key)
{
    int64_t dflt = mentioned(root, key) && !atti_json_get(root, key) ? -1 : *out;
    return atti_json_get_i64(out, root, key, dflt, -1, MAX_ID);
}

att_status atti_config_eos_read(atti_config_eos *eos, const atti_json *root)
{
    static const char key[] = "eos_token_id";
    const atti_json *v = atti_json_get(root, key);
    if (!atti_json_is_array(v)) {
        int64_t id = eos->n ? eos->id[0] : -1;
        ATTI_TRY(atti_config_id(&id, root, key));
        memset(eos, 0, sizeof *eos);
        eos->id[0] = id;
        eos->n = id >= 0;
        if (!eos->n) eos->id[0] = 0;
        return ATT_OK;
    }
    size_t n = atti_json_count(v);
    if (n > ATTI_CONFIG_MAX_EOS)
        return atti_fail(ATT_EFORMAT, "%s lists %zu tokens, at most %d", key, n,
                         ATTI_CONFIG_MAX_EOS);
    memset(eos, 0, sizeof *eos);
    for (size_t i = 0; i < n; i++) {
        double x = atti_json_number(atti_json_at(v, i));
        if (!(x >= 0.0 && x <= (double)MAX_ID) || x != floor(x))
            return atti_fail(ATT_EFORMAT, "%s[%zu] is no token id", key, i);
        eos->id[i] = (int64_t)x;
    }
    eos->n = (int32_t)n;
    eos->is_list = 1;
    return ATT_OK;
}

void atti_config_eos_write(const atti_config_eos *eos, atti_jsonw *w)
{
    if (!eos->is_list) {
        atti_config_put_id(w, "eos_token_id", eos->n ? eos->id[0] : -1);
        return;
    }
    atti_jsonw_array(w, "eos_token_id");
    for (int32_t i = 0; i < eos->n; i++) atti_jsonw_i64(w, NULL, eos->id[i]);
    atti_jsonw_end(w, ']');
}

/* ---- activations ---- */

/* The first word of a value is the one that is written. */
static const struct {
    const char *name;
    atti_act act;
} acts[] = {
    {"relu", ATTI_ACT_RELU},
    {"gelu", ATTI_ACT_GELU},
    {"gelu_python", ATTI_ACT_GELU},
    {"gelu_new", ATTI_ACT_GELU_TANH},
    {"gelu_fast", ATTI_ACT_GELU_TANH},
    {"gelu_pytorch_tanh", ATTI_ACT_GELU_TANH},
    {"quick_gelu", ATTI_ACT_QUICK_GELU},
    {"silu", ATTI_ACT_SILU},
    {"swish", ATTI_ACT_SILU},
    {"tanh", ATTI_ACT_TANH},
    {"sigmoid", ATTI_ACT_SIGMOID},
};
#define N_ACTS (sizeof acts / sizeof acts[0])

att_status atti_config_act(atti_act *out, const atti_json *root, const char *key,
                           const char *dflt)
{
    const char *text;
    ATTI_TRY(atti_json_get_str(&text, root, key, dflt));
    for (size_t i = 0; i < N_ACTS; i++) {
        if (strcmp(acts[i].name, text) != 0) continue;
        *out = acts[i].act;
        return ATT_OK;
    }
    atti_str list = {0};
    for (size_t i = 0; i < N_ACTS; i++)
        atti_str_addf(&list, "%s%s", i ? ", " : "", acts[i].name);
    att_status st = atti_fail(ATT_ENOTSUP, "%s '%.40s' is not one of %s", key, text,
                              list.data ? list.data : "those supported");
    atti_str_deinit(&list);
    return st;
}

const char *atti_config_act_name(atti_act act)
{
    for (size_t i = 0; i < N_ACTS; i++)
        if (acts[i].act == act) return acts[i].name;
    return "?";
}

/* ---- writing ---- */

void atti_config_put_id(atti_jsonw *w, const char *key, int64_t id)
{
    if (id >= 0) {
        atti_jsonw_i64(w, key, id);
    } else {
        atti_jsonw_raw(w, key, "null");
    }
}

/* transformers declares these keys as floats: 1 is written 1.0. */
void atti_config_put_float(atti_jsonw *w, const char *key, float x)
{
    char text[32];
    if (x == floorf(x) && fabsf(x) < 1e9f) {
        (void)snprintf(text, sizeof text, "%.1f", (double)x);
        atti_jsonw_raw(w, key, text);
    } else {
        atti_jsonw_f32(w, key, x);
    }
}

att_status atti_config_class(const char **out, const atti_json *root)
{
    const atti_json *list = atti_json_get(root, "architectures");
    const atti_json *first = atti_json_at(list, 0);
    *out = "";
    if (!list) return ATT_OK;
    if (!atti_json_is_array(list) || (first && !atti_json_is_string(first)))
        return atti_fail(ATT_EFORMAT, "architectures is no list of names");
    if (first) *out = atti_json_string(first, NULL);
    return ATT_OK;
}
