/* picture_arabic.c - joined Arabic letters and reversed runs for cairo, which places
 * glyphs left to right as they come. An SVG's or a page's reader does this itself. */
#include "view/picture_arabic.h"
#include <string.h>

/* Isolated form of U+0621..U+064A in "Arabic Presentation Forms-B"; the forms of a letter
 * follow each other: isolated, final and (where it joins to the left) initial, medial. */
typedef struct form {
    uint16_t isolated;
    unsigned char count; /* 1, 2 or 4 forms; 0 = no letter */
} form;

static form form_of(uint32_t c)
{
    static const form low[26] = {
        {0xfe80, 1}, {0xfe81, 2}, {0xfe83, 2}, {0xfe85, 2}, {0xfe87, 2}, {0xfe89, 4},
        {0xfe8d, 2}, {0xfe8f, 4}, {0xfe93, 2}, {0xfe95, 4}, {0xfe99, 4}, {0xfe9d, 4},
        {0xfea1, 4}, {0xfea5, 4}, {0xfea9, 2}, {0xfeab, 2}, {0xfead, 2}, {0xfeaf, 2},
        {0xfeb1, 4}, {0xfeb5, 4}, {0xfeb9, 4}, {0xfebd, 4}, {0xfec1, 4}, {0xfec5, 4},
        {0xfec9, 4}, {0xfecd, 4}};
    static const form high[10] = {{0xfed1, 4}, {0xfed5, 4}, {0xfed9, 4}, {0xfedd, 4},
                                  {0xfee1, 4}, {0xfee5, 4}, {0xfee9, 4}, {0xfeed, 2},
                                  {0xfeef, 2}, {0xfef1, 4}};
    form none = {0, 0};

    if (c >= 0x621 && c <= 0x63a) return low[c - 0x621];
    if (c >= 0x641 && c <= 0x64a) return high[c - 0x641];
    return none;
}

static bool is_arabic_mark(uint32_t c)
{
    return c >= 0x64b && c <= 0x65f;
}

static bool is_right_to_left(uint32_t c)
{
    return (c >= 0x590 && c <= 0x65f) || (c >= 0x66e && c <= 0x6ef) ||
           (c >= 0x6fa && c <= 0x8ff) || (c >= 0xfb1d && c <= 0xfdff) ||
           (c >= 0xfe70 && c <= 0xfefc);
}

/* The letter before (step -1) or after i, marks skipped; 0 = none. */
static uint32_t neighbour(const uint32_t *c, int64_t n, int64_t i, int step)
{
    for (i += step; i >= 0 && i < n; i += step)
        if (!is_arabic_mark(c[i])) return c[i];
    return 0;
}

/* A joined letter; tatweel (U+0640) joins on both sides. */
static uint32_t joined(const uint32_t *c, int64_t n, int64_t i)
{
    form f = form_of(c[i]);
    if (f.count < 2) return f.count ? f.isolated : c[i];
    uint32_t before = neighbour(c, n, i, -1), after = neighbour(c, n, i, 1);
    bool left = f.count == 4 && (form_of(after).count >= 2 || after == 0x640);
    bool right = form_of(before).count == 4 || before == 0x640;
    return f.isolated + (uint32_t)(right ? (left ? 3 : 1) : (left ? 2 : 0));
}

static void add_code(atti_str *s, uint32_t c)
{
    char utf8[4];
    atti_str_add_n(s, utf8, (size_t)atti_utf8_encode(utf8, c));
}

/* lam + alef are one letter when they are joined: U+FEF5.. in pairs. */
static uint32_t lam_alef(const uint32_t *c, int64_t n, int64_t i)
{
    if (c[i] != 0x644 || i + 1 >= n) return 0;
    uint32_t a = c[i + 1];
    uint32_t base = a == 0x622   ? 0xfef5
                    : a == 0x623 ? 0xfef7
                    : a == 0x625 ? 0xfef9
                    : a == 0x627 ? 0xfefb
                                 : 0;
    if (!base) return 0;
    return base + (form_of(neighbour(c, n, i, -1)).count == 4);
}

/* One run of right-to-left characters: shaped, then written from its end. */
static void add_run(atti_str *s, const uint32_t *c, int64_t n, uint32_t *shaped)
{
    int64_t m = 0;

    for (int64_t i = 0; i < n; i++) {
        uint32_t pair = lam_alef(c, n, i);
        shaped[m++] = pair ? pair : joined(c, n, i);
        if (pair) i++;
    }
    while (m > 0) {
        /* Marks stay behind the letter that they sit on. */
        int64_t end = m--;
        while (m > 0 && is_arabic_mark(shaped[m])) m--;
        for (int64_t i = m; i < end; i++) add_code(s, shaped[i]);
    }
}

void atti_display_order(atti_str *s, const char *text)
{
    size_t n = strlen(text), i = 0;
    uint32_t *codes = NULL;
    int64_t m = 0;
    bool any = false;

    for (size_t k = 0; k < n && !any; k++) any = (unsigned char)text[k] >= 0xd6;
    if (!any) {
        atti_str_add(s, text);
        return;
    }
    if (s->status == ATT_OK)
        s->status = atti_alloc_raw(&codes, 2 * n + 2, sizeof *codes, "a line of text");
    if (s->status != ATT_OK) return;
    while (i < n) {
        uint32_t c;
        int len = atti_utf8_decode(&c, text + i, n - i);
        if (len == 0) c = 0xfffd, len = 1;
        codes[m++] = c;
        i += (size_t)len;
    }
    for (int64_t k = 0; k < m;) {
        int64_t end = k;
        /* A run keeps its inner spaces, so that two words change places as well. */
        for (int64_t e = k; e < m && (is_right_to_left(codes[e]) || codes[e] == ' ');
             e++)
            if (codes[e] != ' ') end = e + 1;
        if (end > k && codes[k] != ' ') {
            add_run(s, codes + k, end - k, codes + n + 1);
            k = end;
        } else {
            add_code(s, codes[k++]);
        }
    }
    atti_free(codes);
}
