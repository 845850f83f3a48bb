/* ops_table.c - the entry of every operator: how a case is recorded on a tape, operands
 * drawn at random, and how many roundings a result goes through. Sizes include 0 and 1
 * rows, rows past one and two chunks of 64, and widths around those of vectors. */
#include "ops_reference.h"

#include "autograd/op.h"
#include "support.h"

#include <string.h>

/* ---- drawing ---- */

static int64_t one_of(atti_rng *r, const int64_t *list, size_t n)
{
    return list[atti_rng_below(r, n)];
}

static int64_t draw_cols(atti_rng *r)
{
    static const int64_t cols[] = {1, 2, 3, 5, 8, 13, 15, 16, 17, 31, 33, 40};
    return one_of(r, cols, sizeof cols / sizeof cols[0]);
}

/* The first variants are those that random sizes might miss. */
static int64_t draw_rows(atti_rng *r, int variant)
{
    static const int64_t rows[] = {2, 3, 5, 7, 8, 15, 17, 33, 63, 64, 65, 130};
    return variant < 2 ? variant : one_of(r, rows, sizeof rows / sizeof rows[0]);
}

static double draw(atti_rng *r, double lo, double hi)
{
    return (double)(float)(lo + (hi - lo) * atti_rng_unit(r));
}

static void fill(ops_mat *m, atti_rng *r, int64_t rows, int64_t cols, double size)
{
    float *f = ops_floats(m, rows, cols);
    for (int64_t i = 0; i < rows * cols; i++) f[i] = (float)draw(r, -size, size);
}

/* Numbers in -1 .. limit - 1, never `but`. */
static void fill_ids(ops_mat *m, atti_rng *r, int64_t rows, int64_t limit, int64_t but)
{
    int32_t *ids = ops_ints(m, rows);
    for (int64_t i = 0; i < rows; i++) {
        ids[i] = (int32_t)atti_rng_below(r, (uint64_t)limit + 1) - 1;
        if (ids[i] == but) ids[i] = -1;
    }
}

/* Sequences of 0 .. longest rows; their total is returned. */
static int64_t fill_offsets(ops_mat *m, atti_rng *r, int64_t seqs, int64_t longest)
{
    int32_t *off = ops_ints(m, seqs + 1);
    for (int64_t b = 0; b < seqs; b++)
        off[b + 1] = off[b] + (int32_t)atti_rng_below(r, (uint64_t)longest + 1);
    return off[seqs];
}

static void result(ops_case *c, atti_rng *r, int k, int64_t rows, int64_t cols)
{
    fill(&c->out[k], r, rows, cols, 1.0);
}

static double draw_dropout(atti_rng *r, int variant)
{
    return variant % 3 == 2 ? draw(r, 0.1, 0.6) : 0.0;
}

/* ---- linear, norms ---- */

static att_status rec_linear(const ops_case *c, att_tape *t, const att_var *in,
                             att_var *out)
{
    return att_op_linear(t, out, in[0], in[1], in[2], (att_activation)c->attr[0],
                         (float)c->attr[1]);
}

static void make_linear(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), i = draw_cols(r), o = draw_cols(r);
    c->attr[0] = variant % (ATT_ACT_SIGMOID + 1);
    c->attr[1] = draw_dropout(r, variant);
    fill(&c->in[0], r, n, i, 1.0);
    fill(&c->in[1], r, o, i, 1.0);
    if (variant % 5) fill(&c->in[2], r, 1, o, 1.0);
    result(c, r, 0, n, o);
}

static att_status rec_add_norm(const ops_case *c, att_tape *t, const att_var *in,
                               att_var *out)
{
    return att_op_add_norm(t, out, in[0], in[1], in[2], in[3], in[4],
                           (int32_t)c->attr[0], (float)c->attr[1], (float)c->attr[2]);
}

static att_status rec_add_norm_both(const ops_case *c, att_tape *t, const att_var *in,
                                    att_var *out)
{
    return att_op_add_norm_both(t, &out[0], &out[1], in[0], in[1], in[2], in[3], in[4],
                                (int32_t)c->attr[0], (float)c->attr[1],
                                (float)c->attr[2]);
}

static void make_add_norm(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), cols = draw_cols(r);
    c->attr[0] = variant % 2;
    c->attr[1] = variant % 4 < 2 ? 1e-5 : 1e-2;
    c->attr[2] = draw_dropout(r, variant);
    fill(&c->in[0], r, n, cols, 2.0);
    if (variant % 3) fill(&c->in[1], r, 1, cols, 1.0);
    if (variant % 5) fill(&c->in[2], r, n, cols, 2.0);
    fill(&c->in[3], r, 1, cols, 1.5);
    if (variant % 7) fill(&c->in[4], r, 1, cols, 1.0);
    for (int k = 0; k < c->entry->n_out; k++) result(c, r, k, n, cols);
}

