/* What users do to trainings: full disks, wrong files, two at once, rates that explode.
 * Each gets its message or the sensible thing, and no half-written model. */
#include "attend/decode.h"
#include "base/file.h"
#include "train_case.h"
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dir_of(const char *name)
{
    return strdup(support_temp(name));
}

typedef struct lines {
    char text[60000];
    int validations, checkpoints, ends, bests;
    double last_nll, last_bleu;
} lines;

static void collect(void *user, const att_train_report *r)
{
    lines *l = user;
    if (r->text) {
        size_t n = strlen(l->text);
        snprintf(l->text + n, sizeof l->text - n, "%s\n", r->text);
    }
    l->validations += r->kind == 2;
    l->bests += r->kind == 2 && r->best;
    l->checkpoints += r->kind == 3;
    l->ends += r->kind == 5;
    if (r->kind == 2) l->last_nll = r->valid_nll, l->last_bleu = r->valid_bleu;
}

static lines said;

static att_train_opts options(const char *dir)
{
    att_train_opts o = case_options(dir);
    memset(&said, 0, sizeof said);
    o.report = collect;
    o.user = &said;
    return o;
}

static int exists(const char *dir, const char *name)
{
    char path[400];
    return atti_path_exists(case_path(path, sizeof path, dir, name));
}

static void a_training_leaves_everything_in_its_directory(void **state)
{
    (void)state;
    char *dir = dir_of("plain");
    att_train_opts o = options(dir);
    att_train_estimate e = {.size = sizeof e};
    assert_ok(att_train_translate(&o, &e));
    static const char *const names[] = {"model.safetensors",
                                        "config.json",
                                        "generation_config.json",
                                        "vocab.json",
                                        "source.spm",
                                        "target.spm",
                                        "config.train.json",
                                        "train.log",
                                        "metrics.jsonl",
                                        "best",
                                        "average",
                                        "checkpoints",
                                        "checkpoints/u00000024",
                                        "checkpoints/u00000020/model.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!exists(dir, names[i])) fail_msg("%s is missing", names[i]);
    }
    assert_int_equal(said.validations, 3);
    assert_int_equal(said.checkpoints, 5);
    assert_int_equal(said.ends, 1);
    assert_true(e.parameters > 1000 && e.pairs == CASE_PAIRS && e.weights > 0);
    /* Only three checkpoints are kept, and only two can be resumed from. */
    assert_false(exists(dir, "checkpoints/u00000010"));
    assert_true(exists(dir, "checkpoints/u00000020/training.safetensors"));
    assert_false(exists(dir, "checkpoints/u00000015/training.safetensors"));
    /* The directory has an owner now. */
    assert_fails(att_train_translate(&o, NULL), ATT_EINVAL, "--resume");
    free(dir);
}

static void a_model_learns_by_heart_and_evaluates(void **state)
{
    (void)state;
    char *dir = dir_of("heart");
    att_train_opts o = options(dir);
    o.d_model = 32;
    o.ffn = 64;
    o.dropout = o.label_smoothing = 0.0f;
    o.lr = 0.005f;
    o.after = "200u";
    o.save_freq = o.valid_freq = "100u";
    o.valid_beam = 2;
    o.valid_tokenize = "none";
    assert_ok(att_train_translate(&o, NULL));
    assert_true(said.last_bleu > 99.9);
    att_model *m = NULL;
    att_evaluation e = {.size = sizeof e};
    assert_ok(att_model_load(&m, dir));
    assert_ok(att_evaluate_pairs(&e, m, case_source, case_target, 500));
    assert_int_equal(e.sentences, CASE_PAIRS);
    assert_int_equal(e.skipped, 0);
    assert_true(e.accuracy > 0.999);
    assert_true(e.nll < 0.1);
    /* The last checkpoint was validated while training: the same figure from files. */
    char path[400];
    att_model *last = NULL;
    assert_ok(att_model_load(
        &last, case_path(path, sizeof path, dir, "checkpoints/u00000200")));
    assert_ok(att_evaluate_pairs(&e, last, case_source, case_target, 500));
    assert_true(e.nll - said.last_nll < 1e-5 && said.last_nll - e.nll < 1e-5);
    att_model_destroy(last);
    att_model_destroy(m);
    free(dir);
}

static void make_file(const char *dir, const char *name)
{
    char path[400];
    FILE *f = fopen(case_path(path, sizeof path, dir, name), "w");
    assert_non_null(f);
    fclose(f);
}

