/* test_attn_observe.c - weights on request: every member's weights against the
 * reference's rows, and every summary against the weights it summarises. */
#include "cases.h"

typedef struct sinks {
    float *w, *entropy, *top_w, *mean, *col;
    int32_t *arg, *top_i;
    int64_t *offsets;
    int64_t n_w, n_rows, n_mean, n_col;
    att_tensor t[7], toff;
    att_attention_observe o;
} sinks;

enum { TOP = 3 };

static att_tensor *view(att_tensor *t, void *data, att_dtype dtype, int32_t ndim,
                        int64_t a, int64_t b, int64_t c, int64_t d)
{
    int64_t shape[4] = {a, b, c, d};
    assert_ok(att_tensor_view(t, data, dtype, ndim, shape));
    return t;
}

static void sinks_make(sinks *s, attn_case *c, int32_t *heads, int32_t nh, int64_t r0,
                       int64_t r1)
{
    const kase *k = &c->k;
    int64_t h = heads ? nh : k->h, nt = r1 - r0, total = 0, nq = k->t * k->b,
            nk = k->s * k->b;
    memset(s, 0, sizeof *s);
    att_attention_observe_init(&s->o);
    s->o.heads = heads;
    s->o.n_heads = nh;
    s->o.row_begin = r0;
    s->o.row_end = r1;
    s->o.top_k = TOP;
    bool flat = k->layout == RAGGED || k->layout == EDGES;
    if (k->layout == RAGGED) {
        s->offsets = calloc((size_t)k->b + 1, sizeof *s->offsets);
        nq = c->q_off[k->b];
        nk = c->k_off[k->b];
        for (int64_t b = 0; b < k->b; b++) {
            int64_t t = c->q_off[b + 1] - c->q_off[b], m = (t < r1 ? t : r1) - r0;
            s->offsets[b + 1] = total +=
                (m > 0 ? m : 0) * (c->k_off[b + 1] - c->k_off[b]);
        }
        view(&s->toff, s->offsets, ATT_I64, 1, k->b + 1, 0, 0, 0);
        s->o.weight_offsets = &s->toff;
    }
    s->n_w = k->layout == RAGGED  ? total * h
             : k->layout == EDGES ? c->row_ptr[k->t] * h
                                  : k->b * h * nt * k->s;
    s->n_mean = s->n_w / h;
    s->n_rows = flat ? nq * h : k->b * h * nt;
    s->n_col = nk * h;
    s->w = calloc((size_t)s->n_w + 1, 4);
    s->mean = calloc((size_t)s->n_mean + 1, 4);
    s->entropy = calloc((size_t)s->n_rows + 1, 4);
    s->arg = calloc((size_t)s->n_rows + 1, 4);
    s->top_i = calloc((size_t)s->n_rows * TOP + 1, 4);
    s->top_w = calloc((size_t)s->n_rows * TOP + 1, 4);
    s->col = calloc((size_t)s->n_col + 1, 4);
    if (flat) {
        if (k->layout == RAGGED) {
            s->o.weights = view(&s->t[0], s->w, ATT_F32, 1, s->n_w, 0, 0, 0);
            s->o.head_mean = view(&s->t[1], s->mean, ATT_F32, 1, s->n_mean, 0, 0, 0);
        } else {
            s->o.weights = view(&s->t[0], s->w, ATT_F32, 2, s->n_mean, h, 0, 0);
            s->o.head_mean = view(&s->t[1], s->mean, ATT_F32, 1, s->n_mean, 0, 0, 0);
        }
        s->o.entropy = view(&s->t[2], s->entropy, ATT_F32, 2, nq, h, 0, 0);
        s->o.argmax = view(&s->t[3], s->arg, ATT_I32, 2, nq, h, 0, 0);
        s->o.top_index = view(&s->t[4], s->top_i, ATT_I32, 3, nq, h, TOP, 0);
        s->o.top_weight = view(&s->t[5], s->top_w, ATT_F32, 3, nq, h, TOP, 0);
        s->o.col_sum = view(&s->t[6], s->col, ATT_F32, 2, nk, h, 0, 0);
        return;
    }
    s->o.weights = view(&s->t[0], s->w, ATT_F32, 4, k->b, h, nt, k->s);
    s->o.head_mean = view(&s->t[1], s->mean, ATT_F32, 3, k->b, nt, k->s, 0);
    s->o.entropy = view(&s->t[2], s->entropy, ATT_F32, 3, k->b, h, nt, 0);
    s->o.argmax = view(&s->t[3], s->arg, ATT_I32, 3, k->b, h, nt, 0);
    s->o.top_index = view(&s->t[4], s->top_i, ATT_I32, 4, k->b, h, nt, TOP);
    s->o.top_weight = view(&s->t[5], s->top_w, ATT_F32, 4, k->b, h, nt, TOP);
    s->o.col_sum = view(&s->t[6], s->col, ATT_F32, 3, k->b, h, k->s, 0);
}

