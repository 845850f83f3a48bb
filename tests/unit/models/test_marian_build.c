/* test_marian_build.c - the recorded encoder-decoder: against PyTorch in double, against
 * itself under other thread counts, neighbours and futures, and in all its variants. */
#include "attend/safetensors.h"
#include "attend/tape.h"
#include "base/alloc.h"
#include "models/family.h"
#include "models/marian/marian_build.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { V = 24, PAD = 23 };

typedef struct program {
    atti_marian_config cfg;
    atti_params params;
    float *grads;
    att_tape *tape;
    atti_program_io io;
    char *text;
} program;

static void tiny_config(atti_marian_config *c)
{
    atti_marian_config_init(c);
    c->vocab_size = c->decoder_vocab_size = V;
    c->d_model = 16;
    c->encoder_layers = c->decoder_layers = 2;
    c->encoder_heads = c->decoder_heads = 2;
    c->encoder_ffn = c->decoder_ffn = 24;
    c->max_positions = 16;
    c->scale_embedding = 1;
    c->activation = ATTI_ACT_RELU;
    c->pad_id = c->decoder_start_id = PAD;
    c->dropout = 0.0f;
}

static void open_planned(program *p, const atti_marian_config *c, float smoothing,
                         int32_t recompute, size_t *bytes)
{
    memset(p, 0, sizeof *p);
    p->cfg = *c;
    assert_ok(atti_marian_config_check(&p->cfg));
    const atti_family *f =
        atti_family_find(p->cfg.is_plain_marian ? "marian" : "attend");
    atti_program_opts po = {.training = 1, .label_smoothing = smoothing};
    assert_non_null(f);
    assert_ok(f->declare(&p->cfg, &p->params));
    assert_ok(atti_params_alloc(&p->params));
    atti_params_init_values(&p->params, 3);
    assert_ok(atti_alloc(&p->grads, p->params.count, sizeof(float), "gradients"));
    assert_ok(att_tape_create(&p->tape));
    assert_ok(f->build(&p->cfg, &p->params, p->tape, &po, &p->io));
    assert_ok(att_tape_keep(p->tape, p->io.hidden));
    const int64_t most[4] = {24, 24, 6, 0};
    att_tape_plan_opts o;
    att_tape_plan_opts_init(&o);
    o.training = 1;
    o.max_rows = most;
    o.n_max_rows = 4;
    o.recompute = recompute;
    att_tape_memory m = {.size = sizeof m};
    assert_ok(att_tape_measure(p->tape, &o, &m));
    *bytes = m.activations;
    assert_ok(att_tape_plan(p->tape, &o));
    assert_ok(atti_family_bind(p->tape, &p->params, p->grads));
}

static void open_program(program *p, const atti_marian_config *c, float smoothing)
{
    size_t bytes;
    open_planned(p, c, smoothing, 1, &bytes);
}

static void close_program(program *p)
{
    att_tape_destroy(p->tape);
    atti_params_deinit(&p->params);
    atti_free(p->grads);
}

typedef struct batch {
    int64_t n_seqs;
    int32_t src_off[8], tgt_off[8];
    int32_t src[64], tgt[64], targets[64];
} batch;

static void set_batch(program *p, const batch *b)
{
    assert_ok(att_tape_bind(p->tape, p->io.src_rows, b->src_off[b->n_seqs]));
    assert_ok(att_tape_bind(p->tape, p->io.tgt_rows, b->tgt_off[b->n_seqs]));
    assert_ok(att_tape_bind(p->tape, p->io.seqs, b->n_seqs));
    assert_ok(att_tape_set(p->tape, p->io.src_ids, b->src));
    assert_ok(att_tape_set(p->tape, p->io.src_offsets, b->src_off));
    assert_ok(att_tape_set(p->tape, p->io.tgt_ids, b->tgt));
    assert_ok(att_tape_set(p->tape, p->io.tgt_offsets, b->tgt_off));
    assert_ok(att_tape_set(p->tape, p->io.targets, b->targets));
}

