/* main.c - the table of commands, and the way from words to one of them. */
#include "commands.h"
#include "opt.h"
#include "term.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

const command *const all_commands[] = {
    &cmd_demo,
    &cmd_train_translate,
    &cmd_train_tag,
    &cmd_train_classify,
    &cmd_train_generate,
    &cmd_translate,
    &cmd_tag,
    &cmd_classify,
    &cmd_generate,
    &cmd_evaluate,
    &cmd_info,
    &cmd_average,
    &cmd_tokenize,
    &cmd_vocab_train,
    &cmd_vocab_show,
    &cmd_bench_train,
    &cmd_bench_translate,
    &cmd_bench_generate,
    &cmd_bench_attention,
    &cmd_explain_model,
    &cmd_explain_positions,
    &cmd_explain,
    &cmd_plot,
    &cmd_compare_rnn,
    &cmd_compare_window,
    &cmd_help,
    &cmd_version,
};
const size_t n_all_commands = sizeof all_commands / sizeof *all_commands;

/* The command that argv begins with; *used = words of its name. */
static const command *find(int argc, char **argv, int *used)
{
    for (size_t i = 0; i < n_all_commands; i++) {
        const char *name = all_commands[i]->name, *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);

        if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
            continue;
        if (!space) {
            *used = 1;
            return all_commands[i];
        }
        if (argc > 1 && strcmp(argv[1], space + 1) == 0) {
            *used = 2;
            return all_commands[i];
        }
    }
    return NULL;
}

/* The second words of a command like `train`; 0 when there is none. */
static size_t list_tasks(const char *first, const char **out, size_t max)
{
    size_t n = 0, len = strlen(first);

    for (size_t i = 0; i < n_all_commands && n < max; i++) {
        const char *name = all_commands[i]->name;

        if (strncmp(name, first, len) == 0 && name[len] == ' ')
            out[n++] = name + len + 1;
    }
    return n;
}

static int incomplete(const char *first, const char *second, bool help)
{
    const char *tasks[16], *near;
    size_t n = list_tasks(first, tasks, 16);

    if (help) {
        for (size_t i = 0; i < n_all_commands; i++)
            if (strncmp(all_commands[i]->name, first, strlen(first)) == 0)
                printf("attend %-24s %s\n", all_commands[i]->name,
                       all_commands[i]->summary);
        return EXIT_FINE;
    }
    near = second ? opt_nearest(second, tasks, n) : NULL;
    if (!second || second[0] == '-') {
        cli_text t = {0};

        for (size_t i = 0; i < n; i++) cli_addf(&t, "%s%s", i ? ", " : "", tasks[i]);
        return cli_usage(first, "%s: what? one of: %s", first, t.s);
    }
    if (near)
        return cli_usage(first, "%s: unknown task '%s': did you mean '%s'?", first,
                         second, near);
    return cli_usage(first, "%s: unknown task '%s'", first, second);
}

static int unknown_command(const char *word)
{
    const char *names[64], *near;
    size_t n = 0;

    for (size_t i = 0; i < n_all_commands && n < 64; i++)
        if (!all_commands[i]->hidden)
            names[n++] = cli_format("%.*s", (int)strcspn(all_commands[i]->name, " "),
                                    all_commands[i]->name);
    near = opt_nearest(word, names, n);
    if (near)
        return cli_usage(NULL, "unknown command '%s': did you mean '%s'?", word, near);
    return cli_usage(NULL, "unknown command '%s'", word);
}

static int run(const command *c, int argc, char **argv)
{
    void *o = cli_alloc(1, c->size);
    cli_list words = {0};
    cli_common *common = o;
    bool done = false;
    int rc = opt_parse(c, o, argc, argv, &words, &done);

    if (rc || done) return rc;
    term_setup(common->color);
    cli_set_quiet(common->quiet != 0);
    if (common->threads > 0 && att_set_threads(common->threads) < 0)
        return cli_fail("--threads: %d is refused", common->threads);
    return c->run(o, &words);
}

static bool is_help(const char *w)
{
    return strcmp(w, "--help") == 0 || strcmp(w, "-h") == 0;
}

static int dispatch(int argc, char **argv)
{
    const char *tasks[16];
    const command *c;
    int used = 0;

    if (argc == 0) {
        opt_print_overview();
        return EXIT_USAGE;
    }
    if (is_help(argv[0])) {
        opt_print_overview();
        return EXIT_FINE;
    }
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0)
        return run(&cmd_version, 0, NULL);
    if (strcmp(argv[0], "help") == 0 && argc > 1 && argv[1][0] != '-') {
        c = find(argc - 1, argv + 1, &used);
        if (c) {
            opt_print_help(c);
            return EXIT_FINE;
        }
        if (list_tasks(argv[1], tasks, 16)) return incomplete(argv[1], NULL, argc == 2);
        return unknown_command(argv[1]);
    }
    c = find(argc, argv, &used);
    if (c) return run(c, argc - used, argv + used);
    if (argv[0][0] == '-')
        return cli_usage(NULL, "unknown option '%s': options follow the command",
                         argv[0]);
    if (list_tasks(argv[0], tasks, 16))
        return incomplete(argv[0], argc > 1 ? argv[1] : NULL,
                          argc > 1 && is_help(argv[1]));
    return unknown_command(argv[0]);
}

int main(int argc, char **argv)
{
    cli_out out;
    int rc;

    /* A limit on file sizes is an error to tell, not one to die of without a word. */
    signal(SIGXFSZ, SIG_IGN);
    cli_exit_on_signals();
    rc = dispatch(argc - 1, argv + 1);

    /* A full disk behind standard output shows at the last flush. */
    if (rc == EXIT_FINE && cli_out_open(&out, NULL) && !cli_out_close(&out))
        rc = EXIT_FAILED;
    cli_free_all();
    return rc;
}
