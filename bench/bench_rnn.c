/* bench_rnn.c - the speed of recurrent layers: one JSON object a line, a cell and a shape
 * each, forward alone and with the whole backward (gradients of the input, of all weights
 * and biases).
 *
 *   bench_rnn [--cell gru|lstm] [--shape B,T,I,H] [--both] [--threads N] [--seconds S]
 *
 * B sequences of T steps, I numbers in, H out a direction; --both reads them backward too.
 * Without --cell and --shape a list of both is run. Times are the least of what fits into
 * S seconds: others may use the machine. bench/rnn_peer.py runs it beside PyTorch. */
#include "attend/base.h"
#include "attend/kernels.h"
#include "attend/tape.h"
#include "base/alloc.h"
#include "base/threads.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_PARAMS = 9, ROUNDS_LEAST = 3 };

typedef struct shape {
    int64_t b, t, i, h;
} shape;

typedef struct layer {
    att_tape *tape;
    att_var y, loss;
    float *value[MOST_PARAMS], *grad[MOST_PARAMS], *target;
    int32_t *offsets;
    int n;
} layer;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(att_status st)
{
    if (st == ATT_OK) return;
    fprintf(stderr, "bench_rnn: %s\n", att_error_message());
    exit(1);
}

/* Small numbers that repeat late: gates stay where they move. */
static float *filled(int64_t n, float scale)
{
    float *p;
    must(atti_alloc_raw(&p, (size_t)n, sizeof *p, "bench"));
    for (int64_t i = 0; i < n; i++) p[i] = (float)(i * 7919 % 997 - 498) * scale;
    return p;
}

static att_var param(layer *l, const char *name, int direction, int64_t rows,
                     int64_t cols, float scale)
{
    char full[16];
    att_var v = ATT_NO_VAR;
    (void)snprintf(full, sizeof full, "%s%d", name, direction);
    must(att_tape_param(l->tape, &v, full, rows, cols));
    l->value[l->n] = filled(rows * cols, scale);
    l->grad[l->n] = filled(rows * cols, 0.0f);
    must(att_tape_set_param(l->tape, v, l->value[l->n], l->grad[l->n]));
    l->n++;
    return v;
}

/* The mean of squares as a loss: one sweep over y, so that all of it has a gradient. */
static void record(layer *l, const shape *s, att_rnn_cell cell, int both)
{
    int64_t gates = (cell == ATT_RNN_LSTM ? 4 : 3) * s->h, rows = s->b * s->t;
    att_op_rnn_opts o;
    att_tape_plan_opts p;
    att_var offsets, target;
    must(att_tape_create(&l->tape));
    must(att_tape_input(l->tape, &offsets, "offsets", ATT_I32, s->b + 1, 1));
    must(att_tape_input(l->tape, &target, "target", ATT_F32, rows,
                        (both ? 2 : 1) * s->h));
    att_op_rnn_opts_init(&o);
    o.cell = cell;
    o.direction = both ? 2 : 0;
    o.offsets = offsets;
    o.x = param(l, "x", 0, rows, s->i, 2e-3f);
    for (int d = 0; d < (both ? 2 : 1); d++) {
        o.w_ih[d] = param(l, "w_ih", d, gates, s->i, 1e-4f);
        o.w_hh[d] = param(l, "w_hh", d, gates, s->h, 1e-4f);
        o.b_ih[d] = param(l, "b_ih", d, 1, gates, 1e-4f);
        o.b_hh[d] = param(l, "b_hh", d, 1, gates, 1e-4f);
    }
    must(att_op_rnn(l->tape, &l->y, NULL, &o));
    must(att_op_squared_error(l->tape, &l->loss, l->y, target));
    att_tape_plan_opts_init(&p);
    p.training = 1;
    p.loss = l->loss;
    must(att_tape_plan(l->tape, &p));
    must(atti_alloc(&l->offsets, (size_t)s->b + 1, sizeof *l->offsets, "bench"));
    for (int64_t i = 0; i <= s->b; i++) l->offsets[i] = (int32_t)(i * s->t);
    l->target = filled(rows * (both ? 2 : 1) * s->h, 1e-3f);
    must(att_tape_set(l->tape, offsets, l->offsets));
    must(att_tape_set(l->tape, target, l->target));
}

