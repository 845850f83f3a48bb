/* explain_steps.c - one head number by number: queries, keys, values, scores, weights,
 * output; of a model, or of vectors in files. Scores are computed here, plainly, as a
 * course does; weights and outputs are the library's. */
#include "attend/attention.h"
#include "explain_sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIX_SIDE = 128 }; /* widest row of all heads that a picture shows */

/* One head at work. Arrays are row-major doubles; names are borrowed. */
typedef struct head {
    const explain_opts *o;
    int64_t t, s, d, dk, e;
    const double *q, *k, *v; /* [t,d], [s,dk], [s,e] */
    double *score, *scaled;  /* [t,s]; score NULL: cannot be shown */
    double *weight, *out;    /* [t,s], [t,e] */
    double scale;
    char **rows, **cols;
    const char *tag; /* "" or " of head 2" */
    bool turned;     /* scores are of queries and keys turned by their places */
} head;

static const char *normal_name(const explain_opts *o)
{
    if (o->weights) return "given";
    static const char *const name[] = {"softmax", "ReLU", "ReLU, then the row's share",
                                       "1 for the highest", "sparsemax"};
    return name[o->normalise];
}

/* --- what is shown ---------------------------------------------------------------- */

static char *indexed(const char *what, int64_t i, const char *tag)
{
    return cli_format("%s%lld%s", what, (long long)i, tag);
}

/* Query i by itself: its numbers against every key. */
static void show_query(sheet *sh, const head *h, int64_t i)
{
    bool columns = h->o->notation == 1;
    char *name[1] = {h->rows ? h->rows[i] : NULL};
    char **row = h->rows ? name : NULL;
    double *terms = cli_alloc((size_t)(h->s * h->e) + 1, sizeof *terms);
    int64_t n = i + 1;
    sheet_add(sh, true, indexed("q", n, h->tag), h->q + i * h->d, 1, h->d, row, NULL);
    sheet_add(sh, false, cli_format("keys k1 .. k%lld", (long long)h->s), h->k, h->s,
              h->dk, h->cols, NULL);
    if (h->score)
        sheet_add(sh, true,
                  cli_format("scores: q%lld with every key%s", (long long)n,
                             h->turned ? ", turned by their places" : ""),
                  h->score + i * h->s, 1, h->s, row, h->cols);
    if (!h->o->weights && (h->scale != 1 || !h->score))
        sheet_add(sh, h->score == NULL,
                  h->score ? cli_format("scaled: x %.4g", h->scale)
                           : cli_strdup("scores with every term"),
                  h->scaled + i * h->s, 1, h->s, row, h->cols);
    sheet_add(sh, false, cli_format("weights: %s", normal_name(h->o)),
              h->weight + i * h->s, 1, h->s, row, h->cols);
    for (int64_t s = 0; s < h->s; s++)
        for (int64_t e = 0; e < h->e; e++)
            terms[s * h->e + e] = h->weight[i * h->s + s] * h->v[s * h->e + e];
    sheet_add(sh, true, cli_strdup("values v, one for each key"), h->v, h->s, h->e,
              h->cols, NULL);
    sheet_add(sh, false, cli_strdup("each times its weight"), terms, h->s, h->e,
              h->cols, NULL);
    sheet_add(sh, false, cli_format("output o%lld%s: their sum", (long long)n, h->tag),
              h->out + i * h->e, 1, h->e, row, NULL);
    (void)columns;
    cli_free(terms);
}

/* All queries at once. */
static void show_all(sheet *sh, const head *h)
{
    bool c = h->o->notation == 1;
    const char *score = c ? "A = K^T Q" : "A = Q K^T";
    if (h->o->score == 2) score = c ? "A = K^T W^T Q" : "A = Q W K^T";
    if (h->o->score == 3) score = "A: w . tanh(q + k)";
    if (h->o->score == 4) score = "A: q . k / (|q| |k|)";
    if (h->turned) score = c ? "A = K^T Q, rotary" : "A = Q K^T, rotary";
    sheet_add(sh, true, cli_format("Q%s", h->tag), h->q, h->t, h->d, h->rows, NULL);
    sheet_add(sh, false, cli_format("K%s", h->tag), h->k, h->s, h->dk, h->cols, NULL);
    sheet_add(sh, false, cli_format("V%s", h->tag), h->v, h->s, h->e, h->cols, NULL);
    if (h->score)
        sheet_add(sh, true, cli_format("%s%s", score, h->tag), h->score, h->t, h->s,
                  h->rows, h->cols);
    bool hides = false;
    for (int64_t i = 0; i < h->t * h->s; i++) hides |= isinf(h->scaled[i]);
    if (!h->o->weights && (h->scale != 1 || hides || !h->score))
        sheet_add(sh, !h->score,
                  cli_format("A%s%s%s", h->scale != 1 ? " scaled" : "",
                             h->score ? "" : " with every term",
                             hides ? ", masked" : ""),
                  h->scaled, h->t, h->s, h->rows, h->cols);
    sheet_add(sh, false,
              cli_format("A': %s of each %s", normal_name(h->o), c ? "column" : "row"),
              h->weight, h->t, h->s, h->rows, h->cols);
    sheet_add(sh, true, cli_format("%s%s", c ? "O = V A'" : "O = A' V", h->tag), h->out,
              h->t, h->e, h->rows, NULL);
}

