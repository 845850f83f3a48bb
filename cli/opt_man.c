/* opt_man.c - the man page and the completions of shells, made of the tables. The files
 * under docs/ are what these print; a test compares them. */
#include "opt.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Text for troff: backslashes and hyphens escaped, no line begins with a dot. */
static void troff(const char *s)
{
    bool begin = true;

    for (; *s; s++) {
        if (begin && (*s == '.' || *s == '\'')) fputs("\\&", stdout);
        begin = *s == '\n';
        if (*s == '\n' && s[1] == '\n') {
            fputs("\n.PP\n", stdout);
            s++;
            begin = true;
        } else if (*s == '\\') {
            fputs("\\e", stdout);
        } else if (*s == '-') {
            fputs("\\-", stdout);
        } else {
            putchar(*s);
        }
    }
}

static void man_option(const opt *p, const void *defaults)
{
    cli_text dflt = {0};

    fputs(".TP\n.B ", stdout);
    if (p->letter) printf("\\-%c\\fR, \\fB", p->letter);
    fputs("\\-\\-", stdout);
    troff(p->name);
    if (p->arg) {
        fputs("\\fR \\fI", stdout);
        troff(p->arg);
    }
    fputs("\\fR\n", stdout);
    troff(p->help);
    if (p->choices) {
        fputs(": ", stdout);
        for (const char *s = p->choices; *s; s++) {
            if (*s == '|')
                fputs(", ", stdout);
            else
                putchar(*s);
        }
    }
    opt_default_text(&dflt, p, defaults);
    if (dflt.n) {
        fputs(" (default ", stdout);
        troff(dflt.s);
        putchar(')');
    }
    if (p->alias) {
        fputs(". Also \\-\\-", stdout);
        troff(p->alias);
    }
    putchar('\n');
}

static void man_command(const command *c)
{
    void *defaults = cli_alloc(1, c->size);

    if (c->defaults) c->defaults(defaults);
    printf(".SS attend %s\n", c->name);
    fputs(".B attend ", stdout);
    troff(c->name);
    fputs("\\fR ", stdout);
    troff(c->usage);
    fputs("\n.PP\n", stdout);
    putchar(toupper((unsigned char)c->summary[0]));
    troff(c->summary + 1);
    fputs(".\n", stdout);
    if (c->about) {
        fputs(".PP\n", stdout);
        troff(c->about);
        putchar('\n');
    }
    for (size_t i = 0; i < c->n_options; i++) {
        if (c->options[i].kind == OPT_GROUP) {
            fputs(".PP\n.I ", stdout);
            troff(c->options[i].help);
            fputs(":\n", stdout);
        } else {
            man_option(&c->options[i], defaults);
        }
    }
    for (const char *const *e = c->examples; e && *e; e += 2) {
        fputs(".PP\n", stdout);
        troff(e[0]);
        fputs(":\n.PP\n.nf\n    ", stdout);
        troff(e[1]);
        fputs("\n.fi\n", stdout);
    }
    cli_free(defaults);
}

void opt_print_man(void)
{
    cli_common none = {0};

    printf(
        ".\\\" Written by `attend help --man` from the option tables in cli/.\n"
        ".TH ATTEND 1 \"\" \"attend %s\" \"User Commands\"\n"
        ".SH NAME\nattend \\- attention and Transformers: train, translate, look inside\n"
        ".SH SYNOPSIS\n.B attend\n.I COMMAND\n[\\fIoptions\\fR]\n"
        ".SH DESCRIPTION\n"
        "Data goes to standard output, talk to standard error, and \\- names standard "
        "input or\noutput. A file that is written appears whole or not at all.\n"
        ".SH COMMANDS\n",
        att_version());
    for (size_t i = 0; i < n_all_commands; i++)
        if (!all_commands[i]->hidden) man_command(all_commands[i]);
    printf(".SH COMMON OPTIONS\n");
    for (size_t i = 1; i < n_common_options; i++) man_option(&common_options[i], &none);
    printf(
        ".SH EXIT STATUS\n"
        "0 success; 1 failure, with a message that says what and why; 2 wrong usage;\n"
        "130 stopped by ^C, 143 by SIGTERM (a training saves a checkpoint first).\n"
        ".SH ENVIRONMENT\n"
        ".TP\n.B ATTEND_\\fIOPTION\\fR\nA value for any option: \\-\\-beam\\-size is "
        "ATTEND_BEAM_SIZE. The command line wins.\n"
        ".TP\n.B ATTEND_ISA\nCaps the instruction set: ref, avx2, avx512, neon.\n"
        ".TP\n.B NO_COLOR\nNo colour on terminals.\n");
}

/* --- completions ------------------------------------------------------------------ */

static void each_name(const command *c, const char *before, const char *after)
{
    for (size_t i = 0; opt_at(c, i); i++)
        if (opt_at(c, i)->name) printf("%s--%s%s", before, opt_at(c, i)->name, after);
}

