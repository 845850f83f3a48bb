/* ops_case.c - a case on a tape, and how far its numbers may be off.
 *
 * Tolerance. Operands are of order one. A sum of n terms in f32 makes n roundings, each
 * at most u = 2^-24 of a partial sum, and partial sums are about as large as the
 * largest number M of the tensor (terms of random sign) or smaller (terms of one sign).
 * Roundings are independent, so they add up as sqrt(n); four deviations cover every
 * element. With the operator's own roundings (units in its entry: one for each operation
 * on the way, two to four for an exp, tanh, erf or logarithm), a result may be off by
 *
 *     u * amplify * (units + 4 sqrt(n)) * max(M, 1)
 *
 * n being the longest sum that the shapes allow; 0 units means numbers are moved, not
 * computed, and have to be the same. For the sizes used here that is between
 * 1e-6 and 1e-5: a wrong factor, index, sign or mask is off by five digits more. */
#include "ops_case.h"

#include "autograd/op.h"
#include "autograd/tape_internal.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More rows than any case binds, so that a plan larger than the batch is what is tested. */
enum { SPARE_ROWS = 3 };

const ops_entry *ops_at(int i)
{
    return ops_entries[i].op ? &ops_entries[i] : NULL;
}

int ops_elsewhere(const char *op)
{
    return strcmp(op, "rnn") == 0 || strcmp(op, "rnn_attend") == 0;
}

const ops_entry *ops_find(const char *op)
{
    for (int i = 0; ops_at(i); i++)
        if (!strcmp(ops_at(i)->op, op)) return ops_at(i);
    return NULL;
}

int ops_slots(const ops_entry *e)
{
    int n = 0;
    while (e->slot[n]) n++;
    return n;
}

const char *ops_slot_name(const ops_entry *e, int slot, char *name16)
{
    snprintf(name16, 16, "%.*s", (int)strcspn(e->slot[slot], ":"), e->slot[slot]);
    return name16;
}

char ops_kind(const ops_case *c, int slot)
{
    char kind = strchr(c->entry->slot[slot], ':')[1];
    if (kind == 'B') return c->attr[0] != 0.0 ? 'P' : 'N';
    if (kind == 'K') return c->attr[OPS_SELF] != 0.0 ? 'N' : 'M';
    return kind;
}

/* ---- memory ---- */

static void *zeroed(int64_t n, size_t size)
{
    void *p = calloc(n > 0 ? (size_t)n : 1, size);
    assert_non_null(p);
    return p;
}

float *ops_floats(ops_mat *m, int64_t rows, int64_t cols)
{
    m->rows = rows;
    m->cols = cols;
    /* 64-byte aligned, as parameters have to be. */
    size_t bytes = ((size_t)(rows * cols) * sizeof(float) + 127) / 64 * 64;
    m->f = aligned_alloc(64, bytes);
    assert_non_null(m->f);
    memset(m->f, 0, bytes);
    return m->f;
}

int32_t *ops_ints(ops_mat *m, int64_t rows)
{
    m->rows = rows;
    m->cols = 1;
    m->i = zeroed(rows, sizeof *m->i);
    return m->i;
}

void ops_case_results(ops_case *c)
{
    for (int k = 0; k < c->entry->n_out; k++) {
        ops_mat *m = &c->out[k];
        if (!m->f) ops_floats(m, m->rows, m->cols);
        m->y = zeroed(m->rows * m->cols, sizeof *m->y);
    }
    for (int k = 0; k < ops_slots(c->entry); k++)
        if (c->in[k].f) c->in[k].d = zeroed(c->in[k].rows * c->in[k].cols, 8);
}

void ops_case_deinit(ops_case *c)
{
    for (int k = 0; k < OPS_MAX_IN + OPS_MAX_OUT; k++) {
        ops_mat *m = k < OPS_MAX_IN ? &c->in[k] : &c->out[k - OPS_MAX_IN];
        free(m->f);
        free(m->i);
        free(m->y);
        free(m->d);
    }
    free(c->row_amplify);
    memset(c, 0, sizeof *c);
}

