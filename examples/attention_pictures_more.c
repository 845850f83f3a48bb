/* attention_pictures_more.c - the rest of docs/attention.md's pictures: what is stored (masks,
 * biases, priors), dropout, soft cap, groups of heads, decoding, a paged cache.
 *
 *     attention_pictures_more [DIRECTORY]      (default: the current one) */
#include "attention_pictures.h"

static float q[H_MAX * N * 8], k[H_MAX * N * 8];

/* Masks and biases that are stored: a mask per block (two kinds, in turn), and numbers that
 * are added to the scores, -Inf where a key is hidden. */
static void stored(void)
{
    static call c;
    static uint8_t mask[2 * 4 * 4];
    static float bias[N * N];
    att_tensor t;
    for (int i = 0; i < 16; i++) {
        mask[i] = 1;                           /* an inner block: all of it */
        mask[16 + i] = i / 4 / 2 == i % 4 / 2; /* at the edge: halves that are apart */
    }
    prepare(&c, q, k, 1, 8, 8, D);
    c.d.scale = 0.3f;
    c.d.block = 4;
    view(&t, mask, ATT_U8, 3, 2, 4, 4, 1);
    c.a.block_mask = &t;
    draw(&c, "mask_block_mask", "blocks of 4, a mask each", 0, NULL, NULL);
    for (int i = 0; i < N * N; i++) {
        int row = i / N, col = i % N;
        bias[i] = (col == 4 || col == 7) ? -INFINITY : row == col ? 2.0f : 0.0f;
    }
    prepare(&c, q, k, 1, N, N, D);
    c.d.scale = 0.3f;
    view(&t, bias, ATT_F32, 2, N, N, 1, 1);
    c.a.bias = &t;
    draw(&c, "bias", "bias: 2 for itself, two hidden", 0, NULL, NULL);
}

/* A decoder's last weights, then the weights with these as prior: pushed on by one key
 * (location), or away from what had its share (coverage). */
static void priors(void)
{
    enum { T = 6, S = 8 };
    static call c;
    static float zero[S * D], prior[T * S];
    static const char *const name[2] = {"prior_location", "prior_coverage"};
    static const char *const title[2] = {"location: + 4 \xc2\xb7 last, moved on",
                                         "coverage: \xe2\x88\x92"
                                         "2 \xc2\xb7 sum of all before"};
    static const float weight[2] = {4, -2};
    for (int i = 0; i < 2; i++) {
        const float *keys = i == 0 ? zero : k;
        att_tensor t, w;
        memset(prior, 0, sizeof prior);
        prior[0] = i == 0;
        for (int row = 0; row < T; row++) { /* a step of the decoder each */
            prepare(&c, q, keys, 1, T, S, D);
            view(&t, prior, ATT_F32, 4, 1, 1, T, S);
            view(&w, &weight[i], ATT_F32, 1, 1, 1, 1, 1);
            c.a.prior = &t, c.a.prior_w = &w;
            weigh(&c);
            for (int s = 0; row + 1 < T && s < S; s++)
                prior[(row + 1) * S + s] =
                    i == 0 ? (s > 0 ? c.weights[row * S + s - 1] : 0.0f)
                           : prior[row * S + s] + c.weights[row * S + s];
        }
        draw(&c, name[i], title[i], 0, NULL, NULL);
    }
}

/* ---- training, heads, decoding ---- */

/* What dropout leaves is seen through values that are the unit vectors: out = weights. */
static void dropped(void)
{
    static call c;
    static float unit[N * N], out[N * N];
    att_tensor v, o;
    att_attention_map m;
    att_view_opts opts;
    att_picture *p = NULL;
    for (int i = 0; i < N; i++) unit[i * N + i] = 1;
    prepare(&c, q, k, 1, N, N, D);
    c.d.scale = 0.3f;
    c.d.dropout = 0.4f;
    c.d.seed = 3;
    view(&v, unit, ATT_F32, 4, 1, 1, N, N);
    view(&o, out, ATT_F32, 4, 1, 1, N, N);
    c.a.v = &v, c.a.out = &o;
    check(att_attention_forward(&c.d, &c.a), "dropout");
    att_attention_map_init(&m);
    att_view_opts_init(&opts);
    m.kind = ATT_VIEW_OTHER;
    m.n_layers = m.n_heads = 1;
    m.rows = m.cols = N;
    m.weights = out;
    m.name = "";
    opts.title = "dropout 0.4";
    opts.numbers = 0;
    opts.cell = 16;
    opts.layer = opts.head = 1;
    att_status st = att_picture_matrix(&p, &m, &opts);
    save(p, st, "dropout");
}

