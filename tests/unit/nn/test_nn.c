/* test_nn.c - layers: what they declare under which names, joined products equal to
 * separate ones, blocks equal to their operators, positions with worked numbers,
 * documents of sentences with gradients by finite differences. */
#include "attend/nn.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 9, C = 8 };

static const int32_t off3[4] = {0, 4, 4, 9}; /* the second sequence is empty */

typedef struct net {
    att_tape *t;
    att_nn *nn;
    att_var x, off, y, loss, target;
    float *want;
} net;

static void open_net(net *n, const att_nn_source *source)
{
    memset(n, 0, sizeof *n);
    assert_ok(att_tape_create(&n->t));
    assert_ok(att_nn_create(&n->nn, n->t, source));
    assert_ok(att_tape_input(n->t, &n->x, "x", ATT_F32, ROWS, C));
    assert_ok(att_tape_input(n->t, &n->off, "off", ATT_I32, 4, 1));
}

static const float *rows_of_x(void)
{
    static float x[ROWS * C];
    support_fill(x, ROWS * C, 5, -1, 1);
    return x;
}

/* Squared error against fixed numbers; planned, started, set. */
static void finish(net *n, int64_t rows)
{
    int64_t cols = att_tape_cols(n->t, n->y);
    att_tape_plan_opts p;
    n->want = calloc((size_t)(rows * cols), sizeof *n->want);
    support_fill(n->want, (size_t)(rows * cols), 6, -1, 1);
    assert_ok(att_tape_input(n->t, &n->target, "target", ATT_F32, rows, cols));
    assert_ok(att_op_squared_error(n->t, &n->loss, n->y, n->target));
    assert_ok(att_tape_keep(n->t, n->y));
    assert_ok(att_nn_start(n->nn, 3, 1));
    att_tape_plan_opts_init(&p);
    p.training = 1;
    assert_ok(att_tape_plan(n->t, &p));
    assert_ok(att_tape_set(n->t, n->x, rows_of_x()));
    assert_ok(att_tape_set(n->t, n->off, off3));
    assert_ok(att_tape_set(n->t, n->target, n->want));
}

static double loss_of(net *n)
{
    att_tensor v;
    assert_ok(att_tape_forward(n->t, 1, 0, 1));
    assert_ok(att_tape_value(n->t, &v, n->loss));
    return (double)((const float *)v.data)[0];
}

static void close_net(net *n)
{
    att_nn_destroy(n->nn);
    att_tape_destroy(n->t);
    free(n->want);
}

/* Directional difference quotients: along a random direction of each parameter, the loss
 * moves as the gradient says. f32 losses of about 3 are known to 2e-7 of that each, so with
 * a step of 2^-7 a quotient is off by 1e-4, and by the third derivative, h^2/6, of
 * 1e-5 times a number of order one. */
static void check_gradients(net *n)
{
    loss_of(n);
    assert_ok(att_tape_backward(n->t, n->loss, 1.0f, 0));
    for (int64_t i = 0; i < att_nn_count(n->nn); i++) {
        att_nn_param_view p = {.size = sizeof p};
        assert_ok(att_nn_at(n->nn, &p, i));
        if (!p.grad) continue;
        size_t count = (size_t)(p.rows * p.cols);
        float *old = malloc(count * sizeof *old), *dir = malloc(count * sizeof *dir);
        double slope = 0, norm = 0, h = 1.0 / 128;
        memcpy(old, p.value, count * sizeof *old);
        support_fill(dir, count, 77 + (uint64_t)i, -1, 1);
        for (size_t k = 0; k < count; k++) norm += (double)dir[k] * (double)dir[k];
        for (size_t k = 0; k < count; k++) {
            dir[k] = (float)((double)dir[k] / sqrt(norm));
            slope += (double)dir[k] * (double)p.grad[k];
        }
        for (size_t k = 0; k < count; k++) p.value[k] = old[k] + (float)h * dir[k];
        double up = loss_of(n);
        for (size_t k = 0; k < count; k++) p.value[k] = old[k] - (float)h * dir[k];
        double down = loss_of(n), got = (up - down) / (2 * h);
        memcpy(p.value, old, count * sizeof *old);
        if (!(fabs(got - slope) <= 5e-4 * (1 + fabs(slope))))
            fail_msg("%s: the loss moves by %g, its gradient says %g", p.name, got,
                     slope);
        free(old);
        free(dir);
    }
}

