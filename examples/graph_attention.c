/* graph_attention.c - two layers of graph attention (GATv2, Brody et al. 2022) learn who belongs
 * to which of two communities, when four of twenty nodes say so.
 *
 * Features are the node's number alone (one-hot): nothing but the edges can tell. Edges are in
 * CSR by query: node n hears col[row_ptr[n]] .. col[row_ptr[n + 1] - 1]. */
#include <attend/nn.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 20, HALF = N / 2, CLASSES = 2 };

#define TRY(call)                                                                      \
    if ((call) != ATT_OK) goto fail

/* Within a community every third pair knows each other, and each node the next one; between
 * the communities there are two edges. Everyone hears himself. */
static int knows(int a, int b)
{
    int apart = abs(a - b);
    if (a / HALF == b / HALF) return apart <= 1 || (a + b) % 3 == 0;
    return a + b == N - 1 && (apart == 1 || apart == 7);
}

static int right_of(const float *logits, const int32_t *said)
{
    int right = 0;
    for (int n = 0; n < N; n++)
        if (said[n] < 0)
            right += (logits[n * CLASSES + 1] > logits[n * CLASSES]) == n / HALF;
    return right;
}

int main(void)
{
    static int32_t row_ptr[N + 1], col[N * N], said[N];
    static float one_hot[N * N];
    int32_t edges = 0;
    att_tape *t = NULL;
    att_nn *nn = NULL;
    att_var x, ptr, to, targets, h, logits, loss, stats;
    att_nn_attention_opts gat;
    att_tape_plan_opts plan;
    att_tensor view;
    float first = 0, last = 0;
    int failed = -1;
    for (int n = 0; n < N; n++) {
        for (int b = 0; b < N; b++)
            if (knows(n, b)) col[edges++] = b;
        row_ptr[n + 1] = edges;
        one_hot[n * N + n] = 1;
        said[n] = n % HALF == 2 || n % HALF == 7 ? n / HALF : -1; /* -1: silent */
    }
    TRY(att_tape_create(&t));
    TRY(att_nn_create(&nn, t, NULL));
    TRY(att_tape_input(t, &x, "x", ATT_F32, N, N));
    TRY(att_tape_input(t, &ptr, "row_ptr", ATT_I32, N + 1, 1));
    TRY(att_tape_input(t, &to, "col", ATT_I32, edges, 1));
    TRY(att_tape_input(t, &targets, "said", ATT_I32, N, 1));
    att_nn_attention_opts_init(&gat);
    gat.desc.score = ATT_SCORE_GAT;
    gat.n_heads = 2, gat.d = 4;
    gat.edge_row_ptr = ptr, gat.edge_col = to;
    gat.projections = ATT_NN_Q | ATT_NN_K | ATT_NN_V; /* heads stay side by side */
    gat.name = "gat.0.";
    TRY(att_nn_attention(nn, &h, x, ATT_NO_VAR, &gat));
    TRY(att_op_activation(t, &h, h, ATT_ACT_RELU));
    gat.name = "gat.1.";
    TRY(att_nn_attention(nn, &h, h, ATT_NO_VAR, &gat));
    TRY(att_nn_linear(nn, &logits, h, "classes", CLASSES, 1, ATT_ACT_NONE, 0));
    TRY(att_op_cross_entropy(t, &loss, &stats, logits, targets, 0));
    TRY(att_tape_keep(t, logits));
    TRY(att_nn_start(nn, 1, 1));
    att_tape_plan_opts_init(&plan);
    plan.training = 1;
    TRY(att_tape_plan(t, &plan));
    TRY(att_tape_set(t, x, one_hot));
    TRY(att_tape_set(t, ptr, row_ptr));
    TRY(att_tape_set(t, to, col));
    TRY(att_tape_set(t, targets, said));
    for (int step = 0; step < 150; step++) {
        TRY(att_tape_forward(t, 1, (uint64_t)step, 1));
        TRY(att_tape_value(t, &view, loss));
        last = *(const float *)view.data;
        if (step == 0) first = last;
        TRY(att_tape_backward(t, loss, 1, 0));
        TRY(att_nn_adam(nn, 0.01f));
    }
    TRY(att_tape_forward(t, 1, 0, 0));
    TRY(att_tape_value(t, &view, logits));
    int right = right_of(view.data, said);
    printf("%d edges, loss %.3f -> %.3f, right of the silent: %d of %d\n", (int)edges,
           (double)first, (double)last, right, N - 4);
    failed = !(last < first / 10 && right >= 15);
fail:
    if (failed < 0) fprintf(stderr, "graph_attention: %s\n", att_error_message());
    att_nn_destroy(nn);
    att_tape_destroy(t);
    return failed != 0;
}
