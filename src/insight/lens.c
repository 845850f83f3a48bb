/* lens.c - a family's program made to be looked at: recorded, planned, run, its attention
 * operators told apart. */
#include "insight/insight.h"

#include "autograd/tape_internal.h"
#include "base/checked.h"
#include "insight/pooling.h"
#include "insight/recurrent.h"

#include <string.h>

enum { SRC, TGT, SEQS };

void atti_lens_init(atti_lens *l, const att_model *model, int training)
{
    memset(l, 0, sizeof *l);
    l->model = model;
    l->training = training;
}

void atti_lens_deinit(atti_lens *l)
{
    att_tape_destroy(l->tape);
    atti_free(l->zeros);
    atti_word_rows_deinit(&l->rows);
    l->tape = NULL;
    l->zeros = NULL;
}

att_status atti_lens_open(atti_lens *l)
{
    const att_model *m = l->model;
    /* Dropout is not recorded: what is looked at is what the model does in use. */
    atti_program_opts o = {.training = 0, .label_smoothing = 0.0f};
    o.inference = atti_model_labels(m) && !l->training;
    att_tape *t = NULL;
    if (l->tape) return ATT_OK;
    ATTI_TRY(att_tape_create(&t));
    atti_program_io_init(&l->io);
    att_status st = m->family->build(m->cfg, &m->params, t, &o, &l->io);
    /* A model does not change: from text to text its weights are packed once. */
    if (st == ATT_OK && !l->training) st = atti_tape_keep_packed(t);
    if (st != ATT_OK) {
        att_tape_destroy(t);
        return st;
    }
    l->tape = t;
    memset(l->cap, 0, sizeof l->cap);
    return ATT_OK;
}

static att_status plan(atti_lens *l, const atti_lens_batch *b)
{
    int64_t need[3] = {b->n_source, b->n_target, b->n_seqs}, rows[5];
    const att_rows symbol[3] = {l->io.src_rows, l->io.tgt_rows, l->io.seqs};
    int grow = 0, n = 0;
    for (int i = 0; i < 3; i++) {
        grow |= need[i] > l->cap[i];
        if (need[i] > l->cap[i]) l->cap[i] = atti_round_up(need[i], i == SEQS ? 1 : 64);
        if (symbol[i] < 0) rows[n++] = l->cap[i];
    }
    if (!grow) return ATT_OK;
    rows[n++] = l->cap[SEQS] + 1;
    if (l->io.words1) rows[n++] = l->cap[TGT] + 1;
    atti_free(l->zeros);
    l->zeros = NULL;
    ATTI_TRY(
        atti_alloc(&l->zeros, (size_t)l->cap[SRC], sizeof *l->zeros, "token types"));
    att_tape_plan_opts o;
    att_tape_plan_opts_init(&o);
    o.training = l->training;
    o.max_rows = rows;
    o.n_max_rows = n;
    o.recompute = 0;
    if (l->training) o.loss = l->io.loss;
    att_status st = att_tape_plan(l->tape, &o);
    if (st == ATT_OK) st = atti_family_bind(l->tape, &l->model->params, NULL);
    if (st != ATT_OK) memset(l->cap, 0, sizeof l->cap);
    return st;
}

static att_status set(att_tape *t, att_var v, const void *data)
{
    return v == ATT_NO_VAR ? ATT_OK : att_tape_set(t, v, data);
}

static att_status feed(atti_lens *l, const atti_lens_batch *b)
{
    att_tape *t = l->tape;
    if (l->io.src_rows < 0) ATTI_TRY(att_tape_bind(t, l->io.src_rows, b->n_source));
    if (l->io.tgt_rows < 0) ATTI_TRY(att_tape_bind(t, l->io.tgt_rows, b->n_target));
    ATTI_TRY(att_tape_bind(t, l->io.seqs, b->n_seqs));
    ATTI_TRY(set(t, l->io.src_types, l->zeros));
    ATTI_TRY(set(t, l->io.row_labels, b->targets));
    ATTI_TRY(set(t, l->io.seq_labels, b->targets));
    ATTI_TRY(set(t, l->io.src_ids, b->source));
    ATTI_TRY(set(t, l->io.src_offsets, b->source_offsets));
    ATTI_TRY(set(t, l->io.tgt_ids, b->target));
    ATTI_TRY(set(t, l->io.tgt_offsets, b->target_offsets));
    for (int32_t i = 0; i < 2 * l->io.reach; i++)
        ATTI_TRY(set(t, l->io.near[i], l->rows.near + i * b->n_target));
    return set(t, l->io.targets, b->targets);
}

/* Runs of words with their characters inside as the two sides of the program. */
static att_status take_apart(atti_lens *l, atti_lens_batch *b)
{
    atti_word_rows *w = &l->rows;
    if (!atti_is_worded(l->model)) return ATT_OK;
    ATTI_TRY(
        atti_word_rows_make(w, b->source, b->source_offsets, b->n_seqs, l->io.reach));
    b->n_source = w->n_chars;
    b->n_target = w->n_words;
    b->source = w->chars;
    b->source_offsets = w->char_at;
    b->target = w->word;
    b->target_offsets = w->seq_at;
    return ATT_OK;
}

