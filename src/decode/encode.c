/* encode.c - the encoder over a ragged batch of sentences, and the keys and values that
 * the decoder's cross-attention will read, computed once per sentence. */
#include "decode/rnn_engine.h"
#include "decode/session_internal.h"
#include <string.h>

typedef struct spread { /* cross keys and values go from rows to slots */
    const att_session *s;
    const atti_dense *d;
    float *kv; /* of one layer */
} spread;

static const atti_drop no_drop = {0, 0, 1.0f};

static void to_slots(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                     int thread)
{
    const spread *w = ctx;
    int64_t width = w->d->n_out;
    (void)thread;
    for (int64_t r = row0; r < row0 + rows; r++) {
        float *to = w->kv + (int64_t)w->s->src_slot[r] * width;
        atti_k()->bias_act(to, NULL, y + r * ldy, w->d->bias, ATTI_ACT_NONE, &no_drop,
                           r, 1, width, width, ldy);
    }
}

static att_status gather(att_session *s, const atti_job *jobs, const int64_t *which,
                         int64_t n, int64_t *rows)
{
    int64_t at = 0;
    s->src_offsets[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        const atti_job *j = &jobs[which[i]];
        atti_waiting *w = &s->waiting[i];
        w->job = which[i];
        w->n_source = j->n_ids;
        for (int32_t t = 0; t < j->n_ids; t++, at++) {
            s->src_ids[at] = j->ids[t];
            s->src_pos[at] = t;
            s->src_slot[at] = s->free_source[--s->n_free_source];
            w->source[t] = s->src_slot[at];
        }
        s->src_offsets[i + 1] = (int32_t)at;
    }
    s->n_waiting = n;
    s->next_waiting = 0;
    *rows = at;
    return ATT_OK;
}

static att_status view(att_tensor *t, float *data, int64_t rows, int64_t heads,
                       int64_t d, int64_t ld)
{
    int64_t shape[3] = {rows, heads, d};
    ATTI_TRY(att_tensor_view(t, data, ATT_F32, 3, shape));
    t->stride[0] = ld;
    return ATT_OK;
}

static att_status self_attention(att_session *s, const atti_layer *l, int64_t rows,
                                 int64_t n)
{
    int64_t c = s->e->cfg->d_model, h = s->e->enc.heads, count = n + 1;
    att_tensor q, k, v, out, off;
    att_attention_args a;
    att_attention_args_init(&a);
    ATTI_TRY(view(&q, s->src_qkv, rows, h, c / h, 3 * c));
    ATTI_TRY(view(&k, s->src_qkv + c, rows, h, c / h, 3 * c));
    ATTI_TRY(view(&v, s->src_qkv + 2 * c, rows, h, c / h, 3 * c));
    ATTI_TRY(view(&out, s->src_ctx, rows, h, c / h, c));
    ATTI_TRY(att_tensor_view(&off, s->src_offsets, ATT_I32, 1, &count));
    a.q = &q;
    a.k = &k;
    a.v = &v;
    a.out = &out;
    a.q_offsets = &off;
    a.score_w = l->self.score_w.data ? &l->self.score_w : NULL;
    a.score_b = l->self.score_b.data ? &l->self.score_b : NULL;
    a.rel_k = l->self.rel_k.data ? &l->self.rel_k : NULL;
    a.rel_v = l->self.rel_v.data ? &l->self.rel_v : NULL;
    a.t5_table = l->self.t5.data ? &l->self.t5 : NULL;
    size_t need = 0;
    ATTI_TRY(att_attention_workspace(&need, &l->self.desc, &a, 0));
    ATTI_TRY(atti_session_workspace(s, need));
    a.workspace = s->workspace;
    a.workspace_bytes = s->workspace_bytes;
    return att_attention_forward(&l->self.desc, &a);
}

static att_status encode_layer(att_session *s, int64_t i, int64_t rows, int64_t n)
{
    const atti_engine *e = s->e;
    const atti_layer *l = &e->enc.layer[i];
    atti_stream *x = &s->src_stream;
    int64_t c = e->cfg->d_model, f = e->enc.ffn;
    ATTI_TRY(atti_dense_run(&l->qkv, s->src_qkv, 3 * c, atti_stream_in(e, x), c, rows,
                            ATTI_ACT_NONE));
    ATTI_TRY(self_attention(s, l, rows, n));
    ATTI_TRY(atti_dense_residual(e, &l->out, x, s->src_ctx, c, rows,
                                 atti_stack_norm(e, &e->enc, i, 0)));
    ATTI_TRY(atti_dense_run(&l->fc1, s->src_ff, f, atti_stream_in(e, x), c, rows,
                            e->cfg->activation));
    return atti_dense_residual(e, &l->fc2, x, s->src_ff, f, rows,
                               atti_stack_norm(e, &e->enc, i, 1));
}

att_status atti_encode_wave(att_session *s, const atti_job *jobs, const int64_t *which,
                            int64_t n)
{
    const atti_engine *e = s->e;
    int64_t c = e->cfg->d_model, rows = 0;
    ATTI_TRY(gather(s, jobs, which, n, &rows));
    if (e->rnn) return atti_rnn_encode(s, rows, n);
    atti_k()->embed(s->src_stream.x, e->enc.embed, s->src_ids, e->embed_scale,
                    s->positions[0], s->src_pos, &no_drop, 0, rows, c);
    if (e->cfg->pre_norm) {
        const atti_norm_par *p = &e->enc.layer[0].norm[0];
        atti_k()->add_norm(s->src_stream.n, NULL, NULL, NULL, s->src_stream.x, NULL,
                           NULL, p->gamma, p->beta, e->cfg->norm_eps,
                           e->cfg->rms_norm ? ATTI_NORM_RMS : ATTI_NORM_LAYER, &no_drop,
                           0, rows, c, c);
    }
    for (int64_t i = 0; i < e->enc.n_layers; i++) {
        ATTI_TRY(encode_layer(s, i, rows, n));
    }
    for (int64_t i = 0; i < e->dec.n_layers; i++) {
        const atti_dense *d = &e->dec.layer[i].xkv;
        spread w = {s, d, s->cross_kv + i * s->source_slots * d->n_out};
        atti_epilogue epi = {to_slots, &w, NULL};
        ATTI_TRY(atti_linear_run(d->lin, s->src_qkv, 3 * c,
                                 atti_stream_in(e, &s->src_stream), c, rows, &epi));
    }
    return ATT_OK;
}
