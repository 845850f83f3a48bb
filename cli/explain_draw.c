/* explain_draw.c - one explanation, seen in one of the ways there are: in the terminal, as a
 * picture, or with all weights as a page or arrays. */
#include "attend/tape.h"
#include "explain_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct scene {
    const explain_opts *o;
    att_explainer *x;
    const att_explanation *e;
    att_attention_map map; /* what is drawn: of the model, or computed */
    char **rows, **cols;   /* labels */
    float *computed;       /* [rows,cols] of rollout, gradients, ... */
    double *heads;         /* [L,H] of entropy and distance */
    const char *title, *verb, *note;
    bool is_computed;
} scene;

enum { LINKS_IN_WORDS = 8, IG_STEPS = 64 };

/* --- choosing --------------------------------------------------------------------- */

int32_t explain_kind(const explain_opts *o, const att_explanation *e)
{
    static const int32_t kinds[] = {-1, ATT_VIEW_CROSS, ATT_VIEW_ENCODER,
                                    ATT_VIEW_DECODER, ATT_VIEW_OTHER};
    att_attention_map m;
    if (o->of) return kinds[o->of];
    if (o->view == VIEW_ALIGNMENT)
        return ATT_VIEW_CROSS; /* or say that there is none */
    bool self = o->view == VIEW_SELF;
    if (!self && att_explanation_find(e, &m, ATT_VIEW_CROSS) == ATT_OK)
        return ATT_VIEW_CROSS;
    bool pools = att_explanation_find(e, &m, ATT_VIEW_OTHER) == ATT_OK;
    if (pools && o->view == VIEW_TEXT)
        return ATT_VIEW_OTHER; /* where the label looked */
    if (att_explanation_find(e, &m, ATT_VIEW_ENCODER) == ATT_OK)
        return ATT_VIEW_ENCODER;
    if (att_explanation_find(e, &m, ATT_VIEW_DECODER) == ATT_OK)
        return ATT_VIEW_DECODER;
    return pools && !self ? ATT_VIEW_OTHER : ATT_VIEW_ENCODER;
}

/* Labels of a computed [T, cols] table: source, then prefix. */
static char **input_labels(const att_explanation *e, int64_t cols)
{
    int64_t s, t;
    const char *const *src = att_explanation_labels(e, ATT_SIDE_SOURCE, &s);
    const char *const *pre = att_explanation_labels(e, ATT_SIDE_PREFIX, &t);
    char **l = cli_alloc((size_t)cols + 1, sizeof *l);
    for (int64_t i = 0; i < cols; i++)
        l[i] = i < s    ? cli_strdup(src[i])
               : s == 0 ? cli_strdup(pre[i % t])
                        : cli_format("←%s", pre[(i - s) % t]);
    return l;
}

/* rows: how many the computed table has; without a decoder they are the source's. */
static void use_computed(scene *s, int64_t rows, int64_t cols, const char *title,
                         const char *verb)
{
    int64_t t;
    const char *const *said = att_explanation_tokens(s->e, ATT_SIDE_OUTPUT, &t);
    if (t != rows) said = att_explanation_tokens(s->e, ATT_SIDE_SOURCE, &t);
    att_attention_map_init(&s->map);
    s->map.kind = ATT_VIEW_OTHER;
    s->map.n_layers = s->map.n_heads = 1;
    s->map.rows = rows;
    s->map.cols = cols;
    s->map.weights = s->computed;
    s->map.name = title;
    s->map.row_axis = rows == t ? "output" : "token";
    s->map.col_axis = verb;
    s->is_computed = true;
    s->rows = explain_labels(s->e, said, rows);
    s->cols = input_labels(s->e, cols);
    s->title = title;
    s->verb = verb;
}

static int compute_paths(scene *s)
{
    int64_t rows, cols = 0;
    bool flow = s->o->view == VIEW_FLOW;
    (void)att_explanation_tokens(s->e, ATT_SIDE_PREFIX, &rows);
    if (rows == 0) (void)att_explanation_tokens(s->e, ATT_SIDE_SOURCE, &rows);
    att_status st = att_explain_rollout(s->e, NULL, &cols);
    if (st != ATT_OK) return cli_status(st);
    s->computed = cli_alloc((size_t)(rows * cols), sizeof *s->computed);
    st = (flow ? att_explain_flow : att_explain_rollout)(s->e, s->computed, NULL);
    if (st != ATT_OK) return cli_status(st);
    use_computed(s, rows, cols, flow ? "Attention flow" : "Attention rollout",
                 "goes back to");
    return 0;
}

