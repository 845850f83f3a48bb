/* test_alloc.c - alignment, counting, zeroes, growth, the arena. */
#include "support.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/checked.h"

#include <string.h>

static const size_t sizes[] = {0,       1,       63,
                               64,      65,      4095,
                               4096,    1 << 20, (4 << 20) - 1,
                               4 << 20, 5 << 20, (9 << 20) + 13};

static int all_zero(const unsigned char *p, size_t n)
{
    return n == 0 || (p[0] == 0 && !memcmp(p, p + 1, n - 1));
}

static void blocks_are_aligned_zeroed_and_counted(void **state)
{
    (void)state;
    size_t live = atti_alloc_live();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *p = NULL, *q = NULL;
        uint64_t calls = atti_alloc_calls();
        assert_ok(atti_alloc(&p, sizes[i], 1, "block"));
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        assert_true(all_zero(p, sizes[i]));
        assert_int_equal(atti_alloc_live(), live + sizes[i]);
        assert_true(atti_alloc_peak() >= live + sizes[i]);
        assert_int_equal(atti_alloc_calls(), calls + 1);
        memset(p, 0xff, sizes[i]);
        assert_ok(atti_alloc_raw(&q, sizes[i], 1, "block"));
        assert_int_equal((uintptr_t)q % 64, 0);
        memset(q, 0xff, sizes[i]);
        atti_free(p);
        atti_free(q);
        assert_int_equal(atti_alloc_live(), live);
    }
    atti_free(NULL);
}

static void products_that_overflow_are_refused(void **state)
{
    (void)state;
    int dummy;
    void *p = &dummy;
    assert_fails(atti_alloc(&p, SIZE_MAX / 2, 3, "weights"), ATT_ENOMEM, "weights");
    assert_fails(atti_alloc(&p, SIZE_MAX, 1, "weights"), ATT_ENOMEM, "weights");
    assert_fails(atti_alloc_raw(&p, SIZE_MAX - 70, 1, "weights"), ATT_ENOMEM,
                 "weights");
    /* More than an address space holds, without overflow: the system refuses it. */
    assert_fails(atti_alloc_raw(&p, (size_t)1 << 60, 1, "weights"), ATT_ENOMEM,
                 "weights");
    assert_ptr_equal(p, &dummy);
}

static void growing_keeps_contents_and_zeroes_the_rest(void **state)
{
    (void)state;
    size_t live = atti_alloc_live();
    /* Every third size: small, page-sized and mapped ones, each to each. */
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i += 3) {
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k += 2) {
            unsigned char *p = NULL;
            assert_ok(atti_realloc(&p, 0, sizes[i], 1, "block"));
            assert_true(all_zero(p, sizes[i]));
            memset(p, 0x5a, sizes[i]);
            assert_ok(atti_realloc(&p, sizes[i], sizes[k], 1, "block"));
            assert_int_equal((uintptr_t)p % 64, 0);
            size_t kept = sizes[i] < sizes[k] ? sizes[i] : sizes[k];
            assert_true(kept == 0 || (p[0] == 0x5a && !memcmp(p, p + 1, kept - 1)));
            assert_true(all_zero(p + kept, sizes[k] - kept));
            assert_int_equal(atti_alloc_live(), live + sizes[k]);
            /* And back up: what was cut off must not come back. */
            assert_ok(atti_realloc(&p, sizes[k], sizes[k] + 5000, 1, "block"));
            assert_true(all_zero(p + sizes[k], 5000));
            atti_free(p);
        }
    }
    assert_int_equal(atti_alloc_live(), live);
}

static void grow_doubles(void **state)
{
    (void)state;
    int64_t *p = NULL;
    size_t cap = 0;
    uint64_t calls = atti_alloc_calls();
    for (size_t n = 1; n <= 100000; n++) {
        assert_ok(atti_grow(&p, &cap, n, sizeof *p, "list"));
        assert_true(cap >= n);
        p[n - 1] = (int64_t)n;
    }
    assert_true(atti_alloc_calls() - calls < 20);
    for (size_t n = 1; n <= 100000; n++) assert_int_equal(p[n - 1], n);
    size_t before = cap;
    assert_fails(atti_grow(&p, &cap, SIZE_MAX / 4, sizeof *p, "list"), ATT_ENOMEM,
                 "list");
    assert_int_equal(cap, before);
    atti_free(p);
}

static void the_named_allocation_fails(void **state)
{
    (void)state;
    char *a = NULL, *b = NULL;
    atti_alloc_fail_at(2);
    assert_ok(atti_alloc(&a, 1, 1, "first"));
    assert_fails(atti_alloc(&b, 1, 1, "second"), ATT_ENOMEM, "second");
    assert_null(b);
    assert_ok(atti_alloc(&b, 1, 1, "third"));
    atti_free(a);
    atti_free(b);
    atti_alloc_fail_at(1);
    assert_fails(atti_strdup(&a, "text"), ATT_ENOMEM, "string");
    atti_alloc_fail_at(1);
    atti_alloc_fail_at(0);
    assert_ok(atti_strdup(&a, "text"));
    assert_string_equal(a, "text");
    atti_free(a);
}

static void arenas_hand_out_and_take_back(void **state)
{
    (void)state;
    atti_arena a;
    unsigned char *p, *q, *r;
    assert_ok(atti_arena_init(&a, 200, "step"));
    assert_ok(atti_arena_take(&a, &p, 1));
    assert_ok(atti_arena_take(&a, &q, 64));
    assert_ptr_equal(q, p + 64);
    size_t mark = atti_arena_mark(&a);
    /* 72 bytes are left: the last piece need not be padded. */
    assert_ok(atti_arena_take(&a, &r, 72));
    memset(r, 1, 72);
    assert_fails(atti_arena_take(&a, &r, 1), ATT_ENOMEM, "1 bytes");
    assert_fails(atti_arena_take(&a, &r, SIZE_MAX), ATT_ENOMEM, "arena");
    assert_int_equal(a.high, 200);
    atti_arena_reset(&a, mark);
    assert_ok(atti_arena_take(&a, &r, 0));
    assert_int_equal(atti_arena_mark(&a), mark);
    assert_ok(atti_arena_take(&a, &p, 10));
    assert_ptr_equal(p, q + 64);
    atti_arena_deinit(&a);
    atti_arena_deinit(&a);
}

static void checked_arithmetic(void **state)
{
    (void)state;
    size_t s = 7;
    int64_t v = 7;
    assert_true(atti_mul_size(&s, SIZE_MAX / 3, 3));
    assert_int_equal(s, SIZE_MAX / 3 * 3);
    assert_false(atti_mul_size(&s, SIZE_MAX / 3 + 1, 3));
    assert_true(atti_mul_size(&s, 0, SIZE_MAX) && s == 0);
    assert_false(atti_add_size(&s, SIZE_MAX, 1));
    assert_true(s == 0);
    assert_true(atti_mul_i64(&v, INT64_MAX, 1));
    assert_false(atti_mul_i64(&v, INT64_MAX / 2 + 1, 2));
    assert_false(atti_mul_i64(&v, -1, 2));
    assert_true(v == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_zeroed_and_counted),
        cmocka_unit_test(products_that_overflow_are_refused),
        cmocka_unit_test(growing_keeps_contents_and_zeroes_the_rest),
        cmocka_unit_test(grow_doubles),
        cmocka_unit_test(the_named_allocation_fails),
        cmocka_unit_test(arenas_hand_out_and_take_back),
        cmocka_unit_test(checked_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
