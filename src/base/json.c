/* json.c - reading: jansson behind this project's own view of a value.
 *
 * An atti_json is a json_t. jansson's allocator is left alone: it is global to the
 * process, and the program around this library may use jansson too. */
#include "base/json.h"

#include "atti_config.h"
#include "base/file.h"
#include "base/json_fix.h"

#include <math.h>
#include <string.h>

#ifdef ATTI_HAVE_JANSSON
#include <jansson.h>

static const json_t *in(const atti_json *v)
{
    return (const json_t *)(const void *)v;
}

static const atti_json *out_of(const json_t *v)
{
    return json_is_null(v) ? NULL : (const atti_json *)(const void *)v;
}

static att_status parse(atti_json **out, const char *text, size_t n, int flags,
                        const char *name, const atti_json_fixed *fixed)
{
    json_error_t err = {0};
    bool changed = fixed->out.data != NULL;
    size_t how = JSON_ALLOW_NUL | JSON_DECODE_ANY;
    if (flags & ATTI_JSON_NO_DUPLICATES) how |= JSON_REJECT_DUPLICATES;
    json_t *root = json_loadb(changed ? fixed->out.data : text,
                              changed ? fixed->out.len : n, how, &err);
    if (root) {
        *out = (atti_json *)(void *)root;
        return ATT_OK;
    }
    /* Some of jansson's out-of-memory paths leave no text behind. */
    if (!err.text[0] || json_error_code(&err) == json_error_out_of_memory) {
        return atti_fail(ATT_ENOMEM, "out of memory: parsing %s", name);
    }
    size_t at = err.position > 0 ? (size_t)err.position : 0;
    return atti_json_fail_at(text, n, atti_json_fixed_origin(fixed, at), name,
                             err.text);
}

att_status atti_json_parse(atti_json **out, const char *text, size_t n, int flags,
                           const char *name)
{
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        n -= 3;
    }
    atti_json_fixed fixed;
    att_status st = atti_json_fix(&fixed, text, n, name);
    if (st == ATT_OK) st = parse(out, text, n, flags, name, &fixed);
    atti_json_fixed_deinit(&fixed);
    return st;
}

void atti_json_destroy(atti_json *root)
{
    json_decref((json_t *)(void *)root); /* no deeper than ATTI_JSON_DEPTH */
}

const atti_json *atti_json_get(const atti_json *object, const char *key)
{
    return out_of(json_object_get(in(object), key));
}

const atti_json *atti_json_at(const atti_json *array, size_t i)
{
    return out_of(json_array_get(in(array), i));
}

size_t atti_json_count(const atti_json *v)
{
    return json_is_array(in(v)) ? json_array_size(in(v)) : json_object_size(in(v));
}

bool atti_json_is_object(const atti_json *v)
{
    return json_is_object(in(v));
}

bool atti_json_is_array(const atti_json *v)
{
    return json_is_array(in(v));
}

/* The number that a marked string stands for. */
static bool marked_number(double *value, const json_t *v)
{
    const char *s = json_string_value(v);
    if (!s || json_string_length(v) <= ATTI_JSON_MARK_LEN) return false;
    if (memcmp(s, "\0attend:", ATTI_JSON_MARK_LEN) != 0) return false;
    switch (s[ATTI_JSON_MARK_LEN]) {
    case 'n': *value = (double)NAN; return true;
    case 'i': *value = (double)INFINITY; return true;
    default: *value = -(double)INFINITY; return true;
    }
}

bool atti_json_is_string(const atti_json *v)
{
    double unused;
    return json_is_string(in(v)) && !marked_number(&unused, in(v));
}

bool atti_json_is_number(const atti_json *v)
{
    double unused;
    return json_is_number(in(v)) || marked_number(&unused, in(v));
}

bool atti_json_is_bool(const atti_json *v)
{
    return json_is_boolean(in(v));
}

const char *atti_json_string(const atti_json *v, size_t *len)
{
    if (!atti_json_is_string(v)) return NULL;
    if (len) *len = json_string_length(in(v));
    return json_string_value(in(v));
}

double atti_json_number(const atti_json *v)
{
    double value;
    if (json_is_number(in(v))) return json_number_value(in(v));
    return marked_number(&value, in(v)) ? value : (double)NAN;
}

bool atti_json_truth(const atti_json *v)
{
    return json_is_true(in(v));
}

/* An integer, or a real with an integer's value (6.0): false for everything else. */
static bool whole_number(int64_t *value, const atti_json *v)
{
    if (json_is_integer(in(v))) {
        *value = json_integer_value(in(v));
        return true;
    }
    double real = atti_json_number(v);
    /* 2^63 itself is out; NaN fails both comparisons. */
    if (!(real >= -9223372036854775808.0 && real < 9223372036854775808.0)) return false;
    *value = (int64_t)real;
    return (double)*value == real;
}