/* ---- rows by index ---- */

static att_status rec_embed(const ops_case *c, att_tape *t, const att_var *in,
                            att_var *out)
{
    return att_op_embed(t, out, in[0], in[1], (float)c->attr[0], in[2], in[3],
                        (int32_t)c->attr[1], (float)c->attr[2]);
}

static void make_embed(ops_case *c, atti_rng *r, int variant)
{
    int64_t v = 1 + (int64_t)atti_rng_below(r, 50), cols = draw_cols(r), n;
    c->attr[0] = draw(r, 0.5, 6.0);
    c->attr[1] = variant % 2 ? (double)atti_rng_below(r, (uint64_t)v) : -1;
    c->attr[2] = draw_dropout(r, variant);
    if (variant % 4 == 3) {
        n = draw_rows(r, variant);
    } else {
        enum { PLACES = 19 };
        n = fill_offsets(&c->in[3], r, variant, variant ? PLACES : 0);
        fill(&c->in[2], r, PLACES, cols, 1.0);
    }
    fill_ids(&c->in[0], r, n, v, v);
    fill(&c->in[1], r, v, cols, 1.0);
    result(c, r, 0, n, cols);
}

static att_status rec_gather_rows(const ops_case *c, att_tape *t, const att_var *in,
                                  att_var *out)
{
    (void)c;
    return att_op_gather_rows(t, out, in[0], in[1]);
}

static void make_gather_rows(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), m = draw_rows(r, variant % 7),
            cols = draw_cols(r);
    fill(&c->in[0], r, n, cols, 1.0);
    fill_ids(&c->in[1], r, m, n, n);
    result(c, r, 0, m, cols);
}

static att_status rec_pool(const ops_case *c, att_tape *t, const att_var *in,
                           att_var *out)
{
    return att_op_pool(t, out, in[0], in[1], (int32_t)c->attr[0]);
}

static void make_pool(ops_case *c, atti_rng *r, int variant)
{
    int64_t cols = draw_cols(r), seqs = variant;
    int64_t n = fill_offsets(&c->in[1], r, seqs, 11);
    c->attr[0] = variant % 5;
    fill(&c->in[0], r, n, cols, 1.0);
    result(c, r, 0, seqs, cols);
}

static att_status rec_pool_softmax(const ops_case *c, att_tape *t, const att_var *in,
                                   att_var *out)
{
    (void)c;
    return att_op_pool_softmax(t, &out[0], &out[1], in[0], in[1], in[2]);
}

static void make_pool_softmax(ops_case *c, atti_rng *r, int variant)
{
    int64_t h = 1 + variant % 3, cols = h * draw_cols(r), seqs = variant;
    int64_t n = fill_offsets(&c->in[2], r, seqs, 11);
    fill(&c->in[0], r, n, cols, 1.0);
    fill(&c->in[1], r, n, h, 2.0);
    result(c, r, 0, seqs, cols);
    result(c, r, 1, n, h);
}

/* ---- attention ---- */

static att_status rec_attention(const ops_case *c, att_tape *t, const att_var *in,
                                att_var *out)
{
    const double *a = c->attr;
    att_op_attention_opts o;
    att_op_attention_opts_init(&o);
    o.n_heads = (int32_t)a[0], o.n_kv_heads = (int32_t)a[1];
    o.d = (int64_t)a[2], o.e = (int64_t)a[3];
    o.desc.causal = (int32_t)a[4];
    o.desc.left = (int64_t)a[5], o.desc.right = (int64_t)a[6];
    o.desc.scale = (float)a[7], o.desc.dropout = (float)a[8];
    o.q = in[0], o.k = in[1], o.v = in[2];
    o.q_offsets = in[3], o.k_offsets = in[4];
    o.bias = in[5], o.bias_per_head = (int32_t)a[11];
    o.edge_row_ptr = in[6], o.edge_col = in[7], o.edge_bias = in[8];
    if (a[10] != 0.0) { /* one value with three column ranges */
        ATTI_TRY(att_op_concat(t, &o.q, in, 3));
        o.k = o.v = o.q;
        o.k_col = o.d * o.n_heads;
        o.v_col = o.k_col + o.d * o.n_kv_heads;
    }
    return att_op_attention(t, out, &o);
}