static int compute_gradients(scene *s, bool plain)
{
    att_attention_map m;
    int64_t rows, cols;
    int32_t kind = explain_kind(s->o, s->e);
    att_status st = ATT_OK;
    (void)att_explanation_tokens(s->e, ATT_SIDE_OUTPUT, &rows);
    (void)att_explanation_tokens(s->e, ATT_SIDE_SOURCE, &cols);
    if (cols == 0) cols = rows;
    if (plain) st = att_explanation_find(s->e, &m, kind);
    if (st != ATT_OK) return cli_status(st);
    if (plain) cols = m.cols;
    s->computed = cli_alloc((size_t)(rows * cols) + 1, sizeof *s->computed);
    st = plain ? att_explain_gradient(s->x, s->e, kind, s->computed)
               : att_explain_integrated(s->x, s->e, IG_STEPS, s->computed, NULL);
    if (st != ATT_OK) return cli_status(st);
    s->note = att_explanation_map_count(s->e)
                  ? "Attention is not an explanation by itself: it says what was read, "
                    "gradients what the output hangs on."
                  : "This model has no attention: gradients say what the output hangs "
                    "on.";
    use_computed(s, rows, cols, plain ? "Gradient x attention" : "Integrated gradients",
                 "depends on");
    return 0;
}

static int choose(scene *s)
{
    switch (s->o->view) {
    case VIEW_ROLLOUT:
    case VIEW_FLOW: return compute_paths(s);
    case VIEW_GRADIENT: return compute_gradients(s, true);
    case VIEW_INTEGRATED: return compute_gradients(s, false);
    default: break;
    }
    if (s->o->view == VIEW_AUTO && att_explanation_map_count(s->e) == 0)
        return compute_gradients(s, false);
    att_status st = att_explanation_find(s->e, &s->map, explain_kind(s->o, s->e));
    if (st != ATT_OK) return cli_status(st);
    s->rows = explain_labels(s->e, s->map.row_tokens, s->map.rows);
    s->cols = explain_labels(s->e, s->map.col_tokens, s->map.cols);
    s->verb = "looks at";
    if (s->o->layer > s->map.n_layers || s->o->head > s->map.n_heads)
        return cli_fail(
            "layer %d, head %d: there are layers 1..%lld and heads 1..%lld, "
            "0 = the mean of all",
            s->o->layer, s->o->head, (long long)s->map.n_layers,
            (long long)s->map.n_heads);
    if (s->o->view == VIEW_ENTROPY || s->o->view == VIEW_DISTANCE) {
        size_t n = (size_t)(s->map.n_layers * s->map.n_heads);
        bool entropy = s->o->view == VIEW_ENTROPY;
        s->heads = cli_alloc(n, sizeof *s->heads);
        st = att_attention_statistics(&s->map, entropy ? s->heads : NULL,
                                      entropy ? NULL : s->heads);
        if (st != ATT_OK) return cli_status(st);
    }
    return 0;
}

static void release(scene *s)
{
    explain_free_labels(s->rows, s->map.rows);
    explain_free_labels(s->cols, s->map.cols);
    cli_free(s->computed);
    cli_free(s->heads);
}

/* What every column was given in all, for shading the text; of a text whose one label is
 * made of the first token, what that one looked at. */
static float *given(const scene *s, const float *w)
{
    int64_t said;
    att_attention_map pool;
    (void)att_explanation_tokens(s->e, ATT_SIDE_OUTPUT, &said);
    if (said == 1 && s->map.kind == ATT_VIEW_ENCODER &&
        att_explanation_find(s->e, &pool, ATT_VIEW_OTHER) != ATT_OK) {
        float *row = cli_alloc((size_t)s->map.cols, sizeof *row);
        memcpy(row, w, (size_t)s->map.cols * sizeof *row);
        return row;
    }
    float *sum = cli_alloc((size_t)s->map.cols, sizeof *sum);
    for (int64_t r = 0; r < s->map.rows; r++)
        for (int64_t c = 0; c < s->map.cols; c++)
            sum[c] += w[r * s->map.cols + c] / (float)s->map.rows;
    return sum;
}

/* --- pictures --------------------------------------------------------------------- */

static const char *map_name(const att_attention_map *m)
{
    static const char *const name[] = {"Cross-attention", "Encoder self-attention",
                                       "Decoder self-attention", "Attention"};
    return m->name ? m->name : name[m->kind];
}

