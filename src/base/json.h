/* json.h - JSON values in memory. The only room that knows jansson; without it
 * (ATTEND_WITH_JANSSON=OFF) parsing and model directories are ATT_ENOTSUP.
 *
 * Reading accepts what model directories really hold: a BOM, CRLF, bare NaN and
 * Infinity, integers past 64 bits (clamped to double), floats for integers. Depth is
 * limited to 64, input to max_bytes. Duplicate keys: last wins, or refused on request. */
#ifndef ATTI_JSON_H
#define ATTI_JSON_H

#include "base/str.h"

typedef struct atti_json atti_json;

#define ATTI_JSON_NO_DUPLICATES 1

/* `name` is for messages: "config.json:12: ...". Destroy the root only. */
ATT_MUST_CHECK att_status atti_json_parse(atti_json **out, const char *text, size_t n,
                                          int flags, const char *name);
ATT_MUST_CHECK att_status atti_json_load(atti_json **out, const char *path,
                                         size_t max_bytes, int flags);
void atti_json_destroy(atti_json *root);

/* Borrowed views; NULL when absent or of another type. JSON null counts as absent. */
const atti_json *atti_json_get(const atti_json *object, const char *key);
const atti_json *atti_json_at(const atti_json *array, size_t i);
size_t atti_json_count(const atti_json *v); /* of an array or object, else 0 */
bool atti_json_is_object(const atti_json *v);
bool atti_json_is_array(const atti_json *v);
bool atti_json_is_string(const atti_json *v);
bool atti_json_is_number(const atti_json *v);
bool atti_json_is_bool(const atti_json *v);
const char *atti_json_string(const atti_json *v, size_t *len); /* len may be NULL */
double atti_json_number(const atti_json *v);                   /* NaN if none */
bool atti_json_truth(const atti_json *v);                      /* false if not a bool */
/* fn returns false to stop. */
void atti_json_each(const atti_json *object,
                    bool (*fn)(void *ctx, const char *key, const atti_json *value),
                    void *ctx);

/* Typed members with a default for absent ones; a wrong type or a value outside
 * lo..hi is ATT_EFORMAT naming the key and both values. */
ATT_MUST_CHECK att_status atti_json_get_i64(int64_t *out, const atti_json *object,
                                            const char *key, int64_t dflt, int64_t lo,
                                            int64_t hi);
ATT_MUST_CHECK att_status atti_json_get_f64(double *out, const atti_json *object,
                                            const char *key, double dflt);
ATT_MUST_CHECK att_status atti_json_get_bool(bool *out, const atti_json *object,
                                             const char *key, bool dflt);
/* Borrowed; dflt may be NULL. */
ATT_MUST_CHECK att_status atti_json_get_str(const char **out, const atti_json *object,
                                            const char *key, const char *dflt);

/* Writing needs no library: a builder with commas and escapes done. Order is kept. */
typedef struct atti_jsonw {
    atti_str s;
    int indent; /* 0 = one line */
    int depth;
    bool comma;
} atti_jsonw;
void atti_jsonw_object(atti_jsonw *w, const char *key); /* key NULL in arrays/top */
void atti_jsonw_array(atti_jsonw *w, const char *key);
void atti_jsonw_end(atti_jsonw *w, char bracket); /* '}' or ']' */
void atti_jsonw_str(atti_jsonw *w, const char *key,
                    const char *value); /* NULL = null */
void atti_jsonw_str_n(atti_jsonw *w, const char *key, const char *value, size_t n);
void atti_jsonw_i64(atti_jsonw *w, const char *key, int64_t value);
/* Shortest form that reads back as the same double (or float); NaN/Inf become null. */
void atti_jsonw_f64(atti_jsonw *w, const char *key, double value);
void atti_jsonw_f32(atti_jsonw *w, const char *key, float value);
void atti_jsonw_bool(atti_jsonw *w, const char *key, bool value);
void atti_jsonw_raw(atti_jsonw *w, const char *key, const char *json);

#endif
