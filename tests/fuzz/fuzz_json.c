/* fuzz_json.c - the JSON reader and writer: whatever the reader accepts is written again,
 * and the reader must accept that too, as a value of the same size. */
#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct walk {
    atti_jsonw w;
    size_t values;
} walk;

static void write_value(walk *k, const char *key, const atti_json *v);

static bool write_member(void *ctx, const char *key, const atti_json *v)
{
    write_value(ctx, key, v);
    return true;
}

/* Depth is bounded by the reader. */
static void write_value(walk *k, const char *key, const atti_json *v)
{
    size_t n;
    k->values++;
    if (atti_json_is_object(v)) {
        atti_jsonw_object(&k->w, key);
        atti_json_each(v, write_member, k);
        atti_jsonw_end(&k->w, '}');
    } else if (atti_json_is_array(v)) {
        atti_jsonw_array(&k->w, key);
        for (size_t i = 0; i < atti_json_count(v); i++) {
            write_value(k, NULL, atti_json_at(v, i));
        }
        atti_jsonw_end(&k->w, ']');
    } else if (atti_json_is_string(v)) {
        const char *text = atti_json_string(v, &n);
        atti_jsonw_str_n(&k->w, key, text, n);
    } else if (atti_json_is_bool(v)) {
        atti_jsonw_bool(&k->w, key, atti_json_truth(v));
    } else if (atti_json_is_number(v)) {
        atti_jsonw_f64(&k->w, key, atti_json_number(v));
    } else {
        atti_jsonw_str(&k->w, key, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    atti_json *root, *again;
    /* The first byte chooses the flags, so that both ways are explored. */
    int flags = size && data[0] == '!' ? ATTI_JSON_NO_DUPLICATES : 0;
    size_t skip = flags ? 1 : 0;
    const char *text = size ? (const char *)data + skip : "";
    if (atti_json_parse(&root, text, size - skip, flags, "fuzz") != ATT_OK) {
        if (!att_error_message()[0]) abort();
        return 0;
    }
    int64_t i;
    double d;
    att_status st = atti_json_get_i64(&i, root, "n", 1, 0, 100);
    if (st == ATT_OK && (i < 0 || i > 100)) abort();
    if (atti_json_get_f64(&d, root, "x", 0.5) == ATT_OK && d == 0.25) i = 0;

    walk first = {.w = {.indent = 1}}, second = {.w = {.indent = 1}};
    write_value(&first, NULL, root);
    if (first.w.s.status != ATT_OK) abort();
    if (atti_json_parse(&again, first.w.s.data, first.w.s.len, 0, "again") != ATT_OK)
        abort();
    write_value(&second, NULL, again);
    if (first.values != second.values) abort();
    if (first.w.s.len != second.w.s.len) abort();
    if (memcmp(first.w.s.data, second.w.s.data, first.w.s.len) != 0) abort();
    atti_str_deinit(&first.w.s);
    atti_str_deinit(&second.w.s);
    atti_json_destroy(root);
    atti_json_destroy(again);
    return 0;
}