static char **numbered(const char *what, int64_t n)
{
    char **l = cli_alloc((size_t)n + 1, sizeof *l);
    for (int64_t i = 0; i < n; i++)
        l[i] = cli_format("%s %lld", what, (long long)(i + 1));
    return l;
}

static const char *number_name(const scene *s)
{
    return s->o->view == VIEW_ENTROPY ? "entropy in nats (0 = one token, more = spread)"
                                      : "mean distance in tokens";
}

static att_status draw_heads(att_picture **p, const scene *s, att_view_opts *v)
{
    int64_t l = s->map.n_layers, h = s->map.n_heads;
    char **rows = numbered("layer", l), **cols = numbered("head", h);
    char *title = cli_format("%s of each head", map_name(&s->map));
    att_sheet_item one = {.title = number_name(s),
                          .values = s->heads,
                          .rows = l,
                          .cols = h,
                          .row_names = (const char *const *)rows,
                          .col_names = (const char *const *)cols,
                          .digits = 2};
    if (!v->title) v->title = title;
    att_status st = att_picture_sheet(p, &one, 1, v);
    v->title = NULL;
    explain_free_labels(rows, l);
    explain_free_labels(cols, h);
    cli_free(title);
    return st;
}

/* Words as people read them that still tell where the spaces are. */
static char **spaced(const scene *s)
{
    char **l = cli_alloc((size_t)s->map.cols + 1, sizeof *l);
    for (int64_t i = 0; i < s->map.cols; i++) {
        const char *piece = s->map.col_tokens[i], *word = s->cols[i];
        bool space = strncmp(piece, "▁", 3) == 0 || strncmp(piece, "Ġ", 2) == 0;
        bool there = strncmp(word, "▁", 3) == 0;
        l[i] = cli_format("%s%s", space && !there ? "▁" : "", word);
    }
    return l;
}

static att_status draw_text(att_picture **p, const scene *s, const att_view_opts *v)
{
    float *w = explain_one(&s->map, s->is_computed ? 0 : s->o->layer,
                           s->is_computed ? 0 : s->o->head);
    float *sum = given(s, w);
    char **words = spaced(s);
    att_status st =
        att_picture_shaded(p, (const char *const *)words, sum, s->map.cols, v);
    explain_free_labels(words, s->map.cols);
    cli_free(w);
    cli_free(sum);
    return st;
}

static int draw_picture(scene *s, const char *path)
{
    att_view_opts v;
    att_picture *p = NULL;
    att_attention_map m = s->map;
    att_status st;
    m.row_tokens = (const char *const *)s->rows;
    m.col_tokens = (const char *const *)s->cols;
    att_view_opts_init(&v);
    v.layer = s->is_computed ? 0 : s->o->layer;
    v.head = s->is_computed ? 0 : s->o->head;
    v.threshold = s->o->threshold;
    v.dark = s->o->dark;
    v.colours = s->o->colours;
    v.title = s->o->title ? s->o->title : s->title;
    switch (s->o->view) {
    case VIEW_OVERVIEW: st = att_picture_overview(&p, &m, &v); break;
    case VIEW_LINKS: st = att_picture_links(&p, &m, &v); break;
    case VIEW_BOTH_WAYS: st = att_picture_both(&p, &m, NULL, &v); break;
    case VIEW_TEXT: st = draw_text(&p, s, &v); break;
    case VIEW_ENTROPY:
    case VIEW_DISTANCE: st = draw_heads(&p, s, &v); break;
    case VIEW_GRADIENT:
    case VIEW_INTEGRATED:
    default: st = att_picture_matrix(&p, &m, &v); break;
    }
    if (st != ATT_OK) return cli_status(st);
    int rc = explain_save(p, path, "attend explain");
    att_picture_destroy(p);
    return rc;
}

