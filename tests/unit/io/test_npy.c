/* test_npy.c - arrays that numpy wrote (tests/fuzz/corpora/npy, numpy 2), arrays that this
 * library writes, and what must be refused: every cut of a file, every changed byte of a
 * zip, lies about sizes. */
#include "attend/npy.h"
#include "base/crc32.h"
#include "io/inflate.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *corpus(const char *name, size_t *n)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/fuzz/corpora/npy/%s", ATTEND_SOURCE_DIR,
             name);
    return support_read(path, n);
}

static void load(att_tensor *t, const char *name)
{
    size_t n;
    char *bytes = corpus(name, &n);
    assert_ok(att_npy_load_memory(t, bytes, n, name));
    free(bytes);
}

static void what_numpy_wrote(void **state)
{
    (void)state;
    att_tensor t;
    load(&t, "f4");
    assert_true(t.dtype == ATT_F32 && t.ndim == 2 && t.shape[0] == 2 &&
                t.shape[1] == 3);
    for (int i = 0; i < 6; i++) assert_true(((float *)t.data)[i] == (float)i);
    att_tensor_deinit(&t);
    load(&t, "f8_fortran"); /* [2,3,4] in Fortran order */
    assert_true(t.dtype == ATT_F64 && t.ndim == 3 && t.shape[2] == 4);
    for (int i = 0; i < 24; i++) assert_true(((double *)t.data)[i] == i);
    att_tensor_deinit(&t);
    load(&t, "f2_big"); /* other byte order: 0, 1, 2 */
    const uint16_t half[3] = {0, 0x3c00, 0x4000};
    assert_true(t.dtype == ATT_F16 && !memcmp(t.data, half, sizeof half));
    att_tensor_deinit(&t);
    load(&t, "i8_scalar");
    assert_true(t.dtype == ATT_I64 && t.ndim == 0 && *(int64_t *)t.data == 7);
    att_tensor_deinit(&t);
    load(&t, "bool_empty");
    assert_true(t.dtype == ATT_BOOL && t.shape[0] == 0 && t.shape[1] == 3);
    att_tensor_deinit(&t);
    load(&t, "v3"); /* version 3, keys in another order, double quotes */
    assert_true(t.dtype == ATT_I32 && ((int32_t *)t.data)[1] == 2);
    att_tensor_deinit(&t);
}

static void archives(void **state)
{
    (void)state;
    static const char *const name[2] = {"zip_stored", "zip_deflated"};
    for (int k = 0; k < 2; k++) {
        size_t n;
        char *bytes = corpus(name[k], &n);
        att_npz *z = NULL;
        att_tensor t;
        assert_ok(att_npz_open_memory(&z, bytes, n, name[k]));
        assert_int_equal(att_npz_count(z), 2); /* readme.txt is no array */
        assert_string_equal(att_npz_name(z, 1), "b");
        assert_ok(att_npz_get(z, &t, "a"));
        assert_true(t.shape[0] == 8 && t.shape[1] == 5);
        for (int i = 0; i < 40; i++) assert_true(((float *)t.data)[i] == (float)i);
        att_tensor_deinit(&t);
        assert_ok(att_npz_get(z, &t, "b"));
        for (int i = 0; i < 36; i++)
            assert_int_equal(((int32_t *)t.data)[i], i % 7 == 0);
        att_tensor_deinit(&t);
        assert_fails(att_npz_get(z, &t, "c"), ATT_ENOTFOUND, "no array 'c'");
        att_npz_close(z);
        free(bytes);
    }
}