/* ---- names and sizes ---- */

static void assert_param(const att_nn *nn, const char *name, int64_t rows, int64_t cols)
{
    att_nn_param_view p = {.size = sizeof p};
    int64_t i = att_nn_find(nn, name);
    if (i < 0) fail_msg("%s is not there", name);
    assert_ok(att_nn_at(nn, &p, i));
    if (p.rows != rows || p.cols != cols)
        fail_msg("%s is [%lld,%lld]", name, (long long)p.rows, (long long)p.cols);
}

static void names_and_sizes(void **state)
{
    (void)state;
    net n;
    att_nn_attention_opts o;
    att_nn_names names;
    open_net(&n, NULL);
    att_nn_names_init(&names);
    names.q = "query";
    names.weight = "/w";
    names.bias = "/b";
    att_nn_attention_opts_init(&o);
    o.name = "a.";
    o.names = &names;
    o.n_heads = 4, o.n_kv_heads = 2, o.d = 3, o.dk = 5, o.e = 6, o.out = 7;
    o.desc.score = ATT_SCORE_BILINEAR;
    o.q_offsets = n.off;
    assert_ok(att_nn_attention(n.nn, &n.y, n.x, ATT_NO_VAR, &o));
    assert_int_equal(att_tape_cols(n.t, n.y), 7);
    assert_param(n.nn, "a.query/w", 12, C);
    assert_param(n.nn, "a.k_proj/w", 10, C);
    assert_param(n.nn, "a.v_proj/w", 12, C);
    assert_param(n.nn, "a.query/b", 1, 12);
    assert_param(n.nn, "a.out_proj/w", 7, 24);
    assert_param(n.nn, "a.score_w", 12, 5);
    assert_int_equal(att_nn_count(n.nn), 9);
    /* q, k and v are one value on the tape: one product. */
    assert_int_equal(att_tape_find(n.t, "a.query/w"), ATT_NO_VAR);
    assert_true(att_tape_find(n.t, "a.{query,k_proj,v_proj}/w") != ATT_NO_VAR);
    /* The same names again: the same parameters. */
    att_var again;
    assert_ok(att_nn_attention(n.nn, &again, n.x, ATT_NO_VAR, &o));
    assert_int_equal(att_nn_count(n.nn), 9);
    o.d = 2;
    assert_fails(att_nn_attention(n.nn, &again, n.x, ATT_NO_VAR, &o), ATT_ESHAPE,
                 "a.score_w");
    close_net(&n);
}

/* 13 against 14 has no inner product; W [13,14] is the remedy. */
static void widths_that_do_not_meet(void **state)
{
    (void)state;
    net n;
    att_nn_attention_opts o;
    open_net(&n, NULL);
    att_nn_attention_opts_init(&o);
    o.d = 13, o.dk = 14;
    o.q_offsets = n.off;
    assert_fails(att_nn_attention(n.nn, &n.y, n.x, ATT_NO_VAR, &o), ATT_ESHAPE,
                 "width 13 against keys of 14");
    o.desc.score = ATT_SCORE_BILINEAR;
    assert_ok(att_nn_attention(n.nn, &n.y, n.x, ATT_NO_VAR, &o));
    assert_param(n.nn, "score_w", 13, 14);
    close_net(&n);
}

/* ---- joined and separate, a block and its parts ---- */

static void copy_values(const net *from, att_tape *to, float *const *value)
{
    int n = 0;
    for (att_var v = 0; v < att_tape_var_count(to); v++) {
        if (!att_tape_is_param(to, v)) continue;
        att_nn_param_view p = {.size = sizeof p};
        int64_t i = att_nn_find(from->nn, att_tape_name(to, v));
        if (i < 0) fail_msg("%s is not there", att_tape_name(to, v));
        assert_ok(att_nn_at(from->nn, &p, i));
        memcpy(value[n], p.value, (size_t)(p.rows * p.cols) * sizeof(float));
        assert_ok(att_tape_set_param(to, v, value[n], value[n] + 4096));
        n++;
    }
}

