/* test_safetensors.c - what must be refused is, with the reason; what is written is what
 * the reference implementation writes; unaligned files and shards read. */
#include "attend/safetensors.h"
#include "support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file of an 8-byte length, a header and n data bytes of 0x11. */
static char *file_of(const char *header, size_t n, size_t *size)
{
    size_t len = strlen(header);
    char *p = malloc(8 + len + n);
    assert_non_null(p);
    for (int i = 0; i < 8; i++) p[i] = (char)(len >> 8 * i);
    memcpy(p + 8, header, len);
    memset(p + 8 + len, 0x11, n);
    *size = 8 + len + n;
    return p;
}

static const struct {
    const char *header;
    size_t bytes;
    const char *why;
} refused[] = {
    {"[]", 0, "does not begin with '{'"},
    {" {}", 0, "does not begin with '{'"},
    {"{", 0, "x.st"},
    {"{} x", 0, "x.st"},
    {"{\"\xff\":1}", 0, "not UTF-8"},
    {"{\"a\":1}", 0, "not described by an object"},
    {"{}", 1, "header describes 0"},
    {"{\"__metadata__\":[]}", 0, "not an object"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "'k' is not a string"},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "no dtype"},
    {"{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "unknown dtype 'F33'"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "keys"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4,
     "keys"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4,
     "shape is not an array"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "dim 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "dim 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}", 4,
     "dim 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
     0, "overflows"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[36893488147419103232],\"data_offsets\":[0,0]}}",
     0, "dim 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "before"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4,
     "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,-4]}}", 4,
     "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "64 bits"},
    {"{\"a\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "4 bits"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4,
     "interrupted"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5,
     "describes 4"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "a hole"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}",
     6, "an overlap"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     8, "x.st"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        att_safetensors *f = NULL;
        size_t n;
        char *p = file_of(refused[i].header, refused[i].bytes, &n);
        assert_fails(att_safetensors_open_memory(&f, p, n, "x.st"), ATT_EFORMAT,
                     refused[i].why);
        assert_null(f);
        free(p);
    }
}

static void test_what_it_is(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *why;
    } files[] = {
        {"", 0, "shorter than the 8-byte"},
        {"abc", 3, "shorter than the 8-byte"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "Git LFS pointer"},
        {"PK\x03\x04zzzzzzzz", 12, "zip archive"},
        {"\x80\x02}q\x00zzzz", 9, "pickle"},
        {"GGUF\x03\0\0\0\0\0", 10, "GGUF"},
        {"<!DOCTYPE html><html>", 21, "HTML"},
        {"<html><body>", 12, "HTML"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "header of 18446744073709551615"},
        {"\x00\x00\x00\x07\x00\x00\x00\x00{}", 10, "header of 117440512"},
        {"\x10\x00\x00\x00\x00\x00\x00\x00{}", 10, "only 2 follow"},
        {"\x00\x00\x00\x00\x00\x00\x00\x00", 8, "does not begin"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        att_safetensors *f;
        const char *path = support_temp("file.safetensors");
        support_write(path, files[i].bytes, files[i].n);
        assert_fails(att_safetensors_open(&f, path), ATT_EFORMAT, files[i].why);
    }
    att_safetensors *f;
    assert_fails(att_safetensors_open(&f, support_temp("absent")), ATT_ENOTFOUND,
                 "absent");
}

