/* alignment_view.c - who looked at whom, drawn with characters. */
#include "alignment_view.h"
#include "cli.h"
#include "term.h"

#include <stdlib.h>
#include <string.h>

/* A piece without the mark of a word's beginning; "" for the mark alone, which is left
 * out of the picture. */
static const char *label(const att_model *m, int32_t side, int32_t id)
{
    const char *piece = att_model_piece(m, side, id);

    if (!piece) return "</s>";
    return strncmp(piece, "▁", strlen("▁")) == 0 ? piece + strlen("▁") : piece;
}

static void pad(int n)
{
    while (n-- > 0) putchar(' ');
}

/* A cell of the given width: darker means more. */
static void cell(double weight, int width)
{
    static const char *const blocks[] = {" ", "░", "▒", "▓", "█"};
    static const char *const plain[] = {" ", ".", "+", "*", "#"};
    int level = weight < 0.05   ? 0
                : weight < 0.2  ? 1
                : weight < 0.45 ? 2
                : weight < 0.7  ? 3
                                : 4;
    const char *mark = (term_utf8() ? blocks : plain)[level];

    if (level >= 2) fputs(term_style(stdout, "36"), stdout);
    for (int i = 0; i < width; i++) fputs(mark, stdout);
    if (level >= 2) fputs(term_style(stdout, "0"), stdout);
}

void alignment_print(const att_model *model, const att_sentence *s,
                     const att_hypothesis *h)
{
    int32_t n = s->n_source;
    int *width = cli_alloc((size_t)n, sizeof *width), left = 4;

    for (int32_t k = 0; k < h->n_ids; k++) {
        int w = term_columns(label(model, 1, h->ids[k]));

        if (w > left) left = w;
    }
    pad(left + 3);
    for (int32_t i = 0; i < n; i++) {
        const char *text = label(model, 0, s->source_ids[i]);
        int w = term_columns(text);

        width[i] = w == 0 ? 0 : w < 4 ? 4 : w;
        if (width[i] == 0) continue;
        fputs(text, stdout);
        pad(width[i] - w + 1);
    }
    putchar('\n');
    for (int32_t k = 0; k < h->n_scores; k++) {
        const char *text = k < h->n_ids ? label(model, 1, h->ids[k]) : "</s>";

        if (!*text) continue;
        pad(left + 1 - term_columns(text));
        printf("%s  ", text);
        for (int32_t i = 0; i < n; i++) {
            if (width[i] == 0) continue;
            cell((double)h->alignment[(size_t)k * (size_t)n + (size_t)i], width[i]);
            putchar(' ');
        }
        putchar('\n');
    }
    cli_free(width);
}
