/* ops_reference.c - plain double references of every operator but attention. Slow and
 * obvious on purpose; attributes are numbered as ops_table.c writes them down. */
#include "ops_reference.h"

#include <math.h>
#include <stdlib.h>

static double get(const ops_mat *m, int64_t r, int64_t i)
{
    return (double)m->f[r * m->cols + i];
}

/* An absent operand adds nothing and wants no gradient. */
static double get_or(const ops_mat *m, int64_t r, int64_t i, double absent)
{
    return m->cols ? get(m, r, i) : absent;
}

static void add(ops_mat *m, int64_t r, int64_t i, double d)
{
    if (m->d) m->d[r * m->cols + i] += d;
}

static double dout(const ops_case *c, int k, int64_t r, int64_t i)
{
    return (double)c->out[k].f[r * c->out[k].cols + i];
}

static void set(ops_case *c, int k, int64_t r, int64_t i, double y)
{
    c->out[k].y[r * c->out[k].cols + i] = y;
}

/* ---- activations ---- */

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static const double TANH_A = 0.79788456080286535588, TANH_B = 0.044715; /* sqrt(2/pi) */

static double act(int kind, double x)
{
    switch (kind) {
    case ATT_ACT_RELU: return x > 0 ? x : 0;
    case ATT_ACT_GELU: return 0.5 * x * (1 + erf(x / sqrt(2.0)));
    case ATT_ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(TANH_A * (x + TANH_B * x * x * x)));
    case ATT_ACT_SILU: return x * sigmoid(x);
    case ATT_ACT_QUICK_GELU: return x * sigmoid(1.702 * x);
    case ATT_ACT_TANH: return tanh(x);
    case ATT_ACT_SIGMOID: return sigmoid(x);
    default: return x;
    }
}

static double slope(int kind, double x)
{
    double s, t;
    switch (kind) {
    case ATT_ACT_RELU: return x > 0;
    case ATT_ACT_GELU:
        return 0.5 * (1 + erf(x / sqrt(2.0))) + x * exp(-x * x / 2) * TANH_A / 2;
    case ATT_ACT_GELU_TANH:
        t = tanh(TANH_A * (x + TANH_B * x * x * x));
        return 0.5 * (1 + t) +
               0.5 * x * (1 - t * t) * TANH_A * (1 + 3 * TANH_B * x * x);
    case ATT_ACT_SILU: s = sigmoid(x); return s + x * s * (1 - s);
    case ATT_ACT_QUICK_GELU: s = sigmoid(1.702 * x); return s + 1.702 * x * s * (1 - s);
    case ATT_ACT_TANH: t = tanh(x); return 1 - t * t;
    case ATT_ACT_SIGMOID: s = sigmoid(x); return s * (1 - s);
    default: return 1;
    }
}

/* linear(x, w, b): attr 0 activation, 1 dropout. Where the slope is read from y, dropout
 * is a node of its own behind the product. */
void ops_ref_linear(ops_case *c)
{
    ops_mat *x = &c->in[0], *w = &c->in[1], *b = &c->in[2];
    int kind = (int)c->attr[0];
    int node = kind == ATT_ACT_TANH || kind == ATT_ACT_SIGMOID;
    for (int64_t r = 0; r < x->rows; r++)
        for (int64_t o = 0; o < w->rows; o++) {
            double z = get_or(b, 0, o, 0), keep = ops_drop(c, c->attr[1], node, r, o);
            for (int64_t i = 0; i < x->cols; i++) z += get(x, r, i) * get(w, o, i);
            set(c, 0, r, o, keep * act(kind, z));
            double dz = dout(c, 0, r, o) * keep * slope(kind, z);
            add(b, 0, o, dz);
            for (int64_t i = 0; i < x->cols; i++) {
                add(x, r, i, dz * get(w, o, i));
                add(w, o, i, dz * get(x, r, i));
            }
        }
}

/* ---- norms ---- */

