/* test_fused_composed.c - attention as one operator equals attention spelled out on the tape
 * with matmul, add, mul, softmax ..., for every member that a tape can hold: the result and
 * all gradients (x, memory, projections, biases, parameters of the score, tables).
 *
 * Both tapes have the same parameters by name; the fused one comes from att_nn_attention.
 * What no small operator computes (which key is hit, which weights are dropped, the
 * support of sparsemax) is worked out here in double from the composed scores and enters
 * the composed tape as a constant; the gradients then are the definitions':
 * straight-through for hard choices, the projection's on its support for sparsemax.
 *
 * Tolerance: operands are of order one, sums have at most 36 terms, and a chain of some
 * twelve operators of a few roundings (2^-24) each lies between parameters and loss:
 * 2^-24 * (12 * 8 + 4 sqrt(36)) is 7e-6 of the largest number of a tensor; 3e-5 is asked,
 * since cosine and ReLU by row divide by numbers that may be small. */
#include "fused_choices.h"
#include "fused_pairs.h"

#include <math.h>

/* ---- fused ---- */

static void build_fused(rig *r, const member *m)
{
    const int32_t off_q[2] = {0, T}, off_k[2] = {0, S};
    att_nn_attention_opts o;
    open_rig(r, m);
    att_nn_attention_opts_init(&o);
    o.desc = r->desc;
    o.n_heads = m->h;
    o.n_kv_heads = m->g;
    o.d = m->d, o.dk = m->dk, o.e = m->e;
    o.projections = r->projections;
    o.biases = r->biases;
    o.score_per_head = !m->shared;
    o.score_b = !m->no_b;
    if (m->rel) o.rel = m->rel;
    o.sink_logit = m->sink;
    o.learned_slopes = m->slopes;
    give_pairs(r, &o);
    o.q_offsets = m->edges ? ATT_NO_VAR : ints(r, 2, off_q);
    if (m->cross) o.k_offsets = ints(r, 2, off_k);
    assert_ok(att_nn_attention(r->nn, &r->y, r->x, r->memory, &o));
}

/* ---- composed ---- */

static att_var linear(rig *r, att_var x, const char *piece, int64_t out, int bit)
{
    char name[64];
    att_var w, b = ATT_NO_VAR, y;
    if (!(r->projections & bit)) return x;
    snprintf(name, sizeof name, "%s.weight", piece);
    w = by_name(r, name, out, att_tape_cols(r->t, x));
    assert_ok(att_op_matmul(r->t, &y, x, w, 1));
    if (!(r->biases & bit)) return y;
    snprintf(name, sizeof name, "%s.bias", piece);
    b = by_name(r, name, 1, out);
    assert_ok(att_op_add(r->t, &y, y, b));
    return y;
}

static att_var cut(rig *r, att_var x, int64_t i, int64_t width)
{
    att_var y;
    assert_ok(att_op_slice_cols(r->t, &y, x, i * width, (i + 1) * width));
    return y;
}

/* Rows first .. first + n - 1 of a parameter. */
static att_var rows_of(rig *r, att_var x, int64_t first, int64_t n)
{
    int32_t index[32];
    att_var y;
    for (int32_t i = 0; i < n; i++) index[i] = (int32_t)first + i;
    assert_ok(att_op_gather_rows(r->t, &y, x, ints(r, n, index)));
    return y;
}

/* Row index(t, s) of x for every t: [T, cols]. */
static att_var rows_by(rig *r, att_var x, int64_t s, const int32_t *index)
{
    int32_t of[T];
    att_var y;
    for (int t = 0; t < T; t++) of[t] = index[t * r->s_len + s];
    assert_ok(att_op_gather_rows(r->t, &y, x, ints(r, T, of)));
    return y;
}

static att_var add(rig *r, att_var a, att_var b)
{
    att_var y;
    assert_ok(att_op_add(r->t, &y, a, b));
    return y;
}