static void test_reads(void **state)
{
    /* The first tensor begins at an odd address: it is copied. A scalar and an
     * empty one are legal; so are dtypes that only other programs compute with. */
    const char *h =
        "{\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
        "\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[1,9]},"
        "\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[9,13]},"
        "\"z\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[13,13]},"
        "\"q\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[13,15]},"
        "\"__metadata__\":{\"format\":\"pt\",\"k\":\"v\"}}   ";
    size_t n;
    char *p = file_of(h, 15, &n);
    att_safetensors *f;
    att_safetensors_entry e;
    att_tensor t;
    float want;
    (void)state;
    memset(&want, 0x11, sizeof want);
    assert_ok(att_safetensors_open_memory(&f, p, n, "x.st"));
    assert_int_equal(att_safetensors_count(f), 5);
    assert_string_equal(att_safetensors_metadata(f, "k"), "v");
    assert_null(att_safetensors_metadata(f, "x"));
    assert_int_equal(att_safetensors_metadata_count(f), 2);
    assert_ok(att_safetensors_entry_at(f, att_safetensors_find(f, "z"), &e));
    assert_int_equal(e.ndim, 2);
    assert_int_equal(e.bytes, 0);
    assert_int_equal(att_safetensors_find(f, "nope"), -1);
    assert_ok(att_safetensors_get(f, &t, "w"));
    assert_int_equal((uintptr_t)t.data % sizeof(float), 0);
    assert_close((const float *)t.data, &want, 1, 0, 0);
    att_tensor_deinit(&t);
    assert_ok(att_safetensors_get(f, &t, "s"));
    assert_int_equal(t.ndim, 0);
    assert_int_equal(att_tensor_count(&t), 1);
    assert_fails(att_safetensors_get(f, &t, "q"), ATT_ENOTSUP, "F8_E4M3");
    assert_fails(att_safetensors_get(f, &t, "nope"), ATT_ENOTFOUND, "nope");
    assert_fails(att_safetensors_entry_at(f, 5, &e), ATT_EINVAL, "5 of 5");
    att_safetensors_close(f);
    att_tensor_deinit(&t);
    free(p);
}

static const float numbers[6] = {1, -2, 3, -4, 5, -6};

/* The bytes that safetensors 0.8.0 (Python) wrote for the same tensors. */
static void test_writes_as_the_reference(void **state)
{
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"i\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[8,32]},"
        "\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[32,36]},"
        "\"h\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[36,40]},"
        "\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[40,41]}}";
    const char *names[] = {"u", "b", "a", "h", "i"};
    const char *path = support_temp("w.safetensors");
    int64_t one = 1, two = 2, shape[2] = {2, 3}, value = 7;
    unsigned char u = 9;
    uint16_t half[2] = {0x3c00, 0xc000};
    float b = 0.5f;
    att_tensor t[5];
    size_t n, len = strlen(header), padded = (len + 7) / 8 * 8;
    (void)state;
    assert_ok(att_tensor_view(&t[0], &u, ATT_U8, 1, &one));
    assert_ok(att_tensor_view(&t[1], &b, ATT_F32, 0, NULL));
    assert_ok(att_tensor_view(&t[2], (void *)(uintptr_t)numbers, ATT_F32, 2, shape));
    assert_ok(att_tensor_view(&t[3], half, ATT_F16, 1, &two));
    assert_ok(att_tensor_view(&t[4], &value, ATT_I64, 1, &one));
    assert_ok(att_safetensors_write(path, names, t, 5, NULL, 0));
    char *p = support_read(path, &n);
    assert_int_equal(n, 8 + padded + 41);
    assert_int_equal((unsigned char)p[0] | (unsigned char)p[1] << 8, (int)padded);
    assert_memory_equal(p + 8, header, len);
    for (size_t i = len; i < padded; i++) assert_int_equal(p[8 + i], ' ');
    assert_memory_equal(p + 8 + padded + 8, numbers, sizeof numbers);
    free(p);
}

