/* dependence.c - what an output depends on, by gradients: gradient x attention, and
 * integrated gradients by the embeddings of the source, or of a decoder's own text (Sundararajan et al. 2017).
 *
 * Copies of the sentence run side by side as a ragged batch. In each copy one output token
 * counts (the other targets are ignored), so one backward gives the gradients of many
 * log-probabilities at once. */
#include "base/checked.h"
#include "insight/pooling.h"

#include <math.h>
#include <string.h>

enum { BATCH_ROWS = 4096, STEPS_MAX = 256 };

/* Copies of which copy i lets target row `which[i]` count. */
static void keep_one_target(atti_lens_batch *b, int64_t copy, int64_t t, int64_t row)
{
    int32_t *say = (int32_t *)(uintptr_t)b->targets + copy * t;
    for (int64_t i = 0; i < t; i++)
        if (i != row) say[i] = -1;
}

static att_status says_something(const att_explanation *e)
{
    if (e->n[ATT_SIDE_OUTPUT] > 0) return ATT_OK;
    return atti_fail(ATT_ENOTSUP,
                     "gradients need something that the model says: a word "
                     "or one label of several");
}

static int64_t copies_at_once(const att_explanation *e, int64_t wanted)
{
    int64_t n = BATCH_ROWS / (e->n[ATT_SIDE_SOURCE] + e->n[ATT_SIDE_PREFIX]);
    return n < 1 ? 1 : n > wanted ? wanted : n;
}

/* ---- gradient x attention ---- */

typedef struct sums {
    int kind;
    const atti_site *sites;
    int n_sites;
    const atti_lens *lens;
    float *out; /* [copies, S] of this batch */
    int64_t cols;
} sums;

/* out[b,s] -= sum over t of a[t,s] dout[t] . v[s]: the loss is -ln p. */
static void add_head(const atti_attention_look *a, const float *w, int64_t b, int64_t h,
                     float *out)
{
    const int32_t *oq = a->x.off_q.data, *ok = a->x.off_k.data;
    int64_t t0 = oq[b], n = oq[b + 1] - oq[b], s0 = ok[b], m = ok[b + 1] - ok[b];
    int64_t g = h / (a->heads / a->kv_heads);
    const float *d = a->x.dout.data, *v = a->x.v.data;
    for (int64_t s = 0; s < m; s++) {
        const float *value = v + (s0 + s) * a->x.v.stride[0] + g * a->x.v.stride[1];
        double sum = 0.0;
        for (int64_t t = 0; t < n; t++) {
            const float *up = d + (t0 + t) * a->x.dout.stride[0] + h * a->e;
            double dot = 0.0;
            for (int64_t i = 0; i < a->e; i++) dot += (double)up[i] * (double)value[i];
            sum += dot * (double)w[t * m + s];
        }
        out[s] -= (float)sum;
    }
}

static att_status see_gradient(void *user, const atti_call *c, int backward)
{
    sums *u = user;
    int site;
    int64_t layer;
    if (!backward || !atti_lens_attends(c->node) || !c->out[0].grad) return ATT_OK;
    atti_lens_place(u->lens, u->sites, u->n_sites, c->node, &site, &layer);
    if (site != u->kind) return ATT_OK;
    if (u->sites[site].pooling) {
        atti_pooling_gradient(c, u->out, u->cols);
        return ATT_OK;
    }
    atti_attention_look a;
    atti_attention_look_at(c, &a);
    const int32_t *oq = a.x.off_q.data, *ok = a.x.off_k.data;
    int64_t n = a.x.off_q.shape[0], seqs = n - 1, *at = NULL;
    float *w = NULL;
    ATTI_TRY(atti_alloc(&at, (size_t)n, sizeof *at, "offsets"));
    for (int64_t b = 0; b < seqs; b++)
        at[b + 1] = at[b] + (int64_t)(oq[b + 1] - oq[b]) * (ok[b + 1] - ok[b]);
    int64_t total = at[seqs] * a.heads;
    att_tensor weights, offsets;
    att_attention_observe o;
    att_attention_observe_init(&o);
    att_status st = atti_alloc_raw(&w, (size_t)total, sizeof *w, "attention weights");
    if (st == ATT_OK) st = att_tensor_view(&weights, w, ATT_F32, 1, &total);
    if (st == ATT_OK) st = att_tensor_view(&offsets, at, ATT_I64, 1, &n);
    o.weights = &weights;
    o.weight_offsets = &offsets;
    if (st == ATT_OK) st = att_attention_weights(&a.desc, &a.x.args, &o);
    for (int64_t b = 0; st == ATT_OK && b < seqs; b++)
        for (int64_t h = 0; h < a.heads; h++)
            add_head(&a, w + a.heads * at[b] + h * (at[b + 1] - at[b]), b, h,
                     u->out + b * u->cols);
    atti_free(w);
    atti_free(at);
    return st;
}

