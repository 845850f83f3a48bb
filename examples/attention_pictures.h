/* attention_pictures.h - what the two programs that draw docs/attention.md share: a call,
 * its weights, a picture of them in a file. */
#ifndef ATTEND_EXAMPLES_ATTENTION_PICTURES_H
#define ATTEND_EXAMPLES_ATTENTION_PICTURES_H

#include <attend/attention.h>
#include <attend/nn.h>
#include <attend/view.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 10, D = 4, H_MAX = 9, MOST = 36 };

static const char *folder = ".";
static int failed;

static void check(att_status st, const char *what)
{
    if (st == ATT_OK) return;
    fprintf(stderr, "%s: %s\n", what, att_error_message());
    failed = 1;
}

static void save(att_picture *p, att_status st, const char *name)
{
    char path[1024];
    check(st, name);
    if (st != ATT_OK) return;
    snprintf(path, sizeof path, "%s/%s.svg", folder, name);
    check(att_picture_save(p, path), path);
    att_picture_destroy(p);
}

static att_status curves_of(att_picture **p, const att_curve_panel *panel,
                            const char *x_name, const char *title)
{
    att_view_opts o;
    att_view_opts_init(&o);
    o.title = title;
    o.max_width = 640;
    return att_picture_curves(p, panel, 1, x_name, &o);
}

/* ---- one call ---- */

typedef struct call {
    att_attention_desc d;
    att_attention_args a;
    att_tensor q, k, w;
    int64_t h, t, s;
    float weights[H_MAX * MOST * MOST];
} call;

static void view(att_tensor *t, const void *data, att_dtype dtype, int ndim, int64_t a,
                 int64_t b, int64_t c, int64_t d)
{
    const int64_t shape[4] = {a, b, c, d};
    union {
        const void *in;
        void *out;
    } u = {data};
    check(att_tensor_view(t, u.out, dtype, ndim, shape), "view");
}

static void prepare(call *c, const float *q, const float *k, int64_t h, int64_t t,
                    int64_t s, int64_t d)
{
    memset(c, 0, sizeof *c);
    att_attention_desc_init(&c->d);
    att_attention_args_init(&c->a);
    view(&c->q, q, ATT_F32, 4, 1, h, t, d);
    view(&c->k, k, ATT_F32, 4, 1, h, s, d);
    c->a.q = &c->q;
    c->a.k = c->a.v = &c->k;
    c->h = h, c->t = t, c->s = s;
}

static void weigh(call *c)
{
    att_attention_observe o;
    att_attention_observe_init(&o);
    view(&c->w, c->weights, ATT_F32, 4, 1, c->h, c->t, c->s);
    o.weights = &c->w;
    check(att_attention_weights(&c->d, &c->a, &o), "weights");
}

/* opts: numbers, colours; tokens may be NULL. */
static void draw(call *c, const char *name, const char *title, int numbers,
                 const char *const *rows, const char *const *cols)
{
    att_attention_map m;
    att_view_opts o;
    att_picture *p = NULL;
    weigh(c);
    att_attention_map_init(&m);
    att_view_opts_init(&o);
    m.kind = ATT_VIEW_OTHER;
    m.n_layers = 1, m.n_heads = c->h;
    m.rows = c->t, m.cols = c->s;
    m.weights = c->weights;
    m.row_tokens = rows, m.col_tokens = cols;
    m.name = "";
    o.title = title;
    o.numbers = numbers;
    o.cell = numbers ? 0 : 16;
    o.layer = o.head = 1;
    att_status st = att_picture_matrix(&p, &m, &o);
    save(p, st, name);
}

/* Numbers without a pattern, the same on every machine. */
static void fill(float *x, int n, unsigned seed, float size)
{
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = size * ((float)(seed >> 8) / 8388608.0f - 1.0f);
    }
}

#endif