static const float *value(program *p, att_var v)
{
    att_tensor t;
    assert_ok(att_tape_value(p->tape, &t, v));
    return t.data;
}

/* Three pairs of unequal lengths. */
static const batch three = {
    .n_seqs = 3,
    .src_off = {0, 4, 6, 12},
    .tgt_off = {0, 3, 8, 10},
    .src = {5, 7, 2, 0, 9, 0, 3, 3, 11, 15, 21, 0},
    .tgt = {PAD, 4, 8, PAD, 6, 22, 10, 1, PAD, 12},
    .targets = {4, 8, 0, 6, 22, 10, 1, 0, 12, 0},
};

/* ---- against PyTorch ---- */

static void golden_ints(const att_safetensors *f, const char *name, int32_t *to)
{
    att_tensor t;
    assert_ok(att_safetensors_get(f, &t, name));
    assert_int_equal(t.dtype, ATT_I32);
    memcpy(to, t.data, (size_t)att_tensor_count(&t) * sizeof *to);
    att_tensor_deinit(&t);
}

static void golden_weights(const att_safetensors *f, atti_params *ps)
{
    for (size_t i = 0; i < ps->n; i++) {
        char name[300];
        att_tensor t;
        snprintf(name, sizeof name, "w.%s", ps->p[i].name);
        assert_ok(att_safetensors_get(f, &t, name));
        assert_int_equal(att_tensor_count(&t), ps->p[i].count);
        memcpy(ps->data + ps->p[i].offset, t.data,
               (size_t)ps->p[i].count * sizeof(float));
        att_tensor_deinit(&t);
    }
}

static double norm_of(const float *x, int64_t n)
{
    double s = 0.0;
    for (int64_t i = 0; i < n; i++) s += (double)x[i] * (double)x[i];
    return sqrt(s);
}

/* Per tensor, |got - want| <= 1e-5 |want| in norm. Each number went through some 20 f32
 * roundings of 6e-8, so 1e-6 is usual. Gradients that vanish by symmetry (a key's bias moves
 * all scores of a row alike) are rounding around zero: there the floor is 1e-5 of the
 * gradient of a sibling, the query's bias scale, about 1. */
static void check_tensor(const att_safetensors *f, const char *prefix, const char *name,
                         const float *got)
{
    char full[300];
    att_tensor t;
    snprintf(full, sizeof full, "%s%s", prefix, name);
    assert_ok(att_safetensors_get(f, &t, full));
    const float *want = t.data;
    int64_t n = att_tensor_count(&t);
    double d = 0.0, floor = 2e-5;
    for (int64_t i = 0; i < n; i++)
        d += ((double)got[i] - (double)want[i]) * ((double)got[i] - (double)want[i]);
    double limit = 1e-5 * norm_of(want, n) + floor * (norm_of(want, n) < 1e-3);
    if (!(sqrt(d) <= limit))
        fail_msg("%s: differs by %.3g in norm, |want| is %.3g", full, sqrt(d),
                 norm_of(want, n));
    att_tensor_deinit(&t);
}