att_status att_explain_gradient(att_explainer *x, const att_explanation *e,
                                int32_t kind, float *out)
{
    atti_site sites[ATTI_SITES];
    int n_sites = 0, at = 0;
    ATTI_TRY(atti_explanation_check(x, e, out, "att_explain_gradient"));
    ATTI_TRY(atti_explanation_kind(e, kind, &at));
    ATTI_TRY(says_something(e));
    ATTI_TRY(atti_lens_open(&x->grad));
    ATTI_TRY(atti_lens_sites(&x->grad, sites, &n_sites));
    if (sites[at].recurrent)
        return atti_fail(ATT_ENOTSUP, "weights inside of a recurrence have no gradient "
                                      "of their own: take integrated gradients");
    int64_t t = e->n[ATT_SIDE_OUTPUT], cols = e->map[at].cols;
    memset(out, 0, (size_t)(t * cols) * sizeof *out);
    int64_t step = copies_at_once(e, t);
    for (int64_t row = 0; row < t; row += step) {
        atti_lens_batch b;
        int32_t *block = NULL;
        int64_t n = atti_min_i64(step, t - row);
        ATTI_TRY(atti_explanation_batch(e, n, &b, &block));
        for (int64_t i = 0; i < n; i++) keep_one_target(&b, i, t, row + i);
        sums u = {at, sites, n_sites, &x->grad, out + row * cols, cols};
        att_status st = atti_lens_run(&x->grad, &b, see_gradient, &u, 1);
        atti_free(block);
        ATTI_TRY(st);
    }
    return ATT_OK;
}

/* ---- integrated gradients ---- */

typedef struct path {
    const atti_lens *lens;
    const float
        *frac;       /* [copies] where on the way a copy stands; NULL: only remember */
    float *base, *x; /* [S,C]: embeddings of nothing and of the source */
    int64_t rows, cols;
    int64_t *row_of; /* [copies] whose log-probability this copy is of */
    double *out;     /* [T,S], sums over steps */
} path;

/* Models of words are explained by what a word is before the first layer: its own vector
 * and what was read from its characters. Nothing is zeros there. */
static int reads_words(const atti_lens *lens)
{
    return lens->io.vectors != ATT_NO_VAR;
}

/* What is explained by: the source, or the text that a decoder without one reads. */
static int reads_source(const atti_lens *lens)
{
    return lens->io.src_ids != ATT_NO_VAR || reads_words(lens);
}

static int is_source_embedding(const path *p, const atti_node *n)
{
    const atti_program_io *io = &p->lens->io;
    if (reads_words(p->lens)) return n->out[0] == io->vectors;
    return strcmp(n->op->name, "embed") == 0 &&
           n->in[0] == (reads_source(p->lens) ? io->src_ids : io->tgt_ids);
}

/* Nothing is a row of zeros; where no position is added to it, as in decoders with rotary
 * ones, a norm would make one of every length alike, and the way from zero a jump. So a
 * text of a decoder comes from the mean of all tokens. */
