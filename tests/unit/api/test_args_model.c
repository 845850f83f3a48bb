/* Bad arguments to model.h, tokenizer.h and decode.h, with a real model at hand. */
#include "api_walk.h"
#include "attend/decode.h"
#include "attend/tape.h" /* att_free */
#include "attend/tokenizer.h"

#include <math.h>

static att_model *model;
static char dir[1000];

static int setup(void **state)
{
    if (support_temp_setup(state)) return -1;
    snprintf(dir, sizeof dir, "%s", support_golden("marian_dir"));
    return att_model_load(&model, dir) == ATT_OK ? 0 : -1;
}

static int teardown(void **state)
{
    att_model_destroy(model);
    return support_temp_teardown(state);
}

static void models(void **state)
{
    (void)state;
    att_model *m = NULL;
    att_tensor t = {0};
    int32_t *ids = NULL;
    const int32_t odd[] = {0, -1, INT32_MAX, INT32_MIN};
    size_t n = 77;
    char *text = NULL;
    REFUSES(att_model_load, (NULL, dir), ATT_EINVAL, "NULL");
    REFUSES(att_model_load, (&m, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_model_load, (&m, ""), ATT_ENOTFOUND, "directory");
    REFUSES(att_model_load, (&m, support_temp("nowhere")), ATT_ENOTFOUND, "nowhere");
    support_write_text(support_temp("file"), "x");
    REFUSES(att_model_load, (&m, support_temp("file")), ATT_ENOTFOUND, "file");
    assert_null(m);
    REFUSES(att_model_tensor, (NULL, &t, "x"), ATT_EINVAL, "NULL");
    REFUSES(att_model_tensor, (model, NULL, "x"), ATT_EINVAL, "NULL");
    REFUSES(att_model_tensor, (model, &t, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_model_tensor, (model, &t, "x"), ATT_ENOTFOUND, "'x'");
    REFUSES(att_model_encode, (NULL, 0, "a", 1, &ids, &n), ATT_EINVAL, "");
    REFUSES(att_model_encode, (model, 2, "a", 1, &ids, &n), ATT_EINVAL, "2");
    REFUSES(att_model_encode, (model, -1, "a", 1, &ids, &n), ATT_EINVAL, "-1");
    REFUSES(att_model_encode, (model, 0, NULL, 1, &ids, &n), ATT_EINVAL, "NULL");
    REFUSES(att_model_encode, (model, 0, "a", 1, NULL, &n), ATT_EINVAL, "NULL");
    REFUSES(att_model_encode, (model, 0, "a", 1, &ids, NULL), ATT_EINVAL, "NULL");
    assert_null(ids);
    REFUSES(att_model_decode, (NULL, 1, odd, 1, &text), ATT_EINVAL, "");
    REFUSES(att_model_decode, (model, 5, odd, 1, &text), ATT_EINVAL, "5");
    REFUSES(att_model_decode, (model, 1, NULL, 1, &text), ATT_EINVAL, "NULL");
    REFUSES(att_model_decode, (model, 1, odd, 1, NULL), ATT_EINVAL, "NULL");
    assert_null(text);
    /* Ids that no vocabulary has are unknown words, not a failure. */
    assert_ok(att_model_decode(model, 1, odd, 4, &text));
    att_free(text);
    SURVIVES(att_model_destroy, (NULL));
    BEARS(att_model_type, !strcmp(att_model_type(NULL), ""));
    BEARS(att_model_architecture, !strcmp(att_model_architecture(NULL), ""));
    BEARS(att_model_task, !strcmp(att_model_task(NULL), ""));
    BEARS(att_model_parameters, att_model_parameters(NULL) == 0);
    BEARS(att_model_memory, att_model_memory(NULL) == 0);
    BEARS(att_model_tensor_count, att_model_tensor_count(NULL) == 0);
    BEARS(att_model_tensor_name, !att_model_tensor_name(NULL, 0));
    BEARS(att_model_tensor_name, !att_model_tensor_name(model, -1));
    BEARS(att_model_tensor_name, !att_model_tensor_name(model, INT64_MAX));
    BEARS(att_model_config_json, !strcmp(att_model_config_json(NULL), ""));
    BEARS(att_model_piece, !att_model_piece(NULL, 0, 0));
    BEARS(att_model_piece, !att_model_piece(model, 7, 0));
    BEARS(att_model_piece, !att_model_piece(model, 0, -1));
    BEARS(att_model_piece, !att_model_piece(model, 1, INT32_MAX));
    assert_no_mismatch();
    assert_walked("model.h");
}

static void tokenizers(void **state)
{
    (void)state;
    att_tokenizer *t = NULL;
    const char *path = support_golden("spm/bpe.model");
    int32_t *ids = NULL;
    size_t n = 0, cap = 0;
    char *text = NULL;
    const int32_t odd[] = {0, -1, INT32_MAX, INT32_MIN};
    REFUSES(att_tokenizer_open, (NULL, path, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_open, (&t, NULL, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_open, (&t, "/nowhere.spm", NULL), ATT_ENOTFOUND, "nowhere");
    REFUSES(att_tokenizer_open, (&t, path, "/no.json"), ATT_ENOTFOUND, "no.json");
    REFUSES(att_tokenizer_open_memory, (NULL, "", 0, "m"), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_open_memory, (&t, NULL, 3, "m"), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_open_memory, (&t, "", 0, NULL), ATT_EFORMAT, "empty");
    REFUSES(att_tokenizer_open_memory, (&t, "nonsense", 8, "m"), ATT_EFORMAT, "m");
    REFUSES(att_tokenizer_open_json, (NULL, "{}", 2, "m"), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_open_json, (&t, NULL, 3, "m"), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_open_json, (&t, "{", 1, "m"), ATT_EFORMAT, "m");
    REFUSES(att_tokenizer_open_dir, (NULL, "/nowhere"), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_open_dir, (&t, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_open_dir, (&t, "/nowhere"), ATT_EIO, "nowhere");
    assert_null(t);
    assert_ok(att_tokenizer_open(&t, path, NULL));
    REFUSES(att_tokenizer_encode, (NULL, "a", 1, &ids, &n, &cap), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_encode, (t, NULL, 1, &ids, &n, &cap), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_encode, (t, "a", 1, NULL, &n, &cap), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_encode, (t, "a", 1, &ids, NULL, &cap), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_encode, (t, "a", 1, &ids, &n, NULL), ATT_EINVAL, "NULL");
    assert_null(ids);
    int32_t *types = NULL;
    const att_text_pair whole = {"a", 1, NULL, 0}, none = {NULL, 1, NULL, 0};
    REFUSES(att_tokenizer_encode_model, (NULL, &whole, &ids, &types, &n), ATT_EINVAL,
            "NULL");
    REFUSES(att_tokenizer_encode_model, (t, NULL, &ids, &types, &n), ATT_EINVAL,
            "NULL");
    REFUSES(att_tokenizer_encode_model, (t, &none, &ids, &types, &n), ATT_EINVAL,
            "NULL");
    REFUSES(att_tokenizer_encode_model, (t, &whole, NULL, &types, &n), ATT_EINVAL,
            "NULL");
    REFUSES(att_tokenizer_decode, (NULL, odd, 1, &text), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_decode, (t, NULL, 1, &text), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_decode, (t, odd, 1, NULL), ATT_EINVAL, "NULL");
    assert_null(text);
    assert_ok(att_tokenizer_decode(t, odd, 4, &text));
    att_free(text);
    BEARS(att_tokenizer_size, att_tokenizer_size(NULL) == 0);
    BEARS(att_tokenizer_piece, !att_tokenizer_piece(NULL, 0));
    BEARS(att_tokenizer_piece, !att_tokenizer_piece(t, -1));
    BEARS(att_tokenizer_piece, !att_tokenizer_piece(t, INT32_MAX));
    BEARS(att_tokenizer_id, att_tokenizer_id(NULL, "a") == -1);
    BEARS(att_tokenizer_id, att_tokenizer_id(t, NULL) == att_tokenizer_unk(t));
    BEARS(att_tokenizer_unk, att_tokenizer_unk(NULL) == -1);
    BEARS(att_tokenizer_bos, att_tokenizer_bos(NULL) == -1);
    BEARS(att_tokenizer_eos, att_tokenizer_eos(NULL) == -1);
    BEARS(att_tokenizer_pad, att_tokenizer_pad(NULL) == -1);
    SURVIVES(att_tokenizer_destroy, (NULL));
    SURVIVES(att_tokenizer_train_opts_init, (NULL));
    att_tokenizer_destroy(t);
    assert_no_mismatch();
}

static void tokenizers_are_trained(void **state)
{
    (void)state;
    char out[600], text_path[600];
    snprintf(out, sizeof out, "%s", support_temp("new.spm"));
    snprintf(text_path, sizeof text_path, "%s", support_temp("text"));
    const char *const files[] = {text_path}, *const hole[] = {NULL},
                      *const nowhere[] = {"/nowhere.txt"};
    support_write_text(text_path, "a b c\nb c d\n");
    REFUSES(att_tokenizer_train, (NULL, files, 1, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_train, (out, NULL, 1, NULL), ATT_EINVAL, "");
    REFUSES(att_tokenizer_train, (out, files, 0, NULL), ATT_EINVAL, "");
    REFUSES(att_tokenizer_train, (out, files, -1, NULL), ATT_EINVAL, "");
    REFUSES(att_tokenizer_train, (out, hole, 1, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_tokenizer_train, (out, nowhere, 1, NULL), ATT_ENOTFOUND, "nowhere");
#define REFUSES_TRAIN(field, value, part)                                              \
    do {                                                                               \
        att_tokenizer_train_opts o;                                                    \
        att_tokenizer_train_opts_init(&o);                                             \
        o.field = (value);                                                             \
        REFUSES(att_tokenizer_train, (out, files, 1, &o), ATT_EINVAL, part);           \
    } while (0)
    REFUSES_TRAIN(size, 1, "");
    REFUSES_TRAIN(vocab_size, -5, "-5");
    REFUSES_TRAIN(vocab_size, INT32_MAX, "");
    REFUSES_TRAIN(character_coverage, (double)NAN, "coverage");
    REFUSES_TRAIN(max_sentences, 0, "0");
    REFUSES(att_tokenizer_write_vocab, (NULL, files, 1), ATT_EINVAL, "");
    REFUSES(att_tokenizer_write_vocab, (out, NULL, 1), ATT_EINVAL, "");
    REFUSES(att_tokenizer_write_vocab, (out, files, 0), ATT_EINVAL, "");
    REFUSES(att_tokenizer_write_vocab, (out, hole, 1), ATT_EINVAL, "");
    REFUSES(att_tokenizer_write_vocab, (out, files, 1), ATT_EFORMAT, "text");
    REFUSES(att_tokenizer_write_vocab, (out, nowhere, 1), ATT_ENOTFOUND, "nowhere");
    assert_null(fopen(out, "rb")); /* nothing half-made */
    assert_no_mismatch();
    assert_walked("tokenizer.h");
}

static void sessions_refuse_options(void **state)
{
    (void)state;
    att_session *s = NULL;
    REFUSES(att_session_create, (NULL, model, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_session_create, (&s, NULL, NULL), ATT_EINVAL, "NULL");
#define REFUSES_OPT(field, value)                                                      \
    do {                                                                               \
        att_decode_opts o;                                                             \
        att_decode_opts_init(&o, model);                                               \
        o.field = (value);                                                             \
        o.want_alignment = 1;                                                          \
        REFUSES(att_session_create, (&s, model, &o), ATT_EINVAL,                       \
                strcmp(#field, "size") ? #field : "bytes");                            \
    } while (0)
    REFUSES_OPT(size, 0);
    REFUSES_OPT(size, 100000);
    REFUSES_OPT(beam_size, 0);
    REFUSES_OPT(beam_size, 100000);
    REFUSES_OPT(n_best, 0);
    REFUSES_OPT(n_best, 99);
    REFUSES_OPT(batch_size, 0);
    REFUSES_OPT(length_alpha, NAN);
    REFUSES_OPT(early_stopping, 3);
    REFUSES_OPT(max_length, -1);
    REFUSES_OPT(max_length_factor, -1.0f);
    REFUSES_OPT(min_length, -1);
    REFUSES_OPT(max_source, -1);
    REFUSES_OPT(no_repeat_ngram, -1);
    REFUSES_OPT(repetition_penalty, 0.0f);
    REFUSES_OPT(repetition_penalty, NAN);
    REFUSES_OPT(align_layer, 99);
    REFUSES_OPT(align_layer, -2);
    REFUSES_OPT(align_head, 99);
#undef REFUSES_OPT
#define REFUSES_OPT(field, value)                                                      \
    do {                                                                               \
        att_decode_opts o;                                                             \
        att_decode_opts_init(&o, model);                                               \
        o.beam_size = o.n_best = o.sampling = 1;                                       \
        o.field = (value);                                                             \
        REFUSES(att_session_create, (&s, model, &o), ATT_EINVAL, #field);              \
    } while (0)
    REFUSES_OPT(beam_size, 2);
    REFUSES_OPT(temperature, 0.0f);
    REFUSES_OPT(temperature, NAN);
    REFUSES_OPT(top_k, -1);
    REFUSES_OPT(top_p, 0.0f);
    REFUSES_OPT(top_p, 1.5f);
    REFUSES_OPT(min_p, -0.1f);
    assert_null(s);
    SURVIVES(att_decode_opts_init, (NULL, model));
    assert_no_mismatch();
}

static void sessions(void **state)
{
    (void)state;
    att_session *s = NULL;
    att_result *r = NULL;
    att_decode_opts o;
    att_decode_opts_init(&o, model);
    o.max_length = 8;
    assert_ok(att_session_create(&s, model, &o));
    const char *const texts[] = {"a"}, *const holes[] = {NULL};
    const int32_t ids[] = {1, 0}, bad_id[] = {1 << 30}, minus_id[] = {-3};
    const int32_t *const sources[] = {ids}, *const bad[] = {bad_id},
                         *const minus[] = {minus_id}, *const none[] = {NULL};
    const int32_t one[] = {1}, two[] = {2}, fewer[] = {-1};
    double logprob = -7;
    REFUSES(att_session_set_first, (NULL, 0), ATT_EINVAL, "NULL");
    REFUSES(att_session_set_first, (s, -1), ATT_EINVAL, "first");
    REFUSES(att_translate, (NULL, &r, texts, NULL, 1), ATT_EINVAL, "");
    REFUSES(att_translate, (s, NULL, texts, NULL, 1), ATT_EINVAL, "");
    REFUSES(att_translate, (s, &r, NULL, NULL, 1), ATT_EINVAL, "");
    REFUSES(att_translate, (s, &r, texts, NULL, -1), ATT_EINVAL, "");
    REFUSES(att_translate, (s, &r, holes, NULL, 1), ATT_EINVAL, "sentence 0");
    REFUSES(att_translate_ids, (NULL, &r, sources, two, NULL, NULL, 1), ATT_EINVAL, "");
    REFUSES(att_translate_ids, (s, NULL, sources, two, NULL, NULL, 1), ATT_EINVAL, "");
    REFUSES(att_translate_ids, (s, &r, NULL, two, NULL, NULL, 1), ATT_EINVAL, "");
    REFUSES(att_translate_ids, (s, &r, sources, NULL, NULL, NULL, 1), ATT_EINVAL, "");
    REFUSES(att_translate_ids, (s, &r, sources, fewer, NULL, NULL, 1), ATT_EINVAL,
            "-1");
    REFUSES(att_translate_ids, (s, &r, none, one, NULL, NULL, 1), ATT_EINVAL, "0");
    REFUSES(att_translate_ids, (s, &r, bad, one, NULL, NULL, 1), ATT_EINVAL, "token 0");
    REFUSES(att_translate_ids, (s, &r, minus, one, NULL, NULL, 1), ATT_EINVAL, "-3");
    REFUSES(att_translate_ids, (s, &r, sources, two, bad, one, 1), ATT_EINVAL,
            "prefix");
    REFUSES(att_translate_ids, (s, &r, sources, two, bad, NULL, 1), ATT_EINVAL, "");
    REFUSES(att_translate_ids, (s, &r, sources, two, NULL, NULL, -9), ATT_EINVAL, "");
    assert_null(r);
    REFUSES(att_score_pairs, (NULL, texts, texts, 1, &logprob, NULL), ATT_EINVAL, "");
    REFUSES(att_score_pairs, (s, NULL, texts, 1, &logprob, NULL), ATT_EINVAL, "");
    REFUSES(att_score_pairs, (s, texts, NULL, 1, &logprob, NULL), ATT_EINVAL,
            "targets");
    REFUSES(att_score_pairs, (s, texts, holes, 1, &logprob, NULL), ATT_EINVAL, "0");
    REFUSES(att_score_pairs, (s, texts, texts, 1, NULL, NULL), ATT_EINVAL, "");
    REFUSES(att_score_pairs, (s, texts, texts, -1, &logprob, NULL), ATT_EINVAL, "");
    assert_true(logprob == -7);
    /* A session that was refused something goes on working. */
    assert_ok(att_translate(s, &r, texts, NULL, 1));
    BEARS(att_result_count, att_result_count(NULL) == 0);
    BEARS(att_result_count, att_result_count(r) == 1);
    BEARS(att_result_sentence, !att_result_sentence(NULL, 0));
    BEARS(att_result_sentence, !att_result_sentence(r, 1));
    BEARS(att_result_sentence, !att_result_sentence(r, -1));
    att_result_destroy(r);
    SURVIVES(att_result_destroy, (NULL));
    SURVIVES(att_session_destroy, (NULL));
    BEARS(att_session_memory, att_session_memory(NULL) == 0);
    att_session_destroy(s);
    assert_no_mismatch();
    assert_walked("decode.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models),
        cmocka_unit_test(tokenizers),
        cmocka_unit_test(tokenizers_are_trained),
        cmocka_unit_test(sessions_refuse_options),
        cmocka_unit_test(sessions),
    };
    att_set_threads(1);
    return cmocka_run_group_tests(tests, setup, teardown);
}
