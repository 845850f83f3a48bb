/* cmd_explain_positions.c - attend explain positions: what a model is told about places. */
#include "explain_sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SINUSOIDAL, LEARNED, HAND_SET, RELATIVE, ROPE, ALIBI };
enum { SIDE_MAX = 16384, PRINT_ROWS = 16, PRINT_COLS = 8 };

typedef struct position_opts {
    cli_common c;
    const char *model, *output, *title, *extent, *input;
    int32_t kind, layout, origin, dark, digits, head, heads, clip;
} position_opts;

#define ROW(member) OPT_ROW(position_opts, member)

static const opt options[] = {
    {.name = "kind",
     .kind = OPT_CHOICE,
     .arg = "KIND",
     .choices = "sinusoidal|learned|hand-set|relative|rope|alibi",
     ROW(kind),
     .help =
         "sinusoidal (Vaswani et al. 2017), learned (a model's table), hand-set (one "
         "dimension a position, or --input), relative (distances, clipped), rope "
         "(rotations), alibi (a slope a head)"},
    {.name = "layout",
     .kind = OPT_CHOICE,
     .arg = "HOW",
     .choices = "interleaved|half-split",
     ROW(layout),
     .help = "sin and cos side by side, or all sines first"},
    {.name = "origin",
     .kind = OPT_I32,
     .arg = "0|1",
     .lo = 0,
     .hi = 1,
     ROW(origin),
     .help = "the number of the first position"},
    {.name = "size",
     .kind = OPT_STR,
     .arg = "PxC",
     ROW(extent),
     .help = "positions x dimensions (default: 128x512, or the model's width)"},
    PICTURE_ROW_MODEL(position_opts, "take width and learned tables from this model"),
    {.name = "input",
     .kind = OPT_STR,
     .arg = "CSV",
     ROW(input),
     .help = "hand-set: the table itself"},
    {.name = "head",
     .kind = OPT_I32,
     .arg = "H",
     .lo = 1,
     .hi = 1024,
     ROW(head),
     .help = "alibi: whose slope"},
    {.name = "heads",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 1024,
     ROW(heads),
     .flags = OPT_NO_DEFAULT,
     .help = "alibi: of how many heads (default: the model's, or 8)"},
    {.name = "clip",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 16384,
     ROW(clip),
     .help = "relative: distances beyond it are all the same"},
    PICTURE_ROW_OUTPUT(
        position_opts,
        "a picture: .png, .svg, .pdf or .html (default: numbers in the terminal)"),
    PICTURE_ROW_DIGITS(position_opts),
    PICTURE_ROW_DARK(position_opts),
    PICTURE_ROW_TITLE(position_opts, "its title"),
};

static void defaults(void *opts)
{
    position_opts *o = opts;
    o->digits = 4;
    o->head = 1;
    o->clip = 16;
}

typedef struct table {
    const position_opts *o;
    double *v;
    int64_t rows, cols;
    const char *col_name;
    char *title;
    double theta;  /* of sinusoids and rotations */
    int32_t heads; /* ALiBi */
} table;

static int read_size(table *t)
{
    const char *s = t->o->extent;
    char *end;
    if (!s) return 0;
    long long p = strtoll(s, &end, 10), c = 0;
    bool good = end != s && (*end == 'x' || *end == 'X');
    if (good) {
        const char *second = end + 1;
        c = strtoll(second, &end, 10);
        good = end != second && !*end;
    }
    if (!good || p < 1 || c < 1 || p > SIDE_MAX || c > SIDE_MAX)
        return cli_usage("explain positions",
                         "explain positions: --size '%s' is not PxC with 1..%d each", s,
                         SIDE_MAX);
    t->rows = p;
    t->cols = c;
    return 0;
}

/* The first tensor whose name ends so. */
static bool find_tensor(const att_model *m, const char *ending, att_tensor *view)
{
    for (int64_t i = 0; i < att_model_tensor_count(m); i++) {
        const char *name = att_model_tensor_name(m, i);
        size_t n = strlen(name), k = strlen(ending);
        if (n >= k && strcmp(name + n - k, ending) == 0)
            return att_model_tensor(m, view, name) == ATT_OK;
    }
    return false;
}

static void copy_tensor(table *t, const att_tensor *x)
{
    const float *f = x->data;
    t->rows = x->shape[0];
    t->cols = x->shape[1];
    t->v = cli_alloc((size_t)(t->rows * t->cols), sizeof *t->v);
    for (int64_t i = 0; i < t->rows * t->cols; i++) t->v[i] = (double)f[i];
}

