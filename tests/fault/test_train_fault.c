/* test_train_fault.c - a training of a few updates, validation and checkpoint included,
 * while each allocation fails in turn: ATT_ENOMEM, nothing left behind in memory, and in
 * the directory either a whole model or none; it resumes when there is memory again. */
#include "support.h"

#include "../unit/train/train_case.h"
#include "base/alloc.h"
#include "base/file.h"

static char dir[600], spm[1000];

static att_train_opts options(void)
{
    att_train_opts o = case_options(dir);
    o.tokenizer =
        spm; /* training a vocabulary is test_vocab's; it takes most of the time */
    o.after = "2u";
    o.save_freq = o.valid_freq = "1u";
    o.batch_tokens = 60;
    o.average = 2;
    o.valid_beam = 1;
    o.valid_tokenize = "none";
    return o;
}

/* A model that is there is whole. */
static void assert_whole_or_absent(void)
{
    char path[700];
    static const char *const places[] = {
        "", "/best", "/average", "/checkpoints/u00000001", "/checkpoints/u00000002"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char place[650];
        snprintf(place, sizeof place, "%s%s", dir, places[i]);
        if (!atti_path_exists(case_path(path, sizeof path, place, "model.safetensors")))
            continue;
        att_model *m = NULL;
        assert_ok(att_model_load(&m, place));
        att_model_destroy(m);
    }
}

/* A training makes some thousand allocations and syncs its files: every one of the first,
 * then steps that grow. ATTEND_LONG=1 takes them all. */
static uint64_t after(uint64_t n)
{
    const char *all = getenv("ATTEND_LONG");
    return n + (n < 80 || (all && *all) ? 1 : 1 + n / 16);
}

static void trainings(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "%s", support_temp("model"));
    snprintf(spm, sizeof spm, "%s", support_golden("spm/bpe.model"));
    att_train_opts o = options();
    assert_ok(att_train_translate(&o, NULL)); /* what is made once exists now */
    o.overwrite = 1;
    int failures = 0;
    for (uint64_t n = 1;; n = after(n)) {
        size_t live = atti_alloc_live();
        uint64_t calls = atti_alloc_calls();
        support_before();
        atti_alloc_fail_at(n);
        att_status st = att_train_translate(&o, NULL);
        atti_alloc_fail_at(0);
        uint64_t made = atti_alloc_calls() - calls;
        if (atti_alloc_live() != live) {
            fail_msg("allocation %llu failed and %lld bytes were left behind",
                     (unsigned long long)n, (long long)(atti_alloc_live() - live));
        }
        if (st == ATT_OK && made < n) break;
        if (st == ATT_OK) continue; /* it could do without */
        failures++;
        if (st != ATT_ENOMEM || strstr(att_error_message(), "was there before")) {
            fail_msg("allocation %llu failed: %s, %s", (unsigned long long)n,
                     att_status_name(st), att_error_message());
        }
        assert_whole_or_absent();
    }
    assert_true(failures >= 100);
}

static void a_training_resumes_after_running_out(void **state)
{
    (void)state;
    char whole[600];
    snprintf(whole, sizeof whole, "%s", support_temp("whole"));
    att_train_opts o = options();
    o.model_dir = whole;
    assert_ok(att_train_translate(&o, NULL));
    uint64_t calls = atti_alloc_calls();
    o.overwrite = 1;
    assert_ok(att_train_translate(&o, NULL));
    calls = atti_alloc_calls() - calls;
    o.model_dir = dir;
    atti_alloc_fail_at(calls - calls / 8); /* late: a checkpoint has been written */
    assert_int_equal(att_train_translate(&o, NULL), ATT_ENOMEM);
    atti_alloc_fail_at(0);
    o.overwrite = 0;
    o.resume = 1;
    assert_ok(att_train_translate(&o, NULL));
    char a[700], b[700];
    assert_same_file(case_path(a, sizeof a, whole, "model.safetensors"),
                     case_path(b, sizeof b, dir, "model.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trainings),
        cmocka_unit_test(a_training_resumes_after_running_out),
    };
    att_set_threads(1);
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
