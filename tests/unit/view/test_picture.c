/* test_picture.c - pictures: structure, escaping, limits in words, the same bytes on every
 * run, and what a failing allocation leaves behind. */
#include "attend/tape.h" /* att_free */
#include "attend/view.h"
#include "base/alloc.h"
#include "support.h"
#include "view/picture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Asked for by LeakSanitizer: fontconfig loses 288 bytes once a process, while it reads
 * its own configuration. */
#if defined(__GNUC__) /* the sanitizer looks for it by name: it must be exported */
__attribute__((visibility("default")))
#endif
const char *
__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

static const char *const source[4] = {"I", "am", "</script>", "a&b\"<>"};
static const char *const output[3] = {"\xe6\x88\x91", "a-token-that-is-far-too-long",
                                      "\xff\x01"};
static float weights[2 * 3 * 3 * 4];

static att_attention_map map_of(void)
{
    att_attention_map m;

    att_attention_map_init(&m);
    m.n_layers = 2;
    m.n_heads = 3;
    m.rows = 3;
    m.cols = 4;
    for (int i = 0; i < 72; i++) weights[i] = (float)((i * 7) % 13) / 13.0f;
    m.weights = weights;
    m.row_tokens = output;
    m.col_tokens = source;
    return m;
}

static char *svg_of(att_picture *p)
{
    char *svg;
    size_t n;

    assert_ok(att_picture_render(&svg, &n, p, ATT_PICTURE_SVG));
    assert_int_equal(strlen(svg), n);
    att_picture_destroy(p);
    return svg;
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, part)); p += strlen(part)) n++;
    return n;
}

static void matrix_has_cells_labels_and_titles(void **state)
{
    (void)state;
    att_attention_map m = map_of();
    att_view_opts o;
    att_picture *p;

    att_view_opts_init(&o);
    o.layer = 2;
    o.head = 3;
    assert_ok(att_picture_matrix(&p, &m, &o));
    assert_true(att_picture_width(p) > 200 && att_picture_height(p) > 200);
    char *svg = svg_of(p);
    /* Paper, 12 cells, a frame, the frame of the colour bar. */
    assert_int_equal(count(svg, "<rect"), 15);
    assert_non_null(strstr(svg, "layer 2 of 2, head 3 of 3"));
    assert_non_null(strstr(svg, "&lt;/script&gt;"));
    assert_non_null(strstr(svg, "a&amp;b&quot;&lt;&gt;"));
    assert_null(strstr(svg, "</script>"));
    /* Cut, with the whole on hover; neither the bad byte nor the control is in it. */
    assert_non_null(strstr(svg, "a-token-that-is\xe2\x80\xa6<"));
    assert_non_null(strstr(svg, "<title>a-token-that-is-far-too-long</title>"));
    assert_non_null(strstr(svg, "\xef\xbf\xbd\xef\xbf\xbd"));
    assert_null(strchr(svg, '\x01'));
    assert_null(strchr(svg, '\xff'));
    /* The last weight, 71 * 7 % 13 = 3, of 13. */
    assert_non_null(strstr(svg, ": 0.2308</title>"));
    att_free(svg);
}

static void means_are_means(void **state)
{
    (void)state;
    att_attention_map m = map_of();
    float got[12], want[12] = {0};

    for (int i = 0; i < 72; i++) want[i % 12] += weights[i] / 6;
    assert_ok(atti_map_head(&m, 0, 0, got));
    assert_close(got, want, 12, 1e-6, 0);
    for (int i = 0; i < 12; i++) want[i] = (weights[12 + i] + weights[48 + i]) / 2;
    assert_ok(atti_map_head(&m, 0, 2, got));
    assert_close(got, want, 12, 1e-6, 0);
}

static void same_bytes_every_time(void **state)
{
    (void)state;
    att_attention_map m = map_of();

    for (int format = 0; format < 3; format++) {
        char *bytes[2] = {NULL, NULL};
        size_t n[2] = {0, 0};
        for (int i = 0; i < 2; i++) {
            att_picture *p;
            assert_ok(att_picture_links(&p, &m, NULL));
            att_status st =
                att_picture_render(&bytes[i], &n[i], p, (att_picture_format)format);
            att_picture_destroy(p);
            if (st == ATT_ENOTSUP) {
                assert_non_null(strstr(att_error_message(), "libcairo2-dev"));
                skip();
            }
            assert_int_equal(st, ATT_OK);
        }
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(bytes[0], bytes[1], n[0]);
        if (format == 1) assert_memory_equal(bytes[0], "\x89PNG", 4);
        if (format == 2) assert_memory_equal(bytes[0], "%PDF", 4);
        att_free(bytes[0]);
        att_free(bytes[1]);
    }
}

