/* test_bf16_kernels.c - the layout and the tiles of bf16 products.
 *
 * The kernels' sources are compiled against exact emulations of their instructions
 * (support/bf16_emulated.h) and compared, bit for bit, with sums written down here once
 * more in the documented order; so are, where the processor has AVX-512, the real
 * shuffles. Where it has the instructions themselves, they are compared with the
 * emulation: within the error bound of any order of summation, and differing bits are
 * reported. */
#include "support.h"

#include "base/rng.h"
#include "bf16_tables.h"
#include "kernels/cpu.h"
#include "kernels/half.h"
#include "kernels/kernels.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TABLES = 4 };

/* Every table that can run here. */
static int tables(const atti_bf16_kernels *out[MOST_TABLES])
{
    int n = 0;
    out[n++] = &bf16_emulated_amx;
    out[n++] = &bf16_emulated_dot;
    if (atti_cpu_probe().avx512 && bf16_without_bf16()) out[n++] = bf16_without_bf16();
    if (atti_bf16()) out[n++] = atti_bf16();
    return n;
}

static float drawn(atti_rng *r)
{
    return (float)(2.0 * atti_rng_unit(r) - 1.0);
}

/* ---- layout ---- */

/* Number (line, k) of an operand laid out. */
static uint16_t at(const uint16_t *blocks, int64_t group, int pairs, int64_t line,
                   int64_t k)
{
    const uint16_t *b = blocks + line / 16 * group + k / 32 * ATTI_BF16_BLOCK;
    return pairs ? b[k % 32 / 2 * 32 + line % 16 * 2 + k % 2]
                 : b[line % 16 * 32 + k % 32];
}

static void check_layout(const atti_bf16_kernels *t, int along, int pairs,
                         int64_t lines, int64_t k)
{
    enum { GUARD = 64 };
    int64_t rows = along ? lines : k, cols = along ? k : lines, ld = cols + 3;
    size_t n = (size_t)(rows * ld + 1), numbers = (size_t)atti_bf16_numbers(lines, k);
    /* The source ends where its last row does: a read past it is a fault under the
     * sanitizers. */
    float *x = malloc((rows ? (size_t)((rows - 1) * ld + cols) : 1) * sizeof *x + 4);
    uint16_t *blocks = malloc((numbers + 2 * GUARD) * sizeof *blocks);
    atti_rng r = {(uint64_t)(lines * 1000 + k), 0};
    (void)n;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ld; j++)
            if (j < cols)
                x[i * ld + j] = drawn(&r);
            else if (i + 1 < rows)
                x[i * ld + j] = NAN; /* must not come in */
    memset(blocks, 0xa5, (numbers + 2 * GUARD) * sizeof *blocks);
    int64_t group = (k + 31) / 32 * ATTI_BF16_BLOCK;
    t->pack(blocks + GUARD, group, x, ld, along, pairs, lines, k);
    int64_t padded = (lines + 31) / 32 * 32;
    for (int64_t i = 0; i < padded; i++)
        for (int64_t j = 0; j < (k + 31) / 32 * 32; j++) {
            uint16_t want = 0;
            if (i < lines && j < k)
                want = atti_f32_to_bf16(along ? x[i * ld + j] : x[j * ld + i]);
            uint16_t got = at(blocks + GUARD, group, pairs, i, j);
            if (got != want)
                fail_msg("%s: along %d pairs %d, %lld lines, k %lld: (%lld, %lld) is "
                         "%04x, expected %04x",
                         t->name, along, pairs, (long long)lines, (long long)k,
                         (long long)i, (long long)j, got, want);
        }
    for (int i = 0; i < GUARD; i++) {
        assert_int_equal(0xa5a5, blocks[i]);
        assert_int_equal(0xa5a5, blocks[GUARD + (int)numbers + i]);
    }
    free(x);
    free(blocks);
}

static void test_layout(void **state)
{
    static const int64_t lines[] = {0, 1, 15, 16, 17, 31, 32, 33, 50};
    static const int64_t ks[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 70};
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    (void)state;
    for (int q = 0; q < n; q++)
        for (int flags = 0; flags < 4; flags++)
            for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
                for (size_t j = 0; j < sizeof ks / sizeof *ks; j++)
                    check_layout(t[q], flags & 1, flags >> 1, lines[i], ks[j]);
}