/* In place of sequences: each row has 0 to 6 edges to any keys, some twice. */
static void make_edges(ops_case *c, atti_rng *r, int64_t h, int64_t n, int64_t m)
{
    int64_t edges = fill_offsets(&c->in[6], r, n, m > 0 ? 6 : 0);
    int32_t *col = ops_ints(&c->in[7], edges);
    for (int64_t i = 0; i < edges; i++)
        col[i] = (int32_t)atti_rng_below(r, (uint64_t)m);
    if (edges > 0) fill(&c->in[8], r, edges, atti_rng_below(r, 2) ? h : 1, 1.0);
    c->attr[4] = 0, c->attr[5] = c->attr[6] = -1;
    c->attr[8] = 0; /* dropout's columns are not edges': tests/unit/attention has it */
}

static void make_attention(ops_case *c, atti_rng *r, int variant)
{
    static const int64_t width[] = {1, 3, 4, 8, 16, 17, 32};
    double *a = c->attr;
    int64_t g = 1 + (int64_t)atti_rng_below(r, 3), h = g * (1 + variant % 3);
    int64_t d = one_of(r, width, 7), e = variant % 2 ? d : one_of(r, width, 7);
    a[0] = (double)h, a[1] = (double)g, a[2] = (double)d, a[3] = (double)e;
    a[4] = variant % 3 == 1;
    a[5] = variant % 5 == 4 ? (double)(variant % 4) : -1;
    a[6] = variant % 10 == 4 ? 2 : -1;
    a[7] = variant % 4 == 3 ? draw(r, 0.2, 1.0) : 0;
    a[8] = draw_dropout(r, variant);
    a[OPS_SELF] = variant % 2;
    a[10] = variant % 4 == 1;
    int64_t seqs = variant < 2 ? variant : variant % 6, longest = variant % 8 ? 14 : 70;
    int64_t n = fill_offsets(&c->in[3], r, seqs, longest), m = n;
    if (variant % 2 == 0) m = fill_offsets(&c->in[4], r, seqs, longest);
    fill(&c->in[0], r, n, h * d, 1.5);
    fill(&c->in[1], r, m, g * d, 1.5);
    fill(&c->in[2], r, m, g * e, 1.0);
    a[11] = variant % 6 == 5;
    if (variant % 10 == 6)
        make_edges(c, r, h, n, m);
    else if (variant % 3 == 2) /* longer than the longest, or a row for all queries */
        fill(&c->in[5], r, (a[11] != 0 ? h : 1) * (variant % 4 ? longest + 1 : 1),
             variant % 9 == 8 ? 1 : longest + 2, 1.5);
    result(c, r, 0, n, h * e);
}

/* ---- losses ---- */

static att_status rec_vocab_loss(const ops_case *c, att_tape *t, const att_var *in,
                                 att_var *out)
{
    return att_op_vocab_loss(t, &out[0], &out[1], in[0], in[1], in[2], in[3],
                             (float)c->attr[0], (int32_t)c->attr[1]);
}

static void make_vocab_loss(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), cols = draw_cols(r), v = 1 + draw_cols(r);
    c->attr[0] = variant % 3 ? draw(r, 0.05, 0.3) : 0;
    c->attr[1] = variant % 2 ? (double)atti_rng_below(r, (uint64_t)v) : -1;
    fill(&c->in[0], r, n, cols, 1.0);
    fill(&c->in[1], r, v, cols, 1.0);
    if (variant % 5) fill(&c->in[2], r, 1, v, 1.0);
    fill_ids(&c->in[3], r, n, v, (int64_t)c->attr[1]);
    result(c, r, 0, 1, 1);
    result(c, r, 1, 1, 4);
}

static att_status rec_cross_entropy(const ops_case *c, att_tape *t, const att_var *in,
                                    att_var *out)
{
    return att_op_cross_entropy(t, &out[0], &out[1], in[0], in[1], (float)c->attr[0]);
}

static void make_cross_entropy(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), cols = draw_cols(r);
    c->attr[0] = variant % 3 ? draw(r, 0.05, 0.3) : 0;
    fill(&c->in[0], r, n, cols, 4.0);
    fill_ids(&c->in[1], r, n, cols, cols);
    result(c, r, 0, 1, 1);
    result(c, r, 1, 1, 4);
}

static att_status rec_squared_error(const ops_case *c, att_tape *t, const att_var *in,
                                    att_var *out)
{
    (void)c;
    return att_op_squared_error(t, out, in[0], in[1]);
}