/* The first of these keys that config.json has as a number; 0: none. */
static double config_number(const att_model *m, const char *const *keys)
{
    for (; *keys; keys++) {
        char *quoted = cli_format("\"%s\"", *keys);
        const char *p = strstr(att_model_config_json(m), quoted);
        double v =
            p ? strtod(p + strlen(quoted) + strspn(p + strlen(quoted), " :\n"), NULL)
              : 0;
        cli_free(quoted);
        if (v > 0) return v;
    }
    return 0;
}

/* Width, heads and the base of rotations are the model's; rotations turn a head's width. */
static void take_sizes(table *t, const att_model *m)
{
    static const char *const width[] = {"d_model", "hidden_size", "n_embd", NULL};
    static const char *const heads[] = {"encoder_attention_heads",
                                        "num_attention_heads", "n_head", NULL};
    static const char *const head[] = {"head_dim", NULL};
    static const char *const base[] = {"rope_theta", NULL};
    double w = config_number(m, width), h = config_number(m, heads);
    double d = config_number(m, head), theta = config_number(m, base);
    if (h >= 1 && h <= 1024 && t->o->heads == 0) t->heads = (int32_t)h;
    if (t->o->kind == ROPE && theta > 1) t->theta = theta;
    if (t->o->kind == ROPE && w >= 1 && h >= 1) w = d >= 1 ? d : w / h;
    if (!t->o->extent && w >= 1 && w <= SIDE_MAX) t->cols = (int64_t)w;
}

static int from_model(table *t)
{
    static const char *const learned[] = {"embed_positions.weight",
                                          "position_embeddings.weight", "wpe.weight"};
    att_model *m = NULL;
    att_tensor x;
    bool wants = t->o->kind == LEARNED, found = false;
    if (!t->o->model)
        return wants ? cli_usage("explain positions",
                                 "explain positions: --kind learned needs -m DIR")
                     : 0;
    int rc = cli_load_model(&m, t->o->model);
    if (rc) return rc;
    for (size_t i = 0; wants && !found && i < sizeof learned / sizeof *learned; i++)
        if (find_tensor(m, learned[i], &x)) {
            copy_tensor(t, &x);
            found = true;
        }
    if (!wants && t->o->kind == RELATIVE && find_tensor(m, "rel_k", &x)) {
        copy_tensor(t, &x);
        t->col_name = "dimension";
        found = true;
    }
    if (!found) take_sizes(t, m);
    att_model_destroy(m);
    if (wants && !found)
        return cli_fail("%s: the model has learned no positions", t->o->model);
    return 0;
}

/* --- formulas --------------------------------------------------------------------- */

static void waves(table *t, bool rope)
{
    int64_t half = (t->cols + 1) / 2;
    bool split = t->o->layout == 1;
    for (int64_t p = 0; p < t->rows; p++)
        for (int64_t i = 0; i < half; i++) {
            double a = (double)(p + t->o->origin) *
                       pow(t->theta, -2.0 * (double)i / (double)t->cols);
            int64_t s = split ? i : 2 * i, c = split ? half + i : 2 * i + 1;
            /* A rotation is cos first: (x, y) -> (x cos - y sin, y cos + x sin). */
            t->v[p * t->cols + s] = rope ? cos(a) : sin(a);
            if (c < t->cols) t->v[p * t->cols + c] = rope ? sin(a) : cos(a);
        }
}

static void distances(table *t)
{
    const position_opts *o = t->o;
    double slope = pow(2.0, -8.0 * o->head / t->heads);
    t->cols = t->rows;
    t->col_name = "position looked at";
    for (int64_t r = 0; r < t->rows; r++)
        for (int64_t c = 0; c < t->cols; c++) {
            double d = (double)(c - r);
            t->v[r * t->cols + c] =
                o->kind == ALIBI ? -slope * fabs(d) : fmax(fmin(d, o->clip), -o->clip);
        }
}

static int from_file(table *t)
{
    csv m;
    int rc = csv_read(&m, t->o->input);
    if (rc) return rc;
    t->rows = m.rows, t->cols = m.cols;
    t->v = cli_alloc((size_t)(m.rows * m.cols), sizeof *t->v);
    memcpy(t->v, m.v, (size_t)(m.rows * m.cols) * sizeof *t->v);
    csv_free(&m);
    return 0;
}

