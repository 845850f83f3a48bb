/* bench_step.c - the speed of one training step on random tokens, and of its matrix
 * products alone: what `attend bench train` reports.
 *
 * A step is forward, backward and the optimiser's update, as training does them. "Alone"
 * runs every product of the program (forward, gradient of the input, gradient of the
 * weight) at the same shape, without bias, activation or anything else. */
#include "autograd/tape_internal.h"
#include "base/alloc.h"
#include "kernels/matmul.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>

typedef struct bench {
    atti_marian_config cfg;
    atti_rnn_config rnn;
    atti_params params;
    float *grads;
    atti_optim optim;
    att_tape *tape;
    atti_program_io io;
    int32_t *ids, *offsets;
    int64_t rows, seqs;
} bench;

static void release(bench *b)
{
    att_tape_destroy(b->tape);
    atti_optim_deinit(&b->optim);
    atti_params_deinit(&b->params);
    atti_free(b->grads);
    atti_free(b->ids);
    atti_free(b->offsets);
}

static att_status make_model(bench *b, const att_train_opts *o)
{
    int rnn = atti_train_is_rnn(o);
    const void *cfg = rnn ? (const void *)&b->rnn : &b->cfg;
    if (rnn)
        ATTI_TRY(atti_train_rnn_config(&b->rnn, o, o->vocab_size, o->vocab_size));
    else
        ATTI_TRY(atti_train_model_config(&b->cfg, o, o->vocab_size, o->vocab_size));
    const atti_family *f = rnn ? atti_family_find_arch("attend", "rnn-seq2seq")
                               : atti_family_find("marian");
    atti_program_opts po = {.training = 1, .label_smoothing = o->label_smoothing};
    ATTI_TRY(f->declare(cfg, &b->params));
    ATTI_TRY(atti_params_alloc(&b->params));
    atti_params_init_values(&b->params, 1);
    ATTI_TRY(atti_alloc(&b->grads, b->params.count, sizeof(float), "gradients"));
    b->optim.beta1 = o->beta1, b->optim.beta2 = o->beta2, b->optim.eps = o->adam_eps;
    b->optim.weight_decay = o->weight_decay;
    ATTI_TRY(
        atti_optim_kind_parse(&b->optim.kind, o->optimizer ? o->optimizer : "adam"));
    ATTI_TRY(atti_optim_init(&b->optim, &b->params));
    ATTI_TRY(att_tape_create(&b->tape));
    ATTI_TRY(f->build(cfg, &b->params, b->tape, &po, &b->io));
    const int64_t most[4] = {b->rows, b->rows, b->seqs, 0};
    att_tape_plan_opts plan;
    att_tape_plan_opts_init(&plan);
    plan.training = 1;
    plan.max_rows = most;
    plan.n_max_rows = 4;
    plan.precision = o->precision;
    ATTI_TRY(att_tape_plan(b->tape, &plan));
    return atti_family_bind(b->tape, &b->params, b->grads);
}

static att_status make_batch(bench *b, int32_t vocab, int32_t length)
{
    atti_rng r = {7, 0};
    int64_t n = b->rows;
    ATTI_TRY(atti_alloc(&b->ids, (size_t)n * 3, sizeof(int32_t), "tokens"));
    ATTI_TRY(atti_alloc(&b->offsets, (size_t)b->seqs + 1, sizeof(int32_t), "offsets"));
    for (int64_t i = 0; i < n * 3; i++)
        b->ids[i] = (int32_t)atti_rng_below(&r, (uint64_t)vocab - 1);
    for (int64_t i = 0; i <= b->seqs; i++) b->offsets[i] = (int32_t)i * length;
    ATTI_TRY(att_tape_bind(b->tape, b->io.src_rows, n));
    ATTI_TRY(att_tape_bind(b->tape, b->io.tgt_rows, n));
    ATTI_TRY(att_tape_bind(b->tape, b->io.seqs, b->seqs));
    ATTI_TRY(att_tape_set(b->tape, b->io.src_ids, b->ids));
    ATTI_TRY(att_tape_set(b->tape, b->io.tgt_ids, b->ids + n));
    ATTI_TRY(att_tape_set(b->tape, b->io.targets, b->ids + 2 * n));
    ATTI_TRY(att_tape_set(b->tape, b->io.src_offsets, b->offsets));
    return att_tape_set(b->tape, b->io.tgt_offsets, b->offsets);
}

static att_status one_step(bench *b, int64_t t)
{
    ATTI_TRY(att_tape_forward(b->tape, 1, (uint64_t)t, 1));
    ATTI_TRY(att_tape_backward(b->tape, b->io.loss, 1.0f, 0));
    double norm = atti_optim_norm(&b->optim, b->grads);
    if (!isfinite(norm))
        return atti_fail(ATT_EDIVERGED, "bench: gradients are %g", norm);
    atti_optim_step(&b->optim, b->grads, 1e-4, 1.0 / (double)b->rows, t);
    return ATT_OK;
}

/* ---- products alone ---- */

typedef struct operands {
    float *x, *y, *w;
} operands;

