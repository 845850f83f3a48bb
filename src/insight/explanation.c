/* explanation.c - what was seen, handed out. */
#include "base/checked.h"
#include "base/threads.h"
#include "insight/insight.h"
#include "kernels/matmul.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void att_explanation_destroy(att_explanation *e)
{
    if (!e) return;
    for (int i = 0; i < 3; i++) {
        for (int64_t k = 0; e->tokens[i] && k < e->n[i]; k++)
            atti_free(e->tokens[i][k]);
        for (int64_t k = 0; e->labels[i] && k < e->n[i]; k++)
            atti_free(e->labels[i][k]);
        atti_free(e->tokens[i]);
        atti_free(e->labels[i]);
        atti_free(e->ids[i]);
    }
    int64_t choices = e->n[ATT_SIDE_OUTPUT] * (e->n_choices + 1);
    for (int64_t i = 0; e->choice_label && i < choices; i++)
        atti_free(e->choice_label[i]);
    atti_free(e->choice_label);
    for (int i = 0; i < e->n_maps; i++) atti_free(e->map[i].w);
    atti_worded_deinit(&e->words);
    att_free(e->output);
    atti_free(e->choice);
    atti_free(e->rank);
    atti_free(e);
}

const char *const *att_explanation_tokens(const att_explanation *e, int32_t side,
                                          int64_t *n)
{
    int there = e && side >= 0 && side < 3 && e->tokens[side];
    if (n) *n = there ? e->n[side] : 0;
    return there ? (const char *const *)e->tokens[side] : NULL;
}

const int32_t *att_explanation_ids(const att_explanation *e, int32_t side, int64_t *n)
{
    int there = e && side >= 0 && side < 3 && e->ids[side];
    if (n) *n = there ? e->n[side] : 0;
    return there ? e->ids[side] : NULL;
}

const char *att_explanation_output(const att_explanation *e)
{
    return e ? e->output : "";
}

double att_explanation_logprob(const att_explanation *e)
{
    return e ? e->logprob : 0.0;
}

int32_t att_explanation_source_cut(const att_explanation *e)
{
    return e ? e->source_cut : 0;
}

/* ---- maps ---- */

int64_t att_explanation_map_count(const att_explanation *e)
{
    return e ? e->n_maps : 0;
}

att_status att_explanation_map(const att_explanation *e, att_attention_map *map,
                               int64_t i)
{
    if (!e || !map)
        return atti_fail(ATT_EINVAL, "att_explanation_map: %s is NULL",
                         e ? "map" : "the explanation");
    if (i < 0 || i >= e->n_maps)
        return atti_fail(ATT_EINVAL, "att_explanation_map: map %lld, there are %d",
                         (long long)i, e->n_maps);
    const atti_map *m = &e->map[i];
    int32_t kind = m->site.kind;
    att_attention_map_init(map);
    map->kind = kind;
    map->n_layers = m->site.layers;
    map->n_heads = m->site.heads;
    map->rows = m->rows;
    map->cols = m->cols;
    map->weights = m->w;
    int row = kind == ATT_VIEW_CROSS     ? ATT_SIDE_OUTPUT
              : kind == ATT_VIEW_DECODER ? ATT_SIDE_PREFIX
                                         : ATT_SIDE_SOURCE;
    int col = kind == ATT_VIEW_DECODER ? ATT_SIDE_PREFIX : ATT_SIDE_SOURCE;
    map->row_tokens = (const char *const *)e->tokens[row];
    map->col_tokens = (const char *const *)e->tokens[col];
    if (m->site.pooling) {
        static const char *const whole[] = {"the text"};
        map->row_tokens = whole;
        map->name = "Pooling attention";
        map->row_axis = "the text";
    }
    return ATT_OK;
}

att_status atti_explanation_kind(const att_explanation *e, int32_t kind, int *i)
{
    char have[160] = "";
    for (int k = 0; k < e->n_maps; k++) {
        if (e->map[k].site.kind == kind) {
            *i = k;
            return ATT_OK;
        }
        size_t n = strlen(have);
        snprintf(have + n, sizeof have - n, "%s%s", n ? " and " : "",
                 atti_site_name(&e->map[k].site));
    }
    if (e->n_maps == 0)
        return atti_fail(
            ATT_ENOTFOUND,
            "the model has no attention: integrated gradients say what its "
            "output depends on");
    return atti_fail(ATT_ENOTFOUND, "the model has no %s: it has %s",
                     kind == ATT_VIEW_CROSS     ? "cross-attention"
                     : kind == ATT_VIEW_ENCODER ? "encoder with self-attention"
                     : kind == ATT_VIEW_DECODER ? "decoder with self-attention"
                                                : "other attention, as for pooling",
                     have);
}

att_status att_explanation_find(const att_explanation *e, att_attention_map *map,
                                int32_t kind)
{
    int i = 0;
    if (!e || !map)
        return atti_fail(ATT_EINVAL, "att_explanation_find: %s is NULL",
                         e ? "map" : "the explanation");
    ATTI_TRY(atti_explanation_kind(e, kind, &i));
    return att_explanation_map(e, map, i);
}

att_status atti_explanation_check(const att_explainer *x, const att_explanation *e,
                                  const void *out, const char *what)
{
    if (x && e && out) return ATT_OK;
    return atti_fail(ATT_EINVAL, "%s: %s is NULL", what,
                     !x   ? "the explainer"
                     : !e ? "the explanation"
                          : "out");
}

/* ---- the sequences as a batch ---- */

