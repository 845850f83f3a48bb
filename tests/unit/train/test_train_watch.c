/* What a training says and where it goes back to: speeds, logs without room, nothing to
 * resume, unequal files, ties, rollbacks of a training that was stopped before. */
#include "base/file.h"
#include "train/trainer.h"
#include "train_case.h"
#include <time.h>
#include <unistd.h>

static char *dir_of(const char *name)
{
    return strdup(support_temp(name));
}

typedef struct watched {
    char text[60000];
    int64_t update, stop_at; /* stop_at 0: never */
    int64_t naps_ns[2];      /* in every stop(), in every validation's report */
} watched;

static void nap(int64_t ns)
{
    if (ns)
        nanosleep(&(struct timespec){ns / 1000000000, (long)(ns % 1000000000)}, NULL);
}

static void on_report(void *user, const att_train_report *r)
{
    watched *w = user;
    w->update = r->update;
    if (r->text) {
        size_t n = strlen(w->text);
        snprintf(w->text + n, sizeof w->text - n, "%s\n", r->text);
    }
    if (r->kind == 2) nap(w->naps_ns[1]);
}

static int32_t on_stop(void *user)
{
    watched *w = user;
    nap(w->naps_ns[0]);
    return w->stop_at && w->update >= w->stop_at;
}

static att_train_opts watched_options(const char *dir, watched *w)
{
    att_train_opts o = case_options(dir);
    o.report = on_report;
    o.stop = on_stop;
    o.user = w;
    return o;
}

static int says(const watched *w, const char *part)
{
    int n = 0;
    for (const char *p = w->text; (p = strstr(p, part)); p++) n++;
    return n;
}

/* Every update is one batch of the same size here, with a nap of 20 ms in it; every
 * second one is validated, with a nap of 100 ms. A line every fourth: its speed must say
 * 80 ms of training at least, and none of the naps in validations. */
static void speeds_are_those_of_training_alone(void **state)
{
    (void)state;
    char *dir = dir_of("speed");
    watched w = {.naps_ns = {20000000, 100000000}};
    att_train_opts o = watched_options(dir, &w);
    o.disp_freq = "4u";
    o.valid_freq = "2u";
    o.save_freq = "100u";
    o.after = "24u";
    o.average = 0;
    assert_ok(att_train_translate(&o, NULL));
    char path[400];
    size_t n = 0;
    char *text = support_read(case_path(path, sizeof path, dir, "metrics.jsonl"), &n);
    double tokens = 0.0, seconds = 0.0, elapsed = 0.0, first_elapsed = 0.0;
    double before = 0.0;
    int lines = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        const char *speed = strstr(line, "\"target_tokens_per_s\":");
        if (!speed) continue;
        double total = strtod(strstr(line, "\"target_tokens\":") + 16, NULL);
        elapsed = strtod(strstr(line, "\"elapsed_s\":") + 12, NULL);
        if (lines == 0) {
            first_elapsed = elapsed;
        } else {
            tokens = total - before;
            seconds += tokens / strtod(speed + 22, NULL);
        }
        before = total;
        lines++;
    }
    assert_int_equal(lines, 6);
    /* Five intervals of four updates; stop() is asked once an update. */
    if (seconds < 5 * 0.08 - 0.001) fail_msg("%g s of training, expected 0.4", seconds);
    double all = elapsed - first_elapsed;
    if (seconds > all - 10 * 0.1 + 0.01) {
        fail_msg("%g s of training in %g s with 1 s of naps in validations", seconds,
                 all);
    }
    free(text);
    free(dir);
}

static void logs_without_room_are_given_up_with_one_notice(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    char *dir = dir_of("nolog"), path[400];
    static const char *const logs[2] = {"train.log", "metrics.jsonl"};
    assert_ok(atti_mkdir_all(dir));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            symlink("/dev/full", case_path(path, sizeof path, dir, logs[i])), 0);
    }
    watched w = {.stop_at = 0};
    att_train_opts o = watched_options(dir, &w);
    o.disp_freq = "1u";
    assert_ok(att_train_translate(&o, NULL));
    assert_int_equal(says(&w, "train.log: cannot be written"), 1);
    assert_int_equal(says(&w, "metrics.jsonl: cannot be written"), 1);
    assert_int_equal(says(&w, "No space left"), 2);
    assert_true(
        atti_path_exists(case_path(path, sizeof path, dir, "model.safetensors")));
    free(dir);
}

