/* op_embed.c - y = drop(scale * table[ids] + pos[place in its sequence]): ids [N,1] i32,
 * table [V,C], pos [P,C] or absent with offsets [B+1,1].
 *
 * Backward scatters rows into the table's gradient: a task owns the ids that are t modulo
 * the number of tasks and walks all rows in rising order, so a row of the gradient is
 * added up by one task in one order, whatever the number of threads. */
#include "autograd/op_util.h"

#include <string.h>

typedef struct embed_attr {
    float scale, dropout;
    int32_t skip_id;
} embed_attr;

enum { IDS, TABLE, POS, OFFSETS };
enum { SCATTER_TASKS = 32 };

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_i32(f, IDS, "ids"));
    ATTI_TRY(atti_want_f32(f, TABLE, "table"));
    if (f->in[IDS].cols != 1)
        return atti_fail(ATT_ESHAPE, "embed: ids are %s, expected one column",
                         atti_shape_str(f->tape, &f->in[IDS]).s);
    if (f->in[TABLE].rows < 1)
        return atti_fail(ATT_ESHAPE,
                         "embed: table is %s, expected a fixed number of rows",
                         atti_shape_str(f->tape, &f->in[TABLE]).s);
    if (atti_has(f, POS)) {
        ATTI_TRY(atti_want_shape(f, POS, "pos", f->in[POS].rows, f->in[TABLE].cols));
        ATTI_TRY(atti_want_i32(f, OFFSETS, "offsets"));
    }
    f->out[0] = (atti_shape){f->in[IDS].rows, f->in[TABLE].cols, ATT_F32};
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = 1U << IDS | 1U << OFFSETS;
    *outs = 0;
}

static atti_drop drop_of(const atti_call *c)
{
    const embed_attr *a = c->node->attr;
    return atti_drop_make(c->training ? a->dropout : 0.0f, c->key);
}

/* Places of rows in their sequences into scratch; NULL without positions. */
static att_status places(const atti_call *c, const int32_t **out)
{
    *out = NULL;
    if (c->node->in[POS] == ATT_NO_VAR) return ATT_OK;
    int64_t n_seqs = c->in[OFFSETS].rows - 1;
    const int32_t *off = c->in[OFFSETS].i;
    ATTI_TRY(atti_check_offsets("embed", off, n_seqs, c->in[IDS].rows));
    int32_t *p = c->scratch;
    for (int64_t b = 0; b < n_seqs; b++) {
        if (off[b + 1] - off[b] > c->in[POS].rows)
            return atti_fail(
                ATT_EINVAL, "embed: sequence %lld has %d rows, %lld positions",
                (long long)b, (int)(off[b + 1] - off[b]), (long long)c->in[POS].rows);
        for (int32_t r = off[b]; r < off[b + 1]; r++) p[r] = r - off[b];
    }
    *out = p;
    return ATT_OK;
}

/* ---- forward ---- */

typedef struct job {
    atti_call *c;
    const int32_t *place;
    atti_drop drop;
} job;

static void embed_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows, int thread)
{
    (void)chunk, (void)thread;
    const job *j = ctx;
    const atti_call *c = j->c;
    const embed_attr *a = c->node->attr;
    int64_t cols = c->out[0].cols;
    atti_k()->embed(c->out[0].f + row0 * cols, c->in[TABLE].f, c->in[IDS].i + row0,
                    a->scale, c->in[POS].f, j->place ? j->place + row0 : NULL, &j->drop,
                    row0, rows, cols);
}

static att_status forward(atti_call *c)
{
    job j = {.c = c, .drop = drop_of(c)};
    int64_t v = c->in[TABLE].rows;
    for (int64_t r = 0; r < c->in[IDS].rows; r++)
        if (c->in[IDS].i[r] >= v)
            return atti_fail(ATT_EINVAL, "embed: row %lld has id %d of %lld",
                             (long long)r, (int)c->in[IDS].i[r], (long long)v);
    ATTI_TRY(places(c, &j.place));
    atti_for_rows(c->in[IDS].rows, embed_rows, &j);
    return ATT_OK;
}

/* ---- backward ---- */