static void test_round_trip_of_a_view(void **state)
{
    const char *path = support_temp("t.safetensors"), *name = "t";
    const char *const meta[][2] = {{"made", "here \"quoted\""}};
    int64_t shape[2] = {2, 3};
    int32_t order[2] = {1, 0};
    att_tensor a, b, got;
    att_safetensors *f;
    (void)state;
    assert_ok(att_tensor_view(&a, (void *)(uintptr_t)numbers, ATT_F32, 2, shape));
    assert_ok(att_tensor_permute(&b, &a, order));
    assert_ok(att_safetensors_write(path, &name, &b, 1, meta, 1));
    assert_ok(att_safetensors_open(&f, path));
    assert_string_equal(att_safetensors_metadata(f, "made"), "here \"quoted\"");
    assert_ok(att_safetensors_get(f, &got, "t"));
    att_safetensors_close(f); /* the tensor keeps the file */
    const float want[6] = {1, -4, -2, 5, 3, -6};
    assert_int_equal(got.shape[0], 3);
    assert_same_bits(got.data, want, 6);
    att_tensor_deinit(&got);
    att_tensor_deinit(&b);
}

static void test_write_refuses(void **state)
{
    const char *twice[] = {"a", "a"}, *bad[] = {"\xff"}, *meta[] = {"__metadata__"};
    const char *path = support_temp("r.safetensors");
    int64_t one = 1;
    float x = 1;
    att_tensor t[2];
    (void)state;
    assert_ok(att_tensor_view(&t[0], &x, ATT_F32, 1, &one));
    t[1] = t[0];
    assert_fails(att_safetensors_write(path, twice, t, 2, NULL, 0), ATT_EINVAL,
                 "twice");
    assert_fails(att_safetensors_write(path, bad, t, 1, NULL, 0), ATT_EINVAL,
                 "bad name");
    assert_fails(att_safetensors_write(path, meta, t, 1, NULL, 0), ATT_EINVAL,
                 "bad name");
    assert_fails(
        att_safetensors_write(support_temp("no/such/dir"), bad + 0, t, 0, NULL, 0),
        ATT_EIO, "no/such");
}

static void write_shard(const char *name, const char *tensor)
{
    int64_t one = 1;
    float x = 1;
    att_tensor t;
    assert_ok(att_tensor_view(&t, &x, ATT_F32, 1, &one));
    assert_ok(att_safetensors_write(support_temp(name), &tensor, &t, 1, NULL, 0));
}

static void test_shards(void **state)
{
    static const struct {
        const char *json, *why;
    } bad[] = {
        {"{}", "no weight_map"},
        {"{\"weight_map\":{}}", "no weight_map"},
        {"{\"weight_map\":{\"a\":1}}", "not a string"},
        {"{\"weight_map\":{\"a\":\"../s1.safetensors\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"\"}}", "plain file name"},
        {"{\"weight_map\":{\"b\":\"s1.safetensors\"}}", "not in its shard"},
        {"{\"weight_map\":{\"a\":\"s1.safetensors\",\"a\":\"s2.safetensors\"}}",
         "json"},
    };
    const char *index = support_temp("m.safetensors.index.json");
    att_safetensors *f;
    att_safetensors_entry e;
    (void)state;
    write_shard("s1.safetensors", "a");
    write_shard("s2.safetensors", "b");
    support_write_text(index, "{\"metadata\":{\"total_size\":8},\"weight_map\":{\"a\":"
                              "\"s1.safetensors\",\"b\":\"s2.safetensors\"}}");
    assert_ok(att_safetensors_open(&f, index));
    assert_int_equal(att_safetensors_count(f), 2);
    assert_ok(att_safetensors_entry_at(f, 1, &e));
    assert_string_equal(e.name, "b");
    assert_string_equal(e.file, "s2.safetensors");
    assert_string_equal(att_safetensors_metadata(f, "format"), "pt");
    att_safetensors_close(f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        support_write_text(index, bad[i].json);
        assert_fails(att_safetensors_open(&f, index), ATT_EFORMAT, bad[i].why);
    }
    support_write_text(index, "{\"weight_map\":{\"a\":\"s3.safetensors\"}}");
    assert_fails(att_safetensors_open(&f, index), ATT_ENOTFOUND, "does not exist");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_what_it_is),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_writes_as_the_reference),
        cmocka_unit_test(test_round_trip_of_a_view),
        cmocka_unit_test(test_write_refuses),
        cmocka_unit_test(test_shards),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