static void discard(layer *l)
{
    att_tape_destroy(l->tape);
    for (int i = 0; i < l->n; i++) {
        atti_free(l->value[i]);
        atti_free(l->grad[i]);
    }
    atti_free(l->target);
    atti_free(l->offsets);
}

/* Of matrix products, as they are commonly counted: x W_ih^T and h W_hh^T once forward,
 * each once more for the gradients of its two sides. */
static double flops_of(const shape *s, att_rnn_cell cell, int both)
{
    double gates = (cell == ATT_RNN_LSTM ? 4.0 : 3.0) * (double)s->h;
    return 2.0 * (both ? 2.0 : 1.0) * (double)(s->b * s->t) * gates *
           (double)(s->i + s->h);
}

static void run(const shape *s, att_rnn_cell cell, int both, double seconds)
{
    layer l = {0};
    att_tensor loss;
    double forward = 1e30, all = 1e30, begun, flops = flops_of(s, cell, both);
    int rounds = 0;
    record(&l, s, cell, both);
    for (begun = now(); rounds < ROUNDS_LEAST || now() - begun < seconds; rounds++) {
        double a = now(), b;
        must(att_tape_forward(l.tape, 1, 1, 1));
        b = now();
        must(att_tape_backward(l.tape, l.loss, 1.0f, 0));
        double c = now();
        if (b - a < forward) forward = b - a;
        if (c - a < all) all = c - a;
    }
    must(att_tape_value(l.tape, &loss, l.loss));
    printf("{\"cell\": \"%s\", \"shape_btih\": [%lld, %lld, %lld, %lld], "
           "\"directions\": %d, \"threads\": %d, \"rounds\": %d, \"forward_ms\": %.4f, "
           "\"both_ms\": %.4f, \"forward_gflops\": %.1f, \"both_gflops\": %.1f, "
           "\"loss\": \"%a\"}\n",
           cell == ATT_RNN_LSTM ? "lstm" : "gru", (long long)s->b, (long long)s->t,
           (long long)s->i, (long long)s->h, both ? 2 : 1, atti_threads_max(), rounds,
           forward * 1e3, all * 1e3, flops / forward * 1e-9, 3.0 * flops / all * 1e-9,
           (double)*(const float *)loss.data);
    fflush(stdout);
    discard(&l);
}

static int read_shape(shape *s, const char *text)
{
    long long v[4];
    char end;
    if (sscanf(text, "%lld,%lld,%lld,%lld%c", &v[0], &v[1], &v[2], &v[3], &end) != 4)
        return 0;
    for (int i = 0; i < 4; i++)
        if (v[i] < 1 || v[i] > 65536) return 0;
    *s = (shape){v[0], v[1], v[2], v[3]};
    return s->b * s->t <= 1 << 24;
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_rnn [--cell gru|lstm] [--shape B,T,I,H] [--both] "
                    "[--threads N] [--seconds S]\n");
    return 2;
}

int main(int argc, char **argv)
{
    /* A tagger's, a translator's, a character model's and a long sequence's. */
    static const shape list[] = {{32, 32, 128, 128},
                                 {64, 32, 512, 512},
                                 {64, 128, 256, 256},
                                 {8, 1024, 256, 256}};
    const shape *shapes = list;
    size_t n = sizeof list / sizeof *list;
    shape one;
    int both = 0, only = -1;
    double seconds = 1.0;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--both") == 0) {
            both = 1;
            continue;
        }
        if (++i == argc) return usage();
        if (strcmp(name, "--cell") == 0 && strcmp(argv[i], "gru") == 0) {
            only = ATT_RNN_GRU;
        } else if (strcmp(name, "--cell") == 0 && strcmp(argv[i], "lstm") == 0) {
            only = ATT_RNN_LSTM;
        } else if (strcmp(name, "--shape") == 0 && read_shape(&one, argv[i])) {
            shapes = &one;
            n = 1;
        } else if (strcmp(name, "--threads") == 0 && atoi(argv[i]) > 0) {
            (void)att_set_threads(atoi(argv[i]));
        } else if (strcmp(name, "--seconds") == 0 && atof(argv[i]) > 0.0) {
            seconds = atof(argv[i]);
        } else {
            return usage();
        }
    }
    must(att_kernels_check());
    for (size_t k = 0; k < n; k++)
        for (int cell = 0; cell < 2; cell++)
            if (only < 0 || only == cell)
                run(&shapes[k], (att_rnn_cell)cell, both, seconds);
    return 0;
}