/* Every cut is refused, and so is every array whose bytes were changed. */
static void damaged(void **state)
{
    (void)state;
    static const char *const name[4] = {"f4", "f8_fortran", "zip_stored",
                                        "zip_deflated"};
    for (int k = 0; k < 4; k++) {
        size_t n;
        char *bytes = corpus(name[k], &n);
        att_npz *z = NULL;
        att_tensor t;
        for (size_t cut = 0; cut < n; cut++) {
            char *part = malloc(cut + 1); /* so that a read past the end is seen */
            memcpy(part, bytes, cut);
            assert_fails(att_npy_load_memory(&t, part, cut, "cut"), ATT_EFORMAT, "cut");
            assert_fails(att_npz_open_memory(&z, part, cut, "cut"), ATT_EFORMAT, "cut");
            free(part);
        }
        for (size_t i = 0; k >= 2 && i < n; i++)
            for (int bit = 0; bit < 8; bit++) {
                bytes[i] = (char)(bytes[i] ^ 1 << bit);
                if (att_npz_open_memory(&z, bytes, n, "bit") == ATT_OK) {
                    for (int64_t m = 0; m < att_npz_count(z); m++)
                        if (att_npz_get(z, &t, att_npz_name(z, m)) == ATT_OK) {
                            float sum =
                                0; /* a checksum says that these are the bytes */
                            for (int64_t e = 0; e < att_tensor_count(&t); e++)
                                sum += t.dtype == ATT_F32
                                           ? ((float *)t.data)[e]
                                           : (float)((int32_t *)t.data)[e];
                            assert_true(sum == (t.dtype == ATT_F32 ? 780.0f : 6.0f));
                            att_tensor_deinit(&t);
                        }
                    att_npz_close(z);
                }
                bytes[i] = (char)(bytes[i] ^ 1 << bit);
            }
        free(bytes);
    }
}

static size_t make(char *out, int version, const char *header, size_t data)
{
    size_t n = strlen(header), start = version == 1 ? 10 : 12;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (char)version;
    out[7] = 0;
    for (size_t i = 8; i < start; i++) out[i] = (char)(n >> 8 * (i - 8) & 255);
    memcpy(out + start, header, n);
    memset(out + start + n, 1, data);
    return start + n + data;
}

static void must_be_rejected(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        att_status code;
        const char *part;
    } bad[] = {
        {"", 0, ATT_EFORMAT, "'{'"},
        {"{}", 0, ATT_EFORMAT, "lacks"},
        {"{'descr': '<f4', 'shape': (1,)}", 4, ATT_EFORMAT, "lacks"},
        {"{'descr': '<f4', 'descr': '<f4'}", 4, ATT_EFORMAT, "twice"},
        {"{'descr': '<f4', 'more': (1,)}", 4, ATT_EFORMAT, "'more'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 4, ATT_EFORMAT,
         "4 bytes of elements, its shape wants 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 8, ATT_EFORMAT,
         "wants 4"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", 4, ATT_EFORMAT,
         "neither"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, ATT_EFORMAT,
         "number"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}", 4, ATT_EFORMAT,
         "','"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,", 4, ATT_EFORMAT, ""},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1)}", 4,
         ATT_ENOTSUP, "6 dim"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
         4, ATT_EFORMAT, "2^63"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
         0, ATT_EFORMAT, "overflows"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4, ATT_EFORMAT,
         "behind"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8, ATT_ENOTSUP,
         "pickle"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8, ATT_ENOTSUP,
         "'<c8'"},
        {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", 8, ATT_ENOTSUP, "''"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4,
         ATT_ENOTSUP, "structured"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), "
         "'a very long key that no file has': 1}",
         4, ATT_EFORMAT, "long"},
    };
    char file[512];
    att_tensor t;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (int version = 1; version <= 3; version++) {
            size_t n = make(file, version, bad[i].header, bad[i].data);
            assert_fails(att_npy_load_memory(&t, file, n, "m"), bad[i].code,
                         bad[i].part);
        }
    size_t n = make(file, 4, "{}", 0);
    assert_fails(att_npy_load_memory(&t, file, n, "m"), ATT_EFORMAT, "version 4.0");
    n = make(file, 2, "{}", 0);
    file[11] = 127; /* a header of 2 GB */
    assert_fails(att_npy_load_memory(&t, file, n, "m"), ATT_EFORMAT, "2130706434");
}