static void compare(const char *file, atti_act act)
{
    atti_marian_config c;
    program p;
    batch b = {.n_seqs = 3};
    att_safetensors *f = NULL;
    tiny_config(&c);
    c.activation = act;
    open_program(&p, &c, 0.1f);
    assert_ok(att_safetensors_open(&f, support_golden(file)));
    golden_weights(f, &p.params);
    golden_ints(f, "in.src_ids", b.src);
    golden_ints(f, "in.src_offsets", b.src_off);
    golden_ints(f, "in.tgt_ids", b.tgt);
    golden_ints(f, "in.tgt_offsets", b.tgt_off);
    golden_ints(f, "in.targets", b.targets);
    set_batch(&p, &b);
    assert_ok(att_tape_forward(p.tape, 1, 1, 1));
    const float *hidden = value(&p, p.io.hidden), *stats = value(&p, p.io.stats);
    check_tensor(f, "out.", "hidden", hidden);
    check_tensor(f, "out.", "loss", value(&p, p.io.loss));
    check_tensor(f, "out.", "nll", stats + 1);
    /* The logits that the loss never keeps, from what it was given. */
    const atti_param *e = atti_params_find(&p.params, "model.shared.weight");
    const atti_param *bias = atti_params_find(&p.params, "final_logits_bias");
    float logits[10 * V];
    for (int r = 0; r < 10; r++)
        for (int v = 0; v < V; v++) {
            double s = (double)p.params.data[bias->offset + (size_t)v];
            for (int i = 0; i < 16; i++)
                s += (double)hidden[r * 16 + i] *
                     (double)p.params.data[e->offset + (size_t)(v * 16 + i)];
            logits[r * V + v] = (float)s;
        }
    check_tensor(f, "out.", "logits", logits);
    assert_ok(att_tape_backward(p.tape, p.io.loss, 1.0f, 0));
    for (size_t i = 0; i < p.params.n; i++)
        check_tensor(f, "g.", p.params.p[i].name, p.grads + p.params.p[i].offset);
    att_safetensors_close(f);
    close_program(&p);
}

static void equals_pytorch_relu(void **state)
{
    (void)state;
    compare("marian_grad_relu.safetensors", ATTI_ACT_RELU);
}

static void equals_pytorch_swish(void **state)
{
    (void)state;
    compare("marian_grad_swish.safetensors", ATTI_ACT_SILU);
}

/* ---- what must not matter ---- */

static void step(program *p, int training)
{
    assert_ok(att_tape_forward(p->tape, 9, 2, training));
    if (training) assert_ok(att_tape_backward(p->tape, p->io.loss, 1.0f, 0));
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    atti_marian_config c;
    program one, many;
    tiny_config(&c);
    c.dropout = c.attention_dropout = c.activation_dropout = 0.2f;
    int32_t before = att_set_threads(1);
    open_program(&one, &c, 0.1f);
    set_batch(&one, &three);
    step(&one, 1);
    for (int32_t n = 2; n <= 3; n++) {
        att_set_threads(n);
        open_program(&many, &c, 0.1f);
        set_batch(&many, &three);
        step(&many, 1);
        assert_same_bits(value(&many, many.io.loss), value(&one, one.io.loss), 1);
        assert_same_bits(many.grads, one.grads, one.params.count);
        close_program(&many);
    }
    att_set_threads(before);
    close_program(&one);
}

/* What is made again is what was: the same bits from less memory. */
static void making_again_changes_no_bit(void **state)
{
    (void)state;
    atti_marian_config c;
    program all, less;
    size_t before = 0, bytes = 0;
    tiny_config(&c);
    c.activation = ATTI_ACT_GELU;
    c.dropout = c.attention_dropout = c.activation_dropout = 0.2f;
    open_planned(&all, &c, 0.1f, 0, &before);
    set_batch(&all, &three);
    step(&all, 1);
    for (int32_t level = 1; level <= 3; level++) {
        open_planned(&less, &c, 0.1f, level, &bytes);
        set_batch(&less, &three);
        step(&less, 1);
        assert_same_bits(less.grads, all.grads, all.params.count);
        assert_true(level < 3 ? bytes <= before : bytes < before);
        close_program(&less);
    }
    close_program(&all);
}

static void a_step_allocates_nothing(void **state)
{
    (void)state;
    atti_marian_config c;
    program p;
    tiny_config(&c);
    c.dropout = 0.1f;
    open_program(&p, &c, 0.1f);
    set_batch(&p, &three);
    step(&p, 1);
    uint64_t calls = atti_alloc_calls();
    step(&p, 1);
    step(&p, 0);
    assert_int_equal(atti_alloc_calls(), calls);
    close_program(&p);
}