static void make_squared_error(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), cols = draw_cols(r);
    fill(&c->in[0], r, n, cols, 1.0);
    fill(&c->in[1], r, n, cols, 1.0);
    result(c, r, 0, 1, 1);
}

static att_status rec_sigmoid_loss(const ops_case *c, att_tape *t, const att_var *in,
                                   att_var *out)
{
    (void)c;
    return att_op_sigmoid_loss(t, out, in[0], in[1]);
}

/* ---- small pieces ---- */

#define RECORD_TWO(op)                                                                 \
    static att_status rec_##op(const ops_case *c, att_tape *t, const att_var *in,      \
                               att_var *out)                                           \
    {                                                                                  \
        (void)c;                                                                       \
        return att_op_##op(t, out, in[0], in[1]);                                      \
    }
RECORD_TWO(add)
RECORD_TWO(mul)

static att_status rec_scale(const ops_case *c, att_tape *t, const att_var *in,
                            att_var *out)
{
    return att_op_scale(t, out, in[0], (float)c->attr[0]);
}

static att_status rec_activation(const ops_case *c, att_tape *t, const att_var *in,
                                 att_var *out)
{
    return att_op_activation(t, out, in[0], (att_activation)c->attr[0]);
}

static att_status rec_dropout(const ops_case *c, att_tape *t, const att_var *in,
                              att_var *out)
{
    return att_op_dropout(t, out, in[0], (float)c->attr[0]);
}

static att_status rec_glu(const ops_case *c, att_tape *t, const att_var *in,
                          att_var *out)
{
    return att_op_glu(t, out, in[0], in[1], (att_activation)c->attr[0]);
}

static att_status rec_matmul(const ops_case *c, att_tape *t, const att_var *in,
                             att_var *out)
{
    return att_op_matmul(t, out, in[0], in[1], (int32_t)c->attr[0]);
}

static att_status rec_softmax(const ops_case *c, att_tape *t, const att_var *in,
                              att_var *out)
{
    (void)c;
    return att_op_softmax(t, out, in[0]);
}

static att_status rec_concat(const ops_case *c, att_tape *t, const att_var *in,
                             att_var *out)
{
    return att_op_concat(t, out, in, c->in[2].cols ? 3 : 2);
}

static att_status rec_slice_cols(const ops_case *c, att_tape *t, const att_var *in,
                                 att_var *out)
{
    return att_op_slice_cols(t, out, in[0], (int64_t)c->attr[0], (int64_t)c->attr[1]);
}

/* One or two operands of one shape, a result of that shape. */
static void make_same(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), cols = draw_cols(r);
    for (int k = 0; k < ops_slots(c->entry); k++) fill(&c->in[k], r, n, cols, 3.0);
    result(c, r, 0, n, cols);
}

static void make_add(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), cols = draw_cols(r);
    c->attr[0] = variant / 2 % 2;
    fill(&c->in[0], r, n, cols, 1.0);
    fill(&c->in[1], r, c->attr[0] != 0 ? 1 : n, cols, 1.0);
    result(c, r, 0, n, cols);
}

static void make_scale(ops_case *c, atti_rng *r, int variant)
{
    c->attr[0] = draw(r, -2, 2);
    make_same(c, r, variant);
}

static void make_activation(ops_case *c, atti_rng *r, int variant)
{
    c->attr[0] = variant % (ATT_ACT_SIGMOID + 1);
    make_same(c, r, variant);
}

static void make_dropout(ops_case *c, atti_rng *r, int variant)
{
    c->attr[0] = draw(r, 0.05, 0.9);
    make_same(c, r, variant);
}

static void make_glu(ops_case *c, atti_rng *r, int variant)
{
    c->attr[0] = variant % (ATT_ACT_SILU + 1);
    make_same(c, r, variant);
}

static void make_matmul(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), cols = draw_cols(r), k = draw_cols(r);
    c->attr[0] = variant / 2 % 2;
    int trans = c->attr[0] != 0;
    fill(&c->in[0], r, n, cols, 1.0);
    fill(&c->in[1], r, trans ? k : cols, trans ? cols : k, 1.0);
    result(c, r, 0, n, k);
}

static void make_concat(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), cols = 0;
    for (int k = 0; k < 2 + variant % 2; k++) {
        fill(&c->in[k], r, n, draw_cols(r), 1.0);
        cols += c->in[k].cols;
    }
    result(c, r, 0, n, cols);
}