/* --- a model's head --------------------------------------------------------------- */

static double *doubles(const float *x, int64_t n)
{
    double *d = cli_alloc((size_t)n + 1, sizeof *d);
    for (int64_t i = 0; i < n; i++) d[i] = (double)x[i];
    return d;
}

/* Where the head's output goes: beside the others, then through W_O. A picture has room for
 * so many numbers in a row only. */
static void show_mixed(sheet *sh, const att_head_numbers *n, const explain_opts *o,
                       char **rows)
{
    int64_t q = o->query - 1, all = n->heads * n->e;
    bool fits = !o->output || (all <= MIX_SIDE && n->model <= MIX_SIDE);
    if (!n->mixed || !fits) return;
    double *side = doubles(n->all_heads + q * all, all);
    double *mixed = doubles(n->mixed + q * n->model, n->model);
    sheet_add(sh, true,
              cli_format("o%lld of all %lld heads side by side", (long long)q + 1,
                         (long long)n->heads),
              side, 1, all, rows ? rows + q : NULL, NULL);
    sheet_add(sh, true, cli_strdup("times W_O"), mixed, 1, n->model,
              rows ? rows + q : NULL, NULL);
    cli_free(side);
    cli_free(mixed);
}

int explain_model_steps(const explain_opts *o, att_explainer *x,
                        const att_explanation *e)
{
    att_head_numbers n = {.size = sizeof n};
    att_attention_map m;
    int32_t kind = explain_kind(o, e);
    int64_t layer = o->layer ? o->layer : 1, number = o->head ? o->head : 1;
    att_status st = att_explanation_find(e, &m, kind);
    if (st == ATT_OK) st = att_explain_head(x, e, kind, layer, number, &n);
    if (st != ATT_OK) return cli_status(st);
    if (o->query > n.rows) {
        att_head_numbers_deinit(&n);
        return cli_fail("--query %d: there are queries 1..%lld", o->query,
                        (long long)m.rows);
    }
    explain_opts plain = *o;
    plain.score = n.score == ATT_SCORE_ADDITIVE ? 3 : 0;
    plain.normalise = 0;
    head h = {.o = &plain,
              .t = n.rows,
              .s = n.cols,
              .d = n.d,
              .dk = n.d,
              .e = n.e,
              .scale = n.scale,
              .turned = n.turned != 0,
              .tag = ""};
    double *q = doubles(n.q, n.rows * n.d), *k = doubles(n.k, n.cols * n.d);
    double *v = doubles(n.v, n.cols * n.e);
    h.q = q, h.k = k, h.v = v;
    h.score = isnan(n.scores[0]) ? NULL : n.scores;
    h.scaled = n.scaled;
    h.weight = doubles(n.weights, n.rows * n.cols);
    h.out = doubles(n.out, n.rows * n.e);
    h.rows = explain_labels(e, m.row_tokens, m.rows);
    h.cols = explain_labels(e, m.col_tokens, m.cols);
    sheet sh = {.columns = o->notation == 1, .digits = o->digits};
    show_query(&sh, &h, o->query - 1);
    show_all(&sh, &h);
    show_mixed(&sh, &n, o, h.rows);
    const char *kinds[] = {"cross-attention", "encoder self-attention",
                           "decoder self-attention", "attention"};
    char *heading = cli_format(
        "%s, layer %lld, head %lld of %lld: width %lld x %lld = %lld, scores x %.4g",
        m.name ? m.name : kinds[kind], (long long)layer, (long long)number,
        (long long)n.heads, (long long)n.heads, (long long)n.e,
        (long long)(n.heads * n.e), n.scale);
    int rc = sheet_show(&sh, heading, o);
    sheet_free(&sh);
    cli_free(heading);
    cli_free(q);
    cli_free(k);
    cli_free(v);
    cli_free(h.weight);
    cli_free(h.out);
    explain_free_labels(h.rows, m.rows);
    explain_free_labels(h.cols, m.cols);
    att_head_numbers_deinit(&n);
    return rc;
}