static void refusals_name_the_range(void **state)
{
    (void)state;
    att_attention_map m = map_of();
    att_view_opts o;
    att_picture *p;

    att_view_opts_init(&o);
    o.layer = 3;
    assert_fails(att_picture_matrix(&p, &m, &o), ATT_EINVAL, "layer 3 is not in 1..2");
    assert_null(p);
    o.layer = 0;
    o.head = -1;
    assert_fails(att_picture_matrix(&p, &m, &o), ATT_EINVAL, "head -1 is not in 1..3");
    o.head = 0;
    o.cell = 3;
    assert_fails(att_picture_matrix(&p, &m, &o), ATT_EINVAL, "cell 3 is not in 4..200");
    assert_fails(att_picture_matrix(&p, NULL, NULL), ATT_EINVAL, "the map is NULL");
    m.rows = 10000;
    m.cols = 10000;
    assert_fails(att_picture_matrix(&p, &m, NULL), ATT_EINVAL, "10000 x 10000 tokens");
    assert_fails(att_picture_links(&p, &m, NULL), ATT_EINVAL, "at most 512 a side");
    m.rows = INT64_MAX / 2;
    assert_fails(att_picture_matrix(&p, &m, NULL), ATT_EINVAL, "too many");
    m = map_of();
    m.rows = 0;
    assert_fails(att_picture_overview(&p, &m, NULL), ATT_EINVAL, "empty");
    m = map_of();
    weights[17] = NAN;
    assert_fails(att_picture_overview(&p, &m, NULL), ATT_EDIVERGED,
                 "layer 1, head 2: the weight of row 2, column 2");
    m.weights = NULL;
    assert_fails(att_picture_matrix(&p, &m, NULL), ATT_EINVAL, "neither weights nor");
}

static void saving_fails_in_words(void **state)
{
    (void)state;
    att_attention_map m = map_of();
    att_picture *p;

    assert_ok(att_picture_matrix(&p, &m, NULL));
    assert_fails(att_picture_save(p, "map.bmp"), ATT_ENOTSUP, ".svg .png .pdf");
    assert_fails(att_picture_save(p, "/nonexistent/map.svg"), ATT_EIO, "/nonexistent");
    att_picture_destroy(p);
    att_picture_destroy(NULL);
}

static void long_texts_are_summarised(void **state)
{
    (void)state;
    static float big[700 * 650];
    att_attention_map m;
    att_picture *p;

    att_attention_map_init(&m);
    m.n_layers = m.n_heads = 1;
    m.rows = 700;
    m.cols = 650;
    big[699 * 650 + 649] = 1; /* one strong link must survive the summary */
    m.weights = big;
    assert_ok(att_picture_matrix(&p, &m, NULL));
    char *svg = svg_of(p);
    assert_non_null(strstr(svg, "a cell is the largest of 2 x 2 weights"));
    assert_non_null(strstr(svg, "data:image/png;base64,iVBOR"));
    att_free(svg);
    atti_cells c;
    assert_ok(atti_cells_make(&c, big, 700, 650, 512, false, 0, 1));
    assert_int_equal(c.data[c.rows * c.cols - 1], 255);
    atti_free(c.data);
}

static void overview_has_every_head(void **state)
{
    (void)state;
    att_attention_map m = map_of();
    att_picture *p;

    assert_ok(att_picture_overview(&p, &m, NULL));
    char *svg = svg_of(p);
    assert_int_equal(count(svg, "<image"), 6 + 1); /* and the colour bar */
    assert_non_null(strstr(svg, "<title>layer 2, head 3</title>"));
    att_free(svg);
}

static void both_directions_turn_the_weights_over(void **state)
{
    (void)state;
    att_attention_map m = map_of();
    att_view_opts o;
    att_picture *p;

    att_view_opts_init(&o);
    o.layer = o.head = 1;
    assert_ok(att_picture_both(&p, &m, NULL, &o));
    char *svg = svg_of(p);
    /* Row 1, column 2 is 7/13 in both, named from both ends. */
    assert_non_null(strstr(svg, "\xe6\x88\x91 \xe2\x86\x92 am: 0.5385"));
    assert_non_null(strstr(svg, "am \xe2\x86\x92 \xe6\x88\x91: 0.5385"));
    att_free(svg);
}

