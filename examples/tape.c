/* tape.c - a program of operators by hand: a = softmax(X X^T) X, logits = a W^T + b, and a
 * loss; recorded, planned, run forward and backward.
 *
 * Every kept value and its gradient can be looked at after a run. One gradient is
 * compared with a difference of losses. */
#include <attend/tape.h>
#include <math.h>
#include <stdio.h>

enum { N = 3, C = 4, K = 2 }; /* words, their width, classes */

static void print_matrix(const char *name, const float *x, int rows, int cols)
{
    for (int r = 0; r < rows; r++) {
        printf("%-10s", r == 0 ? name : "");
        for (int i = 0; i < cols; i++) printf(" %8.4f", (double)x[r * cols + i]);
        printf("\n");
    }
}

static int print_var(const att_tape *t, const char *name, att_var v, int grad)
{
    att_tensor view;
    att_status st = grad ? att_tape_grad(t, &view, v) : att_tape_value(t, &view, v);
    if (st == ATT_OK)
        print_matrix(name, view.data, (int)view.shape[0], (int)view.shape[1]);
    return st;
}

#define TRY(call)                                                                      \
    if ((call) != ATT_OK) goto fail

static int run(att_tape *t, att_var loss, float *out)
{
    att_tensor view;
    int st =
        att_tape_forward(t, 1, 0, 1); /* seed, step: of dropout, which is not here */
    if (st == ATT_OK) st = att_tape_value(t, &view, loss);
    if (st == ATT_OK) *out = ((const float *)view.data)[0];
    return st;
}

int main(void)
{
    /* Parameters and their gradients live in the caller's memory. */
    _Alignas(64) static float x[N * C] = {1, 0, 1, 0, 0, 2, 0, 1, 1, 1, 0, 0};
    _Alignas(64) static float w[K * C] = {.5f, -.5f, .25f, 0, -.25f, .5f, 0, .75f};
    _Alignas(64) static float b[K] = {.1f, -.1f}, dx[N * C], dw[K * C], db[K];
    static const int32_t targets[N] = {0, 1, 0};
    const float h = 1.0f / 64;
    float first, up, down, slope;
    att_tape *t = NULL;
    char *list;
    att_var vx, vw, vb, vt, scores, weights, mixed, logits, loss, stats;
    att_tape_plan_opts plan;

    TRY(att_tape_create(&t)); /* what there is */
    TRY(att_tape_param(t, &vx, "x", N, C));
    TRY(att_tape_param(t, &vw, "w", K, C));
    TRY(att_tape_param(t, &vb, "b", 1, K));
    TRY(att_tape_input(t, &vt, "targets", ATT_I32, N, 1));
    TRY(att_op_matmul(t, &scores, vx, vx, 1)); /* what happens: [N,N] = X X^T */
    TRY(att_op_softmax(t, &weights, scores));
    TRY(att_op_matmul(t, &mixed, weights, vx, 0)); /* [N,C] */
    TRY(att_op_linear(t, &logits, mixed, vw, vb, ATT_ACT_NONE, 0));
    TRY(att_op_cross_entropy(t, &loss, &stats, logits, vt, 0));
    TRY(att_tape_keep(t, weights)); /* readable afterwards */
    TRY(att_tape_keep(t, logits));
    att_tape_plan_opts_init(&plan); /* where it lies */
    plan.training = 1;
    TRY(att_tape_plan(t, &plan));
    TRY(att_tape_set_param(t, vx, x, dx));
    TRY(att_tape_set_param(t, vw, w, dw));
    TRY(att_tape_set_param(t, vb, b, db));
    TRY(att_tape_set(t, vt, targets));
    TRY(att_tape_print(t, &list));
    printf("%s\n", list);
    att_free(list);
    TRY(run(t, loss, &first));
    TRY(print_var(t, "weights", weights, 0));
    TRY(print_var(t, "logits", logits, 0));
    TRY(att_tape_backward(t, loss, 1, 0));
    TRY(print_var(t, "d logits", logits, 1));
    print_matrix("d x", dx, N, C);
    print_matrix("d w", dw, K, C);
    printf("%-10s %8.4f\n", "loss", (double)first);
    x[1] = h; /* was 0: how the loss moves with the first word's second number */
    TRY(run(t, loss, &up));
    x[1] = -h;
    TRY(run(t, loss, &down));
    slope = (up - down) / (2 * h);
    printf("d x[0,1] by difference %.4f\n", (double)slope);
    att_tape_destroy(t);
    return fabsf(slope - dx[1]) > 1e-3f;
fail:
    fprintf(stderr, "tape: %s\n", att_error_message());
    att_tape_destroy(t);
    return 1;
}