/* softcap bends a score; shown is log of its weight against that of a key with score 0. */
static void caps(void)
{
    enum { POINTS = 81 };
    static const float one[1] = {1}, cap[3] = {0, 5, 2};
    static const char *const name[3] = {"no cap", "softcap 5", "softcap 2"};
    static double x[POINTS], y[3][POINTS];
    static call c;
    att_curve curves[3];
    att_curve_panel panel = {
        .y_name = "score that counts", .curves = curves, .n_curves = 3};
    att_picture *p = NULL;
    for (int i = 0; i < 3; i++) {
        for (int n = 0; n < POINTS; n++) {
            float e[2] = {0, (float)(n - POINTS / 2) * 0.25f};
            prepare(&c, one, e, 1, 1, 2, 1);
            c.d.softcap = cap[i];
            weigh(&c);
            x[n] = (double)e[1];
            y[i][n] = log((double)c.weights[1]) - log((double)c.weights[0]);
        }
        curves[i] = (att_curve){.name = name[i], .x = x, .y = y[i], .n = POINTS};
    }
    att_status st = curves_of(&p, &panel, "score", "softcap");
    save(p, st, "softcap");
}

/* Four query heads, two key heads: heads 1, 2 ask the same keys, and 3, 4 theirs. */
static void groups(void)
{
    static call c;
    att_attention_map m;
    att_view_opts o;
    att_picture *p = NULL;
    prepare(&c, q, k, 4, 8, 8, D);
    view(&c.k, k, ATT_F32, 4, 1, 2, 8, D);
    c.d.scale = 0.7f;
    weigh(&c);
    att_attention_map_init(&m);
    att_view_opts_init(&o);
    m.kind = ATT_VIEW_OTHER;
    m.n_layers = 1, m.n_heads = 4;
    m.rows = m.cols = 8;
    m.weights = c.weights;
    m.name = "";
    o.title = "four query heads, two key heads";
    o.max_width = 640;
    att_status st = att_picture_overview(&p, &m, &o);
    save(p, st, "groups");
}

/* Decoding word by word: every call has one query, the new word's, against all keys so
 * far. Its weights are the last row of the causal matrix of that length. */
static void decode(void)
{
    static call c;
    static float rows[8 * 8];
    for (int t = 0; t < 8; t++) {
        prepare(&c, q + t * D, k, 1, 1, t + 1, D);
        c.d.causal = 1;
        weigh(&c);
        memcpy(rows + t * 8, c.weights, (size_t)(t + 1) * sizeof(float));
    }
    prepare(&c, q, k, 1, 8, 8, D);
    c.d.causal = 1;
    weigh(&c);
    for (int i = 0; i < 64; i++)
        if (fabsf(rows[i] - c.weights[i]) > 1e-6f) failed = 1;
    prepare(&c, q + 7 * D, k, 1, 1, 8, D);
    c.d.causal = 1;
    static const char *const now[1] = {"word 8"};
    static const char *const words[8] = {"1", "2", "3", "4", "5", "6", "7", "8"};
    draw(&c, "decode", "one query, eight keys", 0, now, words);
}

/* Two sequences of 5 and 3 keys in a pool of six pages of two rows, handed out as they
 * grew; the same numbers come out of the pages as out of keys in a row. */