static att_var mul(rig *r, att_var a, att_var b)
{
    att_var y;
    assert_ok(att_op_mul(r->t, &y, a, b));
    return y;
}

static att_var scale(rig *r, att_var a, float x)
{
    att_var y;
    assert_ok(att_op_scale(r->t, &y, a, x));
    return y;
}

static att_var act(rig *r, att_var a, att_activation f)
{
    att_var y;
    assert_ok(att_op_activation(r->t, &y, a, f));
    return y;
}

static att_var mm(rig *r, att_var a, att_var b, int trans)
{
    att_var y;
    assert_ok(att_op_matmul(r->t, &y, a, b, trans));
    return y;
}

/* x cos + x P sin, P the signed permutation that turns pairs by a right angle. */
static att_var rotated(rig *r, att_var x, int64_t n, int64_t first)
{
    const att_attention_desc *d = &r->desc;
    int64_t w = r->d, dims = d->rope_dims ? d->rope_dims : w;
    float cosine[S * 16], sine[S * 16], turn[16 * 16] = {0};
    for (int64_t i = 0; i < n * w; i++) cosine[i] = 1, sine[i] = 0;
    for (int64_t j = 0; j < dims / 2; j++) {
        int half = d->rope == ATT_ROPE_HALF;
        int64_t a = half ? j : 2 * j, b = half ? j + dims / 2 : 2 * j + 1;
        double f = pow((double)d->rope_theta, -2.0 * (double)j / (double)dims);
        turn[b * w + a] = -1;
        turn[a * w + b] = 1;
        for (int64_t i = 0; i < n; i++) {
            double p = (double)(first + i + d->rope_offset) *
                       (double)d->rope_position_scale * f;
            cosine[i * w + a] = cosine[i * w + b] = (float)cos(p);
            sine[i * w + a] = sine[i * w + b] = (float)sin(p);
        }
    }
    return add(r, mul(r, x, constant(r, n, w, cosine)),
               mul(r, mm(r, x, constant(r, w, w, turn), 0), constant(r, n, w, sine)));
}

static att_var columns(rig *r, const att_var *col)
{
    att_var y;
    assert_ok(att_op_concat(r->t, &y, col, (int32_t)r->s_len));
    return y;
}

/* A unit vector for each row: RMS norm by the width's root. */
static att_var unit(rig *r, att_var x)
{
    att_var y, gamma = same_number(r, 1, r->d, (float)(1 / sqrt((double)r->d)));
    assert_ok(att_op_add_norm(r->t, &y, x, ATT_NO_VAR, ATT_NO_VAR, gamma, ATT_NO_VAR, 1,
                              1e-30f, 0.0f));
    return y;
}

static att_var additive(rig *r, att_var q, att_var k, int64_t h)
{
    int gat = r->desc.score == ATT_SCORE_GAT, own = !r->m->shared;
    att_var w = rows_of(r, by_name(r, "score_w", own ? r->h : 1, r->d), own ? h : 0, 1);
    att_var col[S], b = ATT_NO_VAR;
    if (!r->m->no_b)
        b = rows_of(r, by_name(r, "score_b", own ? r->h : 1, r->d), own ? h : 0, 1);
    for (int64_t s = 0; s < r->s_len; s++) {
        int32_t index[T * S];
        for (int i = 0; i < T * S; i++) index[i] = (int32_t)s;
        att_var z = add(r, q, rows_by(r, k, s, index));
        if (b != ATT_NO_VAR) z = add(r, z, b);
        if (gat) /* max(z, 0) - slope max(-z, 0) */
            z = add(r, act(r, z, ATT_ACT_RELU),
                    scale(r, act(r, scale(r, z, -1), ATT_ACT_RELU), -r->desc.leaky));
        else
            z = act(r, z, ATT_ACT_TANH);
        col[s] = mm(r, z, w, 1);
    }
    return columns(r, col);
}