static att_status lone(void *user, att_tape *tape, att_var *out, const char *name,
                       int64_t rows, int64_t cols)
{
    (void)user;
    if (strchr(name, '{')) return ATT_EBUG;
    return att_tape_param(tape, out, name, rows, cols);
}

static void record_blocks(net *n, int pre_norm, int gated, int kv)
{
    att_nn_block_opts o;
    att_var memory;
    att_nn_block_opts_init(&o);
    o.name = "enc.#.";
    o.last_norm = "enc.norm";
    o.layers = 2;
    o.pre_norm = pre_norm;
    o.rms_norm = pre_norm;
    o.dropout = 0.1f;
    o.self.n_heads = o.cross.n_heads = 4;
    o.self.n_kv_heads = o.cross.n_kv_heads = kv;
    o.self.desc.shaw_clip = 2;
    o.ffn.hidden = 12;
    o.ffn.gated = gated;
    o.ffn.activation = gated ? ATT_ACT_SILU : ATT_ACT_RELU;
    o.ffn.dropout = 0.2f;
    assert_ok(att_nn_encoder(n->nn, &memory, n->x, n->off, &o));
    o.name = "dec.#.";
    o.last_norm = "dec.norm";
    o.self.desc.causal = 1;
    o.cross.desc.score = ATT_SCORE_ADDITIVE;
    assert_ok(att_nn_decoder(n->nn, &n->y, n->x, n->off, memory, n->off, &o));
}

static void joined_equals_separate(void **state)
{
    (void)state;
    for (int form = 0; form < 8; form++) {
        net a, b;
        att_nn_source source;
        att_nn_source_init(&source);
        source.get = lone;
        open_net(&a, NULL);
        record_blocks(&a, form & 1, form >> 1 & 1, form & 4 ? 2 : 0);
        finish(&a, ROWS);
        double one = loss_of(&a);
        assert_ok(att_tape_backward(a.t, a.loss, 1.0f, 0));

        open_net(&b, &source);
        record_blocks(&b, form & 1, form >> 1 & 1, form & 4 ? 2 : 0);
        b.want = NULL;
        att_tape_plan_opts p;
        assert_ok(att_tape_input(b.t, &b.target, "target", ATT_F32, ROWS, C));
        assert_ok(att_op_squared_error(b.t, &b.loss, b.y, b.target));
        att_tape_plan_opts_init(&p);
        p.training = 1;
        assert_ok(att_tape_plan(b.t, &p));
        assert_ok(att_tape_set(b.t, b.x, rows_of_x()));
        assert_ok(att_tape_set(b.t, b.off, off3));
        assert_ok(att_tape_set(b.t, b.target, a.want));
        float *value[128];
        for (int i = 0; i < 128; i++) value[i] = aligned_alloc(64, 8192 * 4);
        copy_values(&a, b.t, value);
        /* Dropout is keyed by the operator's number, which joining changes: compare
         * the evaluation, then gradients without dropout's part (training 1 needs it). */
        att_tensor u, v;
        assert_ok(att_tape_forward(a.t, 1, 0, 0));
        assert_ok(att_tape_forward(b.t, 1, 0, 0));
        assert_ok(att_tape_value(a.t, &u, a.loss));
        assert_ok(att_tape_value(b.t, &v, b.loss));
        /* A row's sum is the same whichever matrix its weights lie in. */
        assert_close(u.data, v.data, 1, 0, 1e-6);
        assert_true(isfinite(one) && one > 0.1);
        for (int i = 0; i < 128; i++) free(value[i]);
        close_net(&b);
        close_net(&a);
    }
}

