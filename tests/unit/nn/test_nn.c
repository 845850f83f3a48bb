/* test_nn.c - layers: what they declare under which names, joined products equal to
 * separate ones, blocks equal to their operators, gradients by finite differences. */
#include "nn_net.h"

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

static void record_dropped(net *n, int pre_norm, int gated, int kv, float drop)
{
    att_nn_block_opts o;
    att_var memory;
    att_nn_block_opts_init(&o);
    o.name = "enc.#.";
    o.last_norm = "enc.norm";
    o.layers = 2;
    o.pre_norm = pre_norm;
    o.rms_norm = pre_norm;
    o.dropout = drop;
    o.self.n_heads = o.cross.n_heads = 4;
    o.self.n_kv_heads = o.cross.n_kv_heads = kv;
    o.self.desc.shaw_clip = 2;
    o.ffn.hidden = 12;
    o.ffn.gated = gated;
    o.ffn.activation = gated ? ATT_ACT_SILU : ATT_ACT_RELU;
    o.ffn.dropout = 2 * drop;
    assert_ok(att_nn_encoder(n->nn, &memory, n->x, n->off, &o));
    o.name = "dec.#.";
    o.last_norm = "dec.norm";
    o.self.desc.causal = 1;
    o.cross.desc.score = ATT_SCORE_ADDITIVE;
    assert_ok(att_nn_decoder(n->nn, &n->y, n->x, n->off, memory, n->off, &o));
}

static void record_blocks(net *n, int pre_norm, int gated, int kv)
{
    record_dropped(n, pre_norm, gated, kv, 0.1f);
}

/* A run without dropout, and all gradients of both: parameters by name, the joined
 * ones' being rows of one. A gradient is a sum over the rows of products whose factors went
 * through some twenty roundings; joined matrices sum in another order where an input's
 * gradient adds up over Wq, Wk and Wv. 2^-24 * (20 + 4 sqrt(3 * C + ROWS)) is 3e-6 of the
 * largest; norms' quotients leave the rest. */
static void same_gradients(const net *joined, const net *separate)
{
    for (att_var v = 0; v < att_tape_var_count(separate->t); v++) {
        if (!att_tape_is_param(separate->t, v)) continue;
        att_nn_param_view p = {.size = sizeof p};
        att_tensor g;
        const char *name = att_tape_name(separate->t, v);
        assert_ok(att_nn_at(joined->nn, &p, att_nn_find(joined->nn, name)));
        assert_ok(att_tape_grad(separate->t, &g, v));
        assert_int_equal(att_tensor_count(&g), p.rows * p.cols);
        double most = 0, apart = 0;
        for (int64_t i = 0; i < p.rows * p.cols; i++) {
            double want = (double)((const float *)g.data)[i];
            most = fmax(most, fabs(want));
            apart = fmax(apart, fabs((double)p.grad[i] - want));
        }
        if (!(apart <= 1e-5 * fmax(most, 0.1)))
            fail_msg("%s: gradients of %g are %g apart", name, most, apart);
    }
}

static void joined_equals_separate(void **state)
{
    (void)state;
    for (int form = 0; form < 16; form++) {
        float drop = form & 8 ? 0.0f : 0.1f;
        net a, b;
        att_nn_source source;
        att_nn_source_init(&source);
        source.get = lone;
        open_net(&a, NULL);
        record_dropped(&a, form & 1, form >> 1 & 1, form & 4 ? 2 : 0, drop);
        finish(&a, ROWS);
        double one = loss_of(&a);
        assert_ok(att_tape_backward(a.t, a.loss, 1.0f, 0));

        open_net(&b, &source);
        record_dropped(&b, form & 1, form >> 1 & 1, form & 4 ? 2 : 0, drop);
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
        /* Dropout is keyed by the operator's number, which joining changes: with it the
         * evaluations are compared, without it the gradients too. */
        att_tensor u, v;
        assert_ok(att_tape_forward(a.t, 1, 0, 0));
        assert_ok(att_tape_forward(b.t, 1, 0, 0));
        assert_ok(att_tape_value(a.t, &u, a.loss));
        assert_ok(att_tape_value(b.t, &v, b.loss));
        /* A row's sum is the same whichever matrix its weights lie in. */
        assert_close(u.data, v.data, 1, 0, 1e-6);
        assert_true(isfinite(one) && one > 0.1);
        if (drop == 0.0f) {
            assert_ok(att_tape_forward(b.t, 1, 0, 1));
            assert_ok(att_tape_backward(b.t, b.loss, 1.0f, 0));
            (void)loss_of(&a);
            assert_ok(att_tape_backward(a.t, a.loss, 1.0f, 0));
            same_gradients(&a, &b);
        }
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
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