static void text_heat_curves_and_boxes(void **state)
{
    (void)state;
    const char *words[3] = {"\xe2\x96\x81so", "me", "\xe2\x96\x81words"};
    float w[3] = {0.5f, -0.25f, 0};
    double x[3] = {1, 2, 3}, y[3] = {10, NAN, 1};
    att_picture *p;
    att_heat heat;
    att_diagram d;

    assert_ok(att_picture_shaded(&p, words, w, 3, NULL));
    char *svg = svg_of(p);
    assert_non_null(strstr(svg, ">so</text>"));
    assert_non_null(strstr(svg, "speaks against"));
    att_free(svg);
    assert_fails(att_picture_shaded(&p, words, w, 0, NULL), ATT_EINVAL, "1..20000");

    att_heat_init(&heat);
    heat.values = w;
    heat.rows = 1;
    heat.cols = 3;
    heat.first_row = 1;
    assert_ok(att_picture_heat(&p, &heat, NULL));
    svg = svg_of(p);
    assert_non_null(strstr(svg, ">dimension</text>"));
    assert_non_null(strstr(svg, ">-0.25</text>"));
    att_free(svg);
    heat.cols = 16385;
    assert_fails(att_picture_heat(&p, &heat, NULL), ATT_EINVAL, "1 x 16385");

    att_curve c = {"loss", x, y, 3};
    att_curve_panel panel = {.y_name = "loss", .log_y = 1, .curves = &c, .n_curves = 1};
    assert_ok(att_picture_curves(&p, &panel, 1, "step", NULL));
    svg = svg_of(p);
    assert_null(strstr(svg, "nan"));
    assert_non_null(strstr(svg, ">10</text>"));
    att_free(svg);
    /* Two panels that share an axis, and one with its own, of powers. */
    const double far[3] = {8, 64, 256}, near[3] = {0, 3, 6};
    att_curve wide = {"loss", far, y, 3}, small = {"loss", near, y, 3};
    att_curve_panel three[3] = {panel, panel, panel};
    three[0].curves = three[2].curves = &small;
    three[1] = (att_curve_panel){.y_name = "speed",
                                 .curves = &wide,
                                 .n_curves = 1,
                                 .x_name = "length",
                                 .log_x = 1};
    assert_ok(att_picture_curves(&p, three, 3, "step", NULL));
    svg = svg_of(p);
    assert_int_equal(count(svg, ">length</text>"), 1);
    assert_int_equal(count(svg, ">step</text>"), 1);
    assert_int_equal(count(svg, ">200</text>"), 1);
    assert_int_equal(count(svg, ">50</text>"), 1);
    assert_null(strstr(svg, "nan"));
    att_free(svg);
    c.n = 0; /* an empty run is a picture of empty axes */
    assert_ok(att_picture_curves(&p, &panel, 1, NULL, NULL));
    att_picture_destroy(p);
    assert_fails(att_picture_curves(&p, &panel, 17, NULL, NULL), ATT_EINVAL,
                 "17 panels");

    att_box boxes[2] = {{"in", "[T]", 0, 0, 0}, {"out", NULL, 0, 1, 2}};
    att_box_arrow arrow = {0, 1, 0, NULL};
    att_diagram_init(&d);
    d.boxes = boxes;
    d.n_boxes = 2;
    d.arrows = &arrow;
    d.n_arrows = 1;
    assert_ok(att_picture_diagram(&p, &d, NULL));
    svg = svg_of(p);
    assert_int_equal(count(svg, "rx=\"6\""), 2);
    assert_int_equal(count(svg, "<path"), 2);
    att_free(svg);
    arrow.to = 2;
    assert_fails(att_picture_diagram(&p, &d, NULL), ATT_EINVAL, "boxes are 0..1");
}

/* Lightness only rises or only falls, so that grey print keeps the order; neighbouring
 * steps never jump. */
static void palettes_are_monotone(void **state)
{
    (void)state;
    for (int32_t colours = 0; colours < 3; colours++) {
        for (int32_t dark = 0; dark < 2; dark++) {
            att_view_opts o = {.colours = colours, .dark = dark};
            double first = atti_luminance(atti_colour_at(atti_palette(&o), 0));
            double last = atti_luminance(atti_colour_at(atti_palette(&o), 1));
            double sign = last > first ? 1 : -1, before = first;
            assert_true(fabs(last - first) > 0.5);
            for (int i = 1; i <= 64; i++) {
                double y = atti_luminance(atti_colour_at(atti_palette(&o), i / 64.0));
                assert_true(sign * (y - before) > 0);
                assert_true(fabs(y - before) < 0.06);
                before = y;
            }
        }
    }
}

static void numbers_need_no_locale(void **state)
{
    (void)state;
    static const struct {
        double value;
        int digits;
        const char *text;
    } cases[] = {{0, 2, "0"},          {0.5, 2, "0.5"},   {-0.5, 2, "-0.5"},
                 {12, 2, "12"},        {0.05, 2, "0.05"}, {0.004, 2, "0"},
                 {-0.004, 2, "0"},     {1.995, 1, "2"},   {1234567, 0, "1234567"},
                 {100, 2, "100"},      {0.999, 2, "1"},   {NAN, 2, "0"},
                 {0.1234, 4, "0.1234"}};
    char text[40];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atti_text_number(text, cases[i].value, cases[i].digits);
        assert_string_equal(text, cases[i].text);
    }
    atti_text_tick(text, 2.5e7, 5e6);
    assert_string_equal(text, "2.5e7");
}

