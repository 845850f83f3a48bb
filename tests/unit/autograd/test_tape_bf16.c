/* test_tape_bf16.c - a tape planned with precision 1: linear, matmul, vocab_loss and attention
 * compute what they compute with operands rounded to bf16 and f32 sums, forward and
 * backward.
 *
 * A difference quotient says nothing about a function that is constant between two
 * rounded numbers, so gradients are held against their definition: the derivative of
 * y = x W^T with dy, x and W rounded wherever two of them are multiplied. Expected values
 * are made by the same tape in f32 on operands that were rounded beforehand.
 *
 * Tolerance: both sum k exact products in f32, in two orders, so they differ by at most
 * 2 k 2^-24 times the sum of the sizes; with k <= 40 and numbers up to 1 that is below
 * 2e-4, and 1e-5 is what random roundings leave a margin for. What passes through a softmax first is
 * rounded after two such sums disagree: one unit of bf16, 2^-7 of a number's size, for the
 * few numbers that lie at an edge, averaged over sums of them; 1e-3 of the largest. */
#include "autograd/tape_internal.h"
#include "kernels/bf16.h"
#include "kernels/half.h"
#include "kernels/kernels.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 24, IN = 40, OUT = 30 };

static float x[ROWS * IN], w[OUT * IN], b[OUT], dy[ROWS * OUT];
static int32_t targets[ROWS];

static void fill(float *p, int n, uint64_t seed)
{
    atti_rng r = {seed, 0};
    for (int i = 0; i < n; i++) p[i] = (float)(2 * atti_rng_unit(&r) - 1);
}

static void make_operands(void)
{
    fill(x, ROWS * IN, 1);
    fill(w, OUT * IN, 2);
    fill(b, OUT, 3);
    fill(dy, ROWS * OUT, 4);
    for (int i = 0; i < ROWS; i++) targets[i] = i * 7 % OUT;
}

static void round_all(float *p, int n)
{
    for (int i = 0; i < n; i++) p[i] = atti_bf16_to_f32(atti_f32_to_bf16(p[i]));
}

typedef enum kind { LINEAR, MATMUL, VOCAB } kind;

typedef struct result {
    float y[ROWS * OUT], dx[ROWS * IN], dw[OUT * IN], db[OUT];
} result;

static void run(result *r, kind k, int precision)
{
    att_tape *t = NULL;
    att_var vx, vw, vb = ATT_NO_VAR, vt, y, stats;
    assert_ok(att_tape_create(&t));
    assert_ok(att_tape_param(t, &vx, "x", ROWS, IN));
    assert_ok(att_tape_param(t, &vw, "w", OUT, IN));
    if (k != MATMUL) assert_ok(att_tape_param(t, &vb, "b", 1, OUT));
    if (k == LINEAR)
        assert_ok(att_op_linear(t, &y, vx, vw, vb, ATT_ACT_NONE, 0));
    else if (k == MATMUL)
        assert_ok(att_op_matmul(t, &y, vx, vw, 1));
    else {
        assert_ok(att_tape_input(t, &vt, "targets", ATT_I32, ROWS, 1));
        assert_ok(att_op_vocab_loss(t, &y, &stats, vx, vw, vb, vt, 0.1f, -1));
    }
    assert_ok(att_tape_keep(t, y));
    att_tape_plan_opts o;
    att_tape_plan_opts_init(&o);
    o.training = 1;
    o.loss = y;
    o.precision = precision;
    assert_ok(att_tape_plan(t, &o));
    assert_ok(att_tape_set_param(t, vx, x, r->dx));
    assert_ok(att_tape_set_param(t, vw, w, r->dw));
    if (k != MATMUL) assert_ok(att_tape_set_param(t, vb, b, r->db));
    if (k == VOCAB) assert_ok(att_tape_set(t, vt, targets));
    assert_ok(att_tape_forward(t, 1, 1, 1));
    att_tensor view;
    assert_ok(att_tape_value(t, &view, y));
    memset(r->y, 0, sizeof r->y);
    memcpy(r->y, view.data, (k == VOCAB ? 1 : ROWS * OUT) * sizeof(float));
    assert_ok(atti_tape_backward_from(t, k == VOCAB ? NULL : dy, 1.0f, 0));
    att_tape_destroy(t);
}

static void near(const char *what, const float *a, const float *c, int n, double tol)
{
    double big = 1;
    for (int i = 0; i < n; i++) big = fmax(big, fabs((double)c[i]));
    for (int i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)c[i]) <= tol * big))
            fail_msg("%s[%d] is %.9g, expected %.9g", what, i, (double)a[i],
                     (double)c[i]);
}

static int differs(const float *a, const float *c, int n)
{
    return memcmp(a, c, (size_t)n * sizeof *a) != 0;
}

static void products(void **state)
{
    (void)state;
    static result half, full, rounded;
    for (int k = LINEAR; k <= MATMUL; k++) {
        make_operands();
        run(&half, (kind)k, 1);
        run(&full, (kind)k, 0);
        assert_true(differs(half.y, full.y, ROWS * OUT));
        assert_true(differs(half.dx, full.dx, ROWS * IN));
        assert_true(differs(half.dw, full.dw, OUT * IN));
        if (k == LINEAR) near("db", half.db, full.db, OUT, 1e-6); /* not rounded */
        round_all(x, ROWS * IN), round_all(w, OUT * IN), round_all(dy, ROWS * OUT);
        run(&rounded, (kind)k, 0);
        near("y", half.y, rounded.y, ROWS * OUT, 1e-5);
        near("dx", half.dx, rounded.dx, ROWS * IN, 1e-5);
        near("dw", half.dw, rounded.dw, OUT * IN, 1e-5);
    }
}

