/* test_base_fault.c - every allocation of the base functions fails in turn. jansson's own
 * allocations are routed through atti_alloc here: this program may do what a library
 * must not, because the setting is global to the process. */
#include "support.h"

#include "atti_config.h"
#include "base/file.h"
#include "base/json.h"

#ifdef ATTI_HAVE_JANSSON
#include <jansson.h>
#endif

#include <string.h>

static att_status read_lines(void *ctx)
{
    atti_lines *l;
    ATTI_TRY(atti_lines_open(&l, ctx, 0));
    const char *line = "";
    size_t len;
    att_status st = ATT_OK;
    while (st == ATT_OK && line) st = atti_lines_next(l, &line, &len);
    atti_lines_close(l);
    return st;
}

static void lines(void **state)
{
    (void)state;
    static char text[600000];
    memset(text, 'x', sizeof text); /* several growths of the buffer */
    text[1000] = text[300000] = '\n';
    const char *path = support_temp("lines");
    support_write(path, text, sizeof text);
    assert_true(support_fail_every_alloc(read_lines, (void *)(uintptr_t)path) >= 4);
}

static att_status read_blob(void *ctx)
{
    atti_blob b;
    ATTI_TRY(atti_blob_open(&b, ctx, 0));
    atti_blob_close(&b);
    return ATT_OK;
}

static void blobs(void **state)
{
    (void)state;
    if (atti_path_exists("/proc/self/status")) {
        assert_true(support_fail_every_alloc(read_blob, "/proc/self/status") >= 2);
    }
}

static att_status write_and_move(void *ctx)
{
    (void)ctx;
    const char *dir = support_temp("dir"), *path = support_temp("dir/file");
    ATTI_TRY(atti_mkdir_all(dir));
    ATTI_TRY(atti_write_file(path, "text", 4));
    ATTI_TRY(atti_mkdir_all(support_temp("full/sub")));
    ATTI_TRY(atti_rename(dir, support_temp("full")));
    int fd;
    ATTI_TRY(atti_lock_dir(&fd, support_temp("full")));
    atti_unlock_dir(fd);
    return atti_remove_tree(support_temp("full"));
}

static void directories(void **state)
{
    (void)state;
    assert_true(support_fail_every_alloc(write_and_move, NULL) >= 6);
}

#ifdef ATTI_HAVE_JANSSON
static void *jansson_alloc(size_t n)
{
    void *p;
    return atti_alloc_raw(&p, n, 1, "jansson") == ATT_OK ? p : NULL;
}

static const char document[] =
    "{\"a\": [1, 2.5, \"text\", {\"n\": NaN, \"i\": [Infinity, 1e999]}], \"b\": true,"
    " \"c\": 1000000000000000000000, \"long key with \\u00e9\": {\"d\": {\"e\": []}}}";

static att_status parse_json(void *ctx)
{
    (void)ctx;
    atti_json *root;
    att_status st = atti_json_parse(&root, document, sizeof document - 1, 0, "doc");
    /* jansson calls a token for which there was no memory a syntax error; the document
     * is known to be good, so here it can only be that. */
    if (st == ATT_EFORMAT) return atti_fail(ATT_ENOMEM, "%s", att_error_message());
    if (st != ATT_OK) return st;
    atti_json_destroy(root);
    return ATT_OK;
}

static void json(void **state)
{
    (void)state;
    json_set_alloc_funcs(jansson_alloc, atti_free);
    assert_true(support_fail_every_alloc(parse_json, NULL) >= 20);
}
#endif

static att_status write_json(void *ctx)
{
    (void)ctx;
    atti_jsonw w = {.indent = 2};
    atti_jsonw_object(&w, NULL);
    for (int i = 0; i < 50; i++) atti_jsonw_str(&w, "key", "a value of some length");
    atti_jsonw_end(&w, '}');
    att_status st = w.s.status;
    atti_str_deinit(&w.s);
    return st;
}

static void json_writer(void **state)
{
    (void)state;
    assert_true(support_fail_every_alloc(write_json, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),       cmocka_unit_test(blobs),
        cmocka_unit_test(directories),
#ifdef ATTI_HAVE_JANSSON
        cmocka_unit_test(json),
#endif
        cmocka_unit_test(json_writer),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