static void norm_row(ops_case *c, int64_t r, double *h)
{
    ops_mat *x = &c->in[0], *b = &c->in[1], *res = &c->in[2], *gamma = &c->in[3],
            *beta = &c->in[4];
    int64_t cols = x->cols;
    double n = (double)cols, mean = 0, var = 0, high = 0, mean_g = 0, mean_gx = 0;
    for (int64_t i = 0; i < cols; i++) {
        double keep = ops_drop(c, c->attr[2], 0, r, i);
        h[i] = get_or(res, r, i, 0) + keep * (get(x, r, i) + get_or(b, 0, i, 0));
        if (c->attr[0] == 0) mean += h[i] / n;
        high = fmax(high, fabs(h[i]));
    }
    for (int64_t i = 0; i < cols; i++) var += (h[i] - mean) * (h[i] - mean) / n;
    double rstd = 1 / sqrt(var + (double)(float)c->attr[1]);
    /* h is rounded to u * high and then divided by the deviation; the gradient is
     * divided by it once more. */
    c->row_amplify[r] = fmax(1, rstd) * fmax(1, rstd * high);
    c->amplify = fmax(c->amplify, c->row_amplify[r]);
    for (int64_t i = 0; i < cols; i++) {
        double hat = (h[i] - mean) * rstd, dy = dout(c, 0, r, i);
        set(c, 0, r, i, get(gamma, 0, i) * hat + get_or(beta, 0, i, 0));
        if (c->entry->n_out == 2) set(c, 1, r, i, h[i]);
        add(gamma, 0, i, dy * hat);
        add(beta, 0, i, dy);
        if (c->attr[0] == 0) mean_g += dy * get(gamma, 0, i) / n;
        mean_gx += dy * get(gamma, 0, i) * hat / n;
    }
    for (int64_t i = 0; i < cols; i++) {
        double hat = (h[i] - mean) * rstd, g = dout(c, 0, r, i) * get(gamma, 0, i);
        double dh = rstd * (g - mean_g - hat * mean_gx);
        if (c->entry->n_out == 2) dh += dout(c, 1, r, i);
        double dx = dh * ops_drop(c, c->attr[2], 0, r, i);
        add(res, r, i, dh);
        add(x, r, i, dx);
        add(b, 0, i, dx);
    }
}

/* add_norm(x, b, res, gamma, beta): attr 0 kind, 1 eps, 2 dropout. */
void ops_ref_add_norm(ops_case *c)
{
    double *h = malloc((size_t)c->in[0].cols * sizeof *h);
    c->row_amplify = calloc((size_t)c->in[0].rows + 1, sizeof *c->row_amplify);
    for (int64_t r = 0; r < c->in[0].rows; r++) norm_row(c, r, h);
    free(h);
}

/* ---- rows by index ---- */

/* embed(ids, table, pos, offsets): attr 0 scale, 1 skip_id, 2 dropout. */
void ops_ref_embed(ops_case *c)
{
    ops_mat *ids = &c->in[0], *table = &c->in[1], *pos = &c->in[2];
    const int32_t *off = c->in[3].i;
    for (int64_t r = 0, b = 0; r < ids->rows; r++) {
        while (pos->cols && off[b + 1] <= r) b++;
        int64_t id = ids->i[r], place = pos->cols ? r - off[b] : 0;
        for (int64_t i = 0; i < table->cols; i++) {
            double keep = ops_drop(c, c->attr[2], 0, r, i);
            double row = id < 0 ? 0 : c->attr[0] * get(table, id, i);
            set(c, 0, r, i, keep * (row + get_or(pos, place, i, 0)));
            double d = keep * dout(c, 0, r, i);
            if (id >= 0 && id != (int64_t)c->attr[1]) add(table, id, i, c->attr[0] * d);
            if (pos->cols) add(pos, place, i, d);
        }
    }
}

void ops_ref_gather_rows(ops_case *c) /* (x, index) */
{
    for (int64_t r = 0; r < c->in[1].rows; r++) {
        int64_t at = c->in[1].i[r];
        for (int64_t i = 0; i < c->in[0].cols && at >= 0; i++) {
            set(c, 0, r, i, get(&c->in[0], at, i));
            add(&c->in[0], at, i, dout(c, 0, r, i));
        }
    }
}