void opt_print_bash(void)
{
    printf("# Completion of attend for bash, written by `attend help --bash`.\n"
           "_attend()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    local command=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" words=\n"
           "    COMPREPLY=()\n"
           "    case $command in\n");
    for (size_t i = 0; i < n_all_commands; i++) {
        const command *c = all_commands[i];

        if (c->hidden) continue;
        printf("    \"%s%s\"*) words=\"", c->name, strchr(c->name, ' ') ? "" : " ");
        each_name(c, "", " ");
        printf("\"\n        case $prev in\n");
        for (size_t k = 0; opt_at(c, k); k++) {
            const opt *p = opt_at(c, k);

            if (!p->choices) continue;
            printf("        --%s) words=\"", p->name);
            for (const char *s = p->choices; *s; s++) putchar(*s == '|' ? ' ' : *s);
            printf("\"; cur=${cur#=} ;;\n");
        }
        printf("        esac ;;\n");
    }
    printf("    esac\n"
           "    if [ \"$COMP_CWORD\" = 1 ]; then\n        words=\"");
    for (size_t i = 0; i < n_all_commands; i++) {
        const char *space = strchr(all_commands[i]->name, ' ');
        int n = space ? (int)(space - all_commands[i]->name) : -1;

        if (!all_commands[i]->hidden) printf("%.*s ", n, all_commands[i]->name);
    }
    printf("\"\n    elif [ \"$COMP_CWORD\" = 2 ]; then\n"
           "        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < n_all_commands; i++) {
        const char *space = strchr(all_commands[i]->name, ' ');

        if (space)
            printf("        %.*s) words=\"$words %s\" ;;\n",
                   (int)(space - all_commands[i]->name), all_commands[i]->name,
                   space + 1);
    }
    printf("        esac\n    fi\n"
           "    if [ -n \"$words\" ]; then\n"
           "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n    fi\n"
           "    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
           "}\ncomplete -o filenames -F _attend attend\n");
}

static void zsh_quote(const char *s)
{
    for (; *s; s++) {
        if (*s == '\'')
            fputs("'\\''", stdout);
        else if (*s == '[' || *s == ']' || *s == ':')
            printf("\\%c", *s);
        else
            putchar(*s);
    }
}

void opt_print_zsh(void)
{
    printf("#compdef attend\n# Completion of attend for zsh, written by `attend help "
           "--zsh`.\nlocal command=\"$words[2] $words[3]\"\n"
           "if (( CURRENT == 2 )); then\n    local -a commands=(\n");
    for (size_t i = 0; i < n_all_commands; i++) {
        const command *c = all_commands[i];

        if (c->hidden) continue;
        printf("        '%.*s:", (int)strcspn(c->name, " "), c->name);
        zsh_quote(c->summary);
        printf("'\n");
    }
    printf("    )\n    _describe command commands\n    return\nfi\ncase $command in\n");
    for (size_t i = 0; i < n_all_commands; i++) {
        const command *c = all_commands[i];

        if (c->hidden) continue;
        printf("\"%s%s\"*)\n    _arguments \\\n", c->name,
               strchr(c->name, ' ') ? "" : " ");
        for (size_t k = 0; opt_at(c, k); k++) {
            const opt *p = opt_at(c, k);

            if (!p->name) continue;
            printf("        '--%s%s[", p->name, p->kind == OPT_FLAG ? "" : "=");
            zsh_quote(p->help);
            printf("]");
            if (p->choices) {
                printf(":value:(");
                for (const char *s = p->choices; *s; s++) putchar(*s == '|' ? ' ' : *s);
                printf(")");
            } else if (p->kind != OPT_FLAG) {
                printf(":value:_files");
            }
            printf("' \\\n");
        }
        printf("        '*:file:_files' ;;\n");
    }
    printf("esac\n");
}

void opt_print_fish(void)
{
    printf("# Completion of attend for fish, written by `attend help --fish`.\n");
    for (size_t i = 0; i < n_all_commands; i++) {
        const command *c = all_commands[i];
        int n = (int)strcspn(c->name, " ");

        if (c->hidden) continue;
        printf("complete -c attend -n __fish_use_subcommand -a %.*s -d '", n, c->name);
        for (const char *s = c->summary; *s; s++) {
            if (*s == '\'') putchar('\\');
            putchar(*s);
        }
        printf("'\n");
        for (size_t k = 0; opt_at(c, k); k++) {
            const opt *p = opt_at(c, k);

            if (!p->name) continue;
            printf("complete -c attend -n '__fish_seen_subcommand_from %.*s' -l %s", n,
                   c->name, p->name);
            if (p->letter) printf(" -s %c", p->letter);
            if (p->kind != OPT_FLAG) printf(" -r");
            if (p->choices) {
                printf(" -a '");
                for (const char *s = p->choices; *s; s++) putchar(*s == '|' ? ' ' : *s);
                printf("'");
            }
            printf(" -d '");
            for (const char *s = p->help; *s; s++) {
                if (*s == '\'') putchar('\\');
                putchar(*s);
            }
            printf("'\n");
        }
    }
}