/* Ties, carries into the exponent, infinities, NaN; subnormals become zero of their sign
 * in the instruction, and stay in what stands in for it. */
static void test_rounding(void **state)
{
    static const uint32_t bits[] = {0x3f800000, 0x3f808000, 0x3f818000, 0x3f80ffff,
                                    0x3f808001, 0xbf7f8000, 0x7f7fffff, 0x7f800000,
                                    0xff800000, 0x7fc00000, 0x7f800001, 0x00800000,
                                    0x80000000, 0x00000000, 0x7f7f7fff, 0x3f7fffff};
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    (void)state;
    float x[16];
    memcpy(x, bits, sizeof x);
    for (int q = 0; q < n; q++) {
        uint16_t block[2 * ATTI_BF16_BLOCK];
        t[q]->pack(block, ATTI_BF16_BLOCK, x, 16, 1, 0, 1, 16);
        for (int i = 0; i < 16; i++) assert_int_equal(atti_f32_to_bf16(x[i]), block[i]);
    }
    uint32_t tiny = 0x80400000;
    uint16_t block[2 * ATTI_BF16_BLOCK];
    memcpy(x, &tiny, sizeof tiny);
    bf16_emulated_dot.pack(block, ATTI_BF16_BLOCK, x, 16, 1, 0, 1, 1);
    assert_int_equal(0x8000, block[0]);
}

/* ---- tiles ---- */

static float value(uint16_t h)
{
    return atti_bf16_to_f32(h);
}

/* The order that TDPBF16PS defines; values here are far from subnormal. */
static float amx_sum(const uint16_t *a, const uint16_t *b, int64_t steps, float c)
{
    for (int64_t s = 0; s < steps; s++, a += 32, b += 32) {
        float even = 0, odd = 0;
        for (int k = 0; k < 32; k += 2) {
            even = fmaf(value(a[k]), value(b[k]), even);
            odd = fmaf(value(a[k + 1]), value(b[k + 1]), odd);
        }
        c += even + odd;
    }
    return c;
}

/* VDPBF16PS: one chain, odd before even. */
static float dot_sum(const uint16_t *a, const uint16_t *b, int64_t steps, float c)
{
    for (int64_t k = 0; k < 32 * steps; k += 2) {
        c = fmaf(value(a[k + 1]), value(b[k + 1]), c);
        c = fmaf(value(a[k]), value(b[k]), c);
    }
    return c;
}

enum { STEPS = 3, DEPTH = 32 * STEPS, LDC = 39 };

typedef struct bench {
    uint16_t lines_a[32][DEPTH], lines_b[32][DEPTH]; /* element by element */
    uint16_t a[2 * STEPS * ATTI_BF16_BLOCK], b[2 * STEPS * ATTI_BF16_BLOCK];
    float old[32 * LDC], c[34 * LDC];
} bench;

static void fill(bench *w, uint64_t seed)
{
    atti_rng r = {seed, 0};
    float *x = malloc(sizeof(float) * 32 * DEPTH);
    for (int operand = 0; operand < 2; operand++) {
        uint16_t(*lines)[DEPTH] = operand ? w->lines_b : w->lines_a;
        for (int i = 0; i < 32 * DEPTH; i++) {
            x[i] = drawn(&r);
            lines[i / DEPTH][i % DEPTH] = atti_f32_to_bf16(x[i]);
        }
        bf16_emulated_dot.pack(operand ? w->b : w->a, STEPS * ATTI_BF16_BLOCK, x, DEPTH,
                               1, operand, 32, DEPTH);
    }
    for (int i = 0; i < 32 * LDC; i++) w->old[i] = drawn(&r);
    free(x);
}

