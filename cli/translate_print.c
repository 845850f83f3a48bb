/* translate_print.c - what a translation looks like: Marian's text, n-best lists and
 * alignments, or an object of JSON. */
#include "commands.h"
#include "explain_lines.h"
#include "translate.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN_NONE, ALIGN_HARD, ALIGN_SOFT, ALIGN_ABOVE };

/* --- alignments ------------------------------------------------------------------- */

int translate_settle_alignment(translate_printer *p)
{
    const char *a = p->o->alignment;
    char *end;

    p->align = ALIGN_NONE;
    if (!a) return 0;
    if (strcmp(a, "hard") == 0) {
        p->align = ALIGN_HARD;
    } else if (strcmp(a, "soft") == 0) {
        p->align = ALIGN_SOFT;
    } else {
        p->above = strtod(a, &end);
        if (end == a || *end || !(p->above >= 0 && p->above <= 1))
            return cli_usage("translate",
                             "translate: --alignment: '%s' is none of hard, soft, 0..1",
                             a);
        /* Marian's 1 means hard: no weight is above it. */
        p->align = p->above == 1 ? ALIGN_HARD : ALIGN_ABOVE;
    }
    return 0;
}

static void add_pairs(const translate_printer *p, cli_text *t, const att_hypothesis *h,
                      int32_t s)
{
    const char *between = "";

    /* Ordered by source, then target, as the pairs of word aligners are. */
    for (int32_t i = 0; i < s; i++) {
        for (int32_t k = 0; k < h->n_scores; k++) {
            const float *row = h->alignment + (size_t)k * (size_t)s;
            int32_t best = 0;

            for (int32_t j = 1; j < s; j++)
                if (row[j] > row[best]) best = j;
            if (p->align == ALIGN_HARD ? best != i : !((double)row[i] > p->above))
                continue;
            cli_addf(t, "%s%d-%d", between, i, k);
            between = " ";
        }
    }
}

static void add_alignment(const translate_printer *p, cli_text *t,
                          const att_hypothesis *h, int32_t s)
{
    if (p->align != ALIGN_SOFT) {
        add_pairs(p, t, h, s);
        return;
    }
    for (int32_t k = 0; k < h->n_scores; k++) {
        if (k) cli_add(t, " ");
        for (int32_t i = 0; i < s; i++)
            cli_addf(t, "%s%.6g", i ? "," : "",
                     (double)h->alignment[(size_t)k * (size_t)s + (size_t)i]);
    }
}

/* --- Marian's text ---------------------------------------------------------------- */

static void add_extras(const translate_printer *p, cli_text *t, const att_sentence *s,
                       const att_hypothesis *h)
{
    if (p->align != ALIGN_NONE) {
        cli_add(t, " ||| ");
        if (h->alignment) add_alignment(p, t, h, s->n_source);
    }
    if (p->o->word_scores) {
        cli_add(t, " ||| WordScores=");
        for (int32_t i = 0; h->token_logprobs && i < h->n_scores; i++)
            cli_addf(t, " %.6g", (double)h->token_logprobs[i]);
    }
}

static void print_plain(const translate_printer *p, int64_t number,
                        const att_sentence *s)
{
    cli_text t = {0};

    if (p->o->n_best == 0) {
        cli_add_line(&t, s->n_hypotheses ? s->hypotheses[0].text : "");
        if (s->n_hypotheses) add_extras(p, &t, s, &s->hypotheses[0]);
        cli_add(&t, "\n");
    }
    for (int32_t i = 0; p->o->n_best && i < s->n_hypotheses; i++) {
        const att_hypothesis *h = &s->hypotheses[i];

        cli_addf(&t, "%lld ||| ", (long long)number);
        cli_add_line(&t, h->text);
        add_extras(p, &t, s, h);
        cli_addf(&t, " ||| F0= %.6g ||| %.6g\n", (double)h->logprob, (double)h->score);
    }
    cli_out_put(p->out, t.s, t.n);
    cli_free(t.s);
}

/* --- JSON ------------------------------------------------------------------------- */

static void add_pieces(cli_text *t, const att_model *m, int32_t side,
                       const int32_t *ids, int32_t n)
{
    cli_add(t, "[");
    for (int32_t i = 0; i < n; i++) {
        const char *piece = att_model_piece(m, side, ids[i]);

        if (i) cli_add(t, ",");
        cli_add_json(t, piece ? piece : "");
    }
    cli_add(t, "]");
}

static void add_hypothesis(const translate_printer *p, cli_text *t,
                           const att_sentence *s, const att_hypothesis *h)
{
    cli_add(t, "\"text\":");
    cli_add_json(t, h->text);
    cli_add(t, ",\"score\":");
    cli_add_float(t, h->score);
    cli_add(t, ",\"logprob\":");
    cli_add_float(t, h->logprob);
    cli_addf(t, ",\"finished\":%s,\"tokens\":", h->finished ? "true" : "false");
    add_pieces(t, p->model, 1, h->ids, h->n_ids);
    if (p->o->word_scores && h->token_logprobs) {
        cli_add(t, ",\"token_logprobs\":");
        cli_add_floats(t, h->token_logprobs, (size_t)h->n_scores);
    }
    if (p->align != ALIGN_NONE && h->alignment) {
        cli_add(t, ",\"alignment\":[");
        for (int32_t k = 0; k < h->n_scores; k++) {
            if (k) cli_add(t, ",");
            cli_add_floats(t, h->alignment + (size_t)k * (size_t)s->n_source,
                           (size_t)s->n_source);
        }
        cli_add(t, "]");
    }
}

static void print_json(const translate_printer *p, int64_t number,
                       const att_sentence *s)
{
    cli_text t = {0};

    cli_addf(&t, "{\"line\":%lld,\"source_tokens\":", (long long)number);
    add_pieces(&t, p->model, 0, s->source_ids, s->n_source);
    if (s->source_cut) cli_addf(&t, ",\"source_cut\":%d", s->source_cut);
    cli_add(&t, ",");
    if (p->o->n_best == 0) {
        if (s->n_hypotheses)
            add_hypothesis(p, &t, s, &s->hypotheses[0]);
        else
            cli_add(&t, "\"text\":\"\"");
    } else {
        cli_add(&t, "\"hypotheses\":[");
        for (int32_t i = 0; i < s->n_hypotheses; i++) {
            cli_add(&t, i ? ",{" : "{");
            add_hypothesis(p, &t, s, &s->hypotheses[i]);
            cli_add(&t, "}");
        }
        cli_add(&t, "]");
    }
    cli_add(&t, "}\n");
    cli_out_put(p->out, t.s, t.n);
    cli_free(t.s);
}

void translate_print(const translate_printer *p, int64_t number, const att_sentence *s)
{
    if (p->o->x.json)
        print_json(p, number, s);
    else
        print_plain(p, number, s);
}
