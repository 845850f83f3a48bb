/* test_model.c - directories that must be refused, with the reason; what is written is what was
 * read; decoding defaults come from generation_config.json. */
#include "attend/decode.h"
#include "attend/safetensors.h"
#include "base/file.h"
#include "models/marian/marian_config.h"
#include "models/model_internal.h"
#include "models/save.h"
#include "support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *dir_file(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return support_temp(path);
}

static void copy(const char *from_dir, const char *to_dir, const char *name)
{
    char from[256];
    size_t n;
    snprintf(from, sizeof from, "%s/%s", from_dir, name);
    char *data = support_read(support_golden(from), &n);
    support_write(dir_file(to_dir, name), data, n);
    free(data);
}

/* A copy of the golden directory to damage. */
static const char *fresh(const char *name)
{
    static const char *const files[] = {"config.json",       "generation_config.json",
                                        "model.safetensors", "source.spm",
                                        "target.spm",        "vocab.json"};
    assert_ok(atti_mkdir_all(support_temp(name)));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        copy("marian_dir", name, files[i]);
    }
    return support_temp(name);
}

/* Writes the weights again, one tensor changed: dropped, reshaped, renamed or with a NaN. */
static void change(const char *dir, const char *tensor, char how)
{
    const char *path = dir_file(dir, "model.safetensors");
    const char *names[128];
    att_tensor t[128];
    att_safetensors *f;
    int64_t n = 0;
    assert_ok(att_safetensors_open(&f, path));
    for (int64_t i = 0; i < att_safetensors_count(f); i++) {
        att_safetensors_entry e;
        assert_ok(att_safetensors_entry_at(f, i, &e));
        names[n] = e.name;
        assert_ok(att_safetensors_get(f, &t[n], e.name));
        if (strcmp(e.name, tensor) == 0) {
            att_tensor own;
            if (how == 'd') {
                att_tensor_deinit(&t[n]);
                continue;
            }
            assert_ok(att_tensor_alloc(&own, ATT_F32, t[n].ndim, t[n].shape));
            assert_ok(att_tensor_copy(&own, &t[n]));
            att_tensor_deinit(&t[n]);
            t[n] = own;
            if (how == 'n') ((float *)own.data)[3] = NAN;
            if (how == 's') t[n].shape[0]--;
            if (how == 'r') names[n] = "model.extra.weight";
        }
        n++;
    }
    const char *tmp = dir_file(dir, "changed");
    assert_ok(att_safetensors_write(tmp, names, t, n, NULL, 0));
    for (int64_t i = 0; i < n; i++) att_tensor_deinit(&t[i]);
    att_safetensors_close(f);
    assert_ok(atti_rename(tmp, path));
}

static void replace_in_config(const char *dir, const char *from, const char *to)
{
    size_t n;
    const char *path = dir_file(dir, "config.json");
    char *text = support_read(path, &n), *at = strstr(text, from), out[4096];
    assert_non_null(at);
    snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, to,
             at + strlen(from));
    support_write_text(path, out);
    free(text);
}