static void paged(void)
{
    enum { ROWS = 2, PAGES = 6, PER = 3, S = 5 };
    static const int32_t table[2 * PER] = {4, 1, 3, 0, 5, 0}, length[2] = {5, 3};
    static const char *const seq[2] = {"A", "B"}, *const nth[PER] = {"1", "2", "3"},
                             *const many[1] = {"keys"},
                             *const rows[ROWS] = {"row 0", "row 1"},
                             *const page[PAGES] = {"page 0", "page 1", "page 2",
                                                   "page 3", "page 4", "page 5"};
    static float pool[PAGES * ROWS * D], flat[2 * S * D];
    static double places[2 * PER], lengths_[2], held[2][PAGES * ROWS], shown[2 * D];
    static call c, one;
    att_tensor pages, lengths, to;
    att_view_opts o;
    att_picture *p = NULL;
    float out[2 * D], want[D];
    for (int i = 0; i < 2 * PAGES * ROWS; i++) held[i / (PAGES * ROWS)][i % 12] = NAN;
    for (int i = 0; i < 2 * PER; i++)
        places[i] = i % PER * ROWS < length[i / PER] ? table[i] : (double)NAN;
    for (int b = 0; b < 2; b++) {
        lengths_[b] = length[b];
        for (int s = 0; s < length[b]; s++) {
            int row = table[b * PER + s / ROWS] * ROWS + s % ROWS;
            memcpy(pool + row * D, k + (b * S + s) * D, D * sizeof(float));
            memcpy(flat + (b * S + s) * D, k + (b * S + s) * D, D * sizeof(float));
            held[b][row] = s + 1;
        }
    }
    prepare(&c, q, pool, 1, 1, S, D);
    view(&c.q, q, ATT_F32, 4, 2, 1, 1, D);
    view(&c.k, pool, ATT_F32, 4, PAGES, ROWS, 1, D);
    view(&pages, table, ATT_I32, 2, 2, PER, 1, 1);
    view(&lengths, length, ATT_I32, 1, 2, 1, 1, 1);
    c.a.page_table = &pages, c.a.k_lengths = &lengths;
    view(&to, out, ATT_F32, 4, 2, 1, 1, D);
    c.a.out = &to;
    check(att_attention_forward(&c.d, &c.a), "paged");
    for (int b = 0; b < 2; b++) {
        prepare(&one, q + b * D, flat + b * S * D, 1, 1, length[b], D);
        view(&to, want, ATT_F32, 4, 1, 1, 1, D);
        one.a.out = &to;
        check(att_attention_forward(&one.d, &one.a), "in a row");
        for (int i = 0; i < D; i++) {
            shown[b * D + i] = (double)out[b * D + i];
            if (fabsf(out[b * D + i] - want[i]) > 1e-6f) failed = 1;
        }
    }
    const att_sheet_item item[] = {
        {.title = "page_table",
         .values = places,
         .rows = 2,
         .cols = PER,
         .row_names = seq,
         .col_names = nth},
        {.title = "k_lengths",
         .values = lengths_,
         .rows = 2,
         .cols = 1,
         .row_names = seq,
         .col_names = many},
        {.title = "pool: keys of A",
         .values = held[0],
         .rows = PAGES,
         .cols = ROWS,
         .row_names = page,
         .col_names = rows,
         .new_line = 1},
        {.title = "pool: keys of B",
         .values = held[1],
         .rows = PAGES,
         .cols = ROWS,
         .row_names = page,
         .col_names = rows},
        {.title = "out",
         .values = shown,
         .rows = 2,
         .cols = D,
         .row_names = seq,
         .digits = 3},
    };
    att_view_opts_init(&o);
    o.title = "a paged cache: 5 and 3 keys in pages of 2 rows";
    o.max_width = 640;
    att_status st = att_picture_sheet(&p, item, sizeof item / sizeof item[0], &o);
    save(p, st, "paged");
}

int main(int argc, char **argv)
{
    if (argc > 1) folder = argv[1];
    fill(q, H_MAX * N * 8, 1, 2);
    fill(k, H_MAX * N * 8, 2, 2);
    stored();
    priors();
    dropped();
    caps();
    groups();
    decode();
    paged();
    return failed;
}
