/* cli.c - memory, texts, messages and signals of the program. */
#include "cli.h"
#include "attend/model.h"
#include "model_task.h"
#include "term.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool quiet;
static volatile sig_atomic_t caught;

/* --- memory ----------------------------------------------------------------------- */

/* Blocks know their neighbours, so that all of them can be given back at the end: what a
 * command allocates lives as long as the command, and most of it is never worth freeing
 * before. */
typedef struct block {
    struct block *next, *prev;
} block;

static block blocks = {&blocks, &blocks};

static void *out_of_memory(void)
{
    fputs("attend: out of memory\n", stderr);
    exit(EXIT_FAILED);
}

static void *link_in(block *b)
{
    b->next = blocks.next;
    b->prev = &blocks;
    b->next->prev = b;
    blocks.next = b;
    return b + 1;
}

static void take_out(block *b)
{
    b->prev->next = b->next;
    b->next->prev = b->prev;
}

void *cli_alloc(size_t count, size_t size)
{
    block *b = NULL;

    if (!size || count <= (SIZE_MAX - sizeof *b) / size)
        b = calloc(1, sizeof *b + count * size);
    return b ? link_in(b) : out_of_memory();
}

void *cli_resize(void *p, size_t count, size_t size)
{
    block *b;

    if (!p) return cli_alloc(count, size);
    b = (block *)p - 1;
    take_out(b);
    b = !size || count <= (SIZE_MAX - sizeof *b) / size
            ? realloc(b, sizeof *b + count * size)
            : NULL;
    return b ? link_in(b) : out_of_memory();
}

void cli_free(void *p)
{
    if (!p) return;
    take_out((block *)p - 1);
    free((block *)p - 1);
}

void cli_free_all(void)
{
    while (blocks.next != &blocks) cli_free(blocks.next + 1);
}

char *cli_strdup(const char *s)
{
    size_t n = strlen(s) + 1;

    return memcpy(cli_alloc(n, 1), s, n);
}

char *cli_format(const char *fmt, ...)
{
    va_list args, again;
    char *s;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    s = cli_alloc((size_t)n + 1, 1);
    vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(args);
    return s;
}

/* --- growing texts ---------------------------------------------------------------- */

