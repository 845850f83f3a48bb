/* cmd_help.c - help and version; help also prints the man page and the completions. */
#include "attend/kernels.h"
#include "commands.h"
#include "term.h"

#include <string.h>

typedef struct help_opts {
    cli_common c;
    int32_t man, bash, zsh, fish;
} help_opts;

static int run_help(void *opts, const cli_list *words)
{
    help_opts *o = opts;

    (void)words;
    if (o->man)
        opt_print_man();
    else if (o->bash)
        opt_print_bash();
    else if (o->zsh)
        opt_print_zsh();
    else if (o->fish)
        opt_print_fish();
    else
        opt_print_overview();
    return EXIT_FINE;
}

static const opt help_options[] = {
    {.name = "man",
     .kind = OPT_FLAG,
     OPT_ROW(help_opts, man),
     .flags = OPT_VOLATILE,
     .help = "print the man page (troff)"},
    {.name = "bash",
     .kind = OPT_FLAG,
     OPT_ROW(help_opts, bash),
     .flags = OPT_VOLATILE,
     .help = "print the completion for bash"},
    {.name = "zsh",
     .kind = OPT_FLAG,
     OPT_ROW(help_opts, zsh),
     .flags = OPT_VOLATILE,
     .help = "print the completion for zsh"},
    {.name = "fish",
     .kind = OPT_FLAG,
     OPT_ROW(help_opts, fish),
     .flags = OPT_VOLATILE,
     .help = "print the completion for fish"},
};

static const char *const help_examples[] = {
    "What a training can be told",
    "attend help train translate",
    "Completion in the present shell",
    "source <(attend help --bash)",
    NULL,
};

const command cmd_help = {
    .name = "help",
    .summary = "explain a command, or print the man page or a shell's completion",
    .usage = "[COMMAND]",
    .examples = help_examples,
    .options = help_options,
    .n_options = sizeof help_options / sizeof *help_options,
    .size = sizeof(help_opts),
    .run = run_help,
};

static int run_version(void *opts, const cli_list *words)
{
    (void)opts;
    (void)words;
    printf("attend %s (ABI %d)\n", att_version(), att_abi_version());
    return EXIT_FINE;
}

const command cmd_version = {
    .name = "version",
    .summary = "print the version; `attend info` tells more",
    .usage = "",
    .size = sizeof(cli_common),
    .run = run_version,
};