/* A line that a full disk cut is not what the continued file goes on from. */
static void half_a_line_of_metrics_is_taken_out(void **state)
{
    (void)state;
    char *dir = dir_of("halfline"), path[400];
    watched w = {.stop_at = 0};
    att_train_opts o = watched_options(dir, &w);
    o.after = "6u";
    assert_ok(att_train_translate(&o, NULL));
    FILE *f = fopen(case_path(path, sizeof path, dir, "metrics.jsonl"), "a");
    assert_non_null(f);
    fputs("{\"update\":6,\"epo", f);
    fclose(f);
    o.resume = 1;
    o.after = "9u";
    assert_ok(att_train_translate(&o, NULL));
    size_t n = 0;
    char *text = support_read(path, &n);
    assert_null(strstr(text, "epo{"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_int_equal(line[strlen(line) - 1], '}');
    }
    free(text);
    free(dir);
}

static void nothing_to_resume_is_said(void **state)
{
    (void)state;
    char *dir = dir_of("no-such-training");
    watched w = {.stop_at = 0};
    att_train_opts o = watched_options(dir, &w);
    o.resume = 1;
    o.after = "6u";
    assert_ok(att_train_translate(&o, NULL));
    assert_int_equal(says(&w, "nothing to resume in"), 1);
    memset(w.text, 0, sizeof w.text);
    assert_ok(att_train_translate(&o, NULL));
    assert_int_equal(says(&w, "nothing to resume in"), 0);
    free(dir);
}

static void unequal_files_are_found_before_anything_is_made(void **state)
{
    (void)state;
    char *dir = dir_of("unequal"), other[400];
    watched w = {.stop_at = 0};
    att_train_opts o = watched_options(dir, &w);
    snprintf(other, sizeof other, "%s", support_temp("short.de"));
    FILE *f = fopen(other, "w");
    assert_non_null(f);
    fputs("eins\nzwei\ndrei", f);
    fclose(f);
    const char *target = other;
    o.train_target = &target;
    assert_fails(att_train_translate(&o, NULL), ATT_EFORMAT, "30 lines");
    assert_non_null(strstr(att_error_message(), "short.de has 3"));
    assert_false(atti_path_exists(dir));
    o = watched_options(dir, &w);
    o.valid_target = other;
    assert_fails(att_train_translate(&o, NULL), ATT_EFORMAT, "short.de has 3");
    assert_non_null(strstr(att_error_message(), "30 lines"));
    assert_false(atti_path_exists(dir));
    assert_int_equal(w.text[0], 0);
    free(dir);
}

static void ties_in_bleu_go_by_loss(void **state)
{
    (void)state;
    const atti_validation low = {.nll = 2.0, .score = 0.0},
                          high = {.nll = 3.0, .score = 0.0};
    const atti_validation good = {.nll = 4.0, .score = 1.0},
                          plain = {.nll = 1.0, .score = -1.0};
    assert_true(atti_validation_better(&low, &high));
    assert_false(atti_validation_better(&high, &low));
    assert_false(atti_validation_better(&low, &low));
    assert_true(atti_validation_better(&good, &low)); /* BLEU first */
    assert_false(atti_validation_better(&low, &good));
    assert_true(atti_validation_better(&plain, &low)); /* not measured: loss */
}

/* A decay of more than the whole: weights more than double each update until nothing is
 * finite any more, between two regular checkpoints; with half the rate they shrink. */
static void explode(att_train_opts *o)
{
    o->optimizer = "adamw";
    o->lr = 0.005f;
    o->weight_decay = 500.0f;
    o->schedule = "constant";
    o->warmup = 0;
    o->after = "18u";
    o->disp_freq = "1u"; /* so that the updates are known where to stop */
    o->valid_source = o->valid_target = NULL;
}

/* A checkpoint that only a stop made is newer than the regular one before the explosion:
 * going back to it would make another training of this one. */
static void rollbacks_do_not_depend_on_stops(void **state)
{
    (void)state;
    char *whole = dir_of("boom-whole"), *parts = dir_of("boom-parts");
    watched w = {.stop_at = 0};
    att_train_opts o = watched_options(whole, &w);
    explode(&o);
    assert_ok(att_train_translate(&o, NULL));
    long long at = 0, to = -1;
    const char *said = strstr(w.text, "diverged at update ");
    assert_non_null(said);
    assert_int_equal(sscanf(said, "diverged at update %lld", &at), 1);
    said = strstr(said, "back to update ");
    assert_non_null(said);
    assert_int_equal(sscanf(said, "back to update %lld", &to), 1);
    assert_true(at - 1 > to + 1); /* room for a stop between the two */
    o.model_dir = parts;
    o.resume = 1;
    for (w.stop_at = at - 2; w.stop_at < at; w.stop_at++) {
        assert_int_equal(att_train_translate(&o, NULL), ATT_ECANCELLED);
    }
    memset(w.text, 0, sizeof w.text);
    w.update = 0;
    w.stop_at = 0;
    assert_ok(att_train_translate(&o, NULL));
    assert_non_null(strstr(w.text, "diverged at update"));
    assert_same_model(whole, parts);
    free(whole);
    free(parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speeds_are_those_of_training_alone),
        cmocka_unit_test(logs_without_room_are_given_up_with_one_notice),
        cmocka_unit_test(half_a_line_of_metrics_is_taken_out),
        cmocka_unit_test(nothing_to_resume_is_said),
        cmocka_unit_test(unequal_files_are_found_before_anything_is_made),
        cmocka_unit_test(ties_in_bleu_go_by_loss),
        cmocka_unit_test(rollbacks_do_not_depend_on_stops),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