/* Post-norm and pre-norm, written out with operators on the same parameters. */
static void a_block_is_its_operators(void **state)
{
    (void)state;
    for (int pre = 0; pre < 2; pre++) {
        net n;
        att_nn_block_opts o;
        att_nn_attention_opts a;
        att_nn_ffn_opts f;
        att_var h, z, y, g[3], b[3];
        open_net(&n, NULL);
        att_nn_block_opts_init(&o);
        o.name = "";
        o.pre_norm = pre;
        o.self.n_heads = 2;
        o.ffn.hidden = 16;
        assert_ok(att_nn_encoder(n.nn, &y, n.x, n.off, &o));
        const char *norm[3] = {"self_attn_layer_norm", "final_layer_norm",
                               "layer_norm"};
        for (int i = 0; i < (pre ? 3 : 2); i++) {
            char name[64];
            snprintf(name, sizeof name, "%s.weight", norm[i]);
            assert_ok(att_nn_param(n.nn, &g[i], name, 1, C, ATT_NN_ONE));
            snprintf(name, sizeof name, "%s.bias", norm[i]);
            assert_ok(att_nn_param(n.nn, &b[i], name, 1, C, ATT_NN_ZERO));
        }
#define NORM(to, x, i)                                                                 \
    assert_ok(att_op_add_norm(n.t, &(to), x, ATT_NO_VAR, ATT_NO_VAR, g[i], b[i], 0,    \
                              1e-5f, 0.0f))
        att_nn_attention_opts_init(&a);
        a.name = "self_attn.";
        a.n_heads = 2;
        a.q_offsets = n.off;
        att_nn_ffn_opts_init(&f);
        f.hidden = 16;
        h = n.x;
        if (pre) NORM(h, n.x, 0);
        assert_ok(att_nn_attention(n.nn, &z, h, ATT_NO_VAR, &a));
        assert_ok(att_op_add(n.t, &z, z, n.x)); /* pre-norm: the stream */
        NORM(h, z, pre);
        att_var stream = pre ? z : h;
        assert_ok(att_nn_feed_forward(n.nn, &z, h, &f));
        assert_ok(att_op_add(n.t, &z, z, stream));
        NORM(n.y, z, pre ? 2 : 1);
        assert_ok(att_tape_keep(n.t, y));
        finish(&n, ROWS);
        loss_of(&n);
        att_tensor one, two;
        assert_ok(att_tape_value(n.t, &one, y));
        assert_ok(att_tape_value(n.t, &two, n.y));
        /* The bias joins before or after the residual: some roundings of numbers of
         * order one, through two norms. */
        assert_close(one.data, two.data, ROWS * C, 4e-6, 0);
        close_net(&n);
    }
}

static void gradients_of_blocks(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) {
        net n;
        open_net(&n, NULL);
        record_blocks(&n, form & 1, form >> 1, 0);
        finish(&n, ROWS);
        check_gradients(&n);
        close_net(&n);
    }
}

/* Adam takes a small network's loss down. */
static void adam_learns(void **state)
{
    (void)state;
    net n;
    open_net(&n, NULL);
    record_blocks(&n, 1, 1, 0);
    assert_fails(att_nn_adam(n.nn, 0.1f), ATT_EINVAL, "att_nn_start");
    finish(&n, ROWS);
    double first = loss_of(&n), last = first;
    for (int i = 0; i < 60; i++) {
        last = loss_of(&n);
        assert_ok(att_tape_backward(n.t, n.loss, 1.0f, 0));
        assert_ok(att_nn_adam(n.nn, 0.01f));
    }
    assert_true(last < first / 4);
    close_net(&n);
}

/* ---- positions ---- */