static void mean_token(const atti_call *c)
{
    enum { TABLE = 1, POS = 2 };
    int64_t rows = c->in[TABLE].rows, cols = c->out[0].cols;
    if (c->node->in[POS] != ATT_NO_VAR) return;
    for (int64_t k = 0; k < cols; k++) {
        double sum = 0.0;
        for (int64_t v = 0; v < rows; v++) sum += (double)c->in[TABLE].f[v * cols + k];
        for (int64_t r = 0; r < c->out[0].rows; r++)
            c->out[0].f[r * cols + k] = (float)(sum / (double)rows);
    }
}

/* Forward: puts each copy at its place between nothing and the source. Backward: adds
 * gradient x way. */
static att_status see_path(void *user, const atti_call *c, int backward)
{
    path *p = user;
    if (!is_source_embedding(p, c->node)) return ATT_OK;
    int64_t each = p->rows * p->cols, copies = c->out[0].rows / p->rows;
    if (!p->frac) {
        if (reads_words(p->lens)) memset(c->out[0].f, 0, (size_t)each * sizeof(float));
        if (!reads_source(p->lens)) mean_token(c);
        memcpy(p->base, c->out[0].f, (size_t)each * sizeof *p->base);
        return ATT_OK;
    }
    if (!backward) memcpy(p->x, c->out[0].f, (size_t)each * sizeof *p->x);
    for (int64_t k = 0; k < copies; k++) {
        float *y = c->out[0].f + k * each;
        for (int64_t i = 0; !backward && i < each; i++)
            y[i] = p->base[i] + p->frac[k] * (p->x[i] - p->base[i]);
        const float *g = c->out[0].grad ? c->out[0].grad + k * each : NULL;
        for (int64_t i = 0; backward && g && i < each; i++)
            p->out[p->row_of[k] * p->rows + i / p->cols] -=
                (double)g[i] * (double)(p->x[i] - p->base[i]);
    }
    return ATT_OK;
}

typedef struct emptiness {
    path *p;
    atti_chooser choices;
} emptiness;

static att_status see_nothing(void *user, const atti_call *c, int backward)
{
    emptiness *e = user;
    ATTI_TRY(see_path(e->p, c, backward));
    return atti_see_choices(&e->choices, c, backward);
}

/* ln p of every output token of an empty source: its embeddings, and what they lead to. */
static att_status nothing(att_explainer *x, const att_explanation *e, path *p,
                          float *prob)
{
    atti_lens_batch b;
    int32_t *block = NULL;
    ATTI_TRY(atti_explanation_batch(e, 1, &b, &block));
    int32_t *src = (int32_t *)(uintptr_t)(reads_source(&x->grad) ? b.source : b.target);
    for (int64_t i = 0; i < p->rows && !reads_words(&x->grad); i++) src[i] = -1;
    att_status st = ATT_OK;
    att_explanation told = {.n_choices = 0};
    memcpy(told.n, e->n, sizeof told.n);
    memcpy(told.ids, e->ids, sizeof told.ids);
    size_t t = (size_t)e->n[ATT_SIDE_OUTPUT];
    if (st == ATT_OK) st = atti_alloc(&told.choice, t, sizeof *told.choice, "choices");
    if (st == ATT_OK) st = atti_alloc(&told.rank, t, sizeof *told.rank, "choices");
    int labels = atti_model_labels(x->model);
    emptiness empty = {p, {&told, labels ? x->look.io.logits : ATT_NO_VAR}};
    p->lens = &x->look;
    if (st == ATT_OK) st = atti_lens_run(&x->look, &b, see_nothing, &empty, 0);
    p->lens = &x->grad;
    for (size_t i = 0; st == ATT_OK && i < t; i++) prob[i] = told.choice[i].probability;
    atti_free(told.choice);
    atti_free(told.rank);
    atti_free(block);
    return st;
}