static int count_files(const char *dir)
{
    int n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* out holds an average already. */
static void averages_leave_other_files_alone(const char *out, const char *const *dirs)
{
    char parent[400], path[400];
    snprintf(parent, sizeof parent, "%s", out);
    *strrchr(parent, '/') = '\0';
    int before = count_files(parent), files = count_files(out);
    assert_ok(att_average(out, dirs, 2)); /* again, in its place */
    assert_int_equal(count_files(out), files);
    int lock = -1;
    assert_ok(atti_lock_dir(&lock, out));
    assert_fails(att_average(out, dirs, 2), ATT_EBUSY, "in use by process");
    atti_unlock_dir(lock);
    make_file(out, "notes.txt");
    assert_ok(att_average(out, dirs, 2));
    assert_true(exists(out, "notes.txt"));
    assert_int_equal(unlink(case_path(path, sizeof path, out, "notes.txt")), 0);
    /* No room: what was there stays, and nothing is left beside it. */
    size_t n = 0, k = 0;
    char *was =
        support_read(case_path(path, sizeof path, out, "model.safetensors"), &n);
    struct rlimit old, now;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    now = old;
    now.rlim_cur = 8000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
    att_status st = att_average(out, dirs, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(st, ATT_EIO);
    char *is = support_read(path, &k);
    assert_int_equal(n, k);
    assert_memory_equal(was, is, n);
    free(was);
    free(is);
    assert_int_equal(count_files(parent), before);
}

static void averages_are_means(void **state)
{
    (void)state;
    char *dir = dir_of("plain"), *out = dir_of("mean"), a[400], b[400], c[400];
    const char *dirs[2] = {case_path(a, sizeof a, dir, "checkpoints/u00000020"),
                           case_path(b, sizeof b, dir, "checkpoints/u00000024")};
    att_model *m[3] = {NULL};
    assert_ok(att_average(out, dirs, 2));
    assert_ok(att_model_load(&m[0], dirs[0]));
    assert_ok(att_model_load(&m[1], dirs[1]));
    assert_ok(att_model_load(&m[2], out));
    for (int64_t i = 0; i < att_model_tensor_count(m[0]); i++) {
        att_tensor t[3];
        for (int k = 0; k < 3; k++) {
            assert_ok(att_model_tensor(m[k], &t[k], att_model_tensor_name(m[0], i)));
        }
        for (int64_t k = 0; k < att_tensor_count(&t[0]); k++) {
            double want =
                ((double)((float *)t[0].data)[k] + (double)((float *)t[1].data)[k]) /
                2.0;
            assert_true(((float *)t[2].data)[k] == (float)want);
        }
    }
    for (int k = 0; k < 3; k++) att_model_destroy(m[k]);
    /* The class of the padding stays without probability. */
    att_tensor bias;
    assert_ok(att_model_load(&m[0], out));
    assert_ok(att_model_tensor(m[0], &bias, "final_logits_bias"));
    assert_true(((float *)bias.data)[att_tensor_count(&bias) - 1] == -10000.0f);
    att_model_destroy(m[0]);
    averages_leave_other_files_alone(out, dirs);
    dirs[1] = case_path(c, sizeof c, dir, "no such");
    assert_fails(att_average(out, dirs, 2), ATT_ENOTFOUND, "no such");
    assert_fails(att_average(NULL, dirs, 2), ATT_EINVAL, "out_dir");
    free(dir);
    free(out);
}

static void a_dry_run_measures_and_leaves_nothing(void **state)
{
    (void)state;
    char *dir = dir_of("dry");
    att_train_opts o = options(dir);
    att_train_estimate e = {.size = sizeof e};
    o.dry_run = 1;
    o.after = "2Ku";
    assert_ok(att_train_translate(&o, &e));
    assert_int_equal(e.updates_total, 2000);
    assert_true(e.seconds_per_update > 0 && e.seconds_total > 0);
    assert_true(e.activations > 0 && e.optimizer > 0 && e.data > 0);
    assert_true(e.flops_per_update > 0);
    assert_false(atti_path_exists(dir));
    o.memory_limit = 1000;
    assert_fails(att_train_translate(&o, &e), ATT_ENOMEM, "activations");
    free(dir);
}

static void explosions_are_rolled_back_and_given_up(void **state)
{
    (void)state;
    char *dir = dir_of("boom");
    att_train_opts o = options(dir);
    o.lr = 1e30f;
    o.warmup = 0;
    o.schedule = "constant";
    assert_fails(att_train_translate(&o, NULL), ATT_EDIVERGED, "--learn-rate");
    assert_non_null(strstr(said.text, "diverged at update"));
    assert_false(exists(dir, "model.safetensors"));
    free(dir);
}

static void early_stopping_stops(void **state)
{
    (void)state;
    char *dir = dir_of("early");
    att_train_opts o = options(dir);
    o.lr = 1e-20f; /* nothing is learnt: the first validation stays the best */
    o.valid_freq = "2u";
    o.after = "1000u";
    o.early_stopping = 3;
    assert_ok(att_train_translate(&o, NULL));
    assert_int_equal(said.validations, 4);
    assert_non_null(strstr(said.text, "stopped early"));
    free(dir);
}

static void resuming_with_a_later_end_goes_on(void **state)
{
    (void)state;
    char *dir = dir_of("longer");
    att_train_opts o = options(dir);
    o.schedule = "constant";
    assert_ok(att_train_translate(&o, NULL));
    o.resume = 1;
    o.after = "30u";
    assert_ok(att_train_translate(&o, NULL));
    assert_non_null(strstr(said.text, "resumed at update 24"));
    assert_true(exists(dir, "checkpoints/u00000030"));
    /* The end of the first training was no multiple of --save-freq: it is gone. */
    assert_false(exists(dir, "checkpoints/u00000024"));
    o.d_model = 32;
    o.after = "40u";
    assert_fails(att_train_translate(&o, NULL), ATT_EINVAL, "number of weights");
    o.d_model = 16;
    o.seed = 2;
    assert_fails(att_train_translate(&o, NULL), ATT_EINVAL, "--seed was 1, is 2");
    free(dir);
}

static void a_damaged_checkpoint_is_named_and_the_one_before_serves(void **state)
{
    (void)state;
    char *dir = dir_of("damaged"), path[400];
    att_train_opts o = options(dir);
    assert_ok(att_train_translate(&o, NULL));
    case_path(path, sizeof path, dir, "checkpoints/u00000024/training.safetensors");
    assert_int_equal(truncate(path, 100), 0);
    o.resume = 1;
    assert_ok(att_train_translate(&o, NULL));
    assert_non_null(strstr(said.text, "cannot resume"));
    assert_non_null(strstr(said.text, "resumed at update 20"));
    free(dir);
}

/* Work done after it, in checkpoints with smaller numbers, is not lost to it. */
static void a_damaged_checkpoint_does_not_outlive_later_work(void **state)
{
    (void)state;
    char *dir = dir_of("aside"), path[400];
    att_train_opts o = options(dir);
    o.schedule = "constant";
    assert_ok(att_train_translate(&o, NULL));
    case_path(path, sizeof path, dir, "checkpoints/u00000024/training.safetensors");
    assert_int_equal(truncate(path, 100), 0);
    o.resume = 1;
    o.after = "22u";
    assert_ok(att_train_translate(&o, NULL));
    assert_true(exists(dir, "checkpoints/u00000022"));
    assert_true(exists(dir, "checkpoints/u00000024.damaged"));
    assert_false(exists(dir, "checkpoints/u00000024"));
    memset(&said, 0, sizeof said);
    assert_ok(att_train_translate(&o, NULL));
    assert_non_null(strstr(said.text, "resumed at update 22"));
    free(dir);
}

static void other_options_and_files_are_named_on_resume(void **state)
{
    (void)state;
    char *dir = dir_of("differs");
    att_train_opts o = options(dir), p;
    assert_ok(att_train_translate(&o, NULL));
    o.resume = 1;
    p = o;
    p.dropout = 0.25f;
    assert_fails(att_train_translate(&p, NULL), ATT_EINVAL, "--dropout was 0.1");
    p = o;
    p.lr = 0.25f;
    assert_fails(att_train_translate(&p, NULL), ATT_EINVAL, "--learn-rate was 0.005");
    p = o;
    p.batch_tokens = 121;
    assert_fails(att_train_translate(&p, NULL), ATT_EINVAL, "--mini-batch-words was");
    p = o;
    p.train_source = o.train_target;
    assert_fails(att_train_translate(&p, NULL), ATT_EINVAL, "training text is another");
    p = o;
    p.valid_source = o.valid_target;
    assert_fails(att_train_translate(&p, NULL), ATT_EINVAL, "validation text is");
    assert_ok(att_train_translate(&o, NULL));
    free(dir);
}

/* What kill -9 leaves goes; what only looks like it stays; what was moved aside to make
 * room for something that never came returns. */
static void leftovers_of_killed_trainings_are_removed(void **state)
{
    (void)state;
    static const char *const gone[] = {"model.safetensors.tmp-123-4",
                                       "vocab.json.tmp-9-0",
                                       "best.tmp",
                                       "best.old-77",
                                       "checkpoints/u00000015.tmp",
                                       "checkpoints/x.tmp-1-1"};
    static const char *const kept[] = {"notes.tmp", "a.tmp-1x", "b.old-", ".tmp-1-2"};
    char *dir = dir_of("leftovers"), a[400], b[400];
    att_train_opts o = options(dir);
    assert_ok(att_train_translate(&o, NULL));
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) make_file(dir, gone[i]);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) make_file(dir, kept[i]);
    case_path(a, sizeof a, dir, "checkpoints/u00000024");
    case_path(b, sizeof b, dir, "checkpoints/u00000024.old-5");
    assert_int_equal(rename(a, b), 0);
    o.resume = 1;
    assert_ok(att_train_translate(&o, NULL));
    assert_non_null(strstr(said.text, "resumed at update 24"));
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        assert_false(exists(dir, gone[i]));
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        assert_true(exists(dir, kept[i]));
    }
    free(dir);
}