static void relative(const rig *r, int32_t *index)
{
    int32_t c = r->desc.shaw_clip;
    for (int64_t t = 0; t < T; t++)
        for (int64_t s = 0; s < r->s_len; s++) {
            int64_t j = s - place(r, t);
            index[t * r->s_len + s] = (int32_t)(j < -c ? 0 : j > c ? 2 * c : j + c);
        }
}

static att_var score(rig *r, att_var q, att_var k, int64_t h)
{
    const att_attention_desc *d = &r->desc;
    float factor = d->scale != 0               ? d->scale
                   : d->score == ATT_SCORE_DOT ? (float)(1 / sqrt((double)r->d))
                                               : 1.0f;
    att_var plain = q, e;
    if (d->rope) {
        q = rotated(r, q, T, place(r, 0));
        if (!d->keys_are_rotated) k = rotated(r, k, r->s_len, 0);
    }
    switch (d->score) {
    case ATT_SCORE_BILINEAR: {
        int own = !r->m->shared;
        att_var w = by_name(r, "score_w", own ? r->h * r->d : r->d, r->dk);
        e = mm(r, mm(r, q, rows_of(r, w, own ? h * r->d : 0, r->d), 0), k, 1);
        break;
    }
    case ATT_SCORE_ADDITIVE:
    case ATT_SCORE_GAT: e = additive(r, q, k, h); break;
    case ATT_SCORE_COSINE: e = mm(r, unit(r, q), unit(r, k), 1); break;
    default: e = mm(r, q, k, 1);
    }
    if (d->shaw_clip && (!r->m->rel || r->m->rel & ATT_NN_K)) {
        att_var rel = by_name(r, "rel_k", 2 * d->shaw_clip + 1, r->d), col[S];
        att_var ones = same_number(r, 1, r->d, 1);
        int32_t index[T * S];
        relative(r, index);
        for (int64_t s = 0; s < r->s_len; s++)
            col[s] = mm(r, mul(r, plain, rows_by(r, rel, s, index)), ones, 1);
        e = add(r, e, columns(r, col));
    }
    e = scale(r, e, factor);
    if (d->softcap > 0)
        e = scale(r, act(r, scale(r, e, 1 / d->softcap), ATT_ACT_TANH), d->softcap);
    return e;
}

static att_var terms(rig *r, att_var e, int64_t h)
{
    const att_attention_desc *d = &r->desc;
    int64_t n = r->s_len;
    if (d->alibi) {
        float far[T * S];
        att_var col[S];
        double slope = pow(2.0, -8.0 * (double)(h + 1) / (double)r->h);
        for (int64_t t = 0; t < T; t++)
            for (int64_t s = 0; s < n; s++)
                far[t * n + s] = (float)-llabs(place(r, t) - s);
        if (r->m->slopes) {
            att_var one = cut(r, by_name(r, "alibi_slopes", 1, r->h), h, 1);
            for (int64_t s = 0; s < n; s++) {
                float of[T];
                for (int t = 0; t < T; t++) of[t] = far[t * n + s];
                col[s] = mm(r, constant(r, T, 1, of), one, 0);
            }
            e = add(r, e, columns(r, col));
        } else {
            for (int64_t i = 0; i < T * n; i++) far[i] *= (float)slope;
            e = add(r, e, constant(r, T, n, far));
        }
    }
    if (d->t5_buckets) {
        att_var table =
            by_name(r, "relative_attention_bias.weight", d->t5_buckets, r->h);
        int32_t index[T * S];
        att_var col[S];
        for (int64_t t = 0; t < T; t++)
            for (int64_t s = 0; s < n; s++)
                index[t * n + s] =
                    atti_attn_t5_bucket(s - place(r, t), d->t5_buckets,
                                        d->t5_max_distance, d->t5_bidirectional);
        for (int64_t s = 0; s < n; s++)
            col[s] = cut(r, rows_by(r, table, s, index), h, 1);
        e = add(r, e, columns(r, col));
    }
    return e;
}

