/* Bad arguments to train.h. What the options of a training refuse, one by one, is in
 * test_train_edge.c. */
#include "api_walk.h"
#include "attend/train.h"

static void trainings(void **state)
{
    (void)state;
    att_train_opts o;
    char text[600], out[600], dir[600];
    snprintf(text, sizeof text, "%s", support_temp("text"));
    snprintf(out, sizeof out, "%s", support_temp("out"));
    snprintf(dir, sizeof dir, "%s", support_golden("marian_dir"));
    support_write_text(text, "a b c\n");
    const char *files[] = {text}, *holes[] = {NULL}, *nowhere[] = {"/nowhere"};
    SURVIVES(att_train_opts_init, (NULL));
    att_train_opts_init(&o);
    REFUSES(att_train_preset, (NULL, "tiny"), ATT_EINVAL, "NULL");
    REFUSES(att_train_preset, (&o, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_train_preset, (&o, "vast"), ATT_ENOTFOUND, "tiny");
    REFUSES(att_train_translate, (NULL, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_train_translate, (&o, NULL), ATT_EINVAL, "training files");
    REFUSES(att_train_tag, (NULL, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_train_tag, (&o, NULL), ATT_EINVAL, "training files");
    REFUSES(att_train_classify, (NULL, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_train_classify, (&o, NULL), ATT_EINVAL, "training files");
    REFUSES(att_train_generate, (NULL, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_train_generate, (&o, NULL), ATT_EINVAL, "training files");
    o.task = "sort";
    REFUSES(att_train_check, (&o), ATT_EINVAL, "translate, tag");
    o.task = NULL;
    REFUSES(att_train_check, (NULL), ATT_EINVAL, "NULL");
    REFUSES(att_train_check, (&o), ATT_EINVAL, "training files");
    o.train_source = o.train_target = files;
    o.n_train = 1;
    REFUSES(att_train_translate, (&o, NULL), ATT_EINVAL, "directory");
    o.model_dir = out;
    o.train_target = holes;
    REFUSES(att_train_translate, (&o, NULL), ATT_EINVAL, "NULL");
    o.train_target = nowhere;
    REFUSES(att_train_translate, (&o, NULL), ATT_ENOTFOUND, "nowhere");

    const char *const two[] = {dir, "/nowhere"}, *const hole[] = {dir, NULL};
    REFUSES(att_average, (NULL, two, 1), ATT_EINVAL, "out_dir");
    REFUSES(att_average, (out, NULL, 1), ATT_EINVAL, "");
    REFUSES(att_average, (out, two, 0), ATT_EINVAL, "");
    REFUSES(att_average, (out, two, -1), ATT_EINVAL, "");
    REFUSES(att_average, (out, hole, 2), ATT_EINVAL, "");
    REFUSES(att_average, (out, two, 2), ATT_ENOTFOUND, "nowhere");

    att_model *m = NULL;
    att_evaluation e = {.size = sizeof e}, wrong = {.size = 1};
    assert_ok(att_model_load(&m, dir));
    REFUSES(att_evaluate_pairs, (NULL, m, text, text, 100), ATT_EINVAL, "NULL");
    REFUSES(att_evaluate_pairs, (&e, NULL, text, text, 100), ATT_EINVAL, "NULL");
    REFUSES(att_evaluate_pairs, (&e, m, NULL, text, 100), ATT_EINVAL, "NULL");
    REFUSES(att_evaluate_pairs, (&e, m, text, NULL, 100), ATT_EINVAL, "NULL");
    REFUSES(att_evaluate_pairs, (&e, m, text, "/nowhere", 100), ATT_ENOTFOUND, "nowh");
    REFUSES(att_evaluate_pairs, (&e, m, text, text, -1), ATT_EINVAL, "-1");
    REFUSES(att_evaluate_pairs, (&wrong, m, text, text, 100), ATT_EINVAL, "size");
    att_label_evaluation *labels = NULL;
    att_label_figures figures;
    REFUSES(att_evaluate_labels, (NULL, m, files, 1, NULL, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_evaluate_labels, (&labels, NULL, files, 1, NULL, NULL), ATT_EINVAL,
            "NULL");
    REFUSES(att_evaluate_labels, (&labels, m, NULL, 1, NULL, NULL), ATT_EINVAL,
            "files");
    REFUSES(att_evaluate_labels, (&labels, m, files, 0, NULL, NULL), ATT_EINVAL,
            "files");
    REFUSES(att_evaluate_labels, (&labels, m, holes, 1, NULL, NULL), ATT_EINVAL,
            "NULL");
    REFUSES(att_evaluate_labels, (&labels, m, files, 1, NULL, "x"), ATT_EINVAL, "upos");
    REFUSES(att_evaluate_labels, (&labels, m, files, 1, NULL, NULL), ATT_ENOTSUP,
            "labels");
    assert_null(labels);
    SURVIVES(att_label_evaluation_destroy, (NULL));
    SURVIVES(att_label_evaluation_items, (NULL));
    SURVIVES(att_label_evaluation_unknown, (NULL, NULL));
    SURVIVES(att_label_evaluation_accuracy, (NULL));
    SURVIVES(att_label_evaluation_macro_f1, (NULL));
    SURVIVES(att_label_evaluation_squared_error, (NULL));
    SURVIVES(att_label_evaluation_labels, (NULL));
    SURVIVES(att_label_evaluation_count, (NULL, 0, 0));
    REFUSES(att_label_evaluation_get, (NULL, &figures, 0), ATT_EINVAL, "NULL");
    att_text_evaluation t = {.size = sizeof t}, other = {.size = 1};
    REFUSES(att_evaluate_text, (NULL, m, files, 1, 0, 0), ATT_EINVAL, "NULL");
    REFUSES(att_evaluate_text, (&t, NULL, files, 1, 0, 0), ATT_EINVAL, "NULL");
    REFUSES(att_evaluate_text, (&other, m, files, 1, 0, 0), ATT_EINVAL, "size");
    REFUSES(att_evaluate_text, (&t, m, NULL, 1, 0, 0), ATT_EINVAL, "files");
    REFUSES(att_evaluate_text, (&t, m, holes, 1, 0, 0), ATT_EINVAL, "NULL");
    REFUSES(att_evaluate_text, (&t, m, files, 1, 0, 0), ATT_ENOTSUP, "language model");
    att_model_destroy(m);

    att_bench_step b = {.size = sizeof b};
    att_train_opts_init(&o);
    REFUSES(att_bench_train, (NULL, &o, 1, 8, 1), ATT_EINVAL, "NULL");
    REFUSES(att_bench_train, (&b, NULL, 1, 8, 1), ATT_EINVAL, "NULL");
    REFUSES(att_bench_train, (&b, &o, 0, 8, 1), ATT_EINVAL, "0");
    REFUSES(att_bench_train, (&b, &o, 1, -8, 1), ATT_EINVAL, "-8");
    REFUSES(att_bench_train, (&b, &o, 1, 8, 0), ATT_EINVAL, "0");
    REFUSES(att_bench_train, (&b, &o, INT32_MAX, INT32_MAX, 1), ATT_EINVAL, "");
    o.heads = 0;
    REFUSES(att_bench_train, (&b, &o, 1, 8, 1), ATT_EFORMAT, "heads");
    assert_no_mismatch();
    assert_walked("train.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(trainings)};
    att_set_threads(1);
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
