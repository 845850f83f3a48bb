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

static bool in_group(const command *c, const char *first)
{
    size_t n = strcspn(c->name, " ");

    return strlen(first) == n && strncmp(c->name, first, n) == 0;
}

/* An option of any command that begins with the word `first`. */
static const opt *option_of(const char *first, const char *name, size_t n, char letter)
{
    const opt *p = NULL;

    for (size_t i = 0; i < n_all_commands && !p; i++)
        if (in_group(all_commands[i], first))
            p = name ? opt_named(all_commands[i], name, n)
                     : opt_lettered(all_commands[i], letter);
    return p;
}

/* The option whose value stands behind the word w; NULL: w is a flag or has its value. */
static const opt *waiting(const char *first, const char *w)
{
    const opt *p;

    if (w[1] == '-') {
        p = strchr(w, '=') ? NULL : option_of(first, w + 2, strlen(w + 2), 0);
        return p && p->kind != OPT_FLAG ? p : NULL;
    }
    for (w++; *w; w++) {
        p = option_of(first, NULL, 0, *w);
        if (p && p->kind != OPT_FLAG) return w[1] ? NULL : p;
    }
    return NULL;
}

/* Words that are neither options nor their values, up to a "--"; *at: the first of them. */
static int count_words(const char *first, int argc, char **argv, int *at)
{
    int n = 0;

    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const opt *p;

        if (argv[i][0] != '-' || !argv[i][1]) {
            if (n++ == 0) *at = i;
            continue;
        }
        p = waiting(first, argv[i]);
        if (!p || i + 1 >= argc) continue;
        i++;
        while (p->kind == OPT_LIST && i + 1 < argc &&
               (argv[i + 1][0] != '-' || !argv[i + 1][1]))
            i++;
    }
    return n;
}

/* Where options stand before a task's word, `train -q tag`: the same words with the task in
 * front; NULL: there is no such word. A command that takes words itself, as explain takes
 * a text, has a task only where that is the only word. */
static char **task_in_front(int argc, char **argv, const char **word)
{
    const char *tasks[16];
    size_t n = list_tasks(argv[0], tasks, 16), k = 0;
    int at = 0, used, words = count_words(argv[0], argc - 1, argv + 1, &at);
    char **turned;

    *word = words > 0 ? argv[1 + at] : NULL;
    if (n == 0 || words == 0 || (words > 1 && find(1, argv, &used))) return NULL;
    while (k < n && strcmp(tasks[k], *word) != 0) k++;
    if (k == n) return NULL;
    turned = cli_alloc((size_t)argc, sizeof *turned);
    turned[0] = argv[0];
    turned[1] = argv[1 + at];
    memcpy(turned + 2, argv + 1, (size_t)at * sizeof *turned);
    memcpy(turned + 2 + at, argv + 2 + at, (size_t)(argc - 2 - at) * sizeof *turned);
    return turned;
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

/* A command by its words; used of them are its name. */
static int run_found(const command *c, int used, int argc, char **argv)
{
    const char *word;
    char **turned = used == 1 && argc > 1 && argv[1][0] == '-'
                        ? task_in_front(argc, argv, &word)
                        : NULL;
    int rc;

    if (!turned) return run(c, argc - used, argv + used);
    c = find(argc, turned, &used);
    rc = run(c, argc - used, turned + used);
    if (rc == EXIT_USAGE)
        cli_hint("the text '%s' itself stands behind --: attend %s [options] -- %s",
                 word, argv[0], word);
    return rc;
}

static bool is_help(const char *w)
{
    return strcmp(w, "--help") == 0 || strcmp(w, "-h") == 0;
}

static int dispatch(int argc, char **argv)
{
    const char *tasks[16], *word;
    const command *c;
    char **turned;
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
    if (c) return run_found(c, used, argc, argv);
    if (argv[0][0] == '-')
        return cli_usage(NULL, "unknown option '%s': options follow the command",
                         argv[0]);
    if (list_tasks(argv[0], tasks, 16) == 0) return unknown_command(argv[0]);
    turned = task_in_front(argc, argv, &word);
    c = turned ? find(argc, turned, &used) : NULL;
    if (c) return run(c, argc - used, turned + used);
    return incomplete(argv[0], word, argc > 1 && is_help(argv[1]));
}

int main(int argc, char **argv)
{
    cli_out out;
    int rc;

    /* A limit on file sizes is an error to tell, not one to die of without a word. */
    signal(SIGXFSZ, SIG_IGN);
    cli_exit_on_signals();
    if (argc > 0) cli_set_program(argv[0]);
    rc = dispatch(argc - 1, argv + 1);

    /* A full disk behind standard output shows at the last flush. */
    if (rc == EXIT_FINE && cli_out_open(&out, NULL) && !cli_out_close(&out))
        rc = EXIT_FAILED;
    cli_free_all();
    return rc;
}