/* --- vectors from files ----------------------------------------------------------- */

typedef struct input {
    const explain_opts *o;
    csv x, keys, values, wq, wk, wv, wo, weights, score_w;
    double *q, *k, *v;     /* all heads */
    int64_t dq, dk, dv, h; /* widths of all heads; heads */
    char **rows, **cols;
} input;

static int load(csv *m, const char *path)
{
    return path ? csv_read(m, path) : 0;
}

static char **names_for(const csv *m, const char *letter)
{
    char **l = cli_alloc((size_t)m->rows + 1, sizeof *l);
    for (int64_t i = 0; i < m->rows; i++)
        l[i] = m->names ? cli_strdup(m->names[i])
                        : cli_format("%s%lld", letter, (long long)(i + 1));
    return l;
}

/* y [n,out] = x [n,in] W; W is [in,out], in columns' notation [out,in]. */
static int project(const input *in, double **y, int64_t *width, const csv *x,
                   const csv *w, const char *path)
{
    bool turned = in->o->notation == 1;
    int64_t rows = turned ? w->cols : w->rows, cols = turned ? w->rows : w->cols;
    *width = path ? cols : x->cols;
    *y = cli_alloc((size_t)(x->rows * *width) + 1, sizeof **y);
    if (!path) {
        memcpy(*y, x->v, (size_t)(x->rows * x->cols) * sizeof **y);
        return 0;
    }
    if (rows != x->cols)
        return cli_fail(
            "%s is [%lld, %lld], the vectors are [%lld, %lld]: %s cannot be "
            "multiplied",
            path, (long long)w->rows, (long long)w->cols, (long long)x->rows,
            (long long)x->cols, turned ? "W I" : "X W");
    for (int64_t i = 0; i < x->rows; i++)
        for (int64_t c = 0; c < cols; c++)
            for (int64_t r = 0; r < rows; r++)
                (*y)[i * cols + c] += x->v[i * x->cols + r] *
                                      w->v[turned ? c * w->cols + r : r * w->cols + c];
    return 0;
}

static int read_all(input *in)
{
    const explain_opts *o = in->o;
    int rc = load(&in->x, o->input);
    if (!rc) rc = load(&in->keys, o->keys);
    if (!rc) rc = load(&in->values, o->values);
    if (!rc) rc = load(&in->wq, o->wq);
    if (!rc) rc = load(&in->wk, o->wk);
    if (!rc) rc = load(&in->wv, o->wv);
    if (!rc) rc = load(&in->wo, o->wo);
    if (!rc) rc = load(&in->weights, o->weights);
    if (!rc) rc = load(&in->score_w, o->score_w);
    return rc;
}

static int check_sizes(input *in, const csv *keys, const csv *values)
{
    const explain_opts *o = in->o;
    in->h = o->heads;
    if (keys->rows != values->rows)
        return cli_fail("%lld keys and %lld values", (long long)keys->rows,
                        (long long)values->rows);
    if (in->dq % in->h || in->dk % in->h || in->dv % in->h)
        return cli_fail("--heads %d: widths %lld, %lld and %lld cannot be cut evenly",
                        o->heads, (long long)in->dq, (long long)in->dk,
                        (long long)in->dv);
    if (o->score != 2 && in->dq != in->dk)
        return cli_fail(
            "queries are [%lld, %lld], keys [%lld, %lld]: the widths differ",
            (long long)in->x.rows, (long long)in->dq, (long long)keys->rows,
            (long long)in->dk);
    if (o->weights &&
        (in->weights.rows != in->x.rows || in->weights.cols != keys->rows))
        return cli_fail(
            "%s is [%lld, %lld], expected [%lld, %lld]: a row for each query",
            o->weights, (long long)in->weights.rows, (long long)in->weights.cols,
            (long long)in->x.rows, (long long)keys->rows);
    if (o->query > in->x.rows)
        return cli_fail("--query %d: there are queries 1..%lld", o->query,
                        (long long)in->x.rows);
    if (o->stack > 1 && (o->keys || o->values || (!o->wo && in->dv != in->x.cols)))
        return cli_fail("--layers %d: the output [%lld, %lld] cannot go in again as "
                        "[%lld, %lld]",
                        o->stack, (long long)in->x.rows, (long long)in->dv,
                        (long long)in->x.rows, (long long)in->x.cols);
    return 0;
}