/* pool(x, offsets): attr 0 kind. */
void ops_ref_pool(ops_case *c)
{
    enum { MEAN, MAX, SUM, FIRST, LAST };
    ops_mat *x = &c->in[0];
    int kind = (int)c->attr[0];
    for (int64_t b = 0; b + 1 < c->in[1].rows; b++) {
        int64_t from = c->in[1].i[b], to = c->in[1].i[b + 1];
        for (int64_t i = 0; i < x->cols && from < to; i++) {
            int64_t one = kind == LAST ? to - 1 : from;
            double y = 0, w = kind == MEAN ? 1 / (double)(to - from) : 1;
            for (int64_t r = from; r < to; r++) {
                if (kind == MAX && get(x, r, i) > get(x, one, i)) one = r;
                y += w * get(x, r, i);
            }
            int all = kind == MEAN || kind == SUM;
            set(c, 0, b, i, all ? y : get(x, one, i));
            for (int64_t r = from; r < to; r++)
                if (all || r == one) add(x, r, i, w * dout(c, 0, b, i));
        }
    }
}

/* pool_softmax(x, e, offsets). */
void ops_ref_pool_softmax(ops_case *c)
{
    ops_mat *x = &c->in[0], *e = &c->in[1];
    for (int64_t b = 0; b + 1 < c->in[2].rows; b++) {
        int64_t from = c->in[2].i[b], to = c->in[2].i[b + 1], w = x->cols / e->cols;
        for (int64_t h = 0; h < e->cols; h++) {
            double sum = 0, mean = 0;
            for (int64_t r = from; r < to; r++) sum += exp(get(e, r, h));
            for (int64_t i = h * w; i < (h + 1) * w; i++) {
                double y = 0;
                for (int64_t r = from; r < to; r++)
                    y += exp(get(e, r, h)) / sum * get(x, r, i);
                if (from < to) set(c, 0, b, i, y);
                mean += y * dout(c, 0, b, i);
            }
            for (int64_t r = from; r < to; r++) {
                double alpha = exp(get(e, r, h)) / sum;
                set(c, 1, r, h, alpha);
                for (int64_t i = h * w; i < (h + 1) * w; i++) {
                    add(x, r, i, alpha * dout(c, 0, b, i));
                    add(e, r, h, alpha * get(x, r, i) * dout(c, 0, b, i));
                }
                add(e, r, h, -alpha * mean);
            }
        }
    }
}

/* ---- losses ---- */

typedef struct xent {
    double smoothing;
    int64_t mask;
    int count_right;
} xent;

/* Adds one row's loss to stats; z [v] becomes the gradient of the logits. */
static void xent_row(ops_case *c, const xent *o, double *z, int64_t v, int64_t target)
{
    double sum = 0, high = -INFINITY, *stats = c->out[1].y;
    double classes = (double)(o->mask >= 0 ? v - 1 : v);
    for (int64_t i = 0; i < v; i++)
        if (i != o->mask) high = fmax(high, z[i]);
    for (int64_t i = 0; i < v; i++)
        if (i != o->mask) sum += exp(z[i] - high);
    double lse = high + log(sum);
    if (target >= 0) {
        stats[1] += lse - z[target];
        stats[2] += 1;
        stats[3] += o->count_right && z[target] >= high;
    }
    for (int64_t i = 0; i < v; i++) {
        double t = o->smoothing / classes + (i == target ? 1 - o->smoothing : 0);
        if (target < 0 || i == o->mask) {
            z[i] = 0;
            continue;
        }
        stats[0] += t * (lse - z[i]);
        z[i] = dout(c, 0, 0, 0) * (exp(z[i] - lse) - t);
    }
    c->out[0].y[0] = stats[0];
}