static int fill(table *t)
{
    static const char *const name[] = {"Sinusoidal positions", "Learned positions",
                                       "Hand-set positions",   "Relative positions",
                                       "Rotary positions",     "ALiBi"};
    const position_opts *o = t->o;
    int rc = o->kind == HAND_SET && o->input ? from_file(t) : from_model(t);
    if (rc) return rc;
    t->title =
        cli_format("%s%s", name[o->kind],
                   o->kind == SINUSOIDAL || o->kind == ROPE
                       ? (o->layout ? ", half-split" : ", interleaved")
                   : o->kind == ALIBI ? cli_format(", head %d of %d", o->head, t->heads)
                                      : "");
    if (t->v) return 0;
    if (o->head > t->heads)
        return cli_usage("explain positions",
                         "explain positions: --head %d: there are heads 1..%d", o->head,
                         t->heads);
    int64_t most = t->rows > t->cols ? t->rows : t->cols;
    t->v = cli_alloc((size_t)(t->rows * most), sizeof *t->v);
    if (o->kind == SINUSOIDAL || o->kind == ROPE) waves(t, o->kind == ROPE);
    if (o->kind == RELATIVE || o->kind == ALIBI) distances(t);
    if (o->kind == HAND_SET)
        for (int64_t r = 0; r < t->rows && r < t->cols; r++) t->v[r * t->cols + r] = 1;
    return 0;
}

static int draw(const table *t)
{
    att_heat h;
    att_view_opts v;
    att_picture *p = NULL;
    float *f = cli_alloc((size_t)(t->rows * t->cols), sizeof *f);
    for (int64_t i = 0; i < t->rows * t->cols; i++) f[i] = (float)t->v[i];
    att_heat_init(&h);
    h.values = f;
    h.rows = t->rows;
    h.cols = t->cols;
    h.first_row = t->o->origin;
    h.first_col = strcmp(t->col_name, "dimension") == 0 ? 0 : t->o->origin;
    h.col_name = t->col_name;
    att_view_opts_init(&v);
    v.colours = ATT_COLOURS_DUSK;
    v.dark = t->o->dark;
    v.title = t->o->title ? t->o->title : t->title;
    att_status st = att_picture_heat(&p, &h, &v);
    int rc = st == ATT_OK ? explain_save(p, t->o->output, "positions") : cli_status(st);
    att_picture_destroy(p);
    cli_free(f);
    return rc;
}

static int print(const table *t)
{
    int64_t rows = t->rows < PRINT_ROWS ? t->rows : PRINT_ROWS;
    int64_t cols = t->cols < PRINT_COLS ? t->cols : PRINT_COLS;
    double *v = cli_alloc((size_t)(rows * cols), sizeof *v);
    char **names = cli_alloc((size_t)rows + 1, sizeof *names);
    for (int64_t r = 0; r < rows; r++) {
        names[r] = cli_format("%lld", (long long)(r + t->o->origin));
        memcpy(v + r * cols, t->v + r * t->cols, (size_t)cols * sizeof *v);
    }
    printf("%s%s%s  [%lld, %lld]\n", term_style(stdout, "1"), t->title,
           term_style(stdout, "0"), (long long)t->rows, (long long)t->cols);
    explain_print_numbers(v, rows, cols, names, NULL, t->o->digits);
    if (rows < t->rows || cols < t->cols)
        printf("the first %lld x %lld; -o FILE.png draws all\n", (long long)rows,
               (long long)cols);
    explain_free_labels(names, rows);
    cli_free(v);
    return EXIT_FINE;
}

static int run(void *opts, const cli_list *words)
{
    position_opts *o = opts;
    table t = {.o = o,
               .rows = 128,
               .cols = 512,
               .col_name = "dimension",
               .theta = 10000,
               .heads = o->heads ? o->heads : 8};
    (void)words;
    int rc =
        explain_check_output("explain positions", o->output, ".png .svg .pdf .html");
    if (!rc) rc = read_size(&t);
    if (!rc) rc = fill(&t);
    if (!rc) rc = o->output ? draw(&t) : print(&t);
    cli_free(t.v);
    cli_free(t.title);
    return rc;
}

static const char *const examples[] = {
    "The sinusoids of a model 512 wide",
    "attend explain positions --size 128x512 -o pe.png",
    "Four positions, four dimensions, in numbers",
    "attend explain positions --layout interleaved --size 4x4",
    "What a model learned",
    "attend explain positions --kind learned -m tagger -o learned.png",
    NULL,
};

const command cmd_explain_positions = {
    .name = "explain positions",
    .summary = "draw positional encodings",
    .usage = "[options]",
    .about =
        "Interleaved and half-split sinusoids are the same numbers in another order. "
        "Positions count from 0 or, with --origin 1, from 1.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(position_opts),
    .defaults = defaults,
    .run = run,
};