/* Everything at once: all maps, and what was computed beside them. */
static int write_maps(scene *s, const char *end)
{
    att_attention_map m[8];
    att_view_opts v;
    int64_t n = att_explanation_map_count(s->e);
    att_status st = ATT_OK;
    char *title;
    for (int64_t i = 0; i < n && st == ATT_OK; i++)
        st = att_explanation_map(s->e, &m[i], i);
    /* Data keeps the vocabulary's pieces. */
    for (int64_t i = 0; i < n && st == ATT_OK && strcmp(end, ".html") == 0; i++) {
        m[i].row_tokens = explain_words(s->e, m[i].row_tokens);
        m[i].col_tokens = explain_words(s->e, m[i].col_tokens);
    }
    if (st != ATT_OK) return cli_status(st);
    if (s->is_computed && n < 8) {
        m[n] = s->map;
        m[n].row_tokens = (const char *const *)s->rows;
        m[n++].col_tokens = (const char *const *)s->cols;
    }
    att_view_opts_init(&v);
    v.layer = s->is_computed ? 0 : s->o->layer;
    v.head = s->is_computed ? 0 : s->o->head;
    v.dark = s->o->dark;
    title = cli_format("%s → %s", s->o->text, att_explanation_output(s->e));
    v.title = s->o->title ? s->o->title : title;
    /* The page opens with what was asked for. */
    for (int64_t i = 1; i < n && strcmp(end, ".html") == 0; i++) {
        if (m[i].weights != s->map.weights) continue;
        att_attention_map first = m[i];
        m[i] = m[0];
        m[0] = first;
        break;
    }
    if (strcmp(end, ".html") == 0)
        st = att_view_html(s->o->output, m, n, &v);
    else if (strcmp(end, ".json") == 0)
        st = att_view_bertviz(s->o->output, m, n, &v);
    else
        st = att_view_npz(s->o->output, m, n);
    cli_free(title);
    return st == ATT_OK ? EXIT_FINE : cli_status(st);
}

/* --- the terminal ----------------------------------------------------------------- */

/* What a head looks like, by where its weights lie. */
static const char *habit(const att_attention_map *m, const float *w, double *share)
{
    double at[5] = {0}; /* previous, same, next, first, last */
    static const char *const name[] = {"previous token", "same token", "next token",
                                       "first token", "last token (</s>)"};
    int best = 0;
    bool self = m->kind == ATT_VIEW_ENCODER || m->kind == ATT_VIEW_DECODER;
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t c = 0; c < m->cols; c++) {
            double a = (double)w[r * m->cols + c] / (double)m->rows;
            if (self && c >= r - 1 && c <= r + 1) at[c - r + 1] += a;
            if (c == 0) at[3] += a;
            if (c == m->cols - 1) at[4] += a;
        }
    for (int i = 1; i < 5; i++)
        if (at[i] > at[best]) best = i;
    *share = at[best];
    return at[best] >= 0.5 ? name[best] : self ? "mixed" : "words";
}

static int print_overview(const scene *s)
{
    const att_attention_map *m = &s->map;
    size_t n = (size_t)(m->n_layers * m->n_heads);
    double *entropy = cli_alloc(n, sizeof *entropy), share;
    double *distance = cli_alloc(n, sizeof *distance);
    att_status st = att_attention_statistics(m, entropy, distance);
    if (st != ATT_OK) return cli_status(st);
    explain_heading(cli_format("%s, %lld layers x %lld heads", map_name(m),
                               (long long)m->n_layers, (long long)m->n_heads));
    printf("  layer  head  entropy  distance  mostly\n");
    for (size_t i = 0; i < n; i++) {
        const char *what =
            habit(m, m->weights + (int64_t)i * m->rows * m->cols, &share);
        printf("  %5lld  %4lld  %7.2f  %8.2f  %s (%.0f %%)\n",
               (long long)((int64_t)i / m->n_heads + 1),
               (long long)((int64_t)i % m->n_heads + 1), entropy[i], distance[i], what,
               100 * share);
    }
    cli_free(entropy);
    cli_free(distance);
    return EXIT_FINE;
}

static int print_heads(const scene *s)
{
    const att_attention_map *m = &s->map;
    char **rows = numbered("layer", m->n_layers), **cols = numbered("head", m->n_heads);
    explain_heading(cli_format("%s: %s", map_name(m), number_name(s)));
    explain_print_numbers(s->heads, m->n_layers, m->n_heads, rows, cols, 2);
    explain_free_labels(rows, m->n_layers);
    explain_free_labels(cols, m->n_heads);
    return EXIT_FINE;
}

/* The text with darker words where more was looked at. */
static void print_shaded(const float *w, char *const *words, int64_t n)
{
    static const char *const styles[] = {"2", "0", "36", "1;36", "1;7;36"};
    float top = 0;
    for (int64_t c = 0; c < n; c++) top = fmaxf(top, fabsf(w[c]));
    for (int64_t c = 0; c < n; c++) {
        int level = top > 0 ? (int)(4.99f * fabsf(w[c]) / top) : 0;
        const char *style = term_style(stdout, styles[level]);
        printf("%s%s%s", style, words[c], term_style(stdout, "0"));
        if (!*style) printf("(%.2f)", (double)w[c]);
        putchar(' ');
    }
    putchar('\n');
}