static void sinks_free(sinks *s)
{
    void *all[] = {s->w,     s->mean,  s->entropy, s->arg,
                   s->top_i, s->top_w, s->col,     s->offsets};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
}

static void near(const kase *k, const char *what, double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol))
        fail_msg("%s: %s is %.9g, expected %.9g", k->name, what, got, want);
}

/* One row of the reference against what the sinks hold for it. */
static void check_row(const sinks *s, const atti_ref_row *r, const kase *k, int64_t i,
                      int64_t nh, int64_t nt, const attn_case *c, double *mean)
{
    int64_t n = k->layout == RAGGED ? r->n_k : k->s, row = 0, b = r->b,
            t = r->t - s->o.row_begin;
    float *w = s->w;
    int64_t step = 1, edges = k->layout == EDGES;
    if (edges) {
        n = r->n;
        w += r->edge0 * nh + i;
        step = nh;
        row = r->t * nh + i;
    } else if (k->layout == RAGGED) {
        int64_t m = c->q_off[b + 1] - c->q_off[b];
        m = (m < s->o.row_end ? m : s->o.row_end) - s->o.row_begin;
        w += nh * s->offsets[b] + (i * m + t) * n;
        row = (c->q_off[b] + r->t) * nh + i;
    } else {
        row = (b * nh + i) * nt + t;
        w += row * n;
    }
    double entropy = 0, best = 0, sum = 0;
    int64_t at = -1, j = 0;
    const double tol = 1e-5 * (k->norm == ATT_NORM_RELU ? 4 : 1);
    for (int64_t x = 0; x < n; x++) {
        double want = 0;
        if (edges || (j < r->n && r->key[j] == x)) want = r->alpha[j++];
        near(k, "weight", (double)w[x * step], want, tol);
        if (mean) mean[x] += want / (double)nh;
        if (want > 0) entropy -= want * log(want);
        sum += want;
        if (want <= best + 1e-4) continue;
        best = want;
        at = edges ? r->key[x] : x;
    }
    near(k, "entropy", (double)s->entropy[row], entropy, 1e-4);
    float top = s->top_w[row * TOP];
    near(k, "highest", (double)top, sum > 0 ? best : 0, 2e-4);
    if (at < 0) assert_int_equal(s->arg[row], sum > 0 ? s->arg[row] : -1);
    assert_int_equal(s->arg[row], s->top_i[row * TOP]);
    for (int x = 1; x < TOP; x++) {
        assert_true(s->top_w[row * TOP + x] <= s->top_w[row * TOP + x - 1]);
        if (s->top_i[row * TOP + x] < 0) assert_true(s->top_w[row * TOP + x] == 0.0f);
    }
}