/* vocab_loss(x, table, bias, targets): attr 0 smoothing, 1 mask_class. */
void ops_ref_vocab_loss(ops_case *c)
{
    ops_mat *x = &c->in[0], *table = &c->in[1], *bias = &c->in[2];
    xent o = {(double)(float)c->attr[0], (int64_t)c->attr[1], !c->training};
    int64_t v = table->rows;
    double *z = malloc((size_t)v * sizeof *z);
    for (int64_t r = 0; r < x->rows; r++) {
        for (int64_t k = 0; k < v; k++) {
            z[k] = get_or(bias, 0, k, 0);
            for (int64_t i = 0; i < x->cols; i++)
                z[k] += get(x, r, i) * get(table, k, i);
        }
        xent_row(c, &o, z, v, c->in[3].i[r]);
        for (int64_t k = 0; k < v; k++) {
            add(bias, 0, k, z[k]);
            for (int64_t i = 0; i < x->cols; i++) {
                add(x, r, i, z[k] * get(table, k, i));
                add(table, k, i, z[k] * get(x, r, i));
            }
        }
    }
    free(z);
}

/* cross_entropy(logits, targets): attr 0 smoothing. */
void ops_ref_cross_entropy(ops_case *c)
{
    ops_mat *x = &c->in[0];
    xent o = {(double)(float)c->attr[0], -1, 1};
    double *z = malloc((size_t)x->cols * sizeof *z);
    for (int64_t r = 0; r < x->rows; r++) {
        for (int64_t i = 0; i < x->cols; i++) z[i] = get(x, r, i);
        xent_row(c, &o, z, x->cols, c->in[1].i[r]);
        for (int64_t i = 0; i < x->cols; i++) add(x, r, i, z[i]);
    }
    free(z);
}

void ops_ref_squared_error(ops_case *c) /* (x, targets) */
{
    ops_mat *x = &c->in[0], *t = &c->in[1];
    for (int64_t r = 0; r < x->rows; r++)
        for (int64_t i = 0; i < x->cols; i++) {
            double n = (double)x->cols, e = get(x, r, i) - get(t, r, i);
            c->out[0].y[0] += e * e / n;
            add(x, r, i, 2 * e / n * dout(c, 0, 0, 0));
            add(t, r, i, -2 * e / n * dout(c, 0, 0, 0));
        }
}

void ops_ref_sigmoid_loss(ops_case *c) /* (x, targets) */
{
    ops_mat *x = &c->in[0], *t = &c->in[1];
    for (int64_t r = 0; r < x->rows; r++)
        for (int64_t i = 0; i < x->cols; i++) {
            double n = (double)x->cols, z = get(x, r, i), want = get(t, r, i);
            double p = 1 / (1 + exp(-z));
            c->out[0].y[0] -= (want * log(p) + (1 - want) * log(1 - p)) / n;
            add(x, r, i, (p - want) / n * dout(c, 0, 0, 0));
            add(t, r, i, -z / n * dout(c, 0, 0, 0));
        }
}

/* ---- small pieces ---- */

void ops_ref_add(ops_case *c) /* (a, b): attr 0: b is one row for all */
{
    ops_mat *a = &c->in[0], *b = &c->in[1];
    for (int64_t r = 0; r < a->rows; r++)
        for (int64_t i = 0; i < a->cols; i++) {
            int64_t rb = c->attr[0] != 0 ? 0 : r;
            set(c, 0, r, i, get(a, r, i) + get(b, rb, i));
            add(a, r, i, dout(c, 0, r, i));
            add(b, rb, i, dout(c, 0, r, i));
        }
}

void ops_ref_mul(ops_case *c)
{
    ops_mat *a = &c->in[0], *b = &c->in[1];
    for (int64_t r = 0; r < a->rows; r++)
        for (int64_t i = 0; i < a->cols; i++) {
            set(c, 0, r, i, get(a, r, i) * get(b, r, i));
            add(a, r, i, dout(c, 0, r, i) * get(b, r, i));
            add(b, r, i, dout(c, 0, r, i) * get(a, r, i));
        }
}

/* y = f(x), dx = f'(x) dy, element by element. */
static void pointwise(ops_case *c, double y, double dy, int64_t r, int64_t i)
{
    set(c, 0, r, i, y);
    add(&c->in[0], r, i, dy * dout(c, 0, r, i));
}