/* Position 2, width 4: sin 2, cos 2, sin 0.02, cos 0.02. */
static void sinusoids(void **state)
{
    (void)state;
    const float want[4] = {0.9093f, -0.4161f, 0.0200f, 0.9998f};
    const float halves[4] = {0.9093f, 0.0200f, -0.4161f, 0.9998f};
    float a[4 * 4], b[4 * 4], odd[2 * 5];
    assert_ok(att_nn_sinusoids(a, 4, 4, ATT_NN_POS_INTERLEAVED, 0, 0));
    assert_close(a + 2 * 4, want, 4, 5e-5, 0);
    assert_ok(att_nn_sinusoids(b, 4, 4, ATT_NN_POS_HALVES, 0, 0));
    assert_close(b + 2 * 4, halves, 4, 5e-5, 0);
    for (int p = 0; p < 4; p++) /* the same numbers in another order */
        for (int i = 0; i < 4; i++)
            assert_true(a[4 * p + i] == b[4 * p + i / 2 + 2 * (i % 2)]);
    /* Counted from 1, position 2 is the second row. */
    assert_ok(att_nn_sinusoids(b, 4, 4, ATT_NN_POS_INTERLEAVED, 1, 0));
    assert_same_bits(b + 4, a + 8, 8);
    const float first[4] = {0, 1, 0, 1};
    assert_close(a, first, 4, 0, 0);
    /* An odd width ends in a sin; another base. */
    assert_ok(att_nn_sinusoids(odd, 2, 5, ATT_NN_POS_INTERLEAVED, 0, 100));
    assert_true(fabs((double)odd[9] - sin(pow(100, -0.8))) < 1e-7);
    assert_ok(att_nn_sinusoids(odd, 2, 5, ATT_NN_POS_HALVES, 0, 100));
    assert_true(fabs((double)odd[7] - sin(pow(100, -0.8))) < 1e-7);
    assert_true(fabs((double)odd[8] - cos(1)) < 1e-7);
    /* A step along the sequence is a rotation of every pair, whatever the place. */
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < 4; i += 2) {
            double w = i ? 0.01 : 1, c = cos(w), s = sin(w);
            double sn = (double)a[4 * p + i], cs = (double)a[4 * p + i + 1];
            assert_true(fabs((double)a[4 * p + 4 + i] - (sn * c + cs * s)) < 1e-6);
        }
}

typedef struct embedded {
    net n;
    att_var pos, ids;
} embedded;

static void embed(embedded *e, const att_nn_position_opts *p)
{
    static const int32_t id[ROWS] = {2, 0, 1, 1, 3, 2, 0, 3, 1};
    open_net(&e->n, NULL);
    assert_ok(att_nn_positions(e->n.nn, &e->pos, p));
    assert_ok(att_tape_input(e->n.t, &e->ids, "ids", ATT_I32, ROWS, 1));
    assert_ok(att_nn_embedding(e->n.nn, &e->n.y, e->ids, e->n.off, e->pos, "emb", 4, C,
                               0, 0.0f));
    finish(&e->n, ROWS);
    assert_ok(att_tape_set(e->n.t, e->ids, id));
    loss_of(&e->n);
}

static const float *row(embedded *e, int r)
{
    att_tensor v;
    assert_ok(att_tape_value(e->n.t, &v, e->n.y));
    return (const float *)v.data + r * C;
}

static void every_kind_of_position(void **state)
{
    (void)state;
    float table[6 * C], wave[6 * C], plain[C], moved[C];
    const int64_t shape[2] = {6, C};
    att_tensor given;
    support_fill(table, 6 * C, 8, -1, 1);
    assert_ok(att_tensor_view(&given, table, ATT_F32, 2, shape));
    assert_ok(att_nn_sinusoids(wave, 6, C, ATT_NN_POS_HALVES, 1, 0));
    for (int kind = 0; kind <= ATT_NN_POS_GIVEN; kind++)
        for (int trainable = 0; trainable < 2; trainable++) {
            embedded e;
            att_nn_position_opts p;
            att_nn_position_opts_init(&p);
            p.kind = (att_nn_position_kind)kind;
            p.rows = kind == ATT_NN_POS_GIVEN ? 0 : 6;
            p.cols = kind == ATT_NN_POS_GIVEN ? 0 : C;
            p.first = 1;
            p.table = &given;
            p.trainable = trainable;
            embed(&e, &p);
            /* Ids 2 at rows 0 (place 0) and 5 (place 1 of the third sequence). */
            memcpy(plain, row(&e, 0), sizeof plain);
            memcpy(moved, row(&e, 5), sizeof moved);
            int learned =
                kind == ATT_NN_POS_LEARNED || (kind != ATT_NN_POS_NONE && trainable);
            assert_true((att_nn_find(e.n.nn, "positions") >= 0) == learned);
            if (kind == ATT_NN_POS_NONE) assert_same_bits(plain, moved, C);
            if (kind == ATT_NN_POS_HALVES || kind == ATT_NN_POS_GIVEN) {
                const float *t = kind == ATT_NN_POS_GIVEN ? table : wave;
                float want[C];
                for (int i = 0; i < C; i++) want[i] = plain[i] - t[i] + t[C + i];
                assert_close(moved, want, C, 1e-6, 0);
            }
            check_gradients(&e.n);
            close_net(&e.n);
        }
}

