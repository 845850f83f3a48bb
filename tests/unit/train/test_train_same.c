/* Always the same: threads, interruptions and kill -9 change no byte of the model.
 *
 * Trainings that are killed run in a process of their own, which is this program again
 * (fork alone would take half of OpenMP's team along). */
#include "base/file.h"
#include "train_case.h"
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir_of(const char *name)
{
    return strdup(support_temp(name));
}

static void any_number_of_threads_gives_the_same_bytes(void **state)
{
    (void)state;
    char *one = dir_of("one");
    att_train_opts o = case_options(one);
    int32_t before = att_set_threads(1);
    assert_ok(att_train_translate(&o, NULL));
    for (int threads = 2; threads <= 3; threads++) {
        char *other = dir_of("other");
        o.model_dir = other;
        o.overwrite = 1;
        att_set_threads(threads);
        assert_ok(att_train_translate(&o, NULL));
        assert_same_model(one, other);
        free(other);
    }
    att_set_threads(before);
    free(one);
}

typedef struct stopper {
    int64_t at, update;
} stopper;

static void watch(void *user, const att_train_report *r)
{
    ((stopper *)user)->update = r->update;
}

static int32_t stop_at(void *user)
{
    stopper *s = user;
    return s->at-- == 0;
}

enum { N_VARIANTS = 8 };

static void variants(att_train_opts *o, int v)
{
    o->ema = v == 1 ? 0.05f : 0.0f;
    o->accumulate = v == 2 ? 3 : 1;
    o->optimizer = v == 3 ? "sgd" : v == 4 ? "adamw" : "adam";
    o->weight_decay = v == 4 ? 0.01f : 0.0f;
    o->separate_vocab = o->length_buckets = v == 5;
    o->after = v == 6 ? "4.5e" : "24u";
    o->save_freq = v == 6 ? "0.3e" : "5u";
    /* The beam asks whether to stop at every step: validations are cut short, those of
     * the end too; and nothing is better after a while, so that it stops early. */
    o->valid_beam = v == 7 ? 2 : 0;
    o->early_stopping = v == 7 ? 2 : 0;
    o->valid_freq = v == 7 ? "4u" : "7u";
    if (v == 7) o->lr = 1e-20f;
}

/* Stopped by request before every update in turn, resumed, stopped again ... */
static void stopped_and_resumed_gives_the_same_bytes(void **state)
{
    (void)state;
    int32_t before = att_set_threads(1);
    for (int v = 0; v < N_VARIANTS; v++) {
        char *whole = dir_of("whole"), *parts = dir_of("parts"), a[400], b[400];
        att_train_opts o = case_options(whole);
        variants(&o, v);
        o.overwrite = 1;
        assert_ok(att_train_translate(&o, NULL));
        stopper s = {0, 0};
        o.model_dir = parts;
        o.stop = stop_at;
        o.report = watch;
        o.user = &s;
        att_status st = ATT_ECANCELLED;
        for (int i = 0; st == ATT_ECANCELLED; i++) {
            assert_true(i < 100);
            s.at = v == 7 ? 3 * i : i % 4;
            st = att_train_translate(&o, NULL);
            if (st == ATT_ECANCELLED) {
                assert_non_null(strstr(att_error_message(), "saved in"));
            }
            o.overwrite = 0;
            o.resume = 1;
        }
        assert_ok(st);
        assert_same_model(whole, parts);
        assert_same_file(case_path(a, sizeof a, whole, "average/model.safetensors"),
                         case_path(b, sizeof b, parts, "average/model.safetensors"));
        assert_same_file(case_path(a, sizeof a, whole, "best/model.safetensors"),
                         case_path(b, sizeof b, parts, "best/model.safetensors"));
        free(whole);
        free(parts);
    }
    att_set_threads(before);
}

typedef struct cut {
    int64_t from, update; /* stopped in the validation of an update from here on */
    int calls, validations, at;
} cut;

static void watch_cut(void *user, const att_train_report *r)
{
    cut *c = user;
    c->validations += r->kind == 2;
    if (r->update != c->update) c->calls = 0;
    c->update = r->update;
}

/* Once an update, after it, the loop asks; more often only a beam does. */
static int32_t stop_in_validation(void *user)
{
    cut *c = user;
    return c->update >= c->from && ++c->calls > c->at;
}

static void assert_cut_then_same(const char *whole, const char *parts, att_train_opts o,
                                 cut c, int validations)
{
    char path[400];
    size_t n = 0;
    o.model_dir = parts;
    o.overwrite = 1;
    o.report = watch_cut;
    o.stop = stop_in_validation;
    o.user = &c;
    assert_int_equal(att_train_translate(&o, NULL), ATT_ECANCELLED);
    assert_non_null(strstr(att_error_message(), "saved in"));
    assert_int_equal(c.validations, validations);
    assert_int_equal(c.update, c.from);
    snprintf(path, sizeof path, "%s/checkpoints/u%08d/state.json", parts, (int)c.from);
    free(support_read(path, &n));
    assert_true(n > 0);
    o.overwrite = 0;
    o.resume = 1;
    o.stop = NULL;
    assert_ok(att_train_translate(&o, NULL));
    assert_same_model(whole, parts);
}