/* Bias, prior, edges' bias: a table [T,S] of each, from the rows that the head has. */
static att_var tables(rig *r, att_var e, int64_t h)
{
    const member *m = r->m;
    int64_t n = r->s_len;
    if (m->bias == BY_KEY)
        e = add(r, e, bias_of(r));
    else if (m->bias)
        e = add(r, e, rows_of(r, bias_of(r), m->bias == BY_HEAD ? h * T : 0, T));
    if (m->prior) {
        float x[T * S];
        att_var w = by_name(r, "prior_w", 1, m->shared ? 1 : r->h), ones, wide;
        prior_numbers(r, x, m->prior == BY_HEAD ? h : 0);
        ones = mm(r, same_number(r, T, 1, 1), cut(r, w, m->shared ? 0 : h, 1), 0);
        wide = mm(r, ones, same_number(r, 1, n, 1), 0);
        e = add(r, e, mul(r, wide, constant(r, T, n, x)));
    }
    if (m->edges) {
        att_var all = by_name(r, "edge_bias", EDGES, m->edges == BY_HEAD ? r->h : 1);
        att_var col[S];
        for (int64_t s = 0; s < n; s++) {
            int32_t of[T];
            for (int t = 0; t < T; t++) {
                of[t] = -1;
                for (int32_t i = edge_ptr[t]; i < edge_ptr[t + 1]; i++)
                    if (edge_col[i] == s) of[t] = i;
            }
            assert_ok(att_op_gather_rows(r->t, &col[s], all, ints(r, T, of)));
            if (m->edges == BY_HEAD) col[s] = cut(r, col[s], h, 1);
        }
        e = add(r, e, columns(r, col));
    }
    return e;
}

static att_var mask(rig *r, float seen, float hidden)
{
    float m[T * S];
    for (int64_t t = 0; t < T; t++)
        for (int64_t s = 0; s < r->s_len; s++)
            m[t * r->s_len + s] = visible(r, t, s) ? seen : hidden;
    return constant(r, T, r->s_len, m);
}

static att_var softmax(rig *r, att_var e, int64_t h)
{
    att_var y, both[2];
    both[0] = add(r, e, mask(r, 0, -INFINITY));
    if (r->m->edges) { /* a node that sees nobody has a row of zeros */
        both[0] = add(r, e, mask(r, 0, -200));
        assert_ok(att_op_softmax(r->t, &y, both[0]));
        return mul(r, y, mask(r, 1, 0));
    }
    if (r->m->sink) {
        att_var one = cut(r, by_name(r, "sink_logit", 1, r->h), h, 1);
        both[1] =
            scale(r, mm(r, same_number(r, T, 1, 1), one, 0), 1 / r->desc.temperature);
        assert_ok(att_op_concat(r->t, &y, both, 2));
        assert_ok(att_op_softmax(r->t, &y, y));
        assert_ok(att_op_slice_cols(r->t, &y, y, 0, r->s_len));
        return y;
    }
    assert_ok(att_op_softmax(r->t, &y, both[0]));
    return y;
}

/* 1/z of a column z > 0: the second column of RMS norm of (z, c) is c / sqrt((z^2 + c^2) / 2),
 * which for a small c is sqrt(2) c / z. */
static att_var reciprocal(rig *r, att_var z)
{
    const float c = 1e-4f, gain[2] = {0, (float)(sqrt(0.5) / 1e-4)};
    att_var pair[2] = {z, same_number(r, T, 1, c)}, y;
    assert_ok(att_op_concat(r->t, &y, pair, 2));
    assert_ok(att_op_add_norm(r->t, &y, y, ATT_NO_VAR, ATT_NO_VAR,
                              constant(r, 1, 2, gain), ATT_NO_VAR, 1, 1e-30f, 0.0f));
    return cut(r, y, 1, 1);
}