static void positions_of_vectors(void **state)
{
    (void)state;
    static const int32_t place[ROWS] = {0, 1, 2, 3, 0, 1, 2, 3, -1};
    net n;
    att_var pos, places;
    att_nn_position_opts p;
    float wave[4 * C];
    open_net(&n, NULL);
    att_nn_position_opts_init(&p);
    p.kind = ATT_NN_POS_INTERLEAVED;
    p.rows = 4, p.cols = C;
    assert_ok(att_nn_positions(n.nn, &pos, &p));
    assert_ok(att_tape_input(n.t, &places, "places", ATT_I32, ROWS, 1));
    assert_ok(att_nn_add_positions(n.nn, &n.y, n.x, pos, places));
    finish(&n, ROWS);
    assert_ok(att_tape_set(n.t, places, place));
    loss_of(&n);
    assert_ok(att_nn_sinusoids(wave, 4, C, ATT_NN_POS_INTERLEAVED, 0, 0));
    att_tensor v;
    assert_ok(att_tape_value(n.t, &v, n.y));
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < C; i++) {
            float want = rows_of_x()[r * C + i];
            if (place[r] >= 0) want += wave[place[r] * C + i];
            assert_true(((const float *)v.data)[r * C + i] == want);
        }
    close_net(&n);
}

/* ---- documents ---- */

/* Pooling by hand in double: u . tanh(x W^T + b), softmax, weighted mean. */
static void pooling(void **state)
{
    (void)state;
    net n;
    att_var alpha;
    open_net(&n, NULL);
    assert_ok(att_nn_attention_pool(n.nn, &n.y, &alpha, n.x, n.off, "p.", 5));
    assert_ok(att_tape_keep(n.t, alpha));
    finish(&n, 3);
    loss_of(&n);
    att_nn_param_view w = {.size = sizeof w}, b = w, u = w;
    assert_ok(att_nn_at(n.nn, &w, att_nn_find(n.nn, "p.proj.weight")));
    assert_ok(att_nn_at(n.nn, &b, att_nn_find(n.nn, "p.proj.bias")));
    assert_ok(att_nn_at(n.nn, &u, att_nn_find(n.nn, "p.context")));
    for (int i = 0; i < 5; i++) b.value[i] = 0.1f * (float)i;
    loss_of(&n);
    att_tensor y, a;
    assert_ok(att_tape_value(n.t, &y, n.y));
    assert_ok(att_tape_value(n.t, &a, alpha));
    const float *x = rows_of_x();
    for (int s = 0; s < 3; s++) {
        double e[ROWS], sum = 0, mean[C] = {0};
        for (int r = off3[s]; r < off3[s + 1]; r++) {
            e[r] = 0;
            for (int k = 0; k < 5; k++) {
                double z = (double)b.value[k];
                for (int i = 0; i < C; i++)
                    z += (double)x[r * C + i] * (double)w.value[k * C + i];
                e[r] += (double)u.value[k] * tanh(z);
            }
            sum += exp(e[r]);
        }
        for (int r = off3[s]; r < off3[s + 1]; r++) {
            double alpha_r = exp(e[r]) / sum;
            assert_true(fabs((double)((float *)a.data)[r] - alpha_r) < 1e-6);
            for (int i = 0; i < C; i++) mean[i] += alpha_r * (double)x[r * C + i];
        }
        for (int i = 0; i < C; i++) /* the empty sequence: zeros */
            assert_true(fabs((double)((float *)y.data)[s * C + i] - mean[i]) < 1e-6);
    }
    check_gradients(&n);
    close_net(&n);
}

/* Words -> sentences -> documents at two levels of offsets, gradients of everything; a
 * document's result does not depend on its neighbours. */