/* Killed between the two vocabularies: the second is made on resume. */
static void a_missing_target_vocabulary_is_made_again(void **state)
{
    (void)state;
    char *dir = dir_of("halfvocab"), path[400];
    att_train_opts o = options(dir);
    o.separate_vocab = 1;
    assert_ok(att_train_translate(&o, NULL));
    case_path(path, sizeof path, dir, "target_vocab.json");
    assert_int_equal(remove(path), 0);
    o.resume = 1;
    assert_ok(att_train_translate(&o, NULL));
    assert_true(exists(dir, "target_vocab.json"));
    free(dir);
}

static void two_trainings_do_not_share_a_directory(void **state)
{
    (void)state;
    char *dir = dir_of("busy");
    int fd = -1;
    assert_ok(atti_mkdir_all(dir));
    assert_ok(atti_lock_dir(&fd, dir));
    att_train_opts o = options(dir);
    assert_fails(att_train_translate(&o, NULL), ATT_EBUSY, "in use");
    atti_unlock_dir(fd);
    assert_ok(att_train_translate(&o, NULL));
    free(dir);
}

static void a_full_disk_is_an_error_and_the_last_checkpoint_stays(void **state)
{
    (void)state;
    char *dir = dir_of("full"), path[400];
    att_train_opts o = options(dir);
    o.after = "10u";
    assert_ok(att_train_translate(&o, NULL));
    size_t n = 0;
    char *before =
        support_read(case_path(path, sizeof path, dir, "model.safetensors"), &n);
    struct rlimit was, now;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, SIG_IGN);
    now = was;
    now.rlim_cur = 20000; /* a copy of the tokenizer is larger */
    o.resume = 1;
    o.after = "20u";
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
    att_status st = att_train_translate(&o, NULL);
    char message[500];
    snprintf(message, sizeof message, "%s", att_error_message());
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(st, ATT_EIO);
    if (!strstr(message, "too large")) fail_msg("message: %s", message);
    assert_true(exists(dir, "checkpoints/u00000010"));
    assert_false(exists(dir, "checkpoints/u00000015"));
    assert_false(exists(dir, "checkpoints/u00000015.tmp"));
    assert_false(exists(dir, "best.tmp"));
    size_t m = 0;
    char *after = support_read(path, &m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    free(before);
    free(after);
    assert_ok(att_train_translate(&o, NULL)); /* there is room again */
    free(dir);
}

