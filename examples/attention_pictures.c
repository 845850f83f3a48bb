/* attention_pictures.c - draws the pictures of docs/attention.md: every weight in them comes
 * from att_attention_weights, every position from att_nn_sinusoids or from the call itself.
 *
 *     attention_pictures [DIRECTORY]      (default: the current one) */
#include "attention_pictures.h"

static float q[H_MAX * N * 8], k[H_MAX * N * 8];

/* ---- the first pages: X X^T, the library, an alignment ---- */

static void beginnings(void)
{
    static call c;
    static const float x[15] = {1, 2, 1, 2, 1, 1, 1, 3, 2, 1, 3, 1, 2, 1, 1};
    static const char *const names[3] = {"x1", "x2", "x3"};
    prepare(&c, x, x, 1, 3, 3, 5);
    c.d.scale = 1;
    draw(&c, "simplest", "softmax(X X\xe1\xb5\x80)", 1, names, names);

    static const float ask[3] = {2, 1.5f, -1};
    static const float spine[9] = {2, 2, 0, 1.5f, 2, -0.5f, -1, 0, 3};
    static const char *const query[1] = {"animation?"};
    static const char *const books[3] = {"anime", "film", "World War II"};
    prepare(&c, ask, spine, 1, 1, 3, 3);
    draw(&c, "library", "which book?", 1, query, books);
}

/* ---- scores and normalisers over the same vectors ---- */

static void scores(void)
{
    static call c;
    float w[D * D];
    att_tensor t;
    static const char *const name[5] = {"score_dot", "score_bilinear", "score_additive",
                                        "score_gat", "score_cosine"};
    static const char *const title[5] = {"q \xc2\xb7 k / \xe2\x88\x9a"
                                         "D",
                                         "q\xe1\xb5\x80 W k", "w \xc2\xb7 tanh(q + k)",
                                         "w \xc2\xb7 LeakyReLU(q + k)", "4 cos(q, k)"};
    fill(w, D * D, 5, 1.5f);
    for (int i = 0; i < 5; i++) {
        prepare(&c, q, k, 1, 8, 8, D);
        c.d.score = i;
        if (i == ATT_SCORE_COSINE) c.d.scale = 4;
        view(&t, w, ATT_F32, i == ATT_SCORE_BILINEAR ? 2 : 1, D, D, 1, 1);
        if (i >= ATT_SCORE_BILINEAR && i <= ATT_SCORE_GAT) c.a.score_w = &t;
        draw(&c, name[i], title[i], 0, NULL, NULL);
    }
}

static void normalisers(void)
{
    static call c;
    static const char *const name[6] = {"norm_softmax",  "norm_relu",
                                        "norm_relu_row", "norm_argmax",
                                        "norm_sample",   "norm_sparsemax"};
    static const char *const title[6] = {"softmax", "ReLU",   "ReLU by row",
                                         "argmax",  "sample", "sparsemax"};
    for (int i = 0; i < 6; i++) {
        prepare(&c, q, k, 1, 8, 8, D);
        c.d.normalise = i;
        c.d.seed = 2;
        draw(&c, name[i], title[i], 0, NULL, NULL);
    }
}

static void temperatures(void)
{
    enum { POINTS = 60, KEYS = 4 };
    static const float one[1] = {1}, e[KEYS] = {2, 1.5f, 0.5f, -1};
    static double x[POINTS], y[KEYS][POINTS];
    static const char *const name[KEYS] = {"e = 2", "e = 1.5", "e = 0.5", "e = -1"};
    static call c;
    att_curve curves[KEYS];
    att_curve_panel panel = {.y_name = "weight", .curves = curves, .n_curves = KEYS};
    att_picture *p = NULL;
    for (int i = 0; i < POINTS; i++) {
        x[i] = 0.05 + 0.08 * i;
        prepare(&c, one, e, 1, 1, KEYS, 1);
        c.d.temperature = (float)x[i];
        weigh(&c);
        for (int s = 0; s < KEYS; s++) y[s][i] = (double)c.weights[s];
    }
    for (int s = 0; s < KEYS; s++)
        curves[s] = (att_curve){.name = name[s], .x = x, .y = y[s], .n = POINTS};
    att_status st = curves_of(&p, &panel, "temperature", "softmax(e / temperature)");
    save(p, st, "temperature");
}

/* ---- who sees whom ---- */

