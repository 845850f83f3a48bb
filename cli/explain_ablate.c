/* explain_ablate.c - what a model loses without each of its heads, measured on files: pairs
 * of lines, labelled texts, tagged words, or running text, as the model asks for. */
#include "attend/classify.h"
#include "attend/tape.h"
#include "explain_parts.h"

#include <stdlib.h>
#include <string.h>

typedef struct examples {
    char **text, **right; /* right NULL: the texts themselves */
    int64_t n;
} examples;

static int two_files(examples *x, const cli_list *files)
{
    int64_t n[2];
    char **side[2];
    for (int i = 0; i < 2; i++) {
        side[i] = cli_read_lines(files->item[i], &n[i]);
        if (!side[i]) return EXIT_FAILED;
    }
    if (n[0] != n[1])
        return cli_fail("%s has %lld lines, %s has %lld", files->item[0],
                        (long long)n[0], files->item[1], (long long)n[1]);
    *x = (examples){side[0], side[1], n[0]};
    return 0;
}

static bool is_label(const att_classifier *c, const char *text, size_t n)
{
    for (int32_t i = 0; i < att_classifier_labels(c); i++) {
        const char *label = att_classifier_label(c, i);
        if (strlen(label) == n && memcmp(label, text, n) == 0) return true;
    }
    return false;
}

/* A text and its label a line, in either order, a TAB between them. What names the columns
 * is left out. */
static int split_labels(examples *x, const att_classifier *c, char **line, int64_t n,
                        const char *path)
{
    x->text = cli_alloc((size_t)n + 1, sizeof *x->text);
    x->right = cli_alloc((size_t)n + 1, sizeof *x->right);
    for (int64_t i = 0; i < n; i++) {
        char *tab = strchr(line[i], '\t');
        if (!tab && !line[i][0]) continue;
        if (!tab)
            return cli_fail("%s:%lld: a text, a TAB and its label are expected", path,
                            (long long)i + 1);
        bool first = is_label(c, line[i], (size_t)(tab - line[i]));
        bool last = is_label(c, tab + 1, strcspn(tab + 1, "\t"));
        if (!first && !last && i == 0) continue;
        if (!first && !last)
            return cli_fail("%s:%lld: neither column is a label of the model", path,
                            (long long)i + 1);
        *tab = 0;
        tab[1 + strcspn(tab + 1, "\t")] = 0;
        x->text[x->n] = last ? line[i] : tab + 1;
        x->right[x->n++] = last ? tab + 1 : line[i];
    }
    return 0;
}

static char *column(char *line, int k)
{
    for (; k > 0 && line; k--) {
        line = strchr(line, '\t');
        if (line) line++;
    }
    return line ? cli_format("%.*s", (int)strcspn(line, "\t"), line) : NULL;
}

static void end_sentence(examples *x, cli_text *words, cli_text *tags)
{
    if (words->n == 0) return;
    x->text = cli_resize(x->text, (size_t)x->n + 1, sizeof *x->text);
    x->right = cli_resize(x->right, (size_t)x->n + 1, sizeof *x->right);
    x->text[x->n] = words->s;
    x->right[x->n++] = tags->s;
    *words = *tags = (cli_text){0};
}

/* CoNLL-U, or a word, a TAB and its label a line; a blank line ends a sentence. */
static int take_sentences(examples *x, char **line, int64_t n, const char *path)
{
    cli_text words = {0}, tags = {0};
    for (int64_t i = 0; i < n; i++) {
        if (!line[i][0]) end_sentence(x, &words, &tags);
        if (!line[i][0] || line[i][0] == '#') continue;
        bool conllu = column(line[i], 9) != NULL;
        /* Ranges (1-2) and empty nodes (1.1) are no words. */
        if (conllu && line[i][strcspn(line[i], "\t-.")] != '\t') continue;
        char *word = column(line[i], conllu ? 1 : 0);
        char *tag = column(line[i], conllu ? 3 : 1);
        if (!word || !tag || !*word || !*tag)
            return cli_fail("%s:%lld: a word, a TAB and its label are expected", path,
                            (long long)i + 1);
        for (char *p = word; *p; p++)
            if (*p == ' ') *p = '_'; /* a word with a space is one word */
        cli_addf(&words, "%s%s", words.n ? " " : "", word);
        cli_addf(&tags, "%s%s", tags.n ? " " : "", tag);
        cli_free(word);
        cli_free(tag);
    }
    end_sentence(x, &words, &tags);
    return 0;
}

/* A classifier's or a tagger's file; else every line is a text. */
static int one_file(examples *x, const att_model *model, const char *path)
{
    att_classifier *c = NULL;
    att_classify_opts o;
    int64_t n;
    char **line = cli_read_lines(path, &n);
    if (!line) return EXIT_FAILED;
    att_classify_opts_init(&o);
    if (att_classifier_create(&c, model, &o) != ATT_OK) {
        *x = (examples){line, NULL, n};
        return 0;
    }
    int rc = att_classifier_tags(c) ? take_sentences(x, line, n, path)
                                    : split_labels(x, c, line, n, path);
    att_classifier_destroy(c);
    return rc;
}

static int by_loss(const void *a, const void *b)
{
    const att_head_loss *x = a, *y = b;
    return x->nll < y->nll ? 1 : x->nll > y->nll ? -1 : 0;
}

int explain_ablate(const explain_opts *o, const att_model *model, att_explainer *x)
{
    static const char *const kind[] = {"cross", "encoder", "decoder", "pooling"};
    examples e = {0};
    int64_t heads = 0;
    att_head_loss *list = NULL;
    double base = 0;
    if (o->ablate.n > 2)
        return cli_usage("explain", "explain: --ablate takes a file or two: source and "
                                    "target");
    int rc = o->ablate.n == 2 ? two_files(&e, &o->ablate)
                              : one_file(&e, model, o->ablate.item[0]);
    if (rc) return rc;
    if (e.n < 1 || e.n > INT32_MAX)
        return cli_fail("%s: no texts to measure on", o->ablate.item[0]);
    att_status st =
        att_explain_heads(x, &list, &heads, &base, (const char *const *)e.text,
                          (const char *const *)e.right, (int32_t)e.n, NULL, NULL);
    if (st != ATT_OK) return cli_status(st);
    qsort(list, (size_t)heads, sizeof *list, by_loss);
    printf("%lld texts, loss %.4f with all heads; without one of them:\n",
           (long long)e.n, base);
    printf("  attention  layer  head     loss      more\n");
    for (int64_t i = 0; i < heads; i++)
        printf("  %-9s  %5lld  %4lld  %7.4f  %+8.4f\n", kind[list[i].kind],
               (long long)list[i].layer, (long long)list[i].head, list[i].nll,
               list[i].nll - base);
    att_free(list);
    return EXIT_FINE;
}