double ops_drop(const ops_case *c, double p, int node, int64_t row, int64_t col)
{
    if (!c->training || p == 0.0) return 1.0;
    atti_drop d = atti_drop_make((float)p, atti_key(c->seed, c->step, (uint64_t)node));
    uint32_t rowkey = atti_drop_rowkey(d.key, (uint64_t)row);
    return atti_drop_bits(rowkey, (uint32_t)col) >= d.threshold ? (double)d.scale : 0.0;
}

/* ---- the tape ---- */

enum { SYM_N, SYM_M, SYM_B, N_SYM };

typedef struct on_tape {
    att_tape *t;
    att_rows sym[N_SYM], offsets, row_ptr;
    int64_t rows[N_SYM];
    att_var in[OPS_MAX_IN], out[OPS_MAX_OUT], root;
    float *grad[OPS_MAX_IN]; /* of parameters */
} on_tape;

static void add_operand(on_tape *o, const ops_case *c, int k)
{
    const ops_mat *m = &c->in[k];
    char kind = ops_kind(c, k), name[16];
    ops_slot_name(c->entry, k, name);
    o->in[k] = ATT_NO_VAR;
    if (m->cols == 0) return;
    if (kind == 'P') {
        ops_mat g = {0};
        o->grad[k] = ops_floats(&g, m->rows, m->cols);
        assert_ok(att_tape_param(o->t, &o->in[k], name, m->rows, m->cols));
        assert_ok(att_tape_set_param(o->t, o->in[k], m->f, o->grad[k]));
        return;
    }
    int s = kind == 'o' ? SYM_B : kind == 'm' || kind == 'M' ? SYM_M : SYM_N;
    att_rows rows = kind == 'o'   ? o->offsets
                    : kind == 'r' ? o->row_ptr
                    : kind == 'f' ? m->rows
                                  : o->sym[s];
    if (kind != 'f') o->rows[s] = m->rows - (kind == 'o' || kind == 'r');
    assert_ok(
        att_tape_input(o->t, &o->in[k], name, m->f ? ATT_F32 : ATT_I32, rows, m->cols));
    if (m->f) assert_ok(att_tape_keep(o->t, o->in[k]));
    assert_ok(
        att_tape_set(o->t, o->in[k], m->f ? (const void *)m->f : (const void *)m->i));
}

/* Statistics and weights to look at do not. */
static int carries_gradient(const char *op, int out)
{
    for (int i = 0; atti_op_at(i); i++)
        if (!strcmp(atti_op_at(i)->name, op))
            return !(atti_op_at(i)->no_grad_outs >> out & 1);
    return 1;
}

static void plan(on_tape *o, const ops_case *c)
{
    static const char *const name[N_SYM] = {"n", "m", "b"};
    memset(o, 0, sizeof *o);
    assert_ok(att_tape_create(&o->t));
    for (int s = 0; s < N_SYM; s++)
        assert_ok(att_tape_symbol(o->t, &o->sym[s], name[s]));
    assert_ok(att_tape_symbol_plus(o->t, &o->offsets, o->sym[SYM_B], 1));
    assert_ok(att_tape_symbol_plus(o->t, &o->row_ptr, o->sym[SYM_N], 1));
    for (int k = 0; k < ops_slots(c->entry); k++) add_operand(o, c, k);
    assert_ok(c->entry->record(c, o->t, o->in, o->out));
    o->root = o->out[0];
    if (c->entry->n_out == 2 && carries_gradient(c->entry->op, 1))
        assert_ok(att_op_concat(o->t, &o->root, o->out, 2));
    for (int k = 0; k < c->entry->n_out; k++) assert_ok(att_tape_keep(o->t, o->out[k]));
    int64_t max[N_SYM + 2] = {0};
    for (int s = 0; s < N_SYM; s++) max[s] = o->rows[s] + SPARE_ROWS;
    att_tape_plan_opts p;
    att_tape_plan_opts_init(&p);
    p.training = c->training;
    p.max_rows = max;
    p.n_max_rows = N_SYM + 2;
    p.loss = o->root;
    assert_ok(att_tape_plan(o->t, &p));
    for (int s = 0; s < N_SYM; s++)
        assert_ok(att_tape_bind(o->t, o->sym[s], o->rows[s]));
}

