/* rnn_engine.c - a recurrent encoder-decoder's matrices ready to run, and its encoder: the
 * family's own program, on a tape of the session. */
#include "decode/rnn_engine.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "decode/session_internal.h"
#include "models/rnn/rnn_build.h"
#include <stdio.h>
#include <string.h>

/* ---- matrices ---- */

static att_status dense(atti_dense *d, const atti_params *ps, const char *weight,
                        const char *bias, int64_t n_out, int64_t n_in)
{
    const float *w = NULL;
    ATTI_TRY(atti_params_data(&w, ps, weight));
    if (bias) ATTI_TRY(atti_params_data(&d->bias, ps, bias));
    d->n_out = n_out;
    d->n_in = n_in;
    return atti_linear_create(&d->lin, ATTI_LINEAR_F32, w, n_out, n_in, n_in, 0);
}

static att_status make_cell(atti_rnn_engine *r, const atti_params *ps)
{
    const atti_rnn_config *c = r->c;
    int64_t h = c->hidden;
    ATTI_TRY(dense(&r->ih, ps, "model.decoder.cell.weight_ih",
                   "model.decoder.cell.bias_ih", r->gates, c->embed));
    ATTI_TRY(dense(&r->hh, ps, "model.decoder.cell.weight_hh",
                   "model.decoder.cell.bias_hh", r->gates, h));
    if (c->score == ATTI_RNN_NONE) return ATT_OK;
    ATTI_TRY(
        dense(&r->feed, ps, "model.decoder.cell.weight_feed", NULL, r->gates, r->fed));
    if (c->score != ATTI_RNN_ADDITIVE) return ATT_OK;
    ATTI_TRY(atti_params_data(&r->v, ps, "model.attention.v"));
    return dense(&r->query, ps, "model.attention.query.weight", NULL, c->attention, h);
}

static att_status make_ends(atti_engine *e, const atti_params *ps)
{
    const atti_rnn_config *c = e->rnn->c;
    int64_t said = c->hidden;
    if (c->score != ATTI_RNN_NONE) said += e->rnn->memory;
    if (c->score == ATTI_RNN_ADDITIVE || c->score == ATTI_RNN_NONE) said += c->embed;
    ATTI_TRY(dense(&e->rnn->readout, ps, "model.decoder.readout.weight",
                   "model.decoder.readout.bias", c->readout, said));
    const char *table = c->share_embeddings ? "model.shared.weight"
                                            : "model.decoder.embed_tokens.weight";
    ATTI_TRY(atti_params_data(&e->dec.embed, ps, table));
    return dense(&e->vocab, ps, c->tie_output ? table : "lm_head.weight",
                 "final_logits_bias", c->decoder_vocab_size, c->readout);
}

/* A session takes 2 d_model floats a slot, d_model and ffn a row. */
static void shape(atti_engine *e)
{
    atti_rnn_engine *r = e->rnn;
    const atti_rnn_config *c = r->c;
    atti_marian_config *m = &r->shape;
    int64_t source = r->key + r->memory + r->state, token = r->state + r->fed;
    atti_rnn_config_common(c, m);
    m->d_model = (atti_max_i64(source, token) + 1) / 2;
    e->cfg = m;
    e->embed_scale = 1.0f;
    e->enc.heads = e->dec.heads = 1;
    e->dec.n_layers = 1;
    e->enc.ffn = 1;
    e->dec.ffn = r->state + r->fed + c->embed + 4 * c->hidden + 2 * r->gates +
                 c->attention + c->hidden + r->memory + c->embed + c->readout +
                 c->max_positions;
}

static att_status fill(atti_engine *e, const att_model *m)
{
    atti_rnn_engine *r = e->rnn;
    r->c = m->cfg;
    r->memory = 2 * r->c->encoder;
    r->key = r->c->score == ATTI_RNN_NONE ? 0 : atti_rnn_key(r->c);
    r->state = atti_rnn_state(r->c);
    r->fed = r->c->score == ATTI_RNN_NONE ? 0 : atti_rnn_feed(r->c);
    r->gates = atti_rnn_gates(r->c, r->c->hidden);
    shape(e);
    ATTI_TRY(make_cell(r, &m->params));
    ATTI_TRY(make_ends(e, &m->params));
    const atti_dense *all[] = {&r->query, &r->ih, &r->feed, &r->hh, &r->readout};
    e->bytes = sizeof *e + sizeof *r + atti_linear_bytes(e->vocab.lin);
    for (int i = 0; i < 5; i++)
        if (all[i]->lin) e->bytes += atti_linear_bytes(all[i]->lin);
    return ATT_OK;
}