/* REINFORCE: the pick is a constant, and the loss gains advantage * log softmax(e)[pick]. */
static att_var picked(rig *r, att_var e, int64_t h)
{
    int64_t n = r->s_len;
    const float *pick = r->choice[h];
    float gain[T * 8];
    advantages(r, gain);
    e = add(r, e, mask(r, 0, -INFINITY));
    for (int32_t t = 0; t < T; t++) {
        int32_t target = 0;
        att_var loss, stats;
        while (target < n - 1 && pick[t * n + target] != 1.0f) target++;
        assert_ok(att_op_cross_entropy(r->t, &loss, &stats, rows_of(r, e, t, 1),
                                       ints(r, 1, &target), 0));
        loss = scale(r, loss, -gain[t * r->h + h]);
        r->extra = r->extra == ATT_NO_VAR ? loss : add(r, r->extra, loss);
    }
    return constant(r, T, n, pick);
}

static att_var normalise(rig *r, att_var e, int64_t h)
{
    int64_t n = r->s_len;
    const float *choice = r->choice[h];
    switch (r->desc.normalise) {
    case ATT_NORM_RELU: return mul(r, act(r, e, ATT_ACT_RELU), mask(r, 1, 0));
    case ATT_NORM_RELU_ROW: {
        att_var a = mul(r, act(r, e, ATT_ACT_RELU), mask(r, 1, 0));
        att_var z = mm(r, a, same_number(r, n, 1, 1), 0);
        return mul(r, a, mm(r, reciprocal(r, z), same_number(r, 1, n, 1), 0));
    }
    case ATT_NORM_SPARSEMAX: { /* on its support: e - mean of e + 1/size */
        float share[T * S];
        if (!r->second) return softmax(r, e, h);
        for (int64_t t = 0; t < T; t++) {
            float size = 0;
            for (int64_t s = 0; s < n; s++) size += choice[t * n + s];
            for (int64_t s = 0; s < n; s++) share[t * n + s] = choice[t * n + s] / size;
        }
        att_var in = constant(r, T, n, choice), part = constant(r, T, n, share);
        att_var sum = mm(r, mul(r, e, in), same_number(r, n, n, 1), 0);
        return add(r, add(r, mul(r, e, in), scale(r, mul(r, sum, part), -1)), part);
    }
    case ATT_NORM_HARD_ARGMAX:
    case ATT_NORM_HARD_SAMPLE: /* straight-through, or the pick as a constant */
        if (!r->second) return softmax(r, e, h);
        if (r->desc.reinforce) return picked(r, e, h);
        return add(r, softmax(r, e, h), constant(r, T, n, choice));
    default: return softmax(r, e, h);
    }
}

/* The weights that dropout leaves: keyed by (seed, step, operator), row and head, key. */
static att_var dropped(rig *r, att_var a, int64_t h)
{
    atti_drop drop = atti_drop_make(r->desc.dropout,
                                    atti_key(operator_key(), 0, ATTI_ATTN_STREAM_DROP));
    float keep[T * S];
    for (int64_t t = 0; t < T; t++) {
        uint32_t key = atti_drop_rowkey(drop.key, (uint64_t)(t * r->h + h));
        for (int64_t s = 0; s < r->s_len; s++)
            keep[t * r->s_len + s] =
                atti_drop_bits(key, (uint32_t)s) >= drop.threshold ? drop.scale : 0;
    }
    return mul(r, a, constant(r, T, r->s_len, keep));
}

