/* Bad arguments to base.h, kernels.h, tensor.h, safetensors.h and metrics.h; and no public
 * header without a walk. */
#include "api_walk.h"
#include "attend/attend.h"

#include <dirent.h>
#include <math.h>

static int deleted;

static void count_delete(void *user, void *data)
{
    (void)user, (void)data;
    deleted++;
}

static void base(void **state)
{
    (void)state;
    int32_t before = att_threads();
    BEARS(att_status_name, !strcmp(att_status_name((att_status)-99), "ATT_?"));
    BEARS(att_status_name, !strcmp(att_status_name((att_status)1), "ATT_?"));
    BEARS(att_error_message, att_error_message() != NULL);
    BEARS(att_version, *att_version() != '\0');
    BEARS(att_abi_version, att_abi_version() >= 0);
    BEARS(att_build_info, *att_build_info() != '\0');
    BEARS(att_set_threads, att_set_threads(-1) == -1);
    BEARS(att_set_threads, att_set_threads(1025) == -1);
    BEARS(att_set_threads, att_set_threads(INT32_MIN) == -1);
    BEARS(att_threads, att_threads() == before);
    SURVIVES(att_set_log, (NULL, NULL));
    assert_no_mismatch();
    assert_walked("base.h");
}

static void kernels(void **state)
{
    (void)state;
    setenv("ATTEND_ISA", "abacus", 1);
    REFUSES(att_kernels_check, (), ATT_EINVAL, "abacus");
    BEARS(att_kernels_isa, att_kernels_isa() != NULL);
    BEARS(att_kernels_available, att_kernels_available(0) != NULL);
    BEARS(att_kernels_available, att_kernels_available(-1) == NULL);
    BEARS(att_kernels_available, att_kernels_available(1000) == NULL);
    BEARS(att_kernels_peak_gflops, att_kernels_peak_gflops() >= 0.0);
    BEARS(att_kernels_bf16, att_kernels_bf16() != NULL);
    BEARS(att_kernels_peak_bf16_gflops, att_kernels_peak_bf16_gflops() >= 0.0);
    BEARS(att_kernels_read_gb_per_s, att_kernels_read_gb_per_s(0) >= 0.0);
    BEARS(att_kernels_read_gb_per_s, att_kernels_read_gb_per_s(1 << 20) > 0.0);
    BEARS(att_matmul_provider, att_matmul_provider() != NULL);
    assert_no_mismatch();
    assert_walked("kernels.h");
}