static att_status time_shape(double *seconds, const atti_matmul_shape *s,
                             const operands *m, int repeats)
{
    double best[3] = {1e30, 1e30, 1e30};
    for (int i = 0; i < repeats; i++) {
        double t0 = atti_train_clock();
        ATTI_TRY(atti_matmul_forward(s, m->y, s->n_out, m->x, s->n_in, m->w, NULL));
        double t1 = atti_train_clock();
        ATTI_TRY(
            atti_matmul_grad_input(s, m->x, s->n_in, m->y, s->n_out, m->w, 0, NULL));
        double t2 = atti_train_clock();
        ATTI_TRY(atti_matmul_grad_weight(s, m->w, m->y, s->n_out, m->x, s->n_in, 0));
        double t3 = atti_train_clock();
        best[0] = fmin(best[0], t1 - t0);
        best[1] = fmin(best[1], t2 - t1);
        best[2] = fmin(best[2], t3 - t2);
        /* Products of products grow without end; keep the numbers ordinary. */
        memset(m->w, 0, (size_t)(s->n_out * s->n_in) * sizeof(float));
    }
    *seconds = best[0] + best[1] + best[2];
    return ATT_OK;
}

static int product_of(const att_tape *t, const atti_node *n, atti_matmul_shape *s)
{
    int is =
        strcmp(n->op->name, "linear") == 0 || strcmp(n->op->name, "vocab_loss") == 0;
    if (!is) return 0;
    const atti_shape *x = &t->values[n->in[0]].shape, *w = &t->values[n->in[1]].shape;
    *s = (atti_matmul_shape){.rows = atti_rows_bound(t, x->rows),
                             .n_out = w->rows,
                             .n_in = w->cols,
                             .bf16 = t->bf16};
    return 1;
}

static att_status time_products(const bench *b, const operands *m, double *total)
{
    enum { MOST = 32, REPEATS = 5 };
    atti_matmul_shape seen[MOST];
    double cost[MOST];
    int n_seen = 0;
    for (size_t i = 0; i < b->tape->n_nodes; i++) {
        atti_matmul_shape s;
        if (!product_of(b->tape, &b->tape->nodes[i], &s)) continue;
        int k = 0;
        while (k < n_seen && memcmp(&seen[k], &s, sizeof s) != 0) k++;
        if (k == n_seen) {
            if (k == MOST) return atti_fail(ATT_EBUG, "bench: too many shapes");
            ATTI_TRY(time_shape(&cost[k], &s, m, REPEATS));
            seen[n_seen++] = s;
        }
        *total += cost[k];
    }
    return ATT_OK;
}

static att_status matmul_alone(const bench *b, double *total)
{
    int64_t xs = 1, ys = 1, ws = 1;
    for (size_t i = 0; i < b->tape->n_nodes; i++) {
        atti_matmul_shape s;
        if (!product_of(b->tape, &b->tape->nodes[i], &s)) continue;
        xs = atti_max_i64(xs, s.rows * s.n_in);
        ys = atti_max_i64(ys, s.rows * s.n_out);
        ws = atti_max_i64(ws, s.n_out * s.n_in);
    }
    operands m = {0};
    *total = 0.0;
    att_status st = atti_alloc(&m.x, (size_t)xs, sizeof(float), "operand");
    if (st == ATT_OK) st = atti_alloc(&m.y, (size_t)ys, sizeof(float), "operand");
    if (st == ATT_OK) st = atti_alloc(&m.w, (size_t)ws, sizeof(float), "operand");
    if (st == ATT_OK) st = time_products(b, &m, total);
    atti_free(m.x);
    atti_free(m.y);
    atti_free(m.w);
    return st;
}

/* ---- all of it ---- */

static int64_t peak_bytes(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0) return (int64_t)atti_alloc_peak();
    return (int64_t)u.ru_maxrss * 1024; /* kilobytes on Linux */
}

static att_status run(bench *b, att_bench_step *out, const att_train_opts *o,
                      int32_t length, int32_t steps)
{
    ATTI_TRY(make_model(b, o));
    ATTI_TRY(make_batch(b, o->vocab_size, length));
    out->seconds = 1e30;
    /* Two steps warm up: pages are touched, products prepared. */
    for (int32_t i = -2; i < steps; i++) {
        double t0 = atti_train_clock();
        ATTI_TRY(one_step(b, i + 3));
        if (i >= 0) out->seconds = fmin(out->seconds, atti_train_clock() - t0);
    }
    out->peak_bytes = peak_bytes();
    out->flops = b->tape->memory.forward_flops + b->tape->memory.backward_flops;
    out->parameters = atti_params_total(&b->params);
    return matmul_alone(b, &out->seconds_matmul);
}

att_status att_bench_train(att_bench_step *out, const att_train_opts *opts,
                           int32_t sequences, int32_t length, int32_t steps)
{
    if (!out || !opts) return atti_fail(ATT_EINVAL, "bench: NULL argument");
    ATTI_TRY(atti_check_out(out->size, sizeof *out, "att_bench_step"));
    if (sequences < 1 || length < 1 || steps < 1 || sequences > 1 << 20 ||
        length > 1 << 16 || (int64_t)sequences * length > 1 << 24)
        return atti_fail(ATT_EINVAL, "bench: %d sequences of %d, %d steps", sequences,
                         length, steps);
    bench b = {.seqs = sequences, .rows = (int64_t)sequences * length};
    att_bench_step r = {.size = out->size};
    att_status st = run(&b, &r, opts, length, steps);
    release(&b);
    if (st == ATT_OK) *out = r;
    return st;
}