void cli_add_n(cli_text *t, const char *s, size_t n)
{
    if (t->cap - t->n < n + 1) {
        t->cap = (t->n + n + 1) * 2;
        t->s = cli_resize(t->s, t->cap, 1);
    }
    if (n) memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

void cli_add(cli_text *t, const char *s)
{
    cli_add_n(t, s, strlen(s));
}

void cli_add_line(cli_text *t, const char *s)
{
    size_t from = t->n;

    cli_add(t, s);
    for (size_t i = from; i < t->n; i++)
        if (t->s[i] == '\n' || t->s[i] == '\r') t->s[i] = ' ';
}

void cli_addf(cli_text *t, const char *fmt, ...)
{
    char small[256], *big;
    va_list args, again;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(small, sizeof small, fmt, args);
    if (n >= (int)sizeof small) {
        big = cli_alloc((size_t)n + 1, 1);
        vsnprintf(big, (size_t)n + 1, fmt, again);
        cli_add_n(t, big, (size_t)n);
        cli_free(big);
    } else if (n > 0) {
        cli_add_n(t, small, (size_t)n);
    }
    va_end(again);
    va_end(args);
}

/* Bytes of a well-formed character at s, or 0. */
static size_t utf8_step(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

    if (p[0] >= 0x80 && (p[0] < 0xc2 || p[0] > 0xf4)) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

bool cli_is_utf8(const char *s)
{
    for (size_t n; *s; s += n)
        if ((n = utf8_step(s)) == 0) return false;
    return true;
}

void cli_add_json(cli_text *t, const char *s)
{
    cli_add_n(t, "\"", 1);
    while (*s) {
        size_t n = utf8_step(s);
        unsigned char c = (unsigned char)*s;

        if (n == 0)
            cli_add(t, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            cli_addf(t, "\\%c", c);
        else if (c == '\n')
            cli_add(t, "\\n");
        else if (c == '\t')
            cli_add(t, "\\t");
        else if (c < 0x20 || c == 0x7f)
            cli_addf(t, "\\u%04x", c);
        else
            cli_add_n(t, s, n);
        s += n ? n : 1;
    }
    cli_add_n(t, "\"", 1);
}

void cli_add_number(cli_text *t, double v)
{
    char s[40];

    if (!isfinite(v)) {
        cli_add(t, "null");
        return;
    }
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(s, sizeof s, "%.*g", digits, v);
        if (strtod(s, NULL) == v) break;
    }
    cli_add(t, s);
}

/* --- commands that people copy ---------------------------------------------------- */

static const char *program_name;

void cli_set_program(const char *name)
{
    program_name = name;
}

const char *cli_program(void)
{
    return program_name && *program_name ? cli_shell_word(program_name) : "attend";
}

char *cli_shell_word(const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_./:@%+=,-";
    cli_text t = {0};

    if (*s && s[strspn(s, plain)] == 0) return cli_strdup(s);
    cli_add(&t, "'");
    for (; *s; s++) {
        if (*s == '\'')
            cli_add(&t, "'\\''");
        else
            cli_add_n(&t, s, 1);
    }
    cli_add(&t, "'");
    return t.s;
}

/* --- messages --------------------------------------------------------------------- */

void cli_set_quiet(bool q)
{
    quiet = q;
}
bool cli_is_quiet(void)
{
    return quiet;
}

/* The bar, if one stands on the terminal, gives way to the line. */
static void line_out(const char *prefix, const char *fmt, va_list args)
{
    fflush(stdout);
    term_clear_line();
    fputs(prefix, stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

int cli_fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    line_out("attend: ", fmt, args);
    va_end(args);
    return EXIT_FAILED;
}

int cli_usage(const char *command, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    line_out("attend: ", fmt, args);
    va_end(args);
    cli_hint("see: attend %s%s--help", command ? command : "", command ? " " : "");
    return EXIT_USAGE;
}

void cli_hint(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    line_out("hint: ", fmt, args);
    va_end(args);
}

void cli_say(const char *fmt, ...)
{
    va_list args;

    if (quiet) return;
    va_start(args, fmt);
    line_out("", fmt, args);
    va_end(args);
}

void cli_warn(const char *fmt, ...)
{
    va_list args;

    if (quiet) return;
    va_start(args, fmt);
    line_out("attend: warning: ", fmt, args);
    va_end(args);
}

static void hint_for(att_status st)
{
    switch (st) {
    case ATT_EBUSY:
        cli_hint("another training uses this directory; wait or stop it");
        break;
    case ATT_ENOMEM:
        if (strstr(att_error_message(), "--")) break; /* it says what to do */
        cli_hint(
            "smaller sizes or batches need less; train translate --dry-run shows the "
            "sum");
        break;
    case ATT_EBUG:
        cli_hint("this is a bug in attend: please report how it came");
        break;
    default: break;
    }
}

int cli_status(att_status st)
{
    if (st == ATT_OK) return EXIT_FINE;
    if (st == ATT_ECANCELLED && caught) return 128 + (int)caught;
    cli_fail("%s", *att_error_message() ? att_error_message() : att_status_name(st));
    hint_for(st);
    return EXIT_FAILED;
}

int cli_load_model(att_model **out, const char *dir)
{
    att_status st;
    int rc;

    if (!cli_is_dir_name(dir)) return EXIT_FAILED;
    progress_busy("loading");
    st = att_model_load(out, dir);
    progress_busy_end();
    rc = cli_status(st);
    if (rc == EXIT_FAILED && access(cli_format("%s/config.json", dir), F_OK) != 0 &&
        access(cli_format("%s/checkpoints", dir), F_OK) == 0)
        cli_hint(
            "a training began here and makes the model at its end; until then each "
            "of %s/checkpoints is one",
            dir);
    return rc;
}

int cli_with_model(const char *name, const char *dir,
                   int (*use)(void *opts, const att_model *model), void *opts)
{
    att_model *model = NULL;
    int rc;

    if (!dir) return cli_usage(name, "%s: -m DIR is missing", name);
    cli_catch_signals();
    rc = cli_load_model(&model, dir);
    if (rc) return rc;
    rc = model_task_check(model, dir, name);
    if (rc == 0) rc = use(opts, model);
    att_model_destroy(model);
    return rc;
}

/* --- signals and time ------------------------------------------------------------- */

static const int signals[] = {SIGINT, SIGTERM};

/* Nothing that a handler may not call: no output is flushed, nothing is freed. */
static void end_at_once(int signal)
{
    _exit(128 + signal);
}

static void on_signal(int signal)
{
    if (caught) end_at_once(signal); /* the second one ends the program */
    caught = signal;
}

void cli_exit_on_signals(void)
{
    struct sigaction act = {0}, now;

    act.sa_handler = end_at_once;
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < 2; i++)
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            sigaction(signals[i], &act, NULL);
}

void cli_catch_signals(void)
{
    struct sigaction act = {0};

    act.sa_handler = on_signal;
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < 2; i++) sigaction(signals[i], &act, NULL);
}

int cli_signal(void)
{
    return (int)caught;
}

int32_t cli_stop(void *unused)
{
    (void)unused;
    return caught != 0;
}

double cli_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