/* W of the general score [D,Dk], w of the additive one [D]; ones where none is given. */
static int score_weights(const input *in, double **w)
{
    int64_t d = in->dq / in->h, dk = in->dk / in->h;
    int64_t rows = in->o->score == 2 ? d : 1, cols = in->o->score == 2 ? dk : d;
    *w = cli_alloc((size_t)(rows * cols) + 1, sizeof **w);
    for (int64_t i = 0; i < rows * cols; i++)
        (*w)[i] = in->o->score == 2 ? (i / cols == i % cols ? 1 : 0) : 1;
    if (!in->o->score_w) return 0;
    if (in->score_w.rows != rows || in->score_w.cols != cols)
        return cli_fail("%s is [%lld, %lld], expected [%lld, %lld]", in->o->score_w,
                        (long long)in->score_w.rows, (long long)in->score_w.cols,
                        (long long)rows, (long long)cols);
    memcpy(*w, in->score_w.v, (size_t)(rows * cols) * sizeof **w);
    return 0;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double score_of(const head *h, const double *w, int64_t t, int64_t s)
{
    const double *q = h->q + t * h->d, *k = h->k + s * h->dk;
    double sum = 0;
    switch (h->o->score) {
    case 2:
        for (int64_t i = 0; i < h->d; i++) sum += q[i] * dot(w + i * h->dk, k, h->dk);
        return sum;
    case 3:
        for (int64_t i = 0; i < h->d; i++) sum += w[i] * tanh(q[i] + k[i]);
        return sum;
    case 4:
        sum = sqrt(dot(q, q, h->d) * dot(k, k, h->d));
        return sum > 0 ? dot(q, k, h->d) / sum : 0;
    default: return dot(q, k, h->d);
    }
}

static bool hidden(const head *h, int64_t t, int64_t s)
{
    int64_t p = t + h->s - h->t;
    if (h->o->causal && s > p) return true;
    return h->o->window >= 0 && (s < p - h->o->window || s > p + h->o->window);
}

static att_status view4(att_tensor *v, double *data, int64_t rows, int64_t cols)
{
    int64_t shape[4] = {1, 1, rows, cols};
    return att_tensor_view(v, data, ATT_F64, 4, shape);
}

/* The library's weights and output for one head. */
static att_status attend(head *h, double *w)
{
    att_attention_desc d;
    att_attention_args a;
    att_attention_observe see;
    att_tensor q, k, v, out, weights, sw;
    int64_t one = h->d, two[2] = {h->d, h->dk};
    att_attention_desc_init(&d);
    att_attention_args_init(&a);
    att_attention_observe_init(&see);
    static const int32_t score[] = {ATT_SCORE_DOT, ATT_SCORE_DOT, ATT_SCORE_BILINEAR,
                                    ATT_SCORE_ADDITIVE, ATT_SCORE_COSINE};
    static const int32_t norm[] = {ATT_NORM_SOFTMAX, ATT_NORM_RELU, ATT_NORM_RELU_ROW,
                                   ATT_NORM_HARD_ARGMAX, ATT_NORM_SPARSEMAX};
    d.score = score[h->o->score];
    d.normalise = norm[h->o->normalise];
    d.scale = (float)(h->o->score == 1 ? 1 : 0);
    d.causal = h->o->causal;
    d.left = d.right = h->o->window;
    att_status st = view4(&q, (double *)(uintptr_t)h->q, h->t, h->d);
    if (st == ATT_OK) st = view4(&k, (double *)(uintptr_t)h->k, h->s, h->dk);
    if (st == ATT_OK) st = view4(&v, (double *)(uintptr_t)h->v, h->s, h->e);
    if (st == ATT_OK) st = view4(&out, h->out, h->t, h->e);
    int64_t shape[4] = {1, 1, h->t, h->s}, n = h->t * h->s;
    float *seen = cli_alloc((size_t)n, sizeof *seen); /* handed out as f32 */
    if (st == ATT_OK) st = att_tensor_view(&weights, seen, ATT_F32, 4, shape);
    a.q = &q, a.k = &k, a.v = &v, a.out = &out;
    if (h->o->score == 2 || h->o->score == 3) {
        if (st == ATT_OK && h->o->score == 2)
            st = att_tensor_view(&sw, w, ATT_F64, 2, two);
        if (st == ATT_OK && h->o->score == 3)
            st = att_tensor_view(&sw, w, ATT_F64, 1, &one);
        a.score_w = &sw;
    }
    see.weights = &weights;
    if (st == ATT_OK) st = att_attention_forward(&d, &a);
    if (st == ATT_OK) st = att_attention_weights(&d, &a, &see);
    for (int64_t i = 0; i < n; i++) h->weight[i] = (double)seen[i];
    cli_free(seen);
    return st;
}

/* Columns from .. from + n - 1 of all heads' [rows,width]. */
static double *cut(const double *x, int64_t rows, int64_t width, int64_t from,
                   int64_t n)
{
    double *y = cli_alloc((size_t)(rows * n) + 1, sizeof *y);
    for (int64_t r = 0; r < rows; r++)
        memcpy(y + r * n, x + r * width + from, (size_t)n * sizeof *y);
    return y;
}

static int one_head(const input *in, sheet *sh, int64_t i, int64_t s, double *concat)
{
    int64_t d = in->dq / in->h, dk = in->dk / in->h, e = in->dv / in->h, t = in->x.rows;
    double *w = NULL;
    char *tag = in->h > 1 ? cli_format(" of head %lld", (long long)(i + 1)) : NULL;
    head h = {.o = in->o,
              .t = t,
              .s = s,
              .d = d,
              .dk = dk,
              .e = e,
              .rows = in->rows,
              .cols = in->cols,
              .tag = tag ? tag : ""};
    double *q = cut(in->q, t, in->dq, i * d, d), *k = cut(in->k, s, in->dk, i * dk, dk);
    double *v = cut(in->v, s, in->dv, i * e, e);
    h.q = q, h.k = k, h.v = v;
    h.scale = in->o->score == 0 ? 1 / sqrt((double)d) : 1;
    h.score = cli_alloc((size_t)(t * s), sizeof *h.score);
    h.scaled = cli_alloc((size_t)(t * s), sizeof *h.scaled);
    h.weight = cli_alloc((size_t)(t * s), sizeof *h.weight);
    h.out = cli_alloc((size_t)(t * e), sizeof *h.out);
    int rc = score_weights(in, &w);
    for (int64_t a = 0; rc == 0 && a < t * s; a++) {
        h.score[a] = score_of(&h, w, a / s, a % s);
        h.scaled[a] = hidden(&h, a / s, a % s) ? -INFINITY : h.score[a] * h.scale;
    }
    if (rc == 0 && in->o->weights) {
        cli_free(h.score);
        h.score = NULL; /* the weights do not come from scores */
        memcpy(h.weight, in->weights.v, (size_t)(t * s) * sizeof *h.weight);
        for (int64_t a = 0; a < t; a++)
            for (int64_t b = 0; b < s * e; b++)
                h.out[a * e + b % e] += h.weight[a * s + b / e] * v[b];
    } else if (rc == 0) {
        att_status st = attend(&h, w);
        if (st != ATT_OK) rc = cli_status(st);
    }
    if (rc == 0) {
        show_query(sh, &h, in->o->query - 1);
        show_all(sh, &h);
        for (int64_t r = 0; r < t; r++)
            memcpy(concat + r * in->dv + i * e, h.out + r * e,
                   (size_t)e * sizeof *h.out);
    }
    cli_free(q), cli_free(k), cli_free(v), cli_free(w), cli_free(tag);
    cli_free(h.score), cli_free(h.scaled), cli_free(h.weight), cli_free(h.out);
    return rc;
}

/* How x becomes queries, keys and values. */
static void show_projections(const input *in, sheet *sh, const csv *keys,
                             const csv *values)
{
    bool c = in->o->notation == 1;
    sheet_add(sh, true, cli_strdup(c ? "I" : "X"), in->x.v, in->x.rows, in->x.cols,
              in->rows, NULL);
    if (in->o->keys)
        sheet_add(sh, false, cli_strdup("keys"), keys->v, keys->rows, keys->cols,
                  in->cols, NULL);
    if (in->o->values)
        sheet_add(sh, false, cli_strdup("values"), values->v, values->rows,
                  values->cols, in->cols, NULL);
    const char *given[] = {in->o->wq, in->o->wk, in->o->wv};
    const csv *w[] = {&in->wq, &in->wk, &in->wv};
    static const char *const name[] = {"Wq", "Wk", "Wv"};
    for (int i = 0; i < 3; i++) {
        if (!given[i]) continue;
        /* A matrix of the columns' notation is as its file has it. */
        sheet as_is = *sh;
        as_is.columns = false;
        sheet_add(&as_is, i == 0, cli_strdup(name[i]), w[i]->v, w[i]->rows, w[i]->cols,
                  NULL, NULL);
        as_is.columns = sh->columns;
        *sh = as_is;
    }
    const double *y[] = {in->q, in->k, in->v};
    const int64_t width[] = {in->dq, in->dk, in->dv};
    static const char *const rows[] = {"Q = X Wq", "K = X Wk", "V = X Wv"};
    static const char *const cols[] = {"Q = Wq I", "K = Wk I", "V = Wv I"};
    for (int i = 0; i < 3; i++)
        if (given[i])
            sheet_add(sh, i == 0, cli_strdup(c ? cols[i] : rows[i]), y[i],
                      i ? keys->rows : in->x.rows, width[i], i ? in->cols : in->rows,
                      NULL);
}

static int finish(const input *in, sheet *sh, double *concat, double **out,
                  int64_t *width)
{
    bool c = in->o->notation == 1;
    csv all = {.v = concat, .rows = in->x.rows, .cols = in->dv};
    *out = concat;
    *width = in->dv;
    if (in->h > 1)
        sheet_add(sh, true, cli_strdup("heads side by side"), concat, in->x.rows,
                  in->dv, in->rows, NULL);
    if (!in->o->wo) return 0;
    int rc = project(in, out, width, &all, &in->wo, in->o->wo);
    if (rc) return rc;
    sheet as_is = *sh;
    as_is.columns = false;
    sheet_add(&as_is, in->h == 1, cli_strdup("W_O"), in->wo.v, in->wo.rows, in->wo.cols,
              NULL, NULL);
    as_is.columns = sh->columns;
    *sh = as_is;
    sheet_add(sh, false, cli_strdup(c ? "W_O times them" : "times W_O"), *out,
              in->x.rows, *width, in->rows, NULL);
    return 0;
}

static int run_layer(input *in, sheet *sh, const csv *keys, const csv *values)
{
    double *concat, *out = NULL;
    int64_t width = 0;
    int rc = project(in, &in->q, &in->dq, &in->x, &in->wq, in->o->wq);
    if (!rc) rc = project(in, &in->k, &in->dk, keys, &in->wk, in->o->wk);
    if (!rc) rc = project(in, &in->v, &in->dv, values, &in->wv, in->o->wv);
    if (!rc) rc = check_sizes(in, keys, values);
    if (rc) return rc;
    show_projections(in, sh, keys, values);
    concat = cli_alloc((size_t)(in->x.rows * in->dv) + 1, sizeof *concat);
    for (int64_t i = 0; rc == 0 && i < in->h; i++)
        rc = one_head(in, sh, i, keys->rows, concat);
    if (!rc) rc = finish(in, sh, concat, &out, &width);
    if (!rc && in->o->stack > 1) {
        if (width != in->x.cols)
            rc = cli_fail("--layers: the output is %lld wide, the input %lld",
                          (long long)width, (long long)in->x.cols);
        else
            memcpy(in->x.v, out, (size_t)(in->x.rows * width) * sizeof *out);
    }
    if (out != concat) cli_free(out);
    cli_free(concat);
    cli_free(in->q), cli_free(in->k), cli_free(in->v);
    in->q = in->k = in->v = NULL;
    return rc;
}

int explain_input_steps(const explain_opts *o)
{
    input in = {.o = o};
    sheet sh = {.columns = o->notation == 1, .digits = o->digits};
    int rc = read_all(&in);
    const csv *keys = o->keys ? &in.keys : &in.x;
    const csv *values = o->values ? &in.values : keys;
    if (rc == 0) {
        in.rows = names_for(&in.x, "a");
        in.cols = names_for(keys, o->keys ? "k" : "a");
    }
    for (int32_t layer = 0; rc == 0 && layer < o->stack; layer++)
        rc = run_layer(&in, &sh, keys, values);
    if (rc == 0) rc = sheet_show(&sh, "Attention step by step", o);
    sheet_free(&sh);
    explain_free_labels(in.rows, in.x.rows);
    explain_free_labels(in.cols, keys->rows);
    csv *all[] = {&in.x,  &in.keys, &in.values,  &in.wq,     &in.wk,
                  &in.wv, &in.wo,   &in.weights, &in.score_w};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) csv_free(all[i]);
    return rc;
}
