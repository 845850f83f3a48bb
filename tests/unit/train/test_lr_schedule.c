/* Rates against their formulas, and the language of durations. */
#include "support.h"
#include "train/schedule.h"
#include <math.h>

static void spans_are_numbers_with_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double count;
        atti_unit unit;
    } good[] = {{"12e", 12, ATTI_UNIT_EPOCHS},   {"8Ku", 8000, ATTI_UNIT_UPDATES},
                {"40m", 40, ATTI_UNIT_MINUTES},  {"0.5e", 0.5, ATTI_UNIT_EPOCHS},
                {"500", 500, ATTI_UNIT_UPDATES}, {"1.5Mu", 1.5e6, ATTI_UNIT_UPDATES},
                {"0", 0, ATTI_UNIT_NONE},        {"", 0, ATTI_UNIT_NONE},
                {NULL, 0, ATTI_UNIT_NONE}};
    static const char *const bad[] = {"e",  "-3e", "12x", "u",    "nan", "-",
                                      "0u", "K",   "1KK", "infm", "1 2u"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        atti_span s;
        assert_ok(atti_span_parse(&s, good[i].text, ATTI_UNIT_UPDATES, "--after"));
        assert_int_equal(s.unit, good[i].unit);
        assert_true(s.count == good[i].count);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        atti_span s;
        assert_fails(atti_span_parse(&s, bad[i], ATTI_UNIT_UPDATES, "--after"),
                     ATT_EINVAL, "--after");
    }
}

static void multiples_of_a_span_are_noticed_once(void **state)
{
    (void)state;
    atti_span s = {0.1, ATTI_UNIT_EPOCHS};
    int passed = 0;
    for (int i = 0; i < 300; i++) {
        atti_progress a = {i, i / 100.0, 0}, b = {i + 1, (i + 1) / 100.0, 0};
        passed += atti_span_passed(&s, &a, &b);
    }
    assert_int_equal(passed, 30);
    atti_span never = {0, ATTI_UNIT_NONE};
    atti_progress a = {0, 0, 0}, b = {9, 9, 9};
    assert_int_equal(atti_span_passed(&never, &a, &b), 0);
}

static double rate_at(const atti_schedule *s, int64_t u, double done, double done_warm)
{
    double warm = atti_schedule_warm(s, u, done, 0.0);
    return atti_schedule_rate(s, u, warm, done, done_warm);
}

static void rates_follow_their_formulas(void **state)
{
    (void)state;
    atti_schedule s = {ATTI_DECAY_INV_SQRT, 0.005, 2000, 128, 0};
    assert_true(fabs(rate_at(&s, 1, 0, 0) - 0.005 / 2000) < 1e-12);
    assert_true(fabs(rate_at(&s, 2000, 0, 0) - 0.005) < 1e-12);
    assert_true(fabs(rate_at(&s, 8000, 0, 0) - 0.0025) < 1e-12);
    s.decay = ATTI_DECAY_NOAM; /* the paper's: peak lr / sqrt(C warmup) */
    s.lr = 2.0;
    assert_true(fabs(rate_at(&s, 2000, 0, 0) - 2 / sqrt(128.0 * 2000)) < 1e-12);
    assert_true(fabs(rate_at(&s, 8000, 0, 0) - 1 / sqrt(128.0 * 2000)) < 1e-12);
    s.lr = 1.0;
    s.decay = ATTI_DECAY_LINEAR;
    assert_true(fabs(rate_at(&s, 2000, 0.2, 0.2) - 1.0) < 1e-12);
    assert_true(fabs(rate_at(&s, 3000, 0.6, 0.2) - 0.5) < 1e-12);
    assert_true(fabs(rate_at(&s, 9000, 1.0, 0.2)) < 1e-12);
    s.decay = ATTI_DECAY_COSINE;
    assert_true(fabs(rate_at(&s, 2000, 0.2, 0.2) - 1.0) < 1e-12);
    assert_true(fabs(rate_at(&s, 3000, 0.6, 0.2) - 0.5) < 1e-12);
    assert_true(fabs(rate_at(&s, 9000, 1.0, 0.2)) < 1e-12);
    s.decay = ATTI_DECAY_CONSTANT;
    s.warmup = 0;
    assert_true(rate_at(&s, 1, 0, 0) == 1.0);
    atti_decay d;
    assert_fails(atti_decay_parse(&d, "cosinus"), ATT_ENOTFOUND, "cosine");
}

/* A time is known, the updates that fit into it are not. */
static void minutes_warm_up_by_their_share_at_the_latest(void **state)
{
    (void)state;
    atti_schedule s = {.decay = ATTI_DECAY_LINEAR, .lr = 1.0, .warmup = 100};
    s.warm_share = 0.2;
    /* Many updates: the shares of the time never lead. */
    assert_true(rate_at(&s, 50, 0.05, 0) == 0.5);
    /* Few: the third of the time's fifth is a third of the rate. */
    assert_true(fabs(rate_at(&s, 2, 0.2 / 3, 0) - 1.0 / 3) < 1e-12);
    assert_true(atti_schedule_warm(&s, 5, 0.2, 0.0) == 1.0);
    /* What came before the first update is no warm-up. */
    assert_true(atti_schedule_warm(&s, 1, 0.15, 0.0) == 0.01);
    assert_true(fabs(atti_schedule_warm(&s, 3, 0.2, 0.1) - 0.5) < 1e-12);
    /* Over early: full rate, then the fall, never above the peak. */
    assert_true(fabs(atti_schedule_rate(&s, 6, 1.0, 0.6, 0.2) - 0.5) < 1e-12);
    s.decay = ATTI_DECAY_INV_SQRT;
    assert_true(atti_schedule_rate(&s, 6, 1.0, 0.6, 0.2) == 1.0);
    assert_true(atti_schedule_rate(&s, 400, 1.0, 0.9, 0.2) == 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_numbers_with_a_unit),
        cmocka_unit_test(multiples_of_a_span_are_noticed_once),
        cmocka_unit_test(rates_follow_their_formulas),
        cmocka_unit_test(minutes_warm_up_by_their_share_at_the_latest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