static void documents(void **state)
{
    (void)state;
    static const int32_t docs[4] = {0, 2, 2, 3};
    for (int encoders = 0; encoders < 2; encoders++) {
        net n;
        att_var doc, words, sentences;
        att_nn_hierarchy_opts o;
        att_nn_block_opts word, sentence;
        open_net(&n, NULL);
        assert_ok(att_tape_input(n.t, &doc, "docs", ATT_I32, 4, 1));
        att_nn_block_opts_init(&word);
        word.name = "word.#.";
        word.self.n_heads = 2;
        word.ffn.hidden = 8;
        sentence = word;
        sentence.name = "sentence.#.";
        att_nn_hierarchy_opts_init(&o);
        o.hidden = 4;
        o.word_weights = &words;
        o.sentence_weights = &sentences;
        if (encoders) o.words = &word, o.sentences = &sentence;
        assert_ok(att_nn_hierarchy(n.nn, &n.y, n.x, n.off, doc, &o));
        assert_ok(att_tape_keep(n.t, words));
        assert_ok(att_tape_keep(n.t, sentences));
        finish(&n, 3);
        assert_ok(att_tape_set(n.t, doc, docs));
        loss_of(&n);
        att_tensor v;
        assert_ok(att_tape_value(n.t, &v, words));
        const float *a = v.data;
        assert_true(fabs((double)(a[0] + a[1] + a[2] + a[3]) - 1) < 1e-6);
        assert_ok(att_tape_value(n.t, &v, sentences));
        a = v.data;
        assert_true(fabs((double)(a[0] + a[1]) - 1) < 1e-6 && a[2] == 1.0f);
        assert_ok(att_tape_value(n.t, &v, n.y));
        for (int i = 0; i < C; i++) assert_true(((float *)v.data)[C + i] == 0.0f);
        check_gradients(&n);
        float before[C], x[ROWS * C];
        loss_of(&n);
        assert_ok(att_tape_value(n.t, &v, n.y));
        memcpy(before, (float *)v.data + 2 * C, sizeof before);
        memcpy(x, rows_of_x(), sizeof x);
        for (int i = 0; i < 4 * C; i++) x[i] *= -3; /* words of document 0 */
        assert_ok(att_tape_set(n.t, n.x, x));
        loss_of(&n);
        assert_ok(att_tape_value(n.t, &v, n.y));
        assert_same_bits((float *)v.data + 2 * C, before, C);
        close_net(&n);
    }
}

static att_status record_and_start(void *ctx)
{
    (void)ctx;
    att_tape *t = NULL;
    att_nn *nn = NULL;
    att_var x, off, y;
    att_nn_block_opts o;
    att_nn_position_opts p;
    att_nn_block_opts_init(&o);
    o.self.n_heads = 2;
    att_nn_position_opts_init(&p);
    p.kind = ATT_NN_POS_HALVES;
    p.rows = 3, p.cols = C, p.trainable = 1;
    att_status st = att_tape_create(&t);
    if (st == ATT_OK) st = att_nn_create(&nn, t, NULL);
    if (st == ATT_OK) st = att_tape_input(t, &x, "x", ATT_F32, 4, C);
    if (st == ATT_OK) st = att_tape_input(t, &off, "off", ATT_I32, 3, 1);
    if (st == ATT_OK) st = att_nn_positions(nn, &y, &p);
    if (st == ATT_OK) st = att_nn_decoder(nn, &y, x, off, x, off, &o);
    if (st == ATT_OK) st = att_nn_start(nn, 1, 1);
    att_nn_destroy(nn);
    att_tape_destroy(t);
    return st;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(support_fail_every_alloc(record_and_start, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_sizes),
        cmocka_unit_test(widths_that_do_not_meet),
        cmocka_unit_test(joined_equals_separate),
        cmocka_unit_test(a_block_is_its_operators),
        cmocka_unit_test(gradients_of_blocks),
        cmocka_unit_test(adam_learns),
        cmocka_unit_test(sinusoids),
        cmocka_unit_test(every_kind_of_position),
        cmocka_unit_test(positions_of_vectors),
        cmocka_unit_test(pooling),
        cmocka_unit_test(documents),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