static void an_unwritable_directory_is_named(void **state)
{
    (void)state;
    const char *file = support_temp("a-file");
    char *dir = dir_of("a-file/model");
    support_write_text(file, "x");
    att_train_opts o = options(dir);
    assert_fails(att_train_translate(&o, NULL), ATT_EIO, "a-file");
    free(dir);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    char *dir = dir_of("wrong");
    assert_fails(att_train_translate(NULL, NULL), ATT_EINVAL, "NULL");
#define WRONG(assignment, code, part)                                                  \
    do {                                                                               \
        att_train_opts o = options(dir);                                               \
        assignment;                                                                    \
        assert_fails(att_train_translate(&o, NULL), (code), (part));                   \
    } while (0)
    WRONG(o.size = 3, ATT_EINVAL, "size");
    WRONG(o.n_train = 0, ATT_EINVAL, "no training files");
    WRONG(o.model_dir = NULL, ATT_EINVAL, "directory");
    WRONG(o.valid_target = NULL, ATT_EINVAL, "only the source");
    WRONG(o.after = "12x", ATT_EINVAL, "--after");
    WRONG(o.after = "0", ATT_EINVAL, "--after");
    WRONG(o.save_freq = "x", ATT_EINVAL, "--save-freq");
    WRONG(o.schedule = "cosinus", ATT_ENOTFOUND, "linear");
    WRONG(o.optimizer = "adamax", ATT_ENOTFOUND, "adamw");
    WRONG(o.positions = "gps", ATT_ENOTFOUND, "sinusoidal");
    WRONG(o.score = "x", ATT_ENOTFOUND, "scaled-dot");
    WRONG(o.normalise = "x", ATT_ENOTFOUND, "softmax");
    WRONG(o.dropout = 1.0f, ATT_EINVAL, "--dropout");
    WRONG(o.lr = 0.0f, ATT_EINVAL, "--learn-rate");
    WRONG(o.lr = -1.0f, ATT_EINVAL, "--learn-rate");
    WRONG(o.heads = 3, ATT_EINVAL, "--heads 3");
    WRONG(o.max_length = 70000, ATT_EINVAL, "--max-length");
    WRONG(o.weight_decay = 0.1f, ATT_EINVAL, "adamw");
    WRONG(o.precision = 2, ATT_EINVAL, "--precision");
#undef WRONG
    free(dir);
}