/* A member may not claim more than deflate can make; nor lie elsewhere. */
static void lies_of_archives(void **state)
{
    (void)state;
    size_t n;
    char *bytes = corpus("zip_deflated", &n);
    att_npz *z = NULL;
    size_t dir = n;
    while (memcmp(bytes + dir - 4, "PK\1\2", 4) != 0) dir--;
    while (dir > 4 && memcmp(bytes + dir - 4, "PK\3\4", 4) != 0) dir--;
    for (dir = 0; memcmp(bytes + dir, "PK\1\2", 4) != 0;) dir++; /* the first entry */
    char *size = bytes + dir + 24, old = size[3];
    size[3] = 0x7f;
    assert_fails(att_npz_open_memory(&z, bytes, n, "z"), ATT_EFORMAT, "cannot become");
    size[3] = old;
    bytes[dir + 10] = 12; /* bzip2 */
    assert_fails(att_npz_open_memory(&z, bytes, n, "z"), ATT_ENOTSUP, "method 12");
    bytes[dir + 10] = 8;
    bytes[dir + 8] = 1;
    assert_fails(att_npz_open_memory(&z, bytes, n, "z"), ATT_ENOTSUP, "encrypted");
    bytes[dir + 8] = 0;
    bytes[dir + 42] = 1;
    assert_fails(att_npz_open_memory(&z, bytes, n, "z"), ATT_EFORMAT, "not where");
    bytes[dir + 42] = 0;
    bytes[dir + 46] = 'q';
    assert_fails(att_npz_open_memory(&z, bytes, n, "z"), ATT_EFORMAT, "another name");
    free(bytes);
}

/* Streams made by hand: each kind of block, and what no stream may do. */
static void deflate(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t n_in;
        const char *out; /* NULL: refused */
        size_t n_out;
        const char *part;
    } s[] = {
        {"\x01\x03\x00\xfc\xff"
         "abc",
         8, "abc", 3, NULL},
        {"\x4b\x4c\x4a\x06\x00", 5, "abc", 3, NULL},         /* fixed codes */
        {"\x4b\x4c\x84\x01\x00", 5, "aaaaaaaaaa", 10, NULL}, /* a match over itself */
        {"\x01\x03\x00\xfb\xff"
         "abc",
         8, NULL, 3, "length"},
        {"\x01\x04\x00\xfb\xff"
         "abc",
         8, NULL, 4, "early"},
        {"\x4b\x4c\x4a\x06\x00", 5, NULL, 2, "more bytes"},
        {"\x4b\x4c\x4a\x06\x00", 5, NULL, 4, "fewer bytes"},
        {"\x4b\x4c\x4a", 3, NULL, 3, "early"},
        {"\x07", 1, NULL, 1, "no kind"},
        {"\x03\x02\x00", 3, NULL, 3, "before"}, /* a match at the very beginning */
        {"", 0, NULL, 1, "early"},
    };
    for (size_t i = 0; i < sizeof s / sizeof s[0]; i++) {
        unsigned char out[16] = {0};
        const unsigned char *in = (const unsigned char *)s[i].in;
        if (s[i].out) {
            assert_ok(atti_inflate(out, s[i].n_out, in, s[i].n_in, "d"));
            assert_memory_equal(out, s[i].out, s[i].n_out);
        } else {
            assert_fails(atti_inflate(out, s[i].n_out, in, s[i].n_in, "d"), ATT_EFORMAT,
                         s[i].part);
        }
    }
    assert_int_equal(atti_crc32(0, "123456789", 9), 0xcbf43926);
}

