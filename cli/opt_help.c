/* opt_help.c - help pages, made of the tables and wrapped to the terminal. */
#include "opt.h"
#include "term.h"

#include <stdlib.h>
#include <string.h>

static int page_width(void)
{
    int w = term_is_tty(stdout) ? term_width() : 80;

    return w > 100 ? 100 : w < 40 ? 40 : w;
}

/* Prints text in words from column `at`, continued under column `indent`. */
static void wrap(const char *text, int at, int indent)
{
    int width = page_width();
    bool space = false; /* one is due before the next word */

    while (*text) {
        size_t n = strcspn(text, " \n");
        char *word = cli_format("%.*s", (int)n, text);
        int cols = term_columns(word);

        if (at + cols + space > width && at > indent) {
            printf("\n%*s", indent, "");
            at = indent;
            space = false;
        }
        printf("%s%s", space ? " " : "", word);
        at += cols + space;
        cli_free(word);
        text += n;
        space = *text == ' ' || (*text == '\n' && text[1] != '\n');
        if (*text == '\n' && text[1] == '\n') {
            while (*text == '\n') text++;
            printf("\n\n%*s", indent, "");
            at = indent;
        } else if (*text) {
            text++;
        }
    }
    putchar('\n');
}

static void heading(const char *text)
{
    printf("\n%s%s:%s\n", term_style(stdout, "1"), text, term_style(stdout, "0"));
}

static void print_option(const opt *p, const void *defaults)
{
    cli_text left = {0}, right = {0}, dflt = {0};
    enum { COLUMN = 28 };
    int cols;

    if (p->letter)
        cli_addf(&left, "  -%c, ", p->letter);
    else
        cli_add(&left, "      ");
    cli_addf(&left, "--%s", p->name);
    if (p->arg) cli_addf(&left, " %s", p->arg);
    cols = term_columns(left.s);
    printf("%s%s%s", term_style(stdout, "1"), left.s, term_style(stdout, "0"));
    if (cols > COLUMN - 2) {
        putchar('\n');
        cols = 0;
    }
    printf("%*s", COLUMN - cols, "");
    cli_add(&right, p->help);
    if (p->choices) {
        cli_add(&right, ": ");
        for (const char *s = p->choices; *s; s++) {
            if (*s == '|')
                cli_add(&right, ", ");
            else
                cli_add_n(&right, s, 1);
        }
    }
    opt_default_text(&dflt, p, defaults);
    if (dflt.n) cli_addf(&right, " (default %s)", dflt.s);
    if (p->alias) cli_addf(&right, " [--%s]", p->alias);
    wrap(right.s, COLUMN, COLUMN);
}

void opt_print_help(const command *c)
{
    void *defaults = cli_alloc(1, c->size);

    if (c->defaults) c->defaults(defaults);
    printf("%sattend %s%s - ", term_style(stdout, "1"), c->name,
           term_style(stdout, "0"));
    wrap(c->summary, (int)strlen(c->name) + 10, 4);
    heading("Usage");
    printf("  attend %s%s%s\n", c->name, *c->usage ? " " : "", c->usage);
    if (c->about) {
        printf("\n");
        wrap(c->about, 0, 0);
    }
    if (c->n_options && c->options[0].kind != OPT_GROUP) heading("Options");
    for (size_t i = 0; opt_at(c, i); i++) {
        const opt *p = opt_at(c, i);

        if (p->kind == OPT_GROUP)
            heading(p->help);
        else
            print_option(p, defaults);
    }
    if (c->examples) heading("Examples");
    for (const char *const *e = c->examples; e && *e; e += 2) {
        printf("  %s# ", term_style(stdout, "2"));
        wrap(e[0], 4, 4);
        printf("%s  %s\n", term_style(stdout, "0"), e[1]);
    }
}

void opt_print_overview(void)
{
    printf(
        "%sattend%s %s - attention and Transformers: train, translate, look inside\n",
        term_style(stdout, "1"), term_style(stdout, "0"), att_version());
    heading("Usage");
    printf("  attend COMMAND [options]\n");
    heading("Commands");
    for (size_t i = 0; i < n_all_commands; i++) {
        const command *c = all_commands[i];

        if (c->hidden) continue;
        printf("  %s%-24s%s  ", term_style(stdout, "1"), c->name,
               term_style(stdout, "0"));
        wrap(c->summary, 20, 20);
    }
    heading("Begin with");
    printf("  attend demo\n"
           "  attend help train translate\n\n");
    wrap(
        "Every command explains itself with --help. Data goes to standard output, talk to "
        "standard error; '-' names standard input or output. Every option can also come "
        "from a JSON file (--config) or the environment (--beam-size is "
        "ATTEND_BEAM_SIZE).",
        0, 0);
}
