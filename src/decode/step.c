/* step.c - one token for every live row: embeddings, decoder layers, vocabulary.
 *
 * Only a layer's new keys and values are computed; the old ones are in the cache and are
 * found through each row's page table. */
#include "base/checked.h"
#include "decode/buffers.h"
#include "decode/rnn_engine.h"
#include "decode/session_internal.h"
#include <string.h>

static const atti_drop no_drop = {0, 0, 1.0f};

typedef struct caching { /* new keys and values go straight into their slots */
    const att_session *s;
    int64_t c;
    float *kv; /* of one layer, [slots, 2C] */
} caching;

/* Columns [0, C) are queries and stay. */
static void cache_columns(void *ctx, float *y, int64_t ldy, const atti_column_piece *p,
                          int thread)
{
    const caching *w = ctx;
    int64_t from = atti_max_i64(p->col0, w->c), n = p->col0 + p->cols - from;
    (void)thread;
    for (int64_t r = p->row0; n > 0 && r < p->row0 + p->rows; r++)
        memcpy(w->kv + (int64_t)w->s->row[r].slot * 2 * w->c + from - w->c,
               y + r * ldy + from, (size_t)n * sizeof *y);
}

static att_status decode_layer(att_session *s, int64_t i, int64_t rows)
{
    const atti_engine *e = s->e;
    const atti_layer *l = &e->dec.layer[i];
    atti_stream *x = &s->row_stream;
    int64_t c = e->cfg->d_model, f = e->dec.ffn;
    caching w = {s, c, s->self_kv + i * s->slots * 2 * c};
    atti_linear_ends ends = {.bias = l->qkv.bias, .columns = cache_columns, .ctx = &w};
    ATTI_TRY(atti_linear_run_ends(l->qkv.lin, s->q, 3 * c, atti_stream_in(e, x), c,
                                  rows, &ends));
    ATTI_TRY(atti_step_self(s, i, rows));
    ATTI_TRY(atti_dense_residual(e, &l->out, x, s->ctx, c, rows,
                                 atti_stack_norm(e, &e->dec, i, 0)));
    ATTI_TRY(
        atti_dense_run(&l->xq, s->q, c, atti_stream_in(e, x), c, rows, ATTI_ACT_NONE));
    ATTI_TRY(atti_step_cross(s, i, rows));
    ATTI_TRY(atti_dense_residual(e, &l->xout, x, s->ctx, c, rows,
                                 atti_stack_norm(e, &e->dec, i, 1)));
    ATTI_TRY(atti_dense_run(&l->fc1, s->ff, f, atti_stream_in(e, x), c, rows,
                            e->cfg->activation));
    return atti_dense_residual(e, &l->fc2, x, s->ff, f, rows,
                               atti_stack_norm(e, &e->dec, i, 2));
}

static void embed(att_session *s, int64_t rows)
{
    const atti_engine *e = s->e;
    int64_t c = e->cfg->d_model;
    for (int64_t r = 0; r < rows; r++) {
        const atti_row *x = &s->row[r];
        atti_buffers_reach(s, x->pos + 1);
        s->k_len[r] = x->pos + 1;
        s->table[s->current].page[r * s->t_cap + x->pos] = x->slot;
        atti_k()->embed(s->row_stream.x + r * c, e->dec.embed, &x->token,
                        e->embed_scale, s->positions[1], &x->pos, &no_drop, r, 1, c);
    }
    if (!e->cfg->pre_norm) return;
    const atti_norm_par *p = &e->dec.layer[0].norm[0];
    atti_k()->add_norm(s->row_stream.n, NULL, NULL, NULL, s->row_stream.x, NULL, NULL,
                       p->gamma, p->beta, e->cfg->norm_eps,
                       e->cfg->rms_norm ? ATTI_NORM_RMS : ATTI_NORM_LAYER, &no_drop, 0,
                       rows, c, c);
}

att_status atti_step_run(att_session *s, int64_t rows)
{
    const atti_engine *e = s->e;
    if (e->rnn) return atti_rnn_step(s, rows);
    embed(s, rows);
    if (s->o.want_alignment) {
        memset(s->align_step, 0, (size_t)(rows * s->s_cap) * sizeof *s->align_step);
    }
    for (int64_t i = 0; i < e->dec.n_layers; i++) ATTI_TRY(decode_layer(s, i, rows));
    for (int64_t r = 0; s->o.want_alignment && r < rows; r++) {
        memcpy(s->align_slot + (int64_t)s->row[r].slot * s->s_cap,
               s->align_step + r * s->s_cap, (size_t)s->s_cap * sizeof(float));
    }
    return atti_pick_rows(s, atti_stream_in(e, &s->row_stream), rows);
}
