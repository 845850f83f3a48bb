/* picture_png.c - small pieces of encoding that need no library: base64, and a
 * palette PNG with stored blocks for heat maps inside an SVG. */
#include "view/picture.h"
#include <string.h>

void atti_base64_add(atti_str *s, const void *data, size_t n)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = data;
    char block[1024];
    size_t k = 0;

    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        if (i + 1 < n) v |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n) v |= p[i + 2];
        block[k++] = digits[v >> 18];
        block[k++] = digits[v >> 12 & 63];
        block[k++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
        block[k++] = i + 2 < n ? digits[v & 63] : '=';
        if (k == sizeof block) {
            atti_str_add_n(s, block, k);
            k = 0;
        }
    }
    atti_str_add_n(s, block, k);
}

static void big_endian(unsigned char out[4], uint32_t v)
{
    for (int i = 0; i < 4; i++) out[i] = (unsigned char)(v >> (24 - 8 * i));
}

static void chunk(atti_str *s, const char *type, const void *data, size_t n)
{
    unsigned char word[4];
    size_t start = s->len + 4;

    big_endian(word, (uint32_t)n);
    atti_str_add_n(s, (const char *)word, 4);
    atti_str_add_n(s, type, 4);
    if (n > 0) atti_str_add_n(s, data, n);
    if (s->status != ATT_OK) return;
    big_endian(word, atti_crc32(0, s->data + start, n + 4));
    atti_str_add_n(s, (const char *)word, 4);
}

/* A zlib stream of stored blocks: rows with filter byte 0. */
static void stored_rows(atti_str *z, const atti_shape *im)
{
    size_t row = (size_t)im->cols + 1, left = row * (size_t)im->rows, done = 0;
    uint32_t a = 1, b = 0;
    unsigned char word[4];

    atti_str_add_n(z, "\x78\x01", 2);
    while (left > 0) {
        size_t n = left < 65535 ? left : 65535;
        unsigned char head[5] = {left == n, (unsigned char)(n & 255),
                                 (unsigned char)(n >> 8), (unsigned char)(~n & 255),
                                 (unsigned char)(~n >> 8 & 255)};
        atti_str_add_n(z, (const char *)head, 5);
        for (size_t i = 0; i < n; i++, done++) {
            size_t r = done / row, c = done % row;
            unsigned char v = c == 0 ? 0 : im->cells[r * (row - 1) + c - 1];
            a = (a + v) % 65521;
            b = (b + a) % 65521;
            atti_str_add_n(z, (const char *)&v, 1);
        }
        left -= n;
    }
    big_endian(word, b << 16 | a);
    atti_str_add_n(z, (const char *)word, 4);
}

void atti_png_cells(atti_str *s, const atti_shape *im)
{
    unsigned char head[13] = {0}, rgb[768];
    atti_str z = {0};

    big_endian(head, (uint32_t)im->cols);
    big_endian(head + 4, (uint32_t)im->rows);
    head[8] = 8; /* bits */
    head[9] = 3; /* palette */
    atti_colour_table(rgb, im->palette);
    atti_str_add_n(s, "\x89PNG\r\n\x1a\n", 8);
    chunk(s, "IHDR", head, sizeof head);
    chunk(s, "PLTE", rgb, sizeof rgb);
    stored_rows(&z, im);
    if (z.status != ATT_OK && s->status == ATT_OK) s->status = z.status;
    chunk(s, "IDAT", z.data, z.len);
    chunk(s, "IEND", NULL, 0);
    atti_str_deinit(&z);
}