/* Later target tokens cannot reach earlier rows. */
static void the_future_is_hidden(void **state)
{
    (void)state;
    atti_marian_config c;
    program p;
    batch b = three;
    float first[5 * 16];
    tiny_config(&c);
    open_program(&p, &c, 0.0f);
    set_batch(&p, &b);
    step(&p, 0);
    /* Rows 3..6 of the second sequence precede its last. */
    memcpy(first, value(&p, p.io.hidden) + 3 * 16, 4 * 16 * sizeof *first);
    b.tgt[7] = 17;
    set_batch(&p, &b);
    step(&p, 0);
    assert_same_bits(value(&p, p.io.hidden) + 3 * 16, first, 4 * 16);
    /* And it does matter to its own row. */
    b.tgt[7] = 1;
    set_batch(&p, &b);
    float own[16];
    memcpy(own, value(&p, p.io.hidden) + 7 * 16, sizeof own);
    step(&p, 0);
    assert_memory_not_equal(value(&p, p.io.hidden) + 7 * 16, own, sizeof own);
    close_program(&p);
}

/* A sequence alone, and among others: the same bits. */
static void neighbours_do_not_matter(void **state)
{
    (void)state;
    atti_marian_config c;
    program p;
    batch one = {.n_seqs = 1,
                 .src_off = {0, 6},
                 .tgt_off = {0, 2},
                 .src = {3, 3, 11, 15, 21, 0},
                 .tgt = {PAD, 12},
                 .targets = {12, 0}};
    float alone[2 * 16];
    tiny_config(&c);
    open_program(&p, &c, 0.0f);
    set_batch(&p, &one);
    step(&p, 0);
    memcpy(alone, value(&p, p.io.hidden), sizeof alone);
    set_batch(&p, &three);
    step(&p, 0);
    assert_same_bits(value(&p, p.io.hidden) + 8 * 16, alone, 2 * 16);
    close_program(&p);
}

static void an_empty_batch_is_fine(void **state)
{
    (void)state;
    atti_marian_config c;
    program p;
    batch none = {.n_seqs = 0};
    tiny_config(&c);
    open_program(&p, &c, 0.1f);
    set_batch(&p, &none);
    step(&p, 1);
    assert_true(value(&p, p.io.loss)[0] == 0.0f);
    for (size_t i = 0; i < p.params.count; i++) assert_true(p.grads[i] == 0.0f);
    close_program(&p);
}

static void the_pad_row_has_no_gradient(void **state)
{
    (void)state;
    atti_marian_config c;
    program p;
    tiny_config(&c);
    open_program(&p, &c, 0.1f);
    set_batch(&p, &three);
    step(&p, 1);
    const atti_param *e = atti_params_find(&p.params, "model.shared.weight");
    for (int i = 0; i < 16; i++)
        assert_true(p.grads[e->offset + PAD * 16 + (size_t)i] == 0.0f);
    close_program(&p);
}

/* ---- variants ---- */

/* Directional derivative of the loss against the gradient: a whole model in one number.
 * The step changes the loss (~30, rounded at 2e-6) by about 0.02 each way, so rounding
 * costs 1e-4 of the quotient, and curvature what is left of the tolerance of 1 %. */
static void check_direction(program *p, const char *what)
{
    size_t n = p->params.count;
    float *dir = malloc(n * sizeof *dir), *start = malloc(n * sizeof *start);
    double dot = 0.0, at[2];
    step(p, 1);
    /* Along the gradient itself, with random signs of size: no cancellation. */
    support_fill(dir, n, 4, 0.5f, 1.5f);
    double norm = 0.0;
    for (size_t i = 0; i < n; i++) {
        dir[i] *= p->grads[i];
        norm += (double)dir[i] * (double)dir[i];
    }
    norm = sqrt(norm);
    for (size_t i = 0; i < n; i++) dot += (double)dir[i] / norm * (double)p->grads[i];
    double h = 0.02 / dot;
    memcpy(start, p->params.data, n * sizeof *start);
    for (int k = 0; k < 2; k++) {
        double s = (k ? -h : h) / norm;
        for (size_t i = 0; i < n; i++)
            p->params.data[i] = (float)((double)start[i] + s * (double)dir[i]);
        assert_ok(att_tape_forward(p->tape, 9, 2, 1));
        at[k] = (double)value(p, p->io.loss)[0];
    }
    memcpy(p->params.data, start, n * sizeof *start);
    double want = (at[0] - at[1]) / (2 * h);
    if (!(fabs(dot - want) <= 0.01 * fabs(want)))
        fail_msg("%s: the gradient says %.6g, the difference %.6g", what, dot, want);
    free(dir);
    free(start);
}

