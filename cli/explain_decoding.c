/* explain_decoding.c - the output word by word: what had been said, what could come next
 * with which probability, what was said. */
#include "explain_parts.h"

#include <string.h>

static void print_mask(int64_t t, int64_t n)
{
    printf("  mask    ");
    for (int64_t i = 0; i < n; i++)
        fputs(i <= t ? (term_utf8() ? "●" : "1") : (term_utf8() ? "·" : "0"), stdout);
    printf("  sees %lld of %lld\n", (long long)(t + 1), (long long)n);
}

static void print_choices(const att_explanation *e, int64_t t, const char *beyond)
{
    int64_t rank = 0;
    int32_t k = 0;
    att_choice said;
    const att_choice *c = att_explanation_choices(e, t, &k, &said, &rank);
    for (int32_t i = 0; i < k; i++) {
        bool chosen = c[i].id == said.id;
        printf("  %s%6.2f %%  %s%s%s\n", chosen ? term_style(stdout, "1;36") : "",
               100 * (double)c[i].probability, c[i].label,
               chosen ? term_style(stdout, "0") : "",
               chosen ? (term_utf8() ? "   ← said" : "   <- said") : "");
    }
    if (rank > k)
        printf("  %6.2f %%  %s   %s said: number %lld%s\n",
               100 * (double)said.probability, said.label, term_utf8() ? "←" : "<-",
               (long long)rank, beyond);
}

/* What labels does not read its own output: nothing goes before, nothing is hidden. */
static int label_by_label(const att_explanation *e)
{
    int64_t n, s;
    const char *const *word = att_explanation_labels(e, ATT_SIDE_SOURCE, &s);
    if (!att_explanation_labels(e, ATT_SIDE_OUTPUT, &n) || n == 0)
        return cli_fail("the model says nothing that could be chosen: no words and no "
                        "labels");
    for (int64_t t = 0; t < n; t++) {
        explain_heading(n == s ? word[t] : "The text");
        print_choices(e, t, "");
    }
    return EXIT_FINE;
}

int explain_decoding(const att_explanation *e)
{
    int64_t n;
    const char *const *prefix = att_explanation_labels(e, ATT_SIDE_PREFIX, &n);
    if (n == 0) return label_by_label(e);
    for (int64_t t = 0; t < n; t++) {
        explain_heading(cli_format("Step %lld", (long long)(t + 1)));
        printf("  prefix ");
        for (int64_t i = 0; i <= t; i++) printf(" %s", prefix[i]);
        putchar('\n');
        print_mask(t, n);
        print_choices(e, t, "; the beam found a likelier sentence with it");
    }
    printf("\n%s   (log-probability %.4f)\n", att_explanation_output(e),
           att_explanation_logprob(e));
    return EXIT_FINE;
}
