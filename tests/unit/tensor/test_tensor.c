/* test_tensor.c - shapes, views, who owns what, and conversion between dtypes. */
#include "attend/tensor.h"
#include "support.h"
#include <math.h>
#include <string.h>

static void test_view_and_bounds(void **state)
{
    float x[6] = {0, 1, 2, 3, 4, 5};
    int64_t shape[7] = {2, 3, 1, 1, 1, 1, 1}, neg = -1, zero[2] = {0, 5};
    int64_t huge[3] = {INT64_C(1) << 31, INT64_C(1) << 31, 4};
    att_tensor t;
    (void)state;
    assert_ok(att_tensor_view(&t, x, ATT_F32, 2, shape));
    assert_int_equal(t.stride[0], 3);
    assert_int_equal(att_tensor_count(&t), 6);
    assert_int_equal(att_tensor_contiguous(&t), 1);
    assert_fails(att_tensor_view(&t, x, ATT_F32, 7, shape), ATT_EINVAL, "7 dims");
    assert_fails(att_tensor_view(&t, x, ATT_F32, 1, &neg), ATT_EINVAL, "dim 0 is -1");
    assert_fails(att_tensor_view(&t, x, (att_dtype)99, 1, shape), ATT_EINVAL,
                 "dtype 99");
    assert_fails(att_tensor_view(&t, NULL, ATT_F32, 1, shape), ATT_EINVAL, "NULL");
    assert_fails(att_tensor_view(&t, x, ATT_F32, 3, huge), ATT_ESHAPE, "overflow");
    assert_ok(att_tensor_view(&t, NULL, ATT_F32, 2, zero));
    assert_int_equal(att_tensor_count(&t), 0);
    assert_string_equal(att_dtype_name(ATT_BF16), "BF16");
    assert_string_equal(att_dtype_name((att_dtype)-1), "?");
    assert_int_equal(att_dtype_size(ATT_I64), 8);
}

static void count_call(void *user, void *data)
{
    (void)data;
    ++*(int *)user;
}

static void test_storage_lives_as_long_as_its_views(void **state)
{
    float x[6] = {0};
    int calls = 0;
    int64_t shape[2] = {2, 3};
    att_tensor a, b, c;
    (void)state;
    assert_ok(att_tensor_foreign(&a, x, ATT_F32, 2, shape, count_call, &calls));
    assert_ok(att_tensor_slice(&b, &a, 1, 1, 3));
    att_tensor_retain(&c, &b);
    att_tensor_deinit(&a);
    att_tensor_deinit(&b);
    assert_int_equal(calls, 0);
    att_tensor_deinit(&c);
    assert_int_equal(calls, 1);
    att_tensor_deinit(&c); /* zeroed by the first: nothing */
    att_tensor_deinit(NULL);
    assert_fails(att_tensor_foreign(&a, x, ATT_F32, 9, shape, count_call, &calls),
                 ATT_EINVAL, "9 dims");
    assert_int_equal(calls, 1); /* on failure the deleter is not run */
}

static void test_views(void **state)
{
    float x[24], got[24];
    int64_t shape[3] = {2, 3, 4}, flat[1] = {-1}, six[2] = {6, 4}, wrong[1] = {25};
    int64_t two_open[2] = {-1, -1}, split[4] = {2, 3, 2, 2};
    int32_t order[3] = {2, 0, 1}, bad[3] = {0, 0, 1};
    att_tensor t, p, s, r, out;
    (void)state;
    for (int i = 0; i < 24; i++) x[i] = (float)i;
    assert_ok(att_tensor_view(&t, x, ATT_F32, 3, shape));
    assert_ok(att_tensor_permute(&p, &t, order));
    assert_int_equal(p.shape[0], 4);
    assert_int_equal(att_tensor_contiguous(&p), 0);
    assert_fails(att_tensor_permute(&s, &t, bad), ATT_EINVAL, "permutation");
    assert_ok(att_tensor_slice(&s, &t, 1, 1, 3));
    assert_true(*(float *)s.data == 4.0f);
    assert_fails(att_tensor_slice(&r, &t, 1, 2, 4), ATT_EINVAL, "[2,4)");
    assert_fails(att_tensor_slice(&r, &t, 3, 0, 1), ATT_EINVAL, "dim 3");
    assert_ok(att_tensor_reshape(&r, &t, 2, six));
    assert_int_equal(r.stride[0], 4);
    assert_ok(att_tensor_reshape(&r, &t, 1, flat));
    assert_int_equal(r.shape[0], 24);
    assert_fails(att_tensor_reshape(&r, &t, 1, wrong), ATT_ESHAPE, "25");
    assert_fails(att_tensor_reshape(&r, &t, 2, two_open), ATT_EINVAL, "dim 1");
    assert_fails(att_tensor_reshape(&r, &p, 1, flat), ATT_ENOTSUP, "copy");
    assert_ok(att_tensor_reshape(&r, &s, 4, (int64_t[]){2, 2, 2, 2})); /* cuts inside */
    assert_int_equal(r.stride[2], 2);
    assert_ok(att_tensor_reshape(&r, &t, 4, split));
    assert_ok(att_tensor_view(&out, got, ATT_F32, 3, p.shape));
    assert_ok(att_tensor_copy(&out, &p));
    for (int a = 0; a < 4; a++) {
        for (int b = 0; b < 6; b++) assert_true(got[a * 6 + b] == x[b * 4 + a]);
    }
}