/* In the first validation, which decides nothing then, and in that of the mean. */
static void a_validation_cut_short_is_done_again(void **state)
{
    (void)state;
    int32_t before = att_set_threads(1);
    char *whole = dir_of("cut-whole"), *parts = dir_of("cut-parts");
    att_train_opts o = case_options(whole);
    o.disp_freq = "1u"; /* so that the stopper knows where it is */
    o.valid_beam = 2;
    o.overwrite = 1;
    assert_ok(att_train_translate(&o, NULL));
    assert_cut_then_same(whole, parts, o, (cut){.from = 7, .at = 2}, 0);
    /* 24 is no multiple of --valid-freq: only the end validates there. */
    assert_cut_then_same(whole, parts, o, (cut){.from = 24, .at = 2}, 3);
    att_set_threads(before);
    free(whole);
    free(parts);
}

/* Killed after it had decided to stop: it does not go on. */
static void stopped_early_stays_stopped(void **state)
{
    (void)state;
    char *dir = dir_of("early");
    att_train_opts o = case_options(dir);
    stopper s = {0, 0};
    o.lr = 1e-20f; /* nothing is learnt: the first validation stays the best */
    o.valid_freq = "2u";
    o.after = "1000u";
    o.early_stopping = 2;
    o.report = watch;
    o.user = &s;
    assert_ok(att_train_translate(&o, NULL));
    assert_int_equal(s.update, 6);
    o.resume = 1;
    assert_ok(att_train_translate(&o, NULL));
    assert_int_equal(s.update, 6);
    free(dir);
}

static const char *self;

/* The child dies without a last word after so much processor time (0: never). Not after
 * so much time of the clock, in which a busy machine may let it do nothing at all. */
static pid_t start_child(const char *dir, long us)
{
    pid_t pid = fork();
    if (pid == 0) {
        /* The timer outlives exec; what SIGPROF does by default is what SIGKILL does. */
        struct itimerval t = {.it_value = {us / 1000000, us % 1000000}};
        signal(SIGPROF, SIG_DFL);
        if (setitimer(ITIMER_PROF, &t, NULL)) _exit(126);
        execl(self, self, "child", dir, case_source, case_target, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static int child(char **argv)
{
    att_train_opts o;
    const char *source = argv[3], *target = argv[4];
    att_train_opts_init(&o);
    att_set_threads(1);
    o.train_source = &source;
    o.train_target = &target;
    o.n_train = 1;
    o.valid_source = source;
    o.valid_target = target;
    o.model_dir = argv[2];
    o.vocab_size = 90;
    o.d_model = 16;
    o.ffn = 32;
    o.heads = 2;
    o.encoder_layers = o.decoder_layers = 1;
    o.warmup = 10;
    o.batch_tokens = 120;
    o.after = "60u";
    o.save_freq = "4u";
    o.valid_freq = "9u";
    o.average = 3;
    o.keep_checkpoints = 3;
    o.resume = 1;
    return att_train_translate(&o, NULL) == ATT_OK ? 0 : 1;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void killed_at_any_moment_gives_the_same_bytes(void **state)
{
    (void)state;
    char *whole = dir_of("kill-whole"), *parts = dir_of("kill-parts");
    (void)case_options(whole); /* writes the corpus */
    assert_int_equal(wait_for(start_child(whole, 0)), 0);
    int kills = 0;
    /* Trainings until twenty moments were hit; more in the long run of the tests. */
    const char *more = getenv("ATTEND_TEST_KILLS");
    int wanted = more && atoi(more) > 20 ? atoi(more) : 20;
    for (int round = 0; kills < wanted; round++) {
        assert_true(round < 40 + wanted);
        int status = -1;
        assert_ok(atti_remove_tree(parts));
        /* Longer and longer, so that it comes to its end on a slow machine too. */
        for (int i = 0; status != 0; i++) {
            assert_true(i < 400);
            long us = 3000 + (i * 7919L + round * 1301L) % 40000 + i * 2000L;
            status = wait_for(start_child(parts, us));
            kills += WIFSIGNALED(status);
            if (WIFEXITED(status)) assert_int_equal(WEXITSTATUS(status), 0);
        }
        assert_same_model(whole, parts);
    }
    free(whole);
    free(parts);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "child") == 0) return child(argv);
    self = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_gives_the_same_bytes),
        cmocka_unit_test(stopped_and_resumed_gives_the_same_bytes),
        cmocka_unit_test(a_validation_cut_short_is_done_again),
        cmocka_unit_test(stopped_early_stays_stopped),
        cmocka_unit_test(killed_at_any_moment_gives_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