static void make_slice_cols(ops_case *c, atti_rng *r, int variant)
{
    int64_t n = draw_rows(r, variant), cols = draw_cols(r);
    c->attr[0] = (double)atti_rng_below(r, (uint64_t)cols);
    c->attr[1] = c->attr[0] + 1 +
                 (double)atti_rng_below(r, (uint64_t)(cols - (int64_t)c->attr[0]));
    fill(&c->in[0], r, n, cols, 1.0);
    result(c, r, 0, n, (int64_t)(c->attr[1] - c->attr[0]));
}

/* Units: what a result goes through beside its longest sum.
 *   0   numbers that are moved: exact;  1 to 4: as many products, additions, attributes
 *       rounded to f32
 *   8   a few products and one exp, tanh, erf or logarithm of 2 to 4 units
 *   16  the same twice: a norm's mean, deviation, scale; a smoothed loss
 *   32  attention: a score of D products goes through exp (its error is relative to the
 *       score, up to 8 here), the quotient, and in backward through both once more */
const ops_entry ops_entries[] = {
    {"linear",
     {"x:N", "w:P", "b:P"},
     1,
     8,
     16,
     rec_linear,
     ops_ref_linear,
     make_linear},
    {"add_norm",
     {"x:N", "b:P", "res:N", "gamma:P", "beta:P"},
     1,
     8,
     16,
     rec_add_norm,
     ops_ref_add_norm,
     make_add_norm},
    {"add_norm_both",
     {"x:N", "b:P", "res:N", "gamma:P", "beta:P"},
     2,
     8,
     16,
     rec_add_norm_both,
     ops_ref_add_norm,
     make_add_norm},
    {"embed",
     {"ids:n", "table:P", "pos:P", "offsets:o"},
     1,
     4,
     4,
     rec_embed,
     ops_ref_embed,
     make_embed},
    {"attention",
     {"q:N", "k:K", "v:K", "q_offsets:o", "k_offsets:o", "bias:P", "edge_row_ptr:r",
      "edge_col:f", "edge_bias:P"},
     1,
     32,
     64,
     rec_attention,
     ops_ref_attention,
     make_attention},
    {"vocab_loss",
     {"x:N", "table:P", "bias:P", "targets:n"},
     2,
     16,
     16,
     rec_vocab_loss,
     ops_ref_vocab_loss,
     make_vocab_loss},
    {"add", {"a:N", "b:B"}, 1, 1, 1, rec_add, ops_ref_add, make_add},
    {"mul", {"a:N", "b:N"}, 1, 1, 1, rec_mul, ops_ref_mul, make_same},
    {"scale", {"x:N"}, 1, 1, 1, rec_scale, ops_ref_scale, make_scale},
    {"activation",
     {"x:N"},
     1,
     8,
     8,
     rec_activation,
     ops_ref_activation,
     make_activation},
    {"dropout", {"x:N"}, 1, 2, 2, rec_dropout, ops_ref_dropout, make_dropout},
    {"glu", {"gate:N", "up:N"}, 1, 8, 8, rec_glu, ops_ref_glu, make_glu},
    {"matmul", {"a:N", "b:P"}, 1, 1, 1, rec_matmul, ops_ref_matmul, make_matmul},
    {"softmax", {"x:N"}, 1, 8, 8, rec_softmax, ops_ref_softmax, make_same},
    {"concat",
     {"x0:N", "x1:N", "x2:N"},
     1,
     0,
     0,
     rec_concat,
     ops_ref_concat,
     make_concat},
    {"slice_cols",
     {"x:N"},
     1,
     0,
     0,
     rec_slice_cols,
     ops_ref_slice_cols,
     make_slice_cols},
    {"gather_rows",
     {"x:N", "index:m"},
     1,
     0,
     1,
     rec_gather_rows,
     ops_ref_gather_rows,
     make_gather_rows},
    {"pool", {"x:N", "offsets:o"}, 1, 2, 2, rec_pool, ops_ref_pool, make_pool},
    {"pool_softmax",
     {"x:N", "e:N", "offsets:o"},
     2,
     16,
     32,
     rec_pool_softmax,
     ops_ref_pool_softmax,
     make_pool_softmax},
    {"cross_entropy",
     {"logits:N", "targets:n"},
     2,
     16,
     16,
     rec_cross_entropy,
     ops_ref_cross_entropy,
     make_cross_entropy},
    {"squared_error",
     {"x:N", "targets:N"},
     1,
     2,
     4,
     rec_squared_error,
     ops_ref_squared_error,
     make_squared_error},
    {"sigmoid_loss",
     {"x:N", "targets:N"},
     1,
     4,
     8,
     rec_sigmoid_loss,
     ops_ref_sigmoid_loss,
     make_squared_error},
    {.op = NULL},
};
