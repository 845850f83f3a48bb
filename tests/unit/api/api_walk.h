/* api_walk.h - walks the public functions of a header with arguments that no caller should
 * give, and counts which were walked.
 *
 *   REFUSES(fn, (args), code, part)  fn(args) fails with code and a new message of one
 *                                    line that contains part
 *   BEARS(fn, expression)            fn has no status: the expression, which calls it
 *                                    with such arguments, is true
 *   assert_walked("tensor.h")        every function the header declares was walked, and
 *                                    those that can fail were walked with REFUSES
 *
 * A mismatch is told and counted, so that one run shows all of them; assert_no_mismatch
 * ends a test. */
#ifndef ATTEND_TESTS_API_WALK_H
#define ATTEND_TESTS_API_WALK_H

#include "support.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WALK_MAX = 200, WALK_NAME = 64 };

static struct {
    const char *name;
    bool refused;
} walk_seen[WALK_MAX];
static int walk_count, walk_mismatches;

static void walk_note(const char *name, bool refused)
{
    for (int i = 0; i < walk_count; i++) {
        if (strcmp(walk_seen[i].name, name) == 0) {
            walk_seen[i].refused |= refused;
            return;
        }
    }
    if (walk_count == WALK_MAX) fail_msg("walk_seen is full");
    walk_seen[walk_count].name = name;
    walk_seen[walk_count++].refused = refused;
}

static void walk_refused(const char *name, att_status st, att_status code,
                         const char *part, int line)
{
    const char *message = att_error_message();
    bool stale = strcmp(message, "a message that was there before") == 0;
    walk_note(name, true);
    if (st == code && !stale && *message && !strchr(message, '\n') &&
        strstr(message, part))
        return;
    walk_mismatches++;
    print_error("line %d: %s gave %s%s: %s\n    wanted %s: ...%s...\n", line, name,
                att_status_name(st), stale ? " and no message" : "", message,
                att_status_name(code), part);
}

#define REFUSES(fn, args, code, part)                                                  \
    (support_before(), walk_refused(#fn, fn args, (code), (part), __LINE__))

static inline void walk_bears(const char *name, bool good, const char *what, int line)
{
    walk_note(name, false);
    if (good) return;
    walk_mismatches++;
    print_error("line %d: %s: not so: %s\n", line, name, what);
}

#define BEARS(fn, expression) walk_bears(#fn, (expression), #expression, __LINE__)
/* Nothing to see but that it comes back. */
#define SURVIVES(fn, args) (fn args, walk_note(#fn, false))

#define assert_no_mismatch()                                                           \
    do {                                                                               \
        int mismatches = walk_mismatches;                                              \
        walk_mismatches = 0;                                                           \
        assert_int_equal(mismatches, 0);                                               \
    } while (0)

/* The header with its comments and directives blanked: what is left is declarations. */
static char *walk_declarations(const char *header)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/include/attend/%s", ATTEND_SOURCE_DIR, header);
    char *text = support_read(path, NULL);
    for (char *p = text; *p; p++) {
        if (p[0] == '/' && p[1] == '*') {
            char *end = strstr(p, "*/");
            if (!end) fail_msg("%s: a comment without an end", header);
            memset(p, ' ', (size_t)(end + 2 - p));
        } else if (*p == '#') {
            while (*p && *p != '\n') *p++ = ' ';
            if (!*p) break;
        }
    }
    return text;
}

/* Of "ATT_API ... name(": the name, and whether a status has to be looked at. */
static bool walk_next(const char **at, char *name, bool *fallible)
{
    const char *p = strstr(*at, "ATT_API");
    if (!p) return false;
    const char *open = strchr(p, '(');
    if (!open) return false;
    const char *end = open;
    while (end > p && isspace((unsigned char)end[-1])) end--;
    const char *begin = end;
    while (begin > p && (isalnum((unsigned char)begin[-1]) || begin[-1] == '_'))
        begin--;
    size_t n = (size_t)(end - begin);
    if (n == 0 || n >= WALK_NAME) fail_msg("no name before '(': %.40s", p);
    memcpy(name, begin, n);
    name[n] = '\0';
    const char *must = strstr(p, "ATT_MUST_CHECK");
    *fallible = must && must < open;
    *at = open;
    return true;
}

static void assert_walked(const char *header)
{
    char *text = walk_declarations(header), name[WALK_NAME];
    const char *at = text;
    bool fallible;
    int declared = 0, missing = 0;
    for (; walk_next(&at, name, &fallible); declared++) {
        bool seen = false;
        for (int i = 0; i < walk_count; i++) {
            if (strcmp(walk_seen[i].name, name) == 0)
                seen = walk_seen[i].refused || !fallible;
        }
        if (seen) continue;
        missing++;
        print_error("%s: %s is not walked%s\n", header, name,
                    fallible ? " with REFUSES" : "");
    }
    free(text);
    assert_true(declared > 0);
    assert_int_equal(missing, 0);
}

#endif
