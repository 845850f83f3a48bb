/* test_page.c - page, BertViz JSON and npz: text cannot break out, numbers are those that
 * came in, limits in words. With ATTEND_PAGE_DIR=DIR it also leaves page.html, page.json
 * and (ATTEND_PAGE_BIG=1) a page of 12 x 12 heads over 512 tokens there, for
 * tests/html/browser.sh. */
#include "attend/tape.h" /* att_free */
#include "attend/view.h"
#include "base/file.h"
#include "base/json.h"
#include "support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const source[4] = {"I", "am", "</script><b>bold</b>",
                                      "\xf0\x9f\x98\x80"};
static const char *const output[3] = {"\xe6\x88\x91",
                                      "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7",
                                      "a very long token, longer than its label"};
static float cross[3 * 2 * 3 * 4], self[1 * 2 * 3 * 3];

static void maps_of(att_attention_map m[2])
{
    support_fill(cross, 72, 5, 0, 1);
    support_fill(self, 18, 6, 0, 1);
    for (int i = 0; i < 2; i++) {
        att_attention_map_init(&m[i]);
        m[i].n_layers = i == 0 ? 3 : 1;
        m[i].n_heads = 2;
        m[i].rows = 3;
        m[i].cols = i == 0 ? 4 : 3;
        m[i].weights = i == 0 ? cross : self;
        m[i].row_tokens = output;
        m[i].col_tokens = i == 0 ? source : NULL;
        m[i].kind = i == 0 ? ATT_VIEW_CROSS : ATT_VIEW_DECODER;
    }
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, part)); p += strlen(part)) n++;
    return n;
}

static void page_is_whole_and_closed(void **state)
{
    (void)state;
    att_attention_map m[2];
    att_view_opts o;
    char *page, *again;
    size_t n, n2;

    maps_of(m);
    att_view_opts_init(&o);
    o.title = "A <title> & more";
    assert_ok(att_view_html_bytes(&page, &n, m, 2, &o));
    assert_int_equal(strlen(page), n);
    assert_true(n < 100000);
    /* The script, the description and eight heads are all the elements there are. */
    assert_int_equal(count(page, "</script>"), 1 + 1 + 8);
    assert_non_null(strstr(page, "\\u003c/script\\u003e\\u003cb\\u003ebold"));
    assert_non_null(strstr(page, "<title>A &lt;title&gt; &amp; more</title>"));
    assert_null(strstr(page, "@CSS@"));
    assert_null(strstr(page, "http://"));
    assert_null(strstr(page, "https://"));
    assert_ok(att_view_html_bytes(&again, &n2, m, 2, &o));
    assert_int_equal(n, n2);
    assert_memory_equal(page, again, n);
    att_free(page);
    att_free(again);
}

static void bertviz_reads_back(void **state)
{
    (void)state;
    att_attention_map m[2];
    char *text;
    size_t n;
    atti_json *root;

    maps_of(m);
    assert_ok(att_view_bertviz_bytes(&text, &n, m, 2, NULL));
    assert_null(strstr(text, "<"));
    att_status st = atti_json_parse(&root, text, n, 0, "page.json");
    att_free(text);
    if (st == ATT_ENOTSUP) skip(); /* a build without jansson */
    assert_int_equal(st, ATT_OK);
    const atti_json *a = atti_json_at(atti_json_get(root, "attention"), 0);
    assert_string_equal(atti_json_string(atti_json_get(a, "name"), NULL), "Cross");
    const atti_json *attn = atti_json_get(a, "attn");
    assert_int_equal(atti_json_count(attn), 3);
    for (size_t l = 0; l < 3; l++)
        for (size_t h = 0; h < 2; h++)
            for (size_t t = 0; t < 3; t++)
                for (size_t s = 0; s < 4; s++) {
                    const atti_json *head = atti_json_at(atti_json_at(attn, l), h);
                    const atti_json *row = atti_json_at(head, t);
                    float got = (float)atti_json_number(atti_json_at(row, s));
                    assert_true(got == cross[((l * 2 + h) * 3 + t) * 4 + s]);
                }
    const atti_json *right = atti_json_get(a, "right_text");
    assert_string_equal(atti_json_string(atti_json_at(right, 2), NULL), source[2]);
    assert_int_equal(atti_json_count(atti_json_get(a, "left_text")), 3);
    assert_int_equal(atti_json_count(atti_json_get(root, "include_layers")), 3);
    atti_json_destroy(root);
}