void atti_json_each(const atti_json *object,
                    bool (*fn)(void *ctx, const char *key, const atti_json *value),
                    void *ctx)
{
    /* jansson's iterator takes no const but changes nothing. */
    json_t *o = (json_t *)(uintptr_t)object;
    for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
        if (!fn(ctx, json_object_iter_key(it), out_of(json_object_iter_value(it))))
            return;
    }
}

#else /* without jansson: the same names, nothing to read */

att_status atti_json_parse(atti_json **out, const char *text, size_t n, int flags,
                           const char *name)
{
    (void)out, (void)text, (void)n, (void)flags;
    return atti_fail(ATT_ENOTSUP, "%s: this build reads no JSON (made without jansson)",
                     name);
}

void atti_json_destroy(atti_json *root)
{
    (void)root;
}

const atti_json *atti_json_get(const atti_json *object, const char *key)
{
    (void)object, (void)key;
    return NULL;
}

const atti_json *atti_json_at(const atti_json *array, size_t i)
{
    (void)array, (void)i;
    return NULL;
}

size_t atti_json_count(const atti_json *v)
{
    (void)v;
    return 0;
}

bool atti_json_is_object(const atti_json *v)
{
    (void)v;
    return false;
}

bool atti_json_is_array(const atti_json *v)
{
    (void)v;
    return false;
}

bool atti_json_is_string(const atti_json *v)
{
    (void)v;
    return false;
}

bool atti_json_is_number(const atti_json *v)
{
    (void)v;
    return false;
}

bool atti_json_is_bool(const atti_json *v)
{
    (void)v;
    return false;
}

const char *atti_json_string(const atti_json *v, size_t *len)
{
    (void)v, (void)len;
    return NULL;
}

double atti_json_number(const atti_json *v)
{
    (void)v;
    return (double)NAN;
}

bool atti_json_truth(const atti_json *v)
{
    (void)v;
    return false;
}

static bool whole_number(int64_t *value, const atti_json *v)
{
    (void)value, (void)v;
    return false;
}

void atti_json_each(const atti_json *object,
                    bool (*fn)(void *ctx, const char *key, const atti_json *value),
                    void *ctx)
{
    (void)object, (void)fn, (void)ctx;
}
#endif

/* --- what needs no library ---------------------------------------------------------- */

att_status atti_json_load(atti_json **out, const char *path, size_t max_bytes,
                          int flags)
{
    atti_blob blob;
    ATTI_TRY(atti_blob_open(&blob, path, max_bytes));
    att_status st =
        atti_json_parse(out, (const char *)blob.data, blob.size, flags, path);
    atti_blob_close(&blob);
    return st;
}

static const char *type_name(const atti_json *v)
{
    if (atti_json_is_object(v)) return "an object";
    if (atti_json_is_array(v)) return "an array";
    if (atti_json_is_string(v)) return "a string";
    if (atti_json_is_bool(v)) return "a truth value";
    return atti_json_is_number(v) ? "a number" : "null";
}

static att_status wrong_type(const char *key, const char *expected, const atti_json *v)
{
    return atti_fail(ATT_EFORMAT, "'%s' is %s, expected %s", key, type_name(v),
                     expected);
}

att_status atti_json_get_i64(int64_t *out, const atti_json *object, const char *key,
                             int64_t dflt, int64_t lo, int64_t hi)
{
    const atti_json *v = atti_json_get(object, key);
    int64_t value = dflt;
    if (v && !whole_number(&value, v)) {
        if (!atti_json_is_number(v)) return wrong_type(key, "an integer", v);
        return atti_fail(ATT_EFORMAT,
                         "'%s' is %.17g, expected an integer in %lld..%lld", key,
                         atti_json_number(v), (long long)lo, (long long)hi);
    }
    if (v && (value < lo || value > hi)) {
        return atti_fail(ATT_EFORMAT, "'%s' is %lld, expected %lld..%lld", key,
                         (long long)value, (long long)lo, (long long)hi);
    }
    *out = value;
    return ATT_OK;
}

att_status atti_json_get_f64(double *out, const atti_json *object, const char *key,
                             double dflt)
{
    const atti_json *v = atti_json_get(object, key);
    if (v && !atti_json_is_number(v)) return wrong_type(key, "a number", v);
    *out = v ? atti_json_number(v) : dflt;
    return ATT_OK;
}

att_status atti_json_get_bool(bool *out, const atti_json *object, const char *key,
                              bool dflt)
{
    const atti_json *v = atti_json_get(object, key);
    if (v && !atti_json_is_bool(v)) return wrong_type(key, "true or false", v);
    *out = v ? atti_json_truth(v) : dflt;
    return ATT_OK;
}

att_status atti_json_get_str(const char **out, const atti_json *object, const char *key,
                             const char *dflt)
{
    const atti_json *v = atti_json_get(object, key);
    if (v && !atti_json_is_string(v)) return wrong_type(key, "a string", v);
    *out = v ? atti_json_string(v, NULL) : dflt;
    return ATT_OK;
}