/* All (output token, step) pairs, as many at a time as fit. */
static att_status walk(att_explainer *x, const att_explanation *e, path *p,
                       int64_t steps, float *frac)
{
    int64_t t = e->n[ATT_SIDE_OUTPUT], all = t * steps, room = copies_at_once(e, all);
    p->frac = frac;
    for (int64_t done = 0; done < all; done += room) {
        atti_lens_batch b;
        int32_t *block = NULL;
        int64_t n = atti_min_i64(room, all - done);
        ATTI_TRY(atti_explanation_batch(e, n, &b, &block));
        for (int64_t i = 0; i < n; i++) {
            p->row_of[i] = (done + i) / steps;
            frac[i] = ((float)((done + i) % steps) + 0.5f) / (float)steps;
            keep_one_target(&b, i, t, p->row_of[i]);
        }
        att_status st = atti_lens_run(&x->grad, &b, see_path, p, 1);
        atti_free(block);
        ATTI_TRY(st);
    }
    return ATT_OK;
}

static att_status find_width(att_explainer *x, int64_t *cols)
{
    const att_tape *t = x->grad.tape;
    const atti_program_io *io = &x->grad.io;
    if (reads_words(&x->grad)) {
        *cols = att_tape_cols(t, io->vectors);
        return ATT_OK;
    }
    if (io->src_ids == ATT_NO_VAR && io->tgt_ids == ATT_NO_VAR)
        return atti_fail(ATT_ENOTSUP, "integrated gradients need tokens");
    att_rows rows = reads_source(&x->grad) ? io->src_rows : io->tgt_rows;
    for (att_var v = 0; v < att_tape_var_count(t); v++)
        if (att_tape_rows(t, v) == rows && att_tape_cols(t, v) > 1) {
            *cols = att_tape_cols(t, v); /* the embedding is the first */
            return ATT_OK;
        }
    return atti_fail(ATT_EBUG, "integrated gradients: no embedding in the program");
}

att_status att_explain_integrated(att_explainer *x, const att_explanation *e,
                                  int32_t steps, float *out, double *gap)
{
    path p = {0};
    float *frac = NULL, *prob = NULL;
    ATTI_TRY(atti_explanation_check(x, e, out, "att_explain_integrated"));
    if (steps < 1 || steps > STEPS_MAX)
        return atti_fail(ATT_EINVAL, "integrated gradients: steps %d is not in 1..%d",
                         steps, STEPS_MAX);
    ATTI_TRY(says_something(e));
    ATTI_TRY(atti_lens_open(&x->grad));
    int64_t t = e->n[ATT_SIDE_OUTPUT], copies = copies_at_once(e, t * steps);
    p.lens = &x->grad;
    p.rows = e->n[reads_source(&x->grad) ? ATT_SIDE_SOURCE : ATT_SIDE_PREFIX];
    ATTI_TRY(find_width(x, &p.cols));
    size_t each = (size_t)(p.rows * p.cols), cells = (size_t)(t * p.rows);
    att_status st = atti_alloc(&p.base, 2 * each, sizeof *p.base, "embeddings");
    if (st == ATT_OK) st = atti_alloc(&p.out, cells, sizeof *p.out, "gradients");
    if (st == ATT_OK)
        st = atti_alloc(&p.row_of, (size_t)copies, sizeof *p.row_of, "gradients");
    if (st == ATT_OK) st = atti_alloc(&frac, (size_t)copies, sizeof *frac, "gradients");
    if (st == ATT_OK) st = atti_alloc(&prob, (size_t)t, sizeof *prob, "gradients");
    if (st == ATT_OK) p.x = p.base + each;
    if (st == ATT_OK) st = nothing(x, e, &p, prob);
    if (st == ATT_OK) st = walk(x, e, &p, steps, frac);
    double worst = 0.0;
    for (int64_t r = 0; st == ATT_OK && r < t; r++) {
        double sum = 0.0;
        const att_choice *said = &e->choice[(r + 1) * (e->n_choices + 1) - 1];
        for (int64_t s = 0; s < p.rows; s++) {
            double v = p.out[r * p.rows + s] / steps;
            out[r * p.rows + s] = (float)v;
            sum += v;
        }
        double want = log((double)said->probability) - log((double)prob[r]);
        if (fabs(sum - want) > worst) worst = fabs(sum - want);
    }
    if (st == ATT_OK && gap) *gap = worst;
    atti_free(p.base);
    atti_free(p.out);
    atti_free(p.row_of);
    atti_free(frac);
    atti_free(prob);
    return st;
}