static void convert(void *dst, att_dtype d, const void *src, att_dtype s, int64_t n)
{
    att_tensor a, b;
    assert_ok(att_tensor_view(&a, dst, d, 1, &n));
    assert_ok(att_tensor_view(&b, (void *)(uintptr_t)src, s, 1, &n));
    assert_ok(att_tensor_copy(&a, &b));
}

static void test_half_precision_is_exact(void **state)
{
    (void)state;
    for (int d = ATT_BF16; d <= ATT_F16; d++) {
        for (uint32_t h = 0; h < 65536; h++) { /* every value there and back */
            uint16_t in = (uint16_t)h, out;
            float f;
            convert(&f, ATT_F32, &in, (att_dtype)d, 1);
            convert(&out, (att_dtype)d, &f, ATT_F32, 1);
            if (isnan(f)) continue;
            assert_int_equal(out, in);
        }
    }
}

static void test_rounding(void **state)
{
    /* 1 + 2^-11 lies between two f16 numbers: to even. A little more rounds up, also
     * where f32 in between would have lost the little more. */
    double x[] = {1.0 + 0x1p-11, 1.0 + 0x1p-11 + 0x1p-40,
                  65519.0,       65520.0,
                  0x1p-25,       0x1.8p-25,
                  -0x1p-24,      1e300,
                  NAN,           -0.0};
    uint16_t want[] = {0x3c00, 0x3c01, 0x7bff, 0x7c00, 0,
                       1,      0x8001, 0x7c00, 0x7e00, 0x8000};
    uint16_t got[10], bf[3];
    float y[] = {1.0f + 0x1p-8f, 1.0f + 0x1.8p-8f, 0x1p-133f};
    (void)state;
    convert(got, ATT_F16, x, ATT_F64, 10);
    for (int i = 0; i < 10; i++) assert_int_equal(got[i], want[i]);
    convert(bf, ATT_BF16, y, ATT_F32, 3);
    assert_int_equal(bf[0], 0x3f80);
    assert_int_equal(bf[1], 0x3f81);
    assert_int_equal(bf[2], 1);
}

static void test_integers_saturate(void **state)
{
    float x[] = {300.0f, -300.0f, 2.9f, -2.9f, NAN, INFINITY};
    int8_t i8[6], want8[] = {127, -128, 2, -2, 0, 127};
    uint8_t u8[6], wantu[] = {255, 0, 2, 0, 0, 255};
    int64_t i64[6], big = INT64_C(9007199254740993);
    int32_t i32;
    double d;
    (void)state;
    convert(i8, ATT_I8, x, ATT_F32, 6);
    convert(u8, ATT_U8, x, ATT_F32, 6);
    assert_memory_equal(i8, want8, 6);
    assert_memory_equal(u8, wantu, 6);
    convert(i64, ATT_I64, x, ATT_F32, 6);
    assert_true(i64[5] == INT64_MAX && i64[3] == -2);
    convert(&i32, ATT_I32, &big, ATT_I64, 1);
    assert_int_equal(i32, INT32_MAX);
    convert(&d, ATT_F64, &big, ATT_I64, 1);
    assert_true(d == 9007199254740992.0);
    unsigned char b[6], wantb[] = {1, 1, 1, 1, 1, 1};
    convert(b, ATT_BOOL, x, ATT_F32, 6);
    assert_memory_equal(b, wantb, 6);
}

static void test_copy_checks(void **state)
{
    float x[4] = {0};
    int64_t a[2] = {2, 2}, b[2] = {4, 1};
    att_tensor t, u;
    (void)state;
    assert_ok(att_tensor_view(&t, x, ATT_F32, 2, a));
    assert_ok(att_tensor_view(&u, x, ATT_F32, 2, b));
    assert_fails(att_tensor_copy(&t, &u), ATT_ESHAPE, "dim 0 is 4 into 2");
    assert_fails(att_tensor_copy(&t, NULL), ATT_EINVAL, "NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_and_bounds),
        cmocka_unit_test(test_storage_lives_as_long_as_its_views),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_half_precision_is_exact),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_integers_saturate),
        cmocka_unit_test(test_copy_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