static void one(const kase *k, int32_t dtype, int32_t *heads, int32_t nh, int64_t r0,
                int64_t r1)
{
    attn_case c, ref;
    sinks s;
    case_make(&c, k, dtype);
    case_make(&ref, k, ATT_F64);
    case_copy_values(&ref, &c);
    sinks_make(&s, &c, heads, nh, r0, r1);
    assert_ok(att_attention_weights(&c.desc, &c.args, &s.o));
    atti_attn_call call;
    atti_ref_row r;
    assert_ok(atti_attn_resolve(&call, &ref.desc, &ref.args));
    assert_ok(atti_ref_row_create(&r, &call));
    int64_t n = heads ? nh : c.k.h;
    double *col = calloc((size_t)s.n_col + 1, sizeof *col);
    for (int64_t b = 0; b < c.k.b; b++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t t = r0; t < r1 && t < atti_attn_nq(&call, b); t++) {
                atti_ref_row_run(&r, b, heads ? heads[i] : i, t);
                check_row(&s, &r, k, i, n, r1 - r0, &c, NULL);
                for (int64_t j = 0; j < r.n; j++) {
                    bool flat = k->layout == RAGGED || k->layout == EDGES;
                    int64_t key = r.key[j] + (k->layout == RAGGED ? c.k_off[b] : 0);
                    col[flat ? key * n + i : (b * n + i) * k->s + key] += r.alpha[j];
                }
            }
    for (int64_t x = 0; x < s.n_col; x++)
        near(k, "column sum", (double)s.col[x], col[x], 1e-4);
    /* The mean over heads, from the weights. */
    for (int64_t x = 0; x < s.n_mean; x++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            int64_t at = x * n + i, per = (r1 - r0) * k->s;
            if (k->layout == RAGGED) {
                int64_t b = 0;
                while (x >= s.offsets[b + 1]) b++;
                int64_t size = s.offsets[b + 1] - s.offsets[b];
                at = n * s.offsets[b] + i * size + (x - s.offsets[b]);
            } else if (k->layout != EDGES) {
                at = (x / per * n + i) * per + x % per;
            }
            sum += (double)s.w[at];
        }
        near(k, "head mean", (double)s.mean[x], sum / (double)n, 1e-5);
    }
    free(col);
    atti_ref_row_destroy(&r);
    sinks_free(&s);
    case_free(&c);
    case_free(&ref);
}

static void every_member(void **state)
{
    (void)state;
    for (int m = 0; m < N_MEMBERS; m++) {
        one(&members[m], ATT_F32, NULL, 0, 0, members[m].t);
        one(&members[m], ATT_F64, NULL, 0, 0, members[m].t);
    }
}

static void some_heads_and_rows(void **state)
{
    (void)state;
    int32_t heads[] = {1};
    for (int m = 0; m < N_MEMBERS; m++)
        if (members[m].h > 1 && members[m].t > 3)
            one(&members[m], ATT_F32, heads, 1, 1, 3);
}

static void refusals(void **state)
{
    (void)state;
    attn_case c;
    sinks s;
    int32_t bad[] = {7};
    case_make(&c, &members[1], ATT_F32);
    sinks_make(&s, &c, NULL, 0, 0, members[1].t);
    assert_fails(att_attention_weights(&c.desc, &c.args, NULL), ATT_EINVAL,
                 "observe is NULL");
    s.o.heads = bad;
    s.o.n_heads = 1;
    assert_fails(att_attention_weights(&c.desc, &c.args, &s.o), ATT_EINVAL,
                 "head 7, not in 0..1");
    s.o.heads = NULL;
    s.o.row_end = 99;
    assert_fails(att_attention_weights(&c.desc, &c.args, &s.o), ATT_EINVAL,
                 "rows 0..99");
    s.o.row_end = -1;
    s.o.top_k = 0;
    assert_fails(att_attention_weights(&c.desc, &c.args, &s.o), ATT_EINVAL,
                 "top_k is 0");
    s.o.top_k = TOP;
    s.t[0].shape[3]++;
    assert_fails(att_attention_weights(&c.desc, &c.args, &s.o), ATT_ESHAPE,
                 "[2,2,5,8], expected [2,2,5,7]");
    sinks_free(&s);
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member),
        cmocka_unit_test(some_heads_and_rows),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