static void npz_is_a_stored_zip_of_arrays(void **state)
{
    (void)state;
    att_attention_map m[2];
    const char *path = support_temp("maps.npz");
    atti_blob b;

    maps_of(m);
    assert_ok(att_view_npz(path, m, 2));
    assert_ok(atti_blob_open(&b, path, 0));
    assert_memory_equal(b.data, "PK\x03\x04", 4);
    assert_memory_equal(b.data + 30, "attn_cross.npy", 14);
    assert_memory_equal(b.data + 44, "\x93NUMPY\x01", 7);
    const char *head = (const char *)b.data + 54;
    assert_memory_equal(
        head, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 3, 4,), }", 66);
    size_t len = (size_t)b.data[52] | (size_t)b.data[53] << 8;
    assert_int_equal((10 + len) % 64, 0);
    /* The machines this runs on are little-endian, as the file is. */
    assert_memory_equal(b.data + 54 + len, cross, sizeof cross);
    assert_memory_equal(b.data + b.size - 22, "PK\x05\x06", 4);
    assert_int_equal(b.data[b.size - 12], 6); /* two maps with their tokens */
    atti_blob_close(&b);
    assert_fails(att_view_npz("/nonexistent/x.npz", m, 2), ATT_EIO, "/nonexistent");
    m[0].rows = m[0].cols = 40000;
    m[0].n_layers = 12;
    assert_fails(att_view_npz("x.npz", m, 1), ATT_EINVAL, "GB");
}

static void limits_are_said(void **state)
{
    (void)state;
    att_attention_map m[2];
    att_view_opts o;
    char *page;
    size_t n;

    maps_of(m);
    att_view_opts_init(&o);
    o.head = 3;
    assert_fails(att_view_html_bytes(&page, &n, m, 1, &o), ATT_EINVAL,
                 "head 3 is not in 1..2");
    m[0].rows = 10000;
    assert_fails(att_view_html_bytes(&page, &n, m, 1, NULL), ATT_EINVAL, "10000 x 4");
    m[0].rows = m[0].cols = 2048;
    m[0].n_layers = 64;
    assert_fails(att_view_html_bytes(&page, &n, m, 1, NULL), ATT_EINVAL, "256 million");
    assert_fails(att_view_html_bytes(&page, &n, m, 9, NULL), ATT_EINVAL, "9 maps");
    assert_fails(att_view_html("/nonexistent/x.html", m + 1, 1, NULL), ATT_EIO,
                 "/nonexistent");
}

/* Weights that need no memory of their own: a diagonal that wanders with the head. */
static att_status fetch(void *user, int64_t layer, int64_t head, float *out)
{
    int64_t n = *(const int64_t *)user;
    for (int64_t r = 0; r < n; r++) {
        for (int64_t c = 0; c < n; c++) {
            int64_t d = r - c - layer * head % 9;
            out[r * n + c] = 0.5f / (float)(1 + d * d);
        }
    }
    return ATT_OK;
}

static void pages_for_the_browser(void **state)
{
    (void)state;
    const char *dir = getenv("ATTEND_PAGE_DIR");
    att_attention_map m[2];
    char *path;
    int64_t n = 512;

    if (!dir) skip();
    maps_of(m);
    assert_ok(atti_path_join(&path, dir, "page.html"));
    assert_ok(att_view_html(path, m, 2, NULL));
    atti_free(path);
    assert_ok(atti_path_join(&path, dir, "page.json"));
    assert_ok(att_view_bertviz(path, m, 2, NULL));
    atti_free(path);
    if (!getenv("ATTEND_PAGE_BIG")) return;
    att_attention_map_init(&m[0]);
    m[0].n_layers = m[0].n_heads = 12;
    m[0].rows = m[0].cols = n;
    m[0].fetch = fetch;
    m[0].fetch_user = &n;
    assert_ok(atti_path_join(&path, dir, "big.html"));
    assert_ok(att_view_html(path, m, 1, NULL));
    atti_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_is_whole_and_closed),
        cmocka_unit_test(bertviz_reads_back),
        cmocka_unit_test_setup_teardown(npz_is_a_stored_zip_of_arrays,
                                        support_temp_setup, support_temp_teardown),
        cmocka_unit_test(limits_are_said),
        cmocka_unit_test(pages_for_the_browser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