att_status atti_explanation_batch(const att_explanation *e, int64_t copies,
                                  atti_lens_batch *b, int32_t **block)
{
    const int32_t *source = e->words.n ? e->words.run : e->ids[ATT_SIDE_SOURCE];
    int64_t s = e->words.n ? (int64_t)e->words.n_run : e->n[ATT_SIDE_SOURCE];
    int64_t t = e->n[ATT_SIDE_PREFIX], o = e->n[ATT_SIDE_OUTPUT];
    size_t each = (size_t)(s + t + o), n;
    if (!atti_mul_size(&n, (size_t)copies, each + 2) || s * copies > INT32_MAX ||
        t * copies > INT32_MAX || o * copies > INT32_MAX)
        return atti_fail(ATT_EINVAL, "explain: %lld x %lld tokens are too many",
                         (long long)copies, (long long)(s + t));
    ATTI_TRY(atti_alloc(block, n + 2, sizeof **block, "batch"));
    int32_t *src = *block, *tgt = src + s * copies, *say = tgt + t * copies;
    int32_t *src_off = say + o * copies, *tgt_off = src_off + copies + 1;
    for (int64_t i = 0; i < copies; i++) {
        for (int64_t k = 0; k < s; k++) src[i * s + k] = source[k];
        for (int64_t k = 0; k < t; k++) tgt[i * t + k] = e->ids[ATT_SIDE_PREFIX][k];
        for (int64_t k = 0; k < o; k++) say[i * o + k] = e->ids[ATT_SIDE_OUTPUT][k];
        src_off[i + 1] = (int32_t)((i + 1) * s);
        tgt_off[i + 1] = (int32_t)((i + 1) * t);
    }
    *b = (atti_lens_batch){copies,  s * copies, t * copies, src,
                           src_off, tgt,        tgt_off,    say};
    return ATT_OK;
}

/* ---- next words ---- */

/* The k likeliest by insertion: k is small. Ties go to the lower id. */
static void rank_row(att_explanation *e, int64_t t, const float *logit, int64_t v,
                     double top, double total)
{
    att_choice *to = e->choice + t * (e->n_choices + 1);
    int32_t said = e->ids[ATT_SIDE_OUTPUT][t], n = 0;
    int64_t better = 0;
    for (int64_t i = 0; i < v; i++) {
        better += logit[i] > logit[said] || (logit[i] == logit[said] && i < said);
        if (n == e->n_choices && (n == 0 || !(logit[i] > logit[to[n - 1].id])))
            continue;
        int32_t at = n < e->n_choices ? n++ : n - 1;
        for (; at > 0 && logit[i] > logit[to[at - 1].id]; at--)
            to[at].id = to[at - 1].id;
        to[at].id = (int32_t)i;
    }
    for (int32_t i = n; i < e->n_choices; i++) to[i].id = -1;
    to[e->n_choices].id = said;
    for (int32_t i = 0; i <= e->n_choices; i++)
        if (to[i].id >= 0)
            to[i].probability = (float)(exp((double)logit[to[i].id] - top) / total);
    e->rank[t] = better + 1;
}

/* One row of logits [v]. */
static void choose_row(att_explanation *e, int64_t t, const float *logit, int64_t v)
{
    double top = -INFINITY, total = 0.0;
    int32_t best = 0;
    for (int64_t k = 0; k < v; k++) {
        if ((double)logit[k] > top) {
            top = (double)logit[k];
            best = (int32_t)k;
        }
    }
    if (e->ids[ATT_SIDE_OUTPUT][t] < 0) e->ids[ATT_SIDE_OUTPUT][t] = best;
    for (int64_t k = 0; k < v; k++) total += exp((double)logit[k] - top);
    rank_row(e, t, logit, v, top, total);
}

static att_status choose_words(att_explanation *e, const atti_call *c)
{
    enum { X, TABLE, BIAS };
    int64_t t = c->in[X].rows, v = c->in[TABLE].rows, w = c->in[X].cols;
    float *logit = NULL;
    ATTI_TRY(atti_alloc_raw(&logit, (size_t)v, sizeof *logit, "logits"));
    att_status st = ATT_OK;
    for (int64_t i = 0; st == ATT_OK && i < t && i < e->n[ATT_SIDE_OUTPUT]; i++) {
        const atti_matmul_shape s = {.rows = 1, .n_out = v, .n_in = w};
        st = atti_matmul_forward(&s, logit, v, c->in[X].f + i * w, w, c->in[TABLE].f,
                                 NULL);
        for (int64_t k = 0; c->in[BIAS].f && k < v; k++) logit[k] += c->in[BIAS].f[k];
        if (st == ATT_OK) choose_row(e, i, logit, v);
    }
    atti_free(logit);
    return st;
}

att_status atti_see_choices(void *user, const atti_call *c, int backward)
{
    const atti_chooser *w = user;
    if (backward) return ATT_OK;
    if (w->logits == ATT_NO_VAR)
        return strcmp(c->node->op->name, "vocab_loss") == 0 ? choose_words(w->e, c)
                                                            : ATT_OK;
    if (c->node->out[0] != w->logits) return ATT_OK;
    for (int64_t i = 0; i < c->out[0].rows && i < w->e->n[ATT_SIDE_OUTPUT]; i++)
        choose_row(w->e, i, c->out[0].f + i * c->out[0].cols, c->out[0].cols);
    return ATT_OK;
}

const att_choice *att_explanation_choices(const att_explanation *e, int64_t t,
                                          int32_t *n, att_choice *said, int64_t *rank)
{
    int there = e && t >= 0 && t < e->n[ATT_SIDE_OUTPUT];
    if (n) *n = 0;
    if (!there) return NULL;
    const att_choice *row = e->choice + t * (e->n_choices + 1);
    for (int32_t i = 0; n && i < e->n_choices && row[i].id >= 0; i++) ++*n;
    if (said) *said = row[e->n_choices];
    if (rank) *rank = e->rank[t];
    return row;
}