static void presets_are_known_by_name(void **state)
{
    (void)state;
    att_train_opts o;
    att_train_opts_init(&o);
    assert_ok(att_train_preset(&o, "tiny"));
    assert_int_equal(o.d_model, 128);
    assert_int_equal(o.ffn, 256);
    assert_int_equal(o.vocab_size, 10000);
    assert_int_equal(o.average, 10);
    assert_ok(att_train_preset(&o, "base"));
    assert_int_equal(o.d_model, 512);
    assert_int_equal(o.encoder_layers, 6);
    assert_fails(att_train_preset(&o, "huge"), ATT_ENOTFOUND, "tiny, small, base");
    assert_fails(att_train_preset(NULL, "tiny"), ATT_EINVAL, "opts");
}

static void variants_train(void **state)
{
    (void)state;
    static const char *const positions[] = {
        "interleaved", "learned", "none", "relative", "rope", "alibi", "t5"};
    static const char *const scores[] = {"dot", "general", "additive", "cosine"};
    static const char *const normalise[] = {"relu", "relu-row", "hard", "sparsemax"};
    char *dir = dir_of("variant");
    for (int i = 0; i < 16; i++) {
        att_train_opts o = options(dir);
        o.overwrite = 1;
        o.after = "3u";
        if (i < 7) o.positions = positions[i];
        if (i >= 7 && i < 11) o.score = scores[i - 7];
        if (i >= 11 && i < 15) o.normalise = normalise[i - 11];
        if (i == 15) o.pre_norm = 1;
        assert_ok(att_train_translate(&o, NULL));
        assert_non_null(strstr(said.text, "model_type attend"));
        att_model *m = NULL;
        assert_ok(att_model_load(&m, dir));
        assert_string_equal(att_model_type(m), "attend");
        att_model_destroy(m);
    }
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_training_leaves_everything_in_its_directory),
        cmocka_unit_test(a_model_learns_by_heart_and_evaluates),
        cmocka_unit_test(averages_are_means),
        cmocka_unit_test(a_dry_run_measures_and_leaves_nothing),
        cmocka_unit_test(explosions_are_rolled_back_and_given_up),
        cmocka_unit_test(early_stopping_stops),
        cmocka_unit_test(resuming_with_a_later_end_goes_on),
        cmocka_unit_test(a_damaged_checkpoint_is_named_and_the_one_before_serves),
        cmocka_unit_test(a_damaged_checkpoint_does_not_outlive_later_work),
        cmocka_unit_test(other_options_and_files_are_named_on_resume),
        cmocka_unit_test(leftovers_of_killed_trainings_are_removed),
        cmocka_unit_test(a_missing_target_vocabulary_is_made_again),
        cmocka_unit_test(two_trainings_do_not_share_a_directory),
        cmocka_unit_test(a_full_disk_is_an_error_and_the_last_checkpoint_stays),
        cmocka_unit_test(an_unwritable_directory_is_named),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(presets_are_known_by_name),
        cmocka_unit_test(variants_train),
    };
    att_set_threads(1); /* the cases are small; test_train_same.c does threads */
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
