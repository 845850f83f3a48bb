/* watching.c - an explanation's sequences through the program, every attention operator
 * asked for its weights on the way. */
#include "base/checked.h"
#include "insight/pooling.h"
#include "insight/recurrent.h"

typedef struct looker {
    att_explainer *x;
    att_explanation *e;
    const atti_site *sites;
    int n_sites;
    atti_chooser choices;
    int64_t left; /* attention operators that have not run */
} looker;

/* The last attention is seen, and nobody asks what is said. */
static att_status seen(looker *w)
{
    if (--w->left > 0 || w->x->o.choices >= 0) return ATT_OK;
    w->x->look.enough = 1;
    return ATT_ECANCELLED;
}

/* One sequence, so the ragged form's weights are [H,T,S] and go straight to their layer. */
static att_status look(void *user, const atti_call *c, int backward)
{
    looker *w = user;
    if (w->e->n[ATT_SIDE_OUTPUT] > 0 && w->x->o.choices >= 0)
        ATTI_TRY(atti_see_choices(&w->choices, c, backward));
    if (!atti_lens_attends(c->node)) return ATT_OK;
    atti_attention_look a;
    att_attention_observe o;
    att_tensor weights, offsets;
    int site;
    int64_t layer;
    atti_lens_place(&w->x->look, w->sites, w->n_sites, c->node, &site, &layer);
    atti_map *m = &w->e->map[site];
    if (m->site.recurrent) {
        atti_recurrent_weights(c, m->rows, m->cols, m->w);
        return seen(w);
    }
    if (m->site.pooling) {
        atti_pooling_weights(c, m->w);
        return seen(w);
    }
    atti_attention_look_at(c, &a);
    int64_t one = m->rows * m->cols, at[2] = {0, one}, two = 2;
    int64_t all = m->site.heads * one;
    ATTI_TRY(att_tensor_view(&weights, m->w + layer * all, ATT_F32, 1, &all));
    ATTI_TRY(att_tensor_view(&offsets, at, ATT_I64, 1, &two));
    att_attention_observe_init(&o);
    o.weights = &weights;
    o.weight_offsets = &offsets;
    ATTI_TRY(att_attention_weights(&a.desc, &a.x.args, &o));
    return seen(w);
}

static int64_t length_of(const att_explainer *x, const att_explanation *e, att_var off)
{
    bool source = off == x->look.io.src_offsets || atti_is_worded(x->model);
    return e->n[source ? ATT_SIDE_SOURCE : ATT_SIDE_PREFIX];
}

static att_status make_maps(att_explainer *x, att_explanation *e,
                            const atti_site *sites, int n)
{
    size_t total = 0;
    e->n_maps = n;
    for (int i = 0; i < n; i++) {
        atti_map *m = &e->map[i];
        size_t count;
        m->site = sites[i];
        m->rows = sites[i].pooling ? 1 : length_of(x, e, sites[i].q_offsets);
        m->cols = length_of(x, e, sites[i].k_offsets);
        if (!atti_mul_size(&count, (size_t)m->rows, (size_t)m->cols) ||
            !atti_mul_size(&count, count, (size_t)(m->site.layers * m->site.heads)) ||
            !atti_mul_size(&count, count, sizeof(float)) ||
            !atti_add_size(&total, total, count) || total > (size_t)x->o.max_bytes)
            return atti_fail(ATT_EINVAL,
                             "the weights of %lld x %lld tokens in %lld layers of %lld "
                             "heads take more than %lld bytes: take a shorter text",
                             (long long)m->rows, (long long)m->cols,
                             (long long)m->site.layers, (long long)m->site.heads,
                             (long long)x->o.max_bytes);
    }
    for (int i = 0; i < n; i++) {
        atti_map *m = &e->map[i];
        size_t count = (size_t)(m->rows * m->cols * m->site.layers * m->site.heads);
        ATTI_TRY(atti_alloc(&m->w, count, sizeof *m->w, "attention weights"));
    }
    return ATT_OK;
}

att_status atti_explanation_watch(att_explainer *x, att_explanation *e)
{
    atti_site sites[ATTI_SITES];
    atti_lens_batch b;
    int32_t *block = NULL;
    int n;
    ATTI_TRY(atti_lens_sites(&x->look, sites, &n));
    ATTI_TRY(make_maps(x, e, sites, n));
    e->n_choices = x->o.choices > 0 ? x->o.choices : 0;
    size_t t = (size_t)e->n[ATT_SIDE_OUTPUT], k = (size_t)e->n_choices + 1;
    ATTI_TRY(atti_alloc(&e->choice, t * k, sizeof *e->choice, "choices"));
    ATTI_TRY(atti_alloc(&e->rank, t, sizeof *e->rank, "choices"));
    ATTI_TRY(atti_explanation_batch(e, 1, &b, &block));
    looker w = {x,
                e,
                sites,
                n,
                {e, atti_model_labels(x->model) ? x->look.io.logits : ATT_NO_VAR},
                0};
    for (int i = 0; i < n; i++) w.left += sites[i].layers;
    att_status st = atti_lens_run(&x->look, &b, look, &w, 0);
    atti_free(block);
    return st;
}