static void written_and_read(void **state)
{
    (void)state;
    static const int32_t dtype[] = {ATT_F16, ATT_F32, ATT_F64, ATT_I8,
                                    ATT_I32, ATT_I64, ATT_U8,  ATT_BOOL};
    unsigned char data[3 * 4 * 8];
    const char *path = support_temp("a.npy");
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i % 2);
    for (size_t k = 0; k < sizeof dtype / sizeof dtype[0]; k++)
        for (int32_t ndim = 0; ndim <= 2; ndim++) {
            const int64_t shape[2] = {3, 4};
            const int32_t turn[2] = {1, 0};
            att_tensor t, u, back;
            assert_ok(att_tensor_view(&t, data, (att_dtype)dtype[k], ndim, shape));
            if (ndim == 2)
                assert_ok(att_tensor_permute(&u, &t, turn)); /* strided */
            else
                u = t;
            assert_ok(att_npy_write(path, &u));
            assert_ok(att_npy_load(&back, path));
            assert_true(back.dtype == u.dtype && back.ndim == u.ndim);
            size_t w = att_dtype_size((att_dtype)dtype[k]);
            for (int64_t i = 0; i < (ndim == 2 ? 4 : 1); i++)
                for (int64_t j = 0; j < (ndim > 0 ? 3 : 1); j++)
                    assert_memory_equal(
                        (char *)back.data + (size_t)(ndim == 2 ? 3 * i + j : j) * w,
                        data + (size_t)(ndim == 2 ? 4 * j + i : j) * w, w);
            att_tensor_deinit(&back);
        }
    att_tensor t;
    const int64_t one = 1;
    assert_ok(att_tensor_view(&t, data, ATT_BF16, 1, &one));
    assert_fails(att_npy_write(path, &t), ATT_ENOTSUP, "BF16");
}

static void tables_by_ending(void **state)
{
    (void)state;
    const char *csv = support_temp("t.CSV"), *bad = support_temp("bad.tsv");
    att_tensor t;
    support_write_text(csv, "# positions\n1, 2.5,-3e2\n\n4;5 ; 6 # the second\n");
    assert_ok(att_array_load(&t, csv, NULL));
    const float want[6] = {1, 2.5f, -300, 4, 5, 6};
    assert_true(t.ndim == 2 && t.shape[0] == 2 && t.shape[1] == 3);
    assert_same_bits(t.data, want, 6);
    att_tensor_deinit(&t);
    static const char *const wrong[][2] = {{"1 2\n3\n", ":2: 1 numbers, 2"},
                                           {"1,,2\n", "empty"},
                                           {"1,2,\n", "empty"},
                                           {",1\n", "empty"},
                                           {"1 x\n", "'x'"},
                                           {"# nothing\n", "no numbers"},
                                           {"1e9999\n", "1e9999"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        support_write_text(bad, wrong[i][0]);
        assert_fails(att_array_load(&t, bad, NULL), ATT_EFORMAT, wrong[i][1]);
    }
    size_t n;
    char *bytes = corpus("zip_deflated", &n);
    const char *npz = support_temp("t.npz");
    support_write(npz, bytes, n);
    free(bytes);
    assert_fails(att_array_load(&t, npz, NULL), ATT_EINVAL, "2 arrays");
    assert_ok(att_array_load(&t, npz, "a"));
    assert_int_equal(att_tensor_count(&t), 40);
    att_tensor_deinit(&t);
}

static att_status load_all(void *ctx)
{
    att_tensor t;
    att_npz *z = NULL;
    att_status st = att_npz_open(&z, ctx);
    if (st == ATT_OK) st = att_npz_get(z, &t, "a");
    if (st == ATT_OK) att_tensor_deinit(&t);
    att_npz_close(z);
    return st;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    size_t n;
    char path[1024], *bytes = corpus("zip_deflated", &n);
    snprintf(path, sizeof path, "%s", support_temp("m.npz"));
    support_write(path, bytes, n);
    free(bytes);
    assert_true(support_fail_every_alloc(load_all, path) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_numpy_wrote),
        cmocka_unit_test(archives),
        cmocka_unit_test(damaged),
        cmocka_unit_test(must_be_rejected),
        cmocka_unit_test(lies_of_archives),
        cmocka_unit_test(deflate),
        cmocka_unit_test(written_and_read),
        cmocka_unit_test(tables_by_ending),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