/* Bits of the result that differ from the defined order. */
static int64_t check_tile(const atti_bf16_kernels *t, bench *w, int64_t m, int64_t n,
                          int64_t steps, int add, int exact)
{
    int amx = strstr(t->name, "amx") != NULL;
    int64_t differ = 0;
    for (int i = 0; i < 34 * LDC; i++) w->c[i] = -77.0f;
    float *c = w->c + LDC;
    if (add)
        for (int64_t i = 0; i < m; i++)
            memcpy(c + i * LDC, w->old + i * LDC, (size_t)n * sizeof *c);
    atti_bf16_tile x = {
        w->a, w->b, STEPS * ATTI_BF16_BLOCK, STEPS * ATTI_BF16_BLOCK, steps, c, LDC, m,
        n,    add};
    /* What must not be read: the second groups. */
    uint16_t *a1 = w->a + STEPS * ATTI_BF16_BLOCK, *b1 = w->b + STEPS * ATTI_BF16_BLOCK;
    if (m <= 16) x.a_next = a1 - w->a + (INT64_C(1) << 40);
    if (n <= 16) x.b_next = b1 - w->b + (INT64_C(1) << 40);
    if (t->begin) t->begin();
    t->tile(&x);
    if (t->end) t->end();
    for (int64_t i = -1; i < 33; i++)
        for (int64_t j = 0; j < LDC; j++) {
            float got = c[i * LDC + j];
            if (i < 0 || i >= m || j >= n) {
                if (got != -77.0f) fail_msg("%s: wrote outside", t->name);
                continue;
            }
            float first = add ? w->old[i * LDC + j] : 0.0f;
            float want = amx ? amx_sum(w->lines_a[i], w->lines_b[j], steps, first)
                             : dot_sum(w->lines_a[i], w->lines_b[j], steps, first);
            if (memcmp(&got, &want, sizeof got) == 0) continue;
            differ++;
            double size = fabs((double)first);
            for (int64_t k = 0; k < 32 * steps; k++)
                size += fabs((double)value(w->lines_a[i][k]) *
                             (double)value(w->lines_b[j][k]));
            double bound =
                exact ? 0.0 : 2.0 * (32.0 * (double)steps + 2) * 0x1p-24 * size;
            if (!(fabs((double)got - (double)want) <= bound))
                fail_msg("%s: %lld x %lld, %lld steps: [%lld,%lld] is %a, expected %a",
                         t->name, (long long)m, (long long)n, (long long)steps,
                         (long long)i, (long long)j, (double)got, (double)want);
        }
    return differ;
}

static void test_tiles(void **state)
{
    static const int64_t sizes[] = {1, 7, 8, 9, 15, 16, 17, 31, 32};
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    bench *w = malloc(sizeof *w);
    (void)state;
    fill(w, 5);
    for (int q = 0; q < n; q++) {
        int real = t[q] == atti_bf16();
        int64_t differ = 0;
        for (size_t i = 0; i < 9; i++)
            for (size_t j = 0; j < 9; j++)
                for (int64_t s = 0; s <= STEPS; s++)
                    for (int add = 0; add < 2; add++)
                        differ +=
                            check_tile(t[q], w, sizes[i], sizes[j], s, add, !real);
        print_message("%s: %lld sums differ from the documented order\n", t[q]->name,
                      (long long)differ);
    }
    assert_int_equal(0, bf16_tile_faults());
    free(w);
}

/* Infinities and NaN go where they belong and nowhere else. */
static void test_special_values(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    bench *w = malloc(sizeof *w);
    (void)state;
    for (int q = 0; q < n; q++) {
        fill(w, 6);
        w->a[3 * 32 + 5] = 0x7f80; /* +Inf in row 3 */
        w->a[7 * 32 + 1] = 0x7fc0; /* NaN in row 7 */
        atti_bf16_tile x = {w->a,
                            w->b,
                            STEPS * ATTI_BF16_BLOCK,
                            STEPS * ATTI_BF16_BLOCK,
                            STEPS,
                            w->c,
                            LDC,
                            32,
                            32,
                            0};
        if (t[q]->begin) t[q]->begin();
        t[q]->tile(&x);
        if (t[q]->end) t[q]->end();
        for (int i = 0; i < 32; i++)
            for (int j = 0; j < 32; j++) {
                float c = w->c[i * LDC + j];
                if (i == 3)
                    assert_true(isinf(c));
                else if (i == 7)
                    assert_true(isnan(c));
                else
                    assert_true(isfinite(c));
            }
    }
    free(w);
}

static void test_peak_loops(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    (void)state;
    for (int q = 0; q < n; q++) assert_true(t[q]->rounds(3) == 0.0f);
    assert_int_equal(0, bf16_tile_faults());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),     cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_tiles),      cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_peak_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