static void check_variant(const atti_marian_config *c, const char *what)
{
    program p;
    open_program(&p, c, 0.1f);
    set_batch(&p, &three);
    check_direction(&p, what);
    close_program(&p);
}

static void every_variant_learns(void **state)
{
    (void)state;
    atti_marian_config c;
    for (int pos = ATTI_POS_NONE; pos <= ATTI_POS_T5; pos++) {
        char what[32];
        snprintf(what, sizeof what, "positions %d", pos);
        tiny_config(&c);
        c.positions = (atti_positions)pos;
        check_variant(&c, what);
    }
    for (int score = ATT_SCORE_DOT; score <= ATT_SCORE_COSINE; score++) {
        char what[32];
        snprintf(what, sizeof what, "score %d", score);
        tiny_config(&c);
        c.score = (att_score)score;
        check_variant(&c, what);
    }
    static const att_normalise smooth[] = {ATT_NORM_RELU, ATT_NORM_RELU_ROW,
                                           ATT_NORM_SPARSEMAX};
    for (int i = 0; i < 3; i++) {
        char what[32];
        snprintf(what, sizeof what, "normaliser %d", (int)smooth[i]);
        tiny_config(&c);
        c.normalise = smooth[i];
        check_variant(&c, what);
    }
    tiny_config(&c);
    c.pre_norm = 1;
    check_variant(&c, "pre-norm");
    c.rms_norm = 1;
    c.dropout = c.attention_dropout = c.activation_dropout = 0.2f;
    check_variant(&c, "pre-norm, RMS, dropout");
    tiny_config(&c);
    c.share_embeddings = 0;
    check_variant(&c, "two tables");
    c.tie_output = 0;
    check_variant(&c, "three tables");
}

/* Where d_model leaves gaps between parameters, projections stay apart: another program
 * for the same function. 16 leaves none, so both can be compared there by hiding it. */
static void gaps_split_the_projections(void **state)
{
    (void)state;
    atti_marian_config c;
    program p;
    tiny_config(&c);
    c.d_model = 20; /* 20 floats are no multiple of 16 */
    open_program(&p, &c, 0.1f);
    assert_int_equal(
        att_tape_find(p.tape, "model.encoder.layers.0.self_attn.{q,k,v}_proj.bias"),
        ATT_NO_VAR);
    set_batch(&p, &three);
    check_direction(&p, "d_model 20");
    close_program(&p);
}

static void prints_itself(void **state)
{
    (void)state;
    atti_marian_config c;
    program p;
    char *text = NULL;
    tiny_config(&c);
    open_program(&p, &c, 0.1f);
    assert_ok(att_tape_print(p.tape, &text));
    assert_non_null(strstr(text, "attention("));
    assert_non_null(strstr(text, "vocab_loss("));
    assert_non_null(strstr(text, "# arena"));
    att_free(text);
    close_program(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pytorch_relu),
        cmocka_unit_test(equals_pytorch_swish),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(making_again_changes_no_bit),
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(the_future_is_hidden),
        cmocka_unit_test(neighbours_do_not_matter),
        cmocka_unit_test(an_empty_batch_is_fine),
        cmocka_unit_test(the_pad_row_has_no_gradient),
        cmocka_unit_test(every_variant_learns),
        cmocka_unit_test(gaps_split_the_projections),
        cmocka_unit_test(prints_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