static void test_refused_weights(void **state)
{
    static const struct {
        const char *tensor;
        char how;
        const char *why;
    } cases[] = {
        {"model.encoder.layers.0.fc1.weight", 'd',
         "'model.encoder.layers.0.fc1.weight' is missing"},
        {"model.encoder.layers.0.fc1.weight", 's', "shape [31,16], expected [32,16]"},
        {"model.decoder.layers.1.fc2.bias", 'n',
         "'model.decoder.layers.1.fc2.bias' holds NaN"},
        {"final_logits_bias", 'r', "'model.extra.weight' has no place"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        att_model *m = NULL;
        const char *dir = fresh("w");
        change("w", cases[i].tensor, cases[i].how);
        assert_fails(att_model_load(&m, dir), ATT_EFORMAT, cases[i].why);
        assert_null(m);
    }
}

static void test_refused_config(void **state)
{
    static const struct {
        const char *from, *to, *why;
        att_status code;
    } cases[] = {
        {"\"marian\"", "\"mpnet\"", "'mpnet' is not supported", ATT_ENOTSUP},
        {"\"model_type\"", "\"model_typo\"", "no model_type", ATT_EFORMAT},
        {"\"d_model\": 16", "\"d_model\": 17", "does not divide", ATT_EFORMAT},
        {"\"d_model\": 16", "\"d_model\": 32", "expected", ATT_EFORMAT},
        {"\"d_model\": 16", "\"d_model\": 1e30", "d_model", ATT_EFORMAT},
        {"\"encoder_layers\": 2", "\"encoder_layers\": 3", "is missing", ATT_EFORMAT},
        {"\"encoder_layers\": 2", "\"encoder_layers\": 1", "has no place", ATT_EFORMAT},
        {"\"encoder_layers\": 2", "\"encoder_layers\": 0", "encoder_layers",
         ATT_EFORMAT},
        {"\"swish\"", "\"swoosh\"", "'swoosh' is not one of relu", ATT_ENOTSUP},
        {"\"eos_token_id\": 0", "\"eos_token_id\": 99", "eos_token_id is 99",
         ATT_EFORMAT},
        {"\"dropout\": 0.1", "\"dropout\": 1.5", "dropout is 1.5", ATT_EFORMAT},
        {"{", "[", "config.json", ATT_EFORMAT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        att_model *m = NULL;
        const char *dir = fresh("c");
        replace_in_config("c", cases[i].from, cases[i].to);
        assert_fails(att_model_load(&m, dir), cases[i].code, cases[i].why);
    }
}

static void test_absent_files(void **state)
{
    att_model *m;
    (void)state;
    assert_fails(att_model_load(&m, support_temp("nowhere")), ATT_ENOTFOUND, "no such");
    const char *dir = fresh("a");
    assert_int_equal(remove(dir_file("a", "model.safetensors")), 0);
    assert_fails(att_model_load(&m, dir), ATT_ENOTFOUND, "no model.safetensors");
    support_write_text(dir_file("a", "pytorch_model.bin"), "x");
    assert_fails(att_model_load(&m, dir), ATT_ENOTFOUND, "pickle");
    support_write_text(dir_file("a", "model.safetensors"),
                       "version https://git-lfs.github.com/spec/v1\n");
    assert_fails(att_model_load(&m, dir), ATT_EFORMAT, "Git LFS");
    /* Without tokenizer files the model still runs on ids. */
    dir = fresh("t");
    assert_int_equal(remove(dir_file("t", "source.spm")), 0);
    assert_ok(att_model_load(&m, dir));
    int32_t *ids;
    size_t n;
    assert_fails(att_model_encode(m, 0, "a", 1, &ids, &n), ATT_ENOTFOUND, "tokenizer");
    assert_null(att_model_piece(m, 0, 1));
    att_model_destroy(m);
}

static void test_saves_what_it_loaded(void **state)
{
    att_model *a, *b;
    (void)state;
    assert_ok(att_model_load(&a, fresh("from")));
    assert_ok(atti_mkdir_all(support_temp("to")));
    atti_save s = {.family = a->family,
                   .cfg = a->cfg,
                   .params = &a->params,
                   .source_spm = dir_file("from", "source.spm"),
                   .vocab = dir_file("from", "vocab.json"),
                   .num_beams = 5,
                   .seal_padding = 1,
                   .max_length = 30};
    assert_ok(atti_model_save(support_temp("to"), &s));
    assert_ok(att_model_load(&b, support_temp("to")));
    assert_string_equal(att_model_config_json(a), att_model_config_json(b));
    assert_string_equal(att_model_type(b), "marian");
    assert_string_equal(att_model_architecture(b), "MarianMTModel");
    assert_int_equal(att_model_parameters(a), att_model_parameters(b));
    for (int64_t i = 0; i < att_model_tensor_count(a); i++) {
        att_tensor x, y;
        const char *name = att_model_tensor_name(a, i);
        assert_ok(att_model_tensor(a, &x, name));
        assert_ok(att_model_tensor(b, &y, name));
        if (strcmp(name, "final_logits_bias") == 0) {
            float *pad = (float *)y.data + a->gen.pad_id;
            assert_true(*pad == -10000.0f); /* sealed */
            *pad = ((const float *)x.data)[a->gen.pad_id];
        }
        assert_same_bits(x.data, y.data, (size_t)att_tensor_count(&x));
    }
    att_decode_opts o;
    att_decode_opts_init(&o, b);
    assert_int_equal(o.beam_size, 5);
    assert_int_equal(o.max_length, 30);
    assert_true(b->gen.n_bad == 1 && b->gen.bad_ids[0] == b->gen.pad_id);
    att_model_destroy(a);
    att_model_destroy(b);
}

static void test_generation_config(void **state)
{
    att_model *m;
    att_decode_opts o;
    const char *dir = fresh("g");
    (void)state;
    support_write_text(
        dir_file("g", "generation_config.json"),
        "{\"num_beams\":6.0,\"length_penalty\":0.6,\"max_new_tokens\":9,"
        "\"max_length\":99,\"early_stopping\":\"never\",\"eos_token_id\":"
        "[0,2],\"no_repeat_ngram_size\":3,\"min_length\":5}");
    assert_ok(att_model_load(&m, dir));
    att_decode_opts_init(&o, m);
    assert_int_equal(o.beam_size, 6);
    assert_true(o.length_alpha == 0.6f);
    assert_int_equal(o.max_length, 9);
    assert_true(o.max_length_factor == 0.0f); /* its word holds, as in transformers */
    assert_int_equal(o.min_length, 4);        /* min_length counts the start token */
    assert_int_equal(o.early_stopping, 2);
    assert_int_equal(o.no_repeat_ngram, 3);
    att_model_destroy(m);
    support_write_text(dir_file("g", "generation_config.json"), "{\"num_beams\":0}");
    assert_fails(att_model_load(&m, dir), ATT_EFORMAT, "num_beams");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_weights),
        cmocka_unit_test(test_refused_config),
        cmocka_unit_test(test_absent_files),
        cmocka_unit_test(test_saves_what_it_loaded),
        cmocka_unit_test(test_generation_config),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