static att_status draw_all(void *user)
{
    att_attention_map *m = user;
    att_picture *p = NULL;
    char *svg;
    size_t n;

    att_status st = att_picture_matrix(&p, m, NULL);
    if (st == ATT_OK) st = att_picture_render(&svg, &n, p, ATT_PICTURE_SVG);
    if (st == ATT_OK) att_free(svg);
    att_picture_destroy(p);
    return st;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    att_attention_map m = map_of();
    size_t live = atti_alloc_live();

    for (uint64_t n = 1; n < 2000; n++) {
        atti_alloc_fail_at(n);
        att_status st = draw_all(&m);
        atti_alloc_fail_at(0);
        assert_int_equal(atti_alloc_live(), live);
        if (st == ATT_OK) return;
        assert_int_equal(st, ATT_ENOMEM);
    }
    fail();
}

static void sheets_have_numbers_and_sizes(void **state)
{
    static const double v[] = {1.5, -INFINITY, NAN, -0.001, 2, 3};
    static const char *const names[] = {"a", "</b>"};
    att_sheet_item m[2] = {{"Q = X Wq", v, 2, 3, names, NULL, 2, 0},
                           {"K", v, 1, 1, NULL, NULL, 2, 1}};
    att_picture *p = NULL;
    char *svg = NULL;
    size_t n = 0;
    (void)state;
    assert_ok(att_picture_sheet(&p, m, 2, NULL));
    assert_ok(att_picture_render(&svg, &n, p, ATT_PICTURE_SVG));
    assert_non_null(strstr(svg, "Q = X Wq  [2, 3]"));
    assert_non_null(strstr(svg, ">1.50<"));
    assert_non_null(strstr(svg, "−∞"));
    assert_non_null(strstr(svg, ">0.00<")); /* never -0.00 */
    assert_null(strstr(svg, "</b>"));
    att_free(svg);
    att_picture_destroy(p);
    assert_fails(att_picture_sheet(NULL, m, 2, NULL), ATT_EINVAL, "out is NULL");
    assert_fails(att_picture_sheet(&p, NULL, 2, NULL), ATT_EINVAL, "2 matrices");
    assert_fails(att_picture_sheet(&p, m, 0, NULL), ATT_EINVAL, "1..400");
    m[1].rows = 257;
    assert_fails(att_picture_sheet(&p, m, 2, NULL), ATT_EINVAL, "matrix 2 is 257 x 1");
    m[1].rows = 1;
    m[1].digits = 13;
    assert_fails(att_picture_sheet(&p, m, 2, NULL), ATT_EINVAL, "13 digits");
    assert_null(p);
}

/* Printed without colours too: six curves, five of them dashed, each otherwise, on the
 * curve as in the legend. */
static void every_curve_has_its_own_dash(void **state)
{
    (void)state;
    static const char *const name[6] = {"1", "2", "3", "5", "10", "attention"};
    const double x[2] = {1, 2}, y[2] = {3, 4};
    att_curve c[6];
    att_picture *p = NULL;
    char *svg, seen[6][16];
    size_t n = 0;
    for (int i = 0; i < 6; i++) c[i] = (att_curve){name[i], x, y, 2};
    att_curve_panel panel = {.y_name = "accuracy", .curves = c, .n_curves = 6};
    assert_ok(att_picture_curves(&p, &panel, 1, "step", NULL));
    svg = svg_of(p);
    for (const char *s = svg; (s = strstr(s, "stroke-dasharray=\"")) != NULL; s++) {
        char dash[16];
        size_t k = 0;
        (void)snprintf(dash, sizeof dash, "%.*s", (int)strcspn(s + 18, "\""), s + 18);
        while (k < n && strcmp(seen[k], dash) != 0) k++;
        assert_true(k < 6);
        if (k == n) (void)snprintf(seen[n++], sizeof *seen, "%s", dash);
    }
    assert_int_equal(n, 5);
    att_free(svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrix_has_cells_labels_and_titles),
        cmocka_unit_test(means_are_means),
        cmocka_unit_test(same_bytes_every_time),
        cmocka_unit_test(refusals_name_the_range),
        cmocka_unit_test(saving_fails_in_words),
        cmocka_unit_test(long_texts_are_summarised),
        cmocka_unit_test(overview_has_every_head),
        cmocka_unit_test(both_directions_turn_the_weights_over),
        cmocka_unit_test(text_heat_curves_and_boxes),
        cmocka_unit_test(every_curve_has_its_own_dash),
        cmocka_unit_test(sheets_have_numbers_and_sizes),
        cmocka_unit_test(palettes_are_monotone),
        cmocka_unit_test(numbers_need_no_locale),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