static void masks(void)
{
    static call c;
    static const int64_t row_ptr[N + 1] = {0, 3, 5, 6, 9, 11, 14, 16, 17, 20, 22};
    static const int32_t col[22] = {0, 3, 7, 1, 4, 2, 0, 3, 5, 1, 4,
                                    3, 5, 8, 6, 9, 7, 5, 8, 9, 6, 9};
    static const char *const title[8] = {
        "all",         "causal",       "window 2, 1", "causal window 2, one sink",
        "blocks of 4", "8 keys there", "edges",       "learned sink"};
    static const char *const name[8] = {"mask_all",   "mask_causal", "mask_window",
                                        "mask_sinks", "mask_blocks", "mask_lengths",
                                        "mask_edges", "mask_logit"};
    int32_t length = 8;
    float sink = 1.5f;
    att_tensor t;
    for (int i = 0; i < 8; i++) {
        prepare(&c, q, k, 1, N, N, D);
        c.d.scale = 0.3f; /* mild, so that what is seen shows */
        if (i == 1 || i == 3) c.d.causal = 1;
        if (i == 2 || i == 3) c.d.left = 2;
        if (i == 2) c.d.right = 1;
        if (i == 3) c.d.sinks = 1;
        if (i == 4) c.d.block = 4;
        view(&t, &length, ATT_I32, 1, 1, 1, 1, 1);
        if (i == 5) c.a.k_lengths = &t;
        if (i == 7) {
            view(&t, &sink, ATT_F32, 1, 1, 1, 1, 1);
            c.a.sink_logit = &t;
        }
        if (i == 6) { /* a matrix of what the edges hold */
            att_tensor p, cols, w;
            att_attention_observe o;
            float alpha[22];
            view(&p, row_ptr, ATT_I64, 1, N + 1, 1, 1, 1);
            view(&cols, col, ATT_I32, 1, 22, 1, 1, 1);
            view(&w, alpha, ATT_F32, 2, 22, 1, 1, 1);
            c.a.edge_row_ptr = &p, c.a.edge_col = &cols;
            att_attention_observe_init(&o);
            o.weights = &w;
            check(att_attention_weights(&c.d, &c.a, &o), "edges");
            float bias[N * N];
            for (int b = 0; b < N * N; b++) bias[b] = -INFINITY;
            for (int r = 0; r < N; r++)
                for (int64_t e = row_ptr[r]; e < row_ptr[r + 1]; e++)
                    bias[r * N + col[e]] = 0;
            c.a.edge_row_ptr = c.a.edge_col = NULL;
            view(&t, bias, ATT_F32, 2, N, N, 1, 1);
            c.a.bias = &t;
            draw(&c, name[i], title[i], 0, NULL, NULL);
            for (int r = 0; r < N; r++) /* the two calls agree */
                for (int64_t e = row_ptr[r]; e < row_ptr[r + 1]; e++)
                    if (fabsf(alpha[e] - c.weights[r * N + col[e]]) > 1e-6f) failed = 1;
            continue;
        }
        draw(&c, name[i], title[i], 0, NULL, NULL);
    }
}

/* Nine heads, each at one neighbour of a pixel: what a 3 x 3 convolution sees. */
static void convolution(void)
{
    enum { W = 6, P = W * W };
    static float zero[9 * P], bias[9 * P * P];
    static call c;
    static float w[9 * P * P];
    att_tensor t;
    att_attention_map m;
    att_view_opts o;
    att_picture *p = NULL;
    for (int h = 0; h < 9; h++)
        for (int i = 0; i < P; i++) {
            int y = i / W + h / 3 - 1, x = i % W + h % 3 - 1;
            for (int s = 0; s < P; s++) bias[(h * P + i) * P + s] = -INFINITY;
            if (y >= 0 && y < W && x >= 0 && x < W)
                bias[(h * P + i) * P + y * W + x] = 0;
        }
    prepare(&c, zero, zero, 9, P, P, 1);
    view(&t, bias, ATT_F32, 4, 1, 9, P, P);
    c.a.bias = &t;
    weigh(&c);
    memcpy(w, c.weights, sizeof w);
    att_attention_map_init(&m);
    att_view_opts_init(&o);
    m.kind = ATT_VIEW_OTHER;
    m.n_layers = 1, m.n_heads = 9;
    m.rows = m.cols = P;
    m.weights = w;
    m.name = "";
    o.title = "one layer: nine heads, nine neighbours";
    o.max_width = 900;
    att_status st = att_picture_overview(&p, &m, &o);
    save(p, st, "convolution");
}

/* ---- positions ---- */

static void heat(const float *x, int rows, int cols, const char *name,
                 const char *title, const char *row_name, const char *col_name,
                 int first)
{
    att_heat h;
    att_view_opts o;
    att_picture *p = NULL;
    att_heat_init(&h);
    att_view_opts_init(&o);
    h.values = x;
    h.rows = rows, h.cols = cols;
    h.first_row = first;
    h.row_name = row_name, h.col_name = col_name;
    o.colours = ATT_COLOURS_DUSK;
    o.title = title;
    att_status st = att_picture_heat(&p, &h, &o);
    save(p, st, name);
}