void ops_ref_scale(ops_case *c) /* attr 0: the factor */
{
    for (int64_t r = 0; r < c->in[0].rows; r++)
        for (int64_t i = 0; i < c->in[0].cols; i++)
            pointwise(c, c->attr[0] * get(&c->in[0], r, i), c->attr[0], r, i);
}

void ops_ref_activation(ops_case *c) /* attr 0: which */
{
    int kind = (int)c->attr[0];
    for (int64_t r = 0; r < c->in[0].rows; r++)
        for (int64_t i = 0; i < c->in[0].cols; i++) {
            double x = get(&c->in[0], r, i);
            pointwise(c, act(kind, x), slope(kind, x), r, i);
        }
}

void ops_ref_dropout(ops_case *c) /* attr 0: p */
{
    for (int64_t r = 0; r < c->in[0].rows; r++)
        for (int64_t i = 0; i < c->in[0].cols; i++) {
            double keep = ops_drop(c, c->attr[0], 0, r, i);
            pointwise(c, keep * get(&c->in[0], r, i), keep, r, i);
        }
}

void ops_ref_glu(ops_case *c) /* (gate, up): attr 0 activation */
{
    ops_mat *g = &c->in[0], *u = &c->in[1];
    int kind = (int)c->attr[0];
    for (int64_t r = 0; r < g->rows; r++)
        for (int64_t i = 0; i < g->cols; i++) {
            double x = get(g, r, i), dy = dout(c, 0, r, i);
            set(c, 0, r, i, act(kind, x) * get(u, r, i));
            add(g, r, i, dy * slope(kind, x) * get(u, r, i));
            add(u, r, i, dy * act(kind, x));
        }
}

void ops_ref_matmul(ops_case *c) /* (a, b): attr 0: b is transposed */
{
    ops_mat *a = &c->in[0], *b = &c->in[1];
    int trans = c->attr[0] != 0;
    for (int64_t r = 0; r < a->rows; r++)
        for (int64_t k = 0; k < c->out[0].cols; k++) {
            double y = 0, dy = dout(c, 0, r, k);
            for (int64_t i = 0; i < a->cols; i++) {
                int64_t br = trans ? k : i, bc = trans ? i : k;
                y += get(a, r, i) * get(b, br, bc);
                add(a, r, i, dy * get(b, br, bc));
                add(b, br, bc, dy * get(a, r, i));
            }
            set(c, 0, r, k, y);
        }
}

void ops_ref_softmax(ops_case *c)
{
    ops_mat *x = &c->in[0];
    for (int64_t r = 0; r < x->rows; r++) {
        double high = -INFINITY, sum = 0, dot = 0;
        for (int64_t i = 0; i < x->cols; i++) high = fmax(high, get(x, r, i));
        for (int64_t i = 0; i < x->cols; i++) sum += exp(get(x, r, i) - high);
        for (int64_t i = 0; i < x->cols; i++)
            dot += dout(c, 0, r, i) * exp(get(x, r, i) - high) / sum;
        for (int64_t i = 0; i < x->cols; i++) {
            double y = exp(get(x, r, i) - high) / sum;
            set(c, 0, r, i, y);
            add(x, r, i, y * (dout(c, 0, r, i) - dot));
        }
    }
}

void ops_ref_concat(ops_case *c) /* (x0, x1, x2), the last may be absent */
{
    int64_t at = 0;
    for (int k = 0; k < 3; k++) {
        ops_mat *x = &c->in[k];
        for (int64_t r = 0; r < x->rows && x->cols; r++)
            for (int64_t i = 0; i < x->cols; i++) {
                set(c, 0, r, at + i, get(x, r, i));
                add(x, r, i, dout(c, 0, r, at + i));
            }
        at += x->cols;
    }
}

void ops_ref_slice_cols(ops_case *c) /* attr 0 begin, 1 end */
{
    int64_t begin = (int64_t)c->attr[0], end = (int64_t)c->attr[1];
    for (int64_t r = 0; r < c->in[0].rows; r++)
        for (int64_t i = begin; i < end; i++) {
            set(c, 0, r, i - begin, get(&c->in[0], r, i));
            add(&c->in[0], r, i, dout(c, 0, r, i - begin));
        }
}