static void print_text(const scene *s, const float *w)
{
    float *sum = given(s, w);
    print_shaded(sum, s->cols, s->map.cols);
    cli_free(sum);
}

/* A classifier whose words were pooled by attention: where its label looked. */
static void print_pooling(const scene *s)
{
    att_attention_map m;
    if (s->o->view != VIEW_AUTO || s->o->of || s->map.kind == ATT_VIEW_OTHER ||
        att_explanation_find(s->e, &m, ATT_VIEW_OTHER) != ATT_OK)
        return;
    float *w = explain_one(&m, 0, 0);
    explain_heading(cli_format("%s, mean of all heads", map_name(&m)));
    print_shaded(w, s->cols, m.cols);
    cli_free(w);
}

static void print_tokens(const char *what, const att_explanation *e, int32_t side)
{
    int64_t n;
    const char *const *t = att_explanation_tokens(e, side, &n);
    if (n == 0) return;
    printf("%s%-8s%s", term_style(stdout, "2"), what, term_style(stdout, "0"));
    for (int64_t i = 0; i < n; i++) printf(" %s", t[i]);
    putchar('\n');
}

static int print_scene(scene *s)
{
    const att_attention_map *m = &s->map;
    int64_t n;
    (void)att_explanation_tokens(s->e, ATT_SIDE_SOURCE, &n);
    print_tokens("tokens", s->e, n ? ATT_SIDE_SOURCE : ATT_SIDE_PREFIX);
    print_tokens("output", s->e, ATT_SIDE_OUTPUT);
    printf("%s%-8s%s %s\n", term_style(stdout, "2"), "text", term_style(stdout, "0"),
           att_explanation_output(s->e));
    if (s->o->view == VIEW_OVERVIEW) return print_overview(s);
    if (s->heads) return print_heads(s);
    int32_t layer = s->is_computed ? 0 : s->o->layer;
    int32_t head = s->is_computed ? 0 : s->o->head;
    float *w = explain_one(m, layer, head);
    if (!w) return EXIT_FAILED;
    if (s->is_computed) {
        explain_heading(s->title);
    } else {
        char *l = layer ? cli_format("layer %d", layer) : cli_strdup("all layers");
        char *h = head ? cli_format("head %d", head)
                       : cli_strdup(layer ? "mean of its heads" : "mean of all heads");
        explain_heading(cli_format("%s, %s, %s", map_name(m), l, h));
    }
    if (s->o->view == VIEW_TEXT)
        print_text(s, w);
    else
        explain_print_shades(w, m->rows, m->cols, s->rows, s->cols, 0);
    explain_heading("Strongest links");
    explain_print_links(w, m->rows, m->cols, s->rows, s->cols, LINKS_IN_WORDS, s->verb);
    if (s->o->view == VIEW_BOTH_WAYS && m->rows == m->cols) {
        float *turned = cli_alloc((size_t)(m->rows * m->cols), sizeof *turned);
        for (int64_t r = 0; r < m->rows; r++)
            for (int64_t c = 0; c < m->cols; c++)
                turned[c * m->rows + r] = w[r * m->cols + c];
        explain_heading("The other way round");
        explain_print_links(turned, m->cols, m->rows, s->cols, s->rows, LINKS_IN_WORDS,
                            "is looked at by");
        cli_free(turned);
    }
    print_pooling(s);
    if (s->note) printf("\n%s\n", s->note);
    cli_free(w);
    return EXIT_FINE;
}

int explain_draw(const explain_opts *o, att_explainer *x, const att_explanation *e)
{
    scene s = {.o = o, .x = x, .e = e};
    int rc = choose(&s);
    if (rc == 0 && !o->output) rc = print_scene(&s);
    if (rc == 0 && o->output) {
        char *end = explain_ending(o->output);
        bool data = strcmp(end, ".json") == 0 || strcmp(end, ".npz") == 0;
        if (data || strcmp(end, ".html") == 0)
            rc = write_maps(&s, end);
        else
            rc = draw_picture(&s, o->output);
        if (rc == 0) cli_say("%s: %s", att_explanation_output(e), o->output);
    }
    release(&s);
    return rc;
}