att_status atti_lens_run(atti_lens *l, const atti_lens_batch *b, atti_lens_fn *see,
                         void *user, int backward)
{
    atti_lens_batch sides = *b;
    ATTI_TRY(atti_lens_open(l));
    ATTI_TRY(take_apart(l, &sides));
    ATTI_TRY(plan(l, &sides));
    ATTI_TRY(feed(l, &sides));
    l->enough = 0;
    l->tape->observe = see;
    l->tape->observe_user = user;
    att_status st = att_tape_forward(l->tape, 0, 0, backward);
    if (st == ATT_OK && backward) st = att_tape_backward(l->tape, l->io.loss, 1.0f, 0);
    l->tape->observe = NULL;
    return l->enough ? ATT_OK : st;
}

att_status atti_lens_stats(const atti_lens *l, float out[4])
{
    att_tensor view;
    ATTI_TRY(att_tape_value(l->tape, &view, l->io.stats));
    memcpy(out, view.data, 4 * sizeof *out);
    return ATT_OK;
}

/* ---- sites ---- */

static int32_t kind_of(const atti_program_io *io, const atti_attention_look *a)
{
    if (a->q_offsets != a->k_offsets) return ATT_VIEW_CROSS;
    return a->desc.causal ? ATT_VIEW_DECODER
           : a->q_offsets == io->src_offsets || a->q_offsets == io->tgt_offsets
               ? ATT_VIEW_ENCODER
               : ATT_VIEW_OTHER;
}

bool atti_lens_attends(const atti_node *node)
{
    return atti_is_attention(node) || atti_recurrent_is(node) || atti_pooling_is(node);
}

/* The site of an attention node, but for its layers. */
static atti_site site_of(const atti_lens *l, const atti_node *node)
{
    atti_attention_look a;
    atti_site s;
    if (atti_recurrent_is(node)) {
        atti_recurrent_site(node, &s);
        return s;
    }
    if (atti_pooling_is(node)) {
        atti_pooling_site(l->tape, node, &s);
        return s;
    }
    atti_attention_plan(node, &a);
    s = (atti_site){.kind = kind_of(&l->io, &a),
                    .heads = a.heads,
                    .q_offsets = a.q_offsets,
                    .k_offsets = a.k_offsets};
    return s;
}

static int same_site(const atti_site *s, const atti_site *t)
{
    return s->kind == t->kind && s->heads == t->heads && s->q_offsets == t->q_offsets &&
           s->k_offsets == t->k_offsets;
}

static int order_of(int32_t kind)
{
    return kind == ATT_VIEW_ENCODER ? 0 : kind == ATT_VIEW_DECODER ? 1 : kind + 2;
}

att_status atti_lens_sites(const atti_lens *l, atti_site *sites, int *n)
{
    *n = 0;
    for (size_t i = 0; i < l->tape->n_nodes; i++) {
        const atti_node *node = &l->tape->nodes[i];
        int at = 0;
        if (!atti_lens_attends(node)) continue;
        atti_site s = site_of(l, node);
        while (at < *n && !same_site(&sites[at], &s)) at++;
        if (at == ATTI_SITES)
            return atti_fail(ATT_ENOTSUP, "%s: more than %d kinds of attention",
                             l->model->dir, ATTI_SITES);
        if (at == *n) sites[(*n)++] = s;
        sites[at].layers++;
    }
    for (int i = 1; i < *n; i++)
        for (int k = i; k > 0 && order_of(sites[k].kind) < order_of(sites[k - 1].kind);
             k--) {
            atti_site s = sites[k];
            sites[k] = sites[k - 1];
            sites[k - 1] = s;
        }
    return ATT_OK;
}

void atti_lens_place(const atti_lens *l, const atti_site *sites, int n,
                     const atti_node *node, int *site, int64_t *layer)
{
    atti_site s = site_of(l, node);
    *site = 0;
    *layer = 0;
    while (*site < n && !same_site(&sites[*site], &s)) ++*site;
    for (int32_t i = 0; i < node->index; i++) {
        if (!atti_lens_attends(&l->tape->nodes[i])) continue;
        s = site_of(l, &l->tape->nodes[i]);
        if (same_site(&sites[*site], &s)) ++*layer;
    }
}

const char *atti_kind_name(int32_t kind)
{
    static const char *const name[] = {"cross-attention",
                                       "the encoder's self-attention",
                                       "the decoder's self-attention", "attention"};
    return kind >= 0 && kind <= ATT_VIEW_OTHER ? name[kind] : "that";
}

const char *atti_site_name(const atti_site *s)
{
    return s->pooling ? "the attention that pools the words" : atti_kind_name(s->kind);
}