static void tensors(void **state)
{
    (void)state;
    float data[6] = {0};
    const int64_t shape[] = {2, 3}, minus[] = {2, -3}, seven[7] = {1, 1, 1, 1, 1, 1, 1};
    const int64_t huge[] = {INT64_MAX / 2, 3}, wide[] = {INT64_MAX / 2, 1};
    const att_dtype no_dtype = (att_dtype)99;
    att_tensor t = {0}, u = {0}, v = {0};
    BEARS(att_dtype_name, !strcmp(att_dtype_name(no_dtype), "?"));
    BEARS(att_dtype_name, !strcmp(att_dtype_name((att_dtype)-1), "?"));
    BEARS(att_dtype_size, att_dtype_size(no_dtype) == 0);

    REFUSES(att_tensor_view, (NULL, data, ATT_F32, 2, shape), ATT_EINVAL, "NULL");
    REFUSES(att_tensor_view, (&t, NULL, ATT_F32, 2, shape), ATT_EINVAL, "NULL");
    REFUSES(att_tensor_view, (&t, data, no_dtype, 2, shape), ATT_EINVAL, "99");
    REFUSES(att_tensor_view, (&t, data, ATT_F32, -1, shape), ATT_EINVAL, "-1");
    REFUSES(att_tensor_view, (&t, data, ATT_F32, 7, seven), ATT_EINVAL, "7");
    REFUSES(att_tensor_view, (&t, data, ATT_F32, 2, NULL), ATT_EINVAL, "shape");
    REFUSES(att_tensor_view, (&t, data, ATT_F32, 2, minus), ATT_EINVAL, "-3");
    REFUSES(att_tensor_view, (&t, data, ATT_F32, 2, huge), ATT_ESHAPE, "overflow");
    REFUSES(att_tensor_view, (&t, data, ATT_F64, 2, wide), ATT_ESHAPE, "overflow");
    REFUSES(att_tensor_alloc, (NULL, ATT_F32, 2, shape), ATT_EINVAL, "NULL");
    REFUSES(att_tensor_alloc, (&t, no_dtype, 2, shape), ATT_EINVAL, "99");
    REFUSES(att_tensor_alloc, (&t, ATT_F32, 2, minus), ATT_EINVAL, "-3");
    REFUSES(att_tensor_alloc, (&t, ATT_F32, 2, huge), ATT_ESHAPE, "overflow");
    REFUSES(att_tensor_foreign, (NULL, data, ATT_F32, 2, shape, count_delete, NULL),
            ATT_EINVAL, "NULL");
    REFUSES(att_tensor_foreign, (&t, NULL, ATT_F32, 2, shape, count_delete, NULL),
            ATT_EINVAL, "NULL");
    REFUSES(att_tensor_foreign, (&t, data, ATT_F32, 9, seven, count_delete, NULL),
            ATT_EINVAL, "9");
    assert_int_equal(deleted, 0);
    assert_null(t.data);

    assert_ok(att_tensor_view(&t, data, ATT_F32, 2, shape));
    const int32_t twice[] = {1, 1}, outside[] = {0, 2};
    const int64_t five[] = {5}, two_open[] = {-1, -1}, bad_dim[] = {-2, 3};
    REFUSES(att_tensor_slice, (NULL, &t, 0, 0, 1), ATT_EINVAL, "NULL");
    REFUSES(att_tensor_slice, (&u, NULL, 0, 0, 1), ATT_EINVAL, "NULL");
    REFUSES(att_tensor_slice, (&t, &t, 0, 0, 1), ATT_EINVAL, "dst is src");
    REFUSES(att_tensor_slice, (&u, &t, 2, 0, 1), ATT_EINVAL, "dim 2");
    REFUSES(att_tensor_slice, (&u, &t, -1, 0, 1), ATT_EINVAL, "dim -1");
    REFUSES(att_tensor_slice, (&u, &t, 1, 0, 4), ATT_EINVAL, "4");
    REFUSES(att_tensor_slice, (&u, &t, 1, 2, 1), ATT_EINVAL, "2");
    REFUSES(att_tensor_slice, (&u, &t, 1, INT64_MIN, 1), ATT_EINVAL, "");
    REFUSES(att_tensor_permute, (&u, &t, NULL), ATT_EINVAL, "order");
    REFUSES(att_tensor_permute, (&u, &t, twice), ATT_EINVAL, "1");
    REFUSES(att_tensor_permute, (&u, &t, outside), ATT_EINVAL, "2");
    REFUSES(att_tensor_permute, (&u, NULL, twice), ATT_EINVAL, "NULL");
    REFUSES(att_tensor_reshape, (NULL, &t, 1, five), ATT_EINVAL, "NULL");
    REFUSES(att_tensor_reshape, (&u, &t, 1, five), ATT_ESHAPE, "5");
    REFUSES(att_tensor_reshape, (&u, &t, 2, two_open), ATT_EINVAL, "");
    REFUSES(att_tensor_reshape, (&u, &t, 2, bad_dim), ATT_EINVAL, "-2");
    REFUSES(att_tensor_reshape, (&u, &t, 8, seven), ATT_EINVAL, "8");
    REFUSES(att_tensor_reshape, (&u, &t, 2, NULL), ATT_EINVAL, "");
    REFUSES(att_tensor_reshape, (&u, &t, 2, huge), ATT_EINVAL, "");
    REFUSES(att_tensor_copy, (NULL, &t), ATT_EINVAL, "NULL");
    REFUSES(att_tensor_copy, (&t, NULL), ATT_EINVAL, "NULL");
    assert_ok(att_tensor_view(&v, data, ATT_F32, 1, shape));
    REFUSES(att_tensor_copy, (&v, &t), ATT_ESHAPE, "dims");
    v.dtype = 42;
    REFUSES(att_tensor_copy, (&v, &v), ATT_EINVAL, "dtype");
    assert_null(u.data);

    SURVIVES(att_tensor_deinit, (NULL));
    SURVIVES(att_tensor_deinit, (&u));
    SURVIVES(att_tensor_retain, (&u, &t));
    BEARS(att_tensor_count, att_tensor_count(NULL) == 0);
    BEARS(att_tensor_contiguous, att_tensor_contiguous(NULL) == 0);
    assert_no_mismatch();
    assert_walked("tensor.h");
}

