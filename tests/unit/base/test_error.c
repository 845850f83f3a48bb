/* test_error.c - messages: per thread, one line, never overrun, never stale. */
#include "support.h"

#include "base/error.h"
#include "base/threads.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void names_every_code(void **state)
{
    (void)state;
    assert_string_equal(att_status_name(ATT_OK), "ATT_OK");
    for (int code = 0; code >= -11; code--) {
        const char *name = att_status_name((att_status)code);
        assert_int_equal(strncmp(name, "ATT_", 4), 0);
        assert_string_not_equal(name, "ATT_?");
    }
    assert_string_equal(att_status_name((att_status)-12), "ATT_?");
    assert_string_equal(att_status_name((att_status)1), "ATT_?");
}

static void keeps_code_errno_and_text(void **state)
{
    (void)state;
    errno = 17;
    assert_int_equal(atti_fail(ATT_ESHAPE, "tensor '%s': %d, expected %d", "h.3", 2, 3),
                     ATT_ESHAPE);
    assert_int_equal(errno, 17);
    assert_string_equal(att_error_message(), "tensor 'h.3': 2, expected 3");
}

static void cuts_long_messages_between_characters(void **state)
{
    (void)state;
    char text[3000];
    /* Three-byte characters at every phase: the cut must not split one. */
    for (size_t phase = 0; phase < 3; phase++) {
        memset(text, 'x', phase);
        for (size_t i = phase; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xe5\xad\xa6", 3);
        text[sizeof text - 1 - (sizeof text - 1 - phase) % 3] = '\0';
        (void)atti_fail(ATT_EINVAL, "%s", text);
        const char *m = att_error_message();
        size_t n = strlen(m);
        assert_true(n < sizeof((atti_error *)0)->text);
        assert_true(n > 1000);
        assert_string_equal(m + n - 3, "...");
        assert_int_equal((n - 3 - phase) % 3, 0);
    }
}

static void makes_one_line_of_hostile_names(void **state)
{
    (void)state;
    (void)atti_fail(ATT_EIO, "%s: cannot open", "a\nb\x1b[31m\tc\x7f");
    assert_string_equal(att_error_message(), "a?b?[31m?c?: cannot open");
}

static void adds_the_system_reason(void **state)
{
    (void)state;
    assert_int_equal(atti_fail_errno(ATT_EIO, ENOSPC, "out.txt: cannot write"),
                     ATT_EIO);
    char want[256];
    snprintf(want, sizeof want, "out.txt: cannot write: %s", strerror(ENOSPC));
    assert_string_equal(att_error_message(), want);
}

static void prefixes_may_quote_the_message_itself(void **state)
{
    (void)state;
    (void)atti_fail(ATT_EFORMAT, "'n' is 7");
    assert_int_equal(atti_fail_prefix(ATT_EFORMAT, "%s: ", "config.json"), ATT_EFORMAT);
    assert_string_equal(att_error_message(), "config.json: 'n' is 7");
    (void)atti_fail(ATT_EBUG, "%s (twice)", att_error_message());
    assert_string_equal(att_error_message(), "config.json: 'n' is 7 (twice)");
}

static void other_thread(void *ctx)
{
    assert_string_equal(att_error_message(), "");
    (void)atti_fail(ATT_EIO, "in the worker");
    atti_error_take(ctx, ATT_EIO);
}

static void messages_belong_to_their_thread(void **state)
{
    (void)state;
    atti_error e;
    atti_thread *t;
    (void)atti_fail(ATT_EINVAL, "in the caller");
    assert_ok(atti_thread_start(&t, other_thread, &e));
    atti_thread_join(t);
    assert_string_equal(att_error_message(), "in the caller");
    assert_int_equal(atti_error_post(&e), ATT_EIO);
    assert_string_equal(att_error_message(), "in the worker");
    e.code = ATT_OK;
    (void)atti_fail(ATT_EINVAL, "kept");
    assert_int_equal(atti_error_post(&e), ATT_OK);
    assert_string_equal(att_error_message(), "kept");
}

static char logged[4096];
static int log_lines;

static void log_to_buffer(void *user, att_log_level level, const char *line)
{
    assert_ptr_equal(user, &log_lines);
    assert_int_equal(level, ATT_LOG_WARN);
    snprintf(logged, sizeof logged, "%s", line);
    log_lines++;
}

static void logs_whole_lines_or_nothing(void **state)
{
    (void)state;
    atti_log(ATT_LOG_WARN, "to nobody");
    att_set_log(log_to_buffer, &log_lines);
    atti_log(ATT_LOG_WARN, "two\nlines %d", 5);
    assert_string_equal(logged, "two lines 5");
    assert_int_equal(log_lines, 1);
    char text[4000];
    memset(text, 'y', sizeof text);
    text[sizeof text - 1] = '\0';
    atti_log(ATT_LOG_WARN, "%s", text);
    assert_string_equal(logged + strlen(logged) - 4, "y...");
    att_set_log(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_code),
        cmocka_unit_test(keeps_code_errno_and_text),
        cmocka_unit_test(cuts_long_messages_between_characters),
        cmocka_unit_test(makes_one_line_of_hostile_names),
        cmocka_unit_test(adds_the_system_reason),
        cmocka_unit_test(prefixes_may_quote_the_message_itself),
        cmocka_unit_test(messages_belong_to_their_thread),
        cmocka_unit_test(logs_whole_lines_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