static att_var one_head(rig *r, att_var q, att_var k, att_var v, int64_t h)
{
    int64_t group = h / (r->h / r->g);
    att_var e, a, y, vh = cut(r, v, group, r->e);
    e = score(r, cut(r, q, h, r->d), cut(r, k, group, r->dk), h);
    e = scale(r, tables(r, terms(r, e, h), h), 1 / r->desc.temperature);
    a = normalise(r, e, h);
    r->score[h] = e;
    r->weights[h] = a;
    if (r->desc.dropout > 0) a = dropped(r, a, h);
    y = mm(r, a, vh, 0);
    if (r->desc.shaw_clip && (!r->m->rel || r->m->rel & ATT_NN_V)) {
        att_var rel = by_name(r, "rel_v", 2 * r->desc.shaw_clip + 1, r->e);
        att_var ones = same_number(r, 1, r->e, 1);
        int32_t index[T * S];
        relative(r, index);
        for (int64_t s = 0; s < r->s_len; s++)
            y = add(r, y,
                    mul(r, mm(r, cut(r, a, s, 1), ones, 0), rows_by(r, rel, s, index)));
    }
    return y;
}

static void build_composed(rig *r, const member *m, const rig *first)
{
    att_var head[8];
    open_rig(r, m);
    if (first) {
        r->second = 1;
        memcpy(r->choice, first->choice, sizeof r->choice);
    }
    att_var mem = m->cross ? r->memory : r->x;
    att_var q = linear(r, r->x, "q_proj", r->h * r->d, ATT_NN_Q);
    att_var k = linear(r, mem, "k_proj", r->g * r->dk, ATT_NN_K);
    att_var v = linear(r, mem, "v_proj", r->g * r->e, ATT_NN_V);
    for (int64_t h = 0; h < r->h; h++) {
        head[h] = one_head(r, q, k, v, h);
        assert_ok(att_tape_keep(r->t, r->score[h]));
        assert_ok(att_tape_keep(r->t, r->weights[h]));
    }
    assert_ok(att_op_concat(r->t, &r->y, head, (int32_t)r->h));
    r->y = linear(r, r->y, "out_proj", C, ATT_NN_O);
}

/* ---- comparison ---- */

static void same(const char *what, const char *name, const float *got,
                 const float *want, int64_t n)
{
    double most = 1;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs((double)want[i]));
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= 3e-5 * most))
            fail_msg("%s: %s [%lld]: fused %.8g, composed %.8g", what, name,
                     (long long)i, (double)got[i], (double)want[i]);
}

static void every_member(void **state)
{
    (void)state;
    static rig fused, one, two;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const member *m = &members[i];
        int32_t norm = m->desc.normalise;
        build_fused(&fused, m);
        run(&fused);
        rig *composed = &one;
        build_composed(&one, m, NULL);
        run(&one);
        if (norm == ATT_NORM_SPARSEMAX || norm >= ATT_NORM_HARD_ARGMAX) {
            choose(&one);
            build_composed(&two, m, &one);
            run(&two);
            close_rig(&one);
            composed = &two;
        }
        att_tensor a, b;
        assert_ok(att_tape_value(fused.t, &a, fused.y));
        assert_ok(att_tape_value(composed->t, &b, composed->y));
        assert_int_equal(att_tensor_count(&a), att_tensor_count(&b));
        same(m->name, "y", a.data, b.data, att_tensor_count(&a));
        int params = 0;
        for (att_var v = 0; v < att_tape_var_count(fused.t); v++) {
            if (!att_tape_is_param(fused.t, v)) continue;
            const char *name = att_tape_name(fused.t, v);
            att_var w = att_tape_find(composed->t, name);
            if (w == ATT_NO_VAR) fail_msg("%s: %s is not used", m->name, name);
            assert_ok(att_tape_grad(fused.t, &a, v));
            assert_ok(att_tape_grad(composed->t, &b, w));
            assert_int_equal(att_tensor_count(&a), att_tensor_count(&b));
            same(m->name, name, a.data, b.data, att_tensor_count(&a));
            params++;
        }
        for (att_var v = 0; v < att_tape_var_count(composed->t); v++)
            params -= att_tape_is_param(composed->t, v) != 0;
        assert_int_equal(params, 0);
        close_rig(&fused);
        close_rig(composed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