static void backward(on_tape *o, const ops_case *c)
{
    int64_t cols[2] = {c->out[0].cols, o->root == o->out[0] ? 0 : c->out[1].cols};
    ops_mat m = {0};
    float *d = ops_floats(&m, c->out[0].rows, cols[0] + cols[1]), *at = d;
    for (int64_t r = 0; r < c->out[0].rows; r++)
        for (int k = 0; k < 2; k++)
            for (int64_t i = 0; i < cols[k]; i++) *at++ = c->out[k].f[r * cols[k] + i];
    assert_ok(atti_tape_backward_from(o->t, d, 1.0f, 0));
    free(d);
}

/* ---- comparing ---- */

static double longest_sum(const ops_case *c)
{
    double n = 1.0;
    for (int k = 0; k < OPS_MAX_IN; k++) {
        n = fmax(n, (double)c->in[k].rows);
        n = fmax(n, (double)c->in[k].cols);
    }
    return n;
}

typedef enum spread { PLAIN, BY_ROW, OVER_ROWS } spread; /* how rounding is magnified */

static void compare(const ops_case *c, const char *what, const float *got,
                    const double *want, const ops_mat *shape, double units, spread how)
{
    double m = 1.0;
    int64_t n = shape->rows * shape->cols;
    for (int64_t i = 0; i < n; i++) m = fmax(m, fabs(want[i]));
    double plain = ldexp(1.0, -24) * (units + 4 * sqrt(longest_sum(c))) * m;
    if (units == 0.0) plain = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double tol = plain;
        if (how == OVER_ROWS) tol *= c->amplify;
        if (how == BY_ROW && c->row_amplify) tol *= c->row_amplify[i / shape->cols];
        if (!(fabs((double)got[i] - want[i]) <= tol))
            fail_msg("%s: %s[%lld] is %.9g, expected %.9g within %.2g", c->name, what,
                     (long long)i, (double)got[i], want[i], tol);
    }
}

static void check_gradient(const on_tape *o, const ops_case *c, int k)
{
    const ops_mat *m = &c->in[k];
    char name[16], what[24];
    snprintf(what, sizeof what, "d %s", ops_slot_name(c->entry, k, name));
    const float *got = o->grad[k];
    if (!got) {
        att_tensor v;
        assert_ok(att_tape_grad(o->t, &v, o->in[k]));
        assert_int_equal(v.shape[0], m->rows);
        got = v.data;
    }
    /* Gradients of parameters are sums over rows; beta's does not see the deviation. */
    spread how = ops_kind(c, k) != 'P'  ? BY_ROW
                 : strcmp(name, "beta") ? OVER_ROWS
                                        : PLAIN;
    compare(c, what, got, m->d, m, c->entry->grad_units, how);
}

void ops_case_check(ops_case *c)
{
    on_tape o;
    plan(&o, c);
    assert_ok(att_tape_forward(o.t, c->seed, c->step, c->training));
    for (int k = 0; k < c->entry->n_out; k++) {
        att_tensor v;
        assert_ok(att_tape_value(o.t, &v, o.out[k]));
        assert_int_equal(v.shape[0], c->out[k].rows);
        assert_int_equal(v.shape[1], c->out[k].cols);
        compare(c, k ? "output 1" : "output 0", v.data, c->out[k].y, &c->out[k],
                c->entry->value_units, k ? PLAIN : BY_ROW);
    }
    if (c->training) {
        backward(&o, c);
        for (int k = 0; k < ops_slots(c->entry); k++)
            if (c->in[k].d) check_gradient(&o, c, k);
    }
    for (int k = 0; k < OPS_MAX_IN; k++) free(o.grad[k]);
    att_tape_destroy(o.t);
}