/* The gradient of the logits g is made in f32 and rounded for its products: expected are
 * dx = g~ T~ and dT = g~^T x~ of the rounded logits' softmax, written out here. */
static void vocabulary(void **state)
{
    (void)state;
    static result half;
    static float dx[ROWS * IN], dw[OUT * IN], db[OUT];
    make_operands();
    run(&half, VOCAB, 1);
    round_all(x, ROWS * IN), round_all(w, OUT * IN);
    double loss = 0, gx[ROWS][IN] = {{0}}, gw[OUT][IN] = {{0}}, gb[OUT] = {0};
    for (int i = 0; i < ROWS; i++) {
        double z[OUT], max = -INFINITY, sum = 0;
        for (int j = 0; j < OUT; j++) {
            z[j] = (double)b[j];
            for (int q = 0; q < IN; q++)
                z[j] += (double)x[i * IN + q] * (double)w[j * IN + q];
            max = fmax(max, z[j]);
        }
        for (int j = 0; j < OUT; j++) sum += exp(z[j] - max);
        for (int j = 0; j < OUT; j++) {
            double p = exp(z[j] - max) / sum;
            double t = 0.1 / OUT + (j == targets[i] ? 0.9 : 0.0);
            float g = (float)(p - t);
            loss -= t * log(p);
            gb[j] += (double)g;
            round_all(&g, 1);
            for (int q = 0; q < IN; q++) {
                gx[i][q] += (double)g * (double)w[j * IN + q];
                gw[j][q] += (double)g * (double)x[i * IN + q];
            }
        }
    }
    for (int i = 0; i < ROWS * IN; i++) dx[i] = (float)gx[i / IN][i % IN];
    for (int i = 0; i < OUT * IN; i++) dw[i] = (float)gw[i / IN][i % IN];
    for (int i = 0; i < OUT; i++) db[i] = (float)gb[i];
    assert_true(fabs((double)half.y[0] - loss) <= 1e-5 * loss);
    near("dx", half.dx, dx, ROWS * IN, 1e-3);
    near("dtable", half.dw, dw, OUT * IN, 1e-3);
    near("dbias", half.db, db, OUT, 1e-5);
}

/* Self-attention of two sequences over one fused projection [ROWS, 3 HEADS WIDTH]. */
enum { HEADS = 2, WIDTH = 5, QKV = 3 * HEADS * WIDTH };

static void attend(float *y, float *dx, int precision)
{
    static const int32_t off[3] = {0, 10, ROWS};
    att_tape *t = NULL;
    att_var vx, vo, out;
    att_op_attention_opts o;
    att_tape_plan_opts plan;
    att_tensor view;
    assert_ok(att_tape_create(&t));
    assert_ok(att_tape_param(t, &vx, "x", ROWS, QKV));
    assert_ok(att_tape_input(t, &vo, "offsets", ATT_I32, 3, 1));
    att_op_attention_opts_init(&o);
    o.n_heads = HEADS;
    o.d = WIDTH;
    o.q = o.k = o.v = vx;
    o.k_col = HEADS * WIDTH, o.v_col = 2 * HEADS * WIDTH;
    o.q_offsets = vo;
    o.desc.causal = 1;
    assert_ok(att_op_attention(t, &out, &o));
    assert_ok(att_tape_keep(t, out));
    att_tape_plan_opts_init(&plan);
    plan.training = 1;
    plan.loss = out;
    plan.precision = precision;
    assert_ok(att_tape_plan(t, &plan));
    assert_ok(att_tape_set_param(t, vx, x, dx));
    assert_ok(att_tape_set(t, vo, off));
    assert_ok(att_tape_forward(t, 1, 1, 1));
    assert_ok(att_tape_value(t, &view, out));
    memcpy(y, view.data, sizeof(float) * ROWS * HEADS * WIDTH);
    assert_ok(atti_tape_backward_from(t, dy, 1.0f, 0));
    att_tape_destroy(t);
}

/* Tiles of bf16 round weights and their gradients as well, 2^-8 of each. */
static void attention(void **state)
{
    static float y[2][ROWS * HEADS * WIDTH], dx[2][ROWS * QKV], full[ROWS * QKV];
    double tol = atti_bf16() ? 0x1p-6 : 1e-5;
    (void)state;
    if (!atti_k()->attn) return; /* plain C rounds nothing here */
    make_operands();
    attend(y[0], full, 0);
    attend(y[0], dx[0], 1);
    assert_true(differs(dx[0], full, ROWS * QKV));
    round_all(x, ROWS * QKV), round_all(dy, ROWS * HEADS * WIDTH);
    attend(y[1], dx[1], 0);
    near("out", y[0], y[1], ROWS * HEADS * WIDTH, tol);
    near("dqkv", dx[0], dx[1], ROWS * QKV, tol);
}

static void other_precisions_are_refused(void **state)
{
    (void)state;
    att_tape *t = NULL;
    att_var vx, y;
    att_tape_plan_opts o;
    assert_ok(att_tape_create(&t));
    assert_ok(att_tape_param(t, &vx, "x", 2, 2));
    assert_ok(att_op_scale(t, &y, vx, 2.0f));
    att_tape_plan_opts_init(&o);
    assert_int_equal(0, o.precision);
    o.precision = 2;
    assert_int_equal(ATT_EINVAL, att_tape_plan(t, &o));
    assert_non_null(strstr(att_error_message(), "precision 2"));
    att_tape_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),
        cmocka_unit_test(vocabulary),
        cmocka_unit_test(attention),
        cmocka_unit_test(other_precisions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