static void sinusoids(void)
{
    enum { P = 64, C = 64 };
    static float x[P * C], near[P * P];
    check(att_nn_sinusoids(x, P, C, ATT_NN_POS_INTERLEAVED, 0, 0), "sinusoids");
    for (int i = 0; i < P; i++)
        for (int j = 0; j < P; j++) {
            near[i * P + j] = 0;
            for (int n = 0; n < C; n++) near[i * P + j] += x[i * C + n] * x[j * C + n];
        }
    heat(x, P, C, "pos_interleaved", "sin and cos interleaved", NULL, NULL, 0);
    heat(near, P, P, "pos_products", "products of positions", "position", "position",
         0);
    check(att_nn_sinusoids(x, P, C, ATT_NN_POS_HALVES, 1, 0), "sinusoids");
    heat(x, P, C, "pos_halves", "halves, counting from 1", NULL, NULL, 1);
}

/* What a term adds to the score of one query in the middle, by distance: log of the weight
 * against that without the term (softmax's shift taken out at distance 0). */
static void distances(void)
{
    enum { T = 33, R = 16 };
    static const char *const name[4] = {"RoPE", "ALiBi", "T5", "Shaw"};
    static float ones[T * R], table[8], rel[17 * R];
    static double x[T], y[4][T];
    static call c;
    att_curve curves[4];
    att_curve_panel panel = {
        .y_name = "added to the score", .curves = curves, .n_curves = 4};
    att_picture *p = NULL;
    att_tensor t;
    for (int i = 0; i < T * R; i++) ones[i] = 1;
    fill(table, 8, 3, 2);
    for (int j = 0; j < 17; j++)
        for (int n = 0; n < R; n++)
            rel[j * R + n] = 0.4f * (float)sin(0.8 * j) * (float)exp(-0.1 * j);
    for (int i = 0; i < 4; i++) {
        prepare(&c, ones, ones, 1, T, T, R);
        if (i == 0) c.d.rope = ATT_ROPE_HALF;
        if (i == 1) c.d.alibi = 1;
        float slope = 0.15f;
        view(&t, &slope, ATT_F32, 1, 1, 1, 1, 1);
        if (i == 1) c.a.alibi_slopes = &t;
        if (i == 2) {
            c.d.t5_buckets = 8, c.d.t5_bidirectional = 1, c.d.t5_max_distance = 16;
            view(&t, table, ATT_F32, 2, 8, 1, 1, 1);
            c.a.t5_table = &t;
        }
        if (i == 3) {
            c.d.shaw_clip = 8;
            view(&t, rel, ATT_F32, 2, 17, R, 1, 1);
            c.a.rel_k = &t;
        }
        weigh(&c);
        for (int s = 0; s < T; s++) {
            const float *row = c.weights + (T / 2) * T;
            x[s] = s - T / 2;
            y[i][s] = log((double)row[s]) - log((double)row[T / 2]);
        }
        curves[i] = (att_curve){.name = name[i], .x = x, .y = y[i], .n = T};
    }
    att_status st =
        curves_of(&p, &panel, "key minus query", "what a distance adds to the score");
    save(p, st, "pos_distance");
}

/* ---- heads ---- */

static void layer(void)
{
    static const att_box box[] = {
        {"x", "[N, 512]", 1, 0, 1},
        {"Wq", "[512, 512]", 0, 1, 2},
        {"Wk", "[512, 512]", 1, 1, 2},
        {"Wv", "[512, 512]", 2, 1, 2},
        {"8 heads of 64", "q", 0, 2, 0},
        {"8 heads of 64", "k", 1, 2, 0},
        {"8 heads of 64", "v", 2, 2, 0},
        {"softmax(q k\xe1\xb5\x80 / 8)", "8 x [T, S]", 0.5, 3, 3},
        {"weights times v", "8 x [T, 64]", 1.2, 4, 3},
        {"side by side, times Wo", "[512, 512]", 1, 5, 2},
        {"y", "[N, 512]", 1, 6, 1}};
    static const att_box_arrow arrow[] = {
        {0, 1, 0, NULL}, {0, 2, 0, NULL}, {0, 3, 0, NULL}, {1, 4, 0, NULL},
        {2, 5, 0, NULL}, {3, 6, 0, NULL}, {4, 7, 0, NULL}, {5, 7, 0, NULL},
        {7, 8, 0, NULL}, {6, 8, 0, NULL}, {8, 9, 0, NULL}, {9, 10, 0, NULL}};
    att_diagram d;
    att_view_opts o;
    att_picture *p = NULL;
    att_diagram_init(&d);
    att_view_opts_init(&o);
    o.title = "multi-head attention";
    d.boxes = box, d.n_boxes = sizeof box / sizeof box[0];
    d.arrows = arrow, d.n_arrows = sizeof arrow / sizeof arrow[0];
    att_status st = att_picture_diagram(&p, &d, &o);
    save(p, st, "layer");
}

int main(int argc, char **argv)
{
    if (argc > 1) folder = argv[1];
    fill(q, H_MAX * N * 8, 1, 2);
    fill(k, H_MAX * N * 8, 2, 2);
    beginnings();
    scores();
    normalisers();
    temperatures();
    masks();
    convolution();
    sinusoids();
    distances();
    layer();
    return failed;
}
