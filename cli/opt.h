/* opt.h - commands and options as tables. One table gives the parser, the help, the man
 * page, the completion, the configuration file and the environment variables.
 *
 * A value comes from, the stronger first: the command line, the environment
 * (ATTEND_BEAM_SIZE for --beam-size), the file of --config (JSON), --preset, the
 * defaults. */
#ifndef ATTEND_OPT_H
#define ATTEND_OPT_H

#include "cli.h"

#include <stddef.h>

typedef enum opt_kind {
    OPT_GROUP,  /* a heading: only `help` */
    OPT_FLAG,   /* int32_t, 1 with --name, 0 with --no-name */
    OPT_I32,    /* int32_t in lo..hi */
    OPT_I64,    /* int64_t in lo..hi */
    OPT_U64,    /* uint64_t */
    OPT_F32,    /* float in lo..hi */
    OPT_F64,    /* double in lo..hi */
    OPT_BYTES,  /* int64_t, with k, M, G */
    OPT_STR,    /* const char *; with choices, one of them */
    OPT_CHOICE, /* int32_t, the index in choices */
    OPT_LIST    /* cli_list: words up to the next option */
} opt_kind;

enum {
    OPT_HELP = 1,       /* prints the help */
    OPT_PRESET = 2,     /* is applied before all others */
    OPT_VOLATILE = 4,   /* no part of a stored configuration */
    OPT_NO_DEFAULT = 8, /* the default's value means something else: not shown */
    OPT_CONFIG = 16
};

typedef struct opt {
    const char *name;
    const char *alias; /* another long name, as Marian has it */
    const char *arg;   /* what its value is called */
    const char *help;
    const char *choices;   /* "a|b|c" */
    const char *spellings; /* "x|y|z": as many, also accepted, never shown */
    double lo, hi;         /* both 0: any */
    size_t at;             /* offset in the command's options */
    opt_kind kind;
    int flags;
    char letter;
} opt;

typedef struct command {
    const char *name;            /* one or two words: "train translate" */
    const char *summary;         /* one line without a full stop */
    const char *usage;           /* what follows the name */
    const char *about;           /* paragraphs, an empty line between them */
    const char *const *examples; /* comment, command, comment, command, ..., NULL */
    const opt *options;
    size_t n_options;
    size_t size;   /* of the options' struct, whose first member is cli_common */
    int max_words; /* positional words; -1 = any number */
    int hidden;
    void (*defaults)(void *o);
    int (*preset)(void *o, const char *name); /* exit code */
    int (*run)(void *o, const cli_list *words);
} command;

/* The program's commands, in the order in which help lists them. */
extern const command *const all_commands[];
extern const size_t n_all_commands;

extern const opt common_options[];
extern const size_t n_common_options;
/* The i-th option of a command, its own first, then the common ones; NULL past the end. */
const opt *opt_at(const command *c, size_t i);

/* Fills o (of c->size bytes) from everything. Returns 0, or an exit code after saying
 * why; *done: nothing is left to do (the help was printed). */
int opt_parse(const command *c, void *o, int argc, char **argv, cli_list *words,
              bool *done);
/* Defaults and given values once more, after what the defaults hang on has changed (a
 * model was loaded, which has its own). Exit code. */
int opt_apply_again(const command *c, void *o);
/* Whether a value for --name was given, by whatever way, in the last opt_parse(). */
bool opt_given(const char *name);
/* The same of the command line alone: what a stored configuration or the environment says
 * was not asked for here and now. */
bool opt_typed(const char *name);
/* A warning for each of the names (a|b|c) that was typed: "--a has no effect WHY". */
void opt_idle(const char *names, const char *why);
/* Applies all again with a preset, where none was given. Exit code. */
int opt_use_preset(void *o, const char *name);
/* Takes the options of one more configuration file, for which nothing stronger speaks,
 * and applies all again. A preset given otherwise than there is refused. Exit code. */
int opt_add_config(const command *c, void *o, const char *path);
/* The options in force as JSON, without the volatile ones. */
void opt_dump_json(cli_text *t, const command *c, const void *o);
/* The nearest of n names, or NULL when none is near. */
const char *opt_nearest(const char *word, const char *const *names, size_t n);
/* How a default looks; "" = none to show. */
void opt_default_text(cli_text *t, const opt *p, const void *o);
/* One of p->choices, by index, to buf; false past the end. */
bool opt_choice(const opt *p, int index, char *buf, size_t size);

/* A command's option by its long name, of which n bytes count, or by its letter; NULL: it
 * has none. */
const opt *opt_named(const command *c, const char *name, size_t n);
const opt *opt_lettered(const command *c, char letter);

/* opt_help.c */
void opt_print_help(const command *c);
void opt_print_overview(void);
/* opt_man.c: man page, and completions for bash, zsh and fish. */
void opt_print_man(void);
void opt_print_bash(void);
void opt_print_zsh(void);
void opt_print_fish(void);

/* A value of a configuration file: one word or a list of them. */
typedef struct config_value {
    const char *key;
    cli_list words;
} config_value;
/* Reads a flat JSON object; NULL: reported. */
config_value *config_load(const char *path, size_t *n);

#define OPT_ROW(type, member) .at = offsetof(type, member)

#endif