static void safetensors(void **state)
{
    (void)state;
    att_safetensors *f = NULL;
    att_safetensors_entry entry;
    att_tensor t = {0};
    const int64_t shape[] = {1};
    float one = 1.0f;
    const char *const names[] = {"a", "a"}, *const hidden[] = {"__metadata__"},
                      *const latin1[] = {"\xe9"}, *const none[] = {NULL};
    const char *const no_pair[][2] = {{NULL, "x"}};
    const char *path = support_temp("x.safetensors");
    REFUSES(att_safetensors_open, (NULL, path), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_open, (&f, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_open, (&f, path), ATT_ENOTFOUND, "x.safetensors");
    REFUSES(att_safetensors_open_memory, (NULL, "", 0, "m"), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_open_memory, (&f, NULL, 9, "m"), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_open_memory, (&f, "short", 5, "m"), ATT_EFORMAT, "m");
    assert_null(f);

    att_tensor w[2];
    assert_ok(att_tensor_view(&w[0], &one, ATT_F32, 1, shape));
    w[1] = w[0];
    REFUSES(att_safetensors_write, (NULL, names, w, 1, NULL, 0), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_write, (path, NULL, w, 1, NULL, 0), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_write, (path, names, NULL, 1, NULL, 0), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_write, (path, names, w, -1, NULL, 0), ATT_EINVAL, "");
    REFUSES(att_safetensors_write, (path, names, w, 1, NULL, 1), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_write, (path, names, w, 1, no_pair, 1), ATT_EINVAL, "");
    REFUSES(att_safetensors_write, (path, names, w, 2, NULL, 0), ATT_EINVAL, "'a'");
    REFUSES(att_safetensors_write, (path, hidden, w, 1, NULL, 0), ATT_EINVAL, "");
    REFUSES(att_safetensors_write, (path, latin1, w, 1, NULL, 0), ATT_EINVAL, "");
    REFUSES(att_safetensors_write, (path, none, w, 1, NULL, 0), ATT_EINVAL, "");
    REFUSES(att_safetensors_write, (support_temp("no/such/x"), names, w, 1, NULL, 0),
            ATT_EIO, "no/such");
    w[1].ndim = 77;
    REFUSES(att_safetensors_write, (path, names, w + 1, 1, NULL, 0), ATT_EINVAL, "'a'");
    assert_ok(att_safetensors_write(path, names, w, 1, NULL, 0));
    assert_ok(att_safetensors_open(&f, path));
    REFUSES(att_safetensors_entry_at, (f, 1, &entry), ATT_EINVAL, "1");
    REFUSES(att_safetensors_entry_at, (f, -1, &entry), ATT_EINVAL, "-1");
    REFUSES(att_safetensors_entry_at, (NULL, 0, &entry), ATT_EINVAL, "");
    REFUSES(att_safetensors_entry_at, (f, 0, NULL), ATT_EINVAL, "");
    REFUSES(att_safetensors_get, (NULL, &t, "a"), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_get, (f, NULL, "a"), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_get, (f, &t, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_safetensors_get, (f, &t, "b"), ATT_ENOTFOUND, "'b'");
    BEARS(att_safetensors_count, att_safetensors_count(NULL) == 0);
    BEARS(att_safetensors_find, att_safetensors_find(NULL, "a") == -1);
    BEARS(att_safetensors_find, att_safetensors_find(f, NULL) == -1);
    BEARS(att_safetensors_metadata_count, att_safetensors_metadata_count(NULL) == 0);
    BEARS(att_safetensors_metadata_key, !att_safetensors_metadata_key(f, 1));
    BEARS(att_safetensors_metadata_key, !att_safetensors_metadata_key(f, -1));
    BEARS(att_safetensors_metadata_key, !att_safetensors_metadata_key(NULL, 0));
    BEARS(att_safetensors_metadata, !att_safetensors_metadata(f, NULL));
    BEARS(att_safetensors_metadata, !att_safetensors_metadata(NULL, "format"));
    SURVIVES(att_safetensors_close, (NULL));
    att_safetensors_close(f);
    assert_no_mismatch();
    assert_walked("safetensors.h");
}

static void metrics(void **state)
{
    (void)state;
    const char *const hyps[] = {"a b c", "d"}, *const holes[] = {"a", NULL},
                      *const stream[] = {"a", "b"};
    const char *const *const refs[] = {stream}, *const *const part[] = {holes},
                             *const *const none[] = {NULL};
    att_bleu_tokenize how = ATT_BLEU_13A;
    att_bleu b = {.score = -7};
    att_chrf c = {.score = -7};
    att_bleu_opts bo;
    att_chrf_opts co;
    BEARS(att_bleu_tokenize_name, !att_bleu_tokenize_name((att_bleu_tokenize)5));
    BEARS(att_bleu_tokenize_name, !att_bleu_tokenize_name((att_bleu_tokenize)-1));
    REFUSES(att_bleu_tokenize_find, (NULL, "13a"), ATT_EINVAL, "");
    REFUSES(att_bleu_tokenize_find, (&how, NULL), ATT_EINVAL, "");
    REFUSES(att_bleu_tokenize_find, (&how, "14b"), ATT_ENOTFOUND, "13a");
    SURVIVES(att_bleu_opts_init, (NULL));
    SURVIVES(att_chrf_opts_init, (NULL));

    REFUSES(att_bleu_corpus, (NULL, hyps, refs, 1, 2, NULL), ATT_EINVAL, "");
    REFUSES(att_bleu_corpus, (&b, NULL, refs, 1, 2, NULL), ATT_EINVAL, "");
    REFUSES(att_bleu_corpus, (&b, hyps, NULL, 1, 2, NULL), ATT_EINVAL, "");
    REFUSES(att_bleu_corpus, (&b, hyps, refs, 0, 2, NULL), ATT_EINVAL, "0");
    REFUSES(att_bleu_corpus, (&b, hyps, refs, 1, 0, NULL), ATT_EINVAL, "0");
    REFUSES(att_bleu_corpus, (&b, hyps, refs, 1, -5, NULL), ATT_EINVAL, "-5");
    REFUSES(att_bleu_corpus, (&b, hyps, none, 1, 2, NULL), ATT_EINVAL, "");
    REFUSES(att_bleu_corpus, (&b, holes, refs, 1, 2, NULL), ATT_EINVAL, "1");
    REFUSES(att_bleu_corpus, (&b, hyps, part, 1, 2, NULL), ATT_EINVAL, "1");
#define REFUSES_BLEU(field, value, part)                                               \
    do {                                                                               \
        att_bleu_opts_init(&bo);                                                       \
        bo.field = (value);                                                            \
        REFUSES(att_bleu_corpus, (&b, hyps, refs, 1, 2, &bo), ATT_EINVAL, part);       \
    } while (0)
    REFUSES_BLEU(size, 3, "3");
    REFUSES_BLEU(tokenize, 9, "9");
    REFUSES_BLEU(smooth, -1, "-1");
    REFUSES_BLEU(smooth_value, (double)NAN, "");
    REFUSES_BLEU(bootstrap, -1, "-1");
#define REFUSES_CHRF(field, value, part)                                               \
    do {                                                                               \
        att_chrf_opts_init(&co);                                                       \
        co.field = (value);                                                            \
        REFUSES(att_chrf_corpus, (&c, hyps, refs, 1, 2, &co), ATT_EINVAL, part);       \
    } while (0)
    REFUSES_CHRF(size, 3, "3");
    REFUSES_CHRF(char_order, 0, "0");
    REFUSES_CHRF(char_order, 17, "17");
    REFUSES_CHRF(word_order, -1, "-1");
    REFUSES_CHRF(beta, 0, "0");
    REFUSES_CHRF(bootstrap, 2000000, "2000000");
    REFUSES(att_chrf_corpus, (NULL, hyps, refs, 1, 2, NULL), ATT_EINVAL, "");
    REFUSES(att_chrf_corpus, (&c, NULL, refs, 1, 2, NULL), ATT_EINVAL, "");
    REFUSES(att_chrf_corpus, (&c, hyps, part, 1, 2, NULL), ATT_EINVAL, "1");
    REFUSES(att_chrf_corpus, (&c, hyps, refs, -1, 2, NULL), ATT_EINVAL, "-1");
    assert_true(b.score == -7 && c.score == -7);
    assert_no_mismatch();
    assert_walked("metrics.h");
}

/* A header that is added needs its walk: in this program or beside it. */
static void every_header_has_a_walk(void **state)
{
    (void)state;
    /* view.h has no walk yet: what its functions refuse is in tests/unit/view in part. */
    static const char *const walked[] = {
        "base.h",     "kernels.h",   "tensor.h",  "safetensors.h", "metrics.h",
        "tape.h",     "attention.h", "model.h",   "tokenizer.h",   "decode.h",
        "train.h",    "view.h",      "explain.h", "nn.h",          "npy.h",
        "classify.h", "generate.h",  "attend.h" /* includes the others */};
    DIR *dir = opendir(ATTEND_SOURCE_DIR "/include/attend");
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        const char *dot = strrchr(e->d_name, '.');
        bool found = !dot || strcmp(dot, ".h") != 0;
        for (size_t i = 0; i < sizeof walked / sizeof *walked; i++) {
            found |= strcmp(walked[i], e->d_name) == 0;
        }
        if (!found) fail_msg("%s: no test in tests/unit/api walks it", e->d_name);
    }
    closedir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels), /* first: ATTEND_ISA is read once */
        cmocka_unit_test(base),
        cmocka_unit_test(tensors),
        cmocka_unit_test(safetensors),
        cmocka_unit_test(metrics),
        cmocka_unit_test(every_header_has_a_walk),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