static void undrop_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                        int thread)
{
    (void)chunk, (void)thread;
    const job *j = ctx;
    int64_t cols = j->c->out[0].cols;
    float *dy = j->c->out[0].grad + row0 * cols;
    atti_k()->bias_act_bwd(dy, dy, NULL, ATTI_ACT_NONE, &j->drop, row0, rows, cols,
                           cols);
}

typedef struct scatter {
    float *d;
    const float *dy;
    const int32_t *index;
    int64_t rows, cols;
    float scale;
    int32_t skip;
} scatter;

static void scatter_task(void *ctx, int64_t task, int thread)
{
    (void)thread;
    const scatter *s = ctx;
    const atti_kernels *k = atti_k();
    for (int64_t r = 0; r < s->rows; r++) {
        int32_t i = s->index[r];
        if (i < 0 || i % SCATTER_TASKS != task || i == s->skip) continue;
        k->scale(s->d + i * s->cols, s->dy + r * s->cols, s->scale, 1, s->cols);
    }
}

static att_status backward(atti_call *c)
{
    const embed_attr *a = c->node->attr;
    job j = {.c = c, .drop = drop_of(c)};
    int64_t rows = c->in[IDS].rows, cols = c->out[0].cols;
    if (j.drop.threshold != 0) atti_for_rows(rows, undrop_rows, &j);
    atti_mat *t = &c->in[TABLE], *p = &c->in[POS];
    if (t->grad) {
        if (!t->accumulate) atti_zero_all(t->grad, t->rows * t->cols);
        scatter s = {t->grad, c->out[0].grad, c->in[IDS].i, rows,
                     cols,    a->scale,       a->skip_id};
        atti_parallel_void(SCATTER_TASKS, scatter_task, &s);
    }
    if (p->grad) {
        ATTI_TRY(places(c, &j.place));
        if (!p->accumulate) atti_zero_all(p->grad, p->rows * p->cols);
        scatter s = {p->grad, c->out[0].grad, j.place, rows, cols, 1.0f, -1};
        atti_parallel_void(SCATTER_TASKS, scatter_task, &s);
    }
    return ATT_OK;
}

static att_status scratch(size_t *bytes, const atti_call *c, int back)
{
    (void)back;
    *bytes = (size_t)c->in[IDS].rows * sizeof(int32_t);
    return ATT_OK;
}

static void describe(const atti_node *n, atti_str *s)
{
    const embed_attr *a = n->attr;
    atti_str_addf(s, " scale %g", (double)a->scale);
    if (a->skip_id >= 0) atti_str_addf(s, " skip %d", (int)a->skip_id);
    if (a->dropout > 0.0f) atti_str_addf(s, " dropout %g", (double)a->dropout);
}

static att_status sample(atti_sample *s, int variant)
{
    static const int32_t ids[7] = {2, 0, 2, 4, -1, 1, 2}, off[4] = {0, 3, 3, 7};
    if (variant > 2) return ATT_ENOTFOUND;
    att_var i = atti_sample_ints(s, 7, ids), o = atti_sample_ints(s, 4, off);
    att_var table = atti_sample_param(s, 5, 6, -1, 1, 0.0f);
    att_var pos = variant ? atti_sample_param(s, 4, 6, -1, 1, 0.0f) : ATT_NO_VAR;
    if (s->status != ATT_OK) return s->status;
    return att_op_embed(s->tape, &s->out, i, table, 1.5f, pos, o, -1,
                        variant == 2 ? 0.3f : 0.0f);
}

const atti_op atti_op_embed = {.name = "embed",
                               .attr_bytes = sizeof(embed_attr),
                               .infer = infer,
                               .forward = forward,
                               .backward = backward,
                               .needs = needs,
                               .scratch = scratch,
                               .describe = describe,
                               .sample = sample};

att_status att_op_embed(att_tape *tape, att_var *y, att_var ids, att_var table,
                        float scale, att_var pos, att_var offsets, int32_t skip_id,
                        float dropout)
{
    ATTI_TRY(atti_check_dropout("embed", dropout));
    embed_attr a = {scale, dropout, skip_id};
    att_var in[4] = {ids, table, pos, pos == ATT_NO_VAR ? ATT_NO_VAR : offsets};
    return atti_tape_record(tape, &atti_op_embed, in, 4, &a, y);
}