att_status atti_rnn_engine_create(atti_engine *e, const att_model *m)
{
    ATTI_TRY(atti_alloc(&e->rnn, 1, sizeof *e->rnn, "inference engine"));
    return fill(e, m);
}

void atti_rnn_engine_destroy(atti_engine *e)
{
    atti_rnn_engine *r = e->rnn;
    if (!r) return;
    atti_linear_destroy(r->query.lin);
    atti_linear_destroy(r->ih.lin);
    atti_linear_destroy(r->feed.lin);
    atti_linear_destroy(r->hh.lin);
    atti_linear_destroy(r->readout.lin);
    atti_free(r);
}

/* ---- the encoder ---- */

struct atti_rnn_wave {
    att_tape *tape;
    atti_program_io io;
    atti_rnn_source source;
};

void atti_rnn_wave_destroy(struct atti_rnn_wave *w)
{
    if (!w) return;
    att_tape_destroy(w->tape);
    atti_free(w);
}

static att_status record(struct atti_rnn_wave *w, const att_session *s)
{
    const atti_rnn_config *c = s->e->rnn->c;
    const int64_t most[3] = {s->wave_rows, s->batch, 0};
    att_tape_plan_opts o;
    att_tape_plan_opts_init(&o);
    ATTI_TRY(att_tape_create(&w->tape));
    ATTI_TRY(atti_prog_rows(w->tape, &w->io, 0));
    atti_prog b = {.t = w->tape, .ps = &s->model->params};
    atti_rnn_encoder(&b, c, &w->io, &w->source);
    ATTI_TRY(b.status);
    const att_var kept[3] = {w->source.memory, w->source.keys, w->source.first};
    for (int i = 0; i < 3; i++)
        if (kept[i] != ATT_NO_VAR) ATTI_TRY(att_tape_keep(w->tape, kept[i]));
    o.max_rows = most;
    o.n_max_rows = 3;
    ATTI_TRY(att_tape_plan(w->tape, &o));
    return atti_family_bind(w->tape, &s->model->params, NULL);
}

static att_status wave_of(att_session *s)
{
    if (s->rnn_wave) return ATT_OK;
    struct atti_rnn_wave *w = NULL;
    ATTI_TRY(atti_alloc(&w, 1, sizeof *w, "encoder"));
    att_status st = record(w, s);
    if (st != ATT_OK) {
        atti_rnn_wave_destroy(w);
        return st;
    }
    s->rnn_wave = w;
    return ATT_OK;
}

/* Rows of a value; NULL where there is none. */
static att_status rows_of(const float **out, const struct atti_rnn_wave *w, att_var v)
{
    att_tensor t;
    *out = NULL;
    if (v == ATT_NO_VAR) return ATT_OK;
    ATTI_TRY(att_tape_value(w->tape, &t, v));
    *out = t.data;
    return ATT_OK;
}

att_status atti_rnn_encode(att_session *s, int64_t rows, int64_t n)
{
    const atti_rnn_engine *r = s->e->rnn;
    const float *memory, *keys, *first;
    ATTI_TRY(wave_of(s));
    struct atti_rnn_wave *w = s->rnn_wave;
    ATTI_TRY(att_tape_bind(w->tape, w->io.src_rows, rows));
    ATTI_TRY(att_tape_bind(w->tape, w->io.seqs, n));
    ATTI_TRY(att_tape_set(w->tape, w->io.src_ids, s->src_ids));
    ATTI_TRY(att_tape_set(w->tape, w->io.src_offsets, s->src_offsets));
    ATTI_TRY(att_tape_forward(w->tape, 0, 0, 0));
    ATTI_TRY(rows_of(&memory, w, w->source.memory));
    ATTI_TRY(rows_of(&keys, w, w->source.keys));
    ATTI_TRY(rows_of(&first, w, w->source.first));
    for (int64_t i = 0; i < n; i++)
        for (int64_t t = s->src_offsets[i]; t < s->src_offsets[i + 1]; t++) {
            float *to = s->cross_kv + s->src_slot[t] * 2 * s->e->cfg->d_model;
            if (keys) memcpy(to, keys + t * r->key, (size_t)r->key * sizeof *to);
            memcpy(to + r->key, memory + t * r->memory, (size_t)r->memory * sizeof *to);
            if (t == s->src_offsets[i])
                memcpy(to + r->key + r->memory, first + i * r->state,
                       (size_t)r->state * sizeof *to);
        }
    return ATT_OK;
}
