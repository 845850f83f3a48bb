/* cli.h - what the commands of the program share: memory that is there or ends the
 * program, messages, output that appears whole, interruption. The program knows the
 * library through include/attend only. */
#ifndef ATTEND_CLI_H
#define ATTEND_CLI_H

#include "attend/base.h"

#include <stdbool.h>
#include <stdio.h>

/* Exit codes of every command. 128 + signal after an interruption. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#if defined(__GNUC__) || defined(__clang__)
#define CLI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define CLI_PRINTF(fmt, args)
#endif

/* Options that every command takes; the first member of every command's options. */
typedef struct cli_common {
    const char *config;
    int32_t threads;
    int32_t quiet;
    int32_t color; /* 0 auto, 1 always, 2 never */
} cli_common;

/* A list of words: --train a b. */
typedef struct cli_list {
    const char **item;
    int n;
} cli_list;

/* Zeroed memory, never NULL: out of memory ends the program with a message. What is not
 * freed on the way is freed at the end. */
void *cli_alloc(size_t count, size_t size);
void *cli_resize(void *p, size_t count, size_t size); /* the new part is not zeroed */
void cli_free(void *p);
void cli_free_all(void);
char *cli_strdup(const char *s);
char *cli_format(const char *fmt, ...) CLI_PRINTF(1, 2);

/* A growing text. */
typedef struct cli_text {
    char *s; /* NUL-terminated once anything was added */
    size_t n, cap;
} cli_text;
void cli_add(cli_text *t, const char *s);
void cli_add_n(cli_text *t, const char *s, size_t n);
void cli_addf(cli_text *t, const char *fmt, ...) CLI_PRINTF(2, 3);
/* s as a line of a file of lines: a tokenizer with pieces for bytes can say a line break,
 * which becomes a space. */
void cli_add_line(cli_text *t, const char *s);
/* A JSON string with quotes; bytes that are not UTF-8 become U+FFFD. */
void cli_add_json(cli_text *t, const char *s);
/* Whether all of s is UTF-8. */
bool cli_is_utf8(const char *s);
/* The shortest digits that read back as the same double; null for NaN and Inf. */
void cli_add_number(cli_text *t, double v);

/* How the program was called, as a shell takes it again from the same directory; and any
 * other word for a shell, in quotes where it needs them. */
void cli_set_program(const char *name);
const char *cli_program(void);
char *cli_shell_word(const char *s);

/* "attend: <text>" on stderr; returns EXIT_FAILED. */
int cli_fail(const char *fmt, ...) CLI_PRINTF(1, 2);
/* The same for a misuse, with where to read on; returns EXIT_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) CLI_PRINTF(2, 3);
/* Reports the library's last failure, with a hint where one is known; returns the exit
 * code: EXIT_FAILED, or 128 + signal for a stop that was asked for. */
int cli_status(att_status st);
/* Loads a model, of a directory and of no file, while a line says so; returns the exit
 * code, reported. */
struct att_model;
int cli_load_model(struct att_model **out, const char *dir);
/* What `attend NAME -m DIR` begins and ends with: use has the model for as long as it
 * runs. NAME is the task that the model must be for. */
int cli_with_model(const char *name, const char *dir,
                   int (*use)(void *opts, const struct att_model *model), void *opts);
void cli_hint(const char *fmt, ...) CLI_PRINTF(1, 2);
/* Talk on stderr that --quiet silences. */
void cli_say(const char *fmt, ...) CLI_PRINTF(1, 2);
void cli_warn(const char *fmt, ...) CLI_PRINTF(1, 2);
void cli_set_quiet(bool quiet);
bool cli_is_quiet(void);

/* ^C and SIGTERM end the program with 128 + signal, as a status that its caller sees;
 * one that the caller ignores stays ignored. From the program's beginning. */
void cli_exit_on_signals(void);
/* ^C and SIGTERM are remembered from here on instead of ending the program; a second
 * one ends it at once. */
void cli_catch_signals(void);
int cli_signal(void);           /* 0, or the signal that came */
int32_t cli_stop(void *unused); /* for the library's stop and cancel callbacks */

double cli_now(void); /* seconds of a clock that never goes back */

/* Output: standard output for NULL and "-", else a file that appears when closed. The
 * first write that fails is remembered with its reason, which errno has for a moment only. */
typedef struct cli_out {
    FILE *f;
    char *path, *temp;
    int err;   /* errno of the first write that failed; 0: none did */
    bool told; /* it was reported */
} cli_out;
bool cli_out_open(cli_out *o, const char *path);
void cli_out_put(cli_out *o, const char *s, size_t n);
void cli_out_printf(cli_out *o, const char *fmt, ...) CLI_PRINTF(2, 3);
bool cli_out_flush(
    cli_out *o);               /* false: something could not be written; not reported */
int cli_out_check(cli_out *o); /* the same as an exit code, reported once */
bool cli_out_close(cli_out *o); /* false: reported, nothing left behind */
void cli_out_drop(cli_out *o);
/* Closed where rc is 0, else dropped; returns the exit code. */
int cli_out_end(cli_out *o, int rc);

/* Input by lines: LF ends a line, a CR before it and a BOM at the start are dropped,
 * NUL bytes become spaces. */
typedef struct cli_in {
    int fd;
    const char *name;
    char *buf;
    size_t cap, begin, end;
    int64_t line; /* lines handed out */
    int64_t nuls; /* of them, lines with NUL bytes */
    int64_t not_utf8;
    int64_t size; /* bytes of a plain file; 0 = not known */
    int64_t read; /* of them */
    bool eof, started, failed;
} cli_in;
bool cli_in_open(cli_in *in, const char *path);
/* The next line, borrowed until the next call; NULL at the end or on an error, which
 * sets failed and has been reported. */
char *cli_in_line(cli_in *in, size_t *len);
/* A word on standard error where a line is not UTF-8: bad bytes are read as U+FFFD. Only
 * the first lines are named, cli_in_close() says how many there were. */
void cli_in_check(cli_in *in, const char *line);
/* How much of a plain file was handed out, 0..1; 0 where its size is not known. */
double cli_in_done(const cli_in *in);
/* Whether a line can be had without waiting for more input. */
bool cli_in_ready(cli_in *in);
void cli_in_close(cli_in *in);

/* All lines of a file, checked; n is set. NULL: reported. */
char **cli_read_lines(const char *path, int64_t *n);
/* A whole file, at most max bytes. NULL: reported. */
char *cli_read_file(const char *path, size_t max, size_t *len);
bool cli_mkdirs(const char *path);
bool cli_is_file(const char *path); /* a plain file, not a pipe or a directory */
/* Whether path can name a directory: it is one or is not there. false: reported. */
bool cli_is_dir_name(const char *path);
/* Whether a file of text can be read, without reading it, and more than once, which a
 * pipe cannot be. false: reported. */
bool cli_is_text_file(const char *path);

#endif
