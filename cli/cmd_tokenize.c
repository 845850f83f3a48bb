/* cmd_tokenize.c - attend tokenize: what a model sees of a text. */
#include "attend/model.h"
#include "attend/tape.h" /* att_free */
#include "attend/tokenizer.h"
#include "commands.h"

#include <stdlib.h>
#include <string.h>

typedef struct tokenize_opts {
    cli_common c;
    const char *model, *tokenizer, *vocab, *input, *output;
    int32_t side, ids, decode, json;
} tokenize_opts;

#define ROW(member) OPT_ROW(tokenize_opts, member)

static const opt options[] = {
    {.name = "model",
     .letter = 'm',
     .kind = OPT_STR,
     .arg = "DIR",
     ROW(model),
     .help = "a model's tokenizer"},
    {.name = "side",
     .kind = OPT_CHOICE,
     .choices = "source|target",
     .arg = "SIDE",
     ROW(side),
     .help = "which of the model's two"},
    {.name = "tokenizer",
     .letter = 'v',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(tokenizer),
     .help = "a SentencePiece model instead"},
    {.name = "vocab",
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(vocab),
     .help = "with Marian's vocab.json for the numbers"},
    {.name = "ids", .kind = OPT_FLAG, ROW(ids), .help = "numbers instead of pieces"},
    {.name = "decode",
     .letter = 'd',
     .kind = OPT_FLAG,
     ROW(decode),
     .help = "the way back: pieces, or numbers with --ids, to text"},
    {.name = "input",
     .letter = 'i',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(input),
     .help = "default: standard input"},
    {.name = "output",
     .letter = 'o',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(output),
     .help = "default: standard output"},
    {.name = "json",
     .kind = OPT_FLAG,
     ROW(json),
     .help = "one object a line with ids and pieces"},
};

/* Either of the two sources, behind one face. */
typedef struct pieces {
    att_model *model;
    att_tokenizer *tok;
    int32_t side;
} pieces;

static const char *piece(const pieces *p, int32_t id)
{
    return p->model ? att_model_piece(p->model, p->side, id)
                    : att_tokenizer_piece(p->tok, id);
}

static att_status encode(const pieces *p, const char *line, size_t len, int32_t **ids,
                         size_t *n)
{
    size_t cap = 0;

    *ids = NULL;
    *n = 0;
    if (p->model) return att_model_encode(p->model, p->side, line, len, ids, n);
    return att_tokenizer_encode(p->tok, line, len, ids, n, &cap);
}

static att_status decode(const pieces *p, const int32_t *ids, size_t n, char **text)
{
    if (p->model) return att_model_decode(p->model, p->side, ids, n, text);
    return att_tokenizer_decode(p->tok, ids, n, text);
}

/* The number of a piece of a model: its pieces are only known by number, so a table is
 * sorted once. */
typedef struct name_of {
    const char *name;
    int32_t id;
} name_of;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const name_of *)a)->name, ((const name_of *)b)->name);
}

static name_of *sort_pieces(const pieces *p, size_t *n)
{
    name_of *all = NULL;
    size_t cap = 0;
    const char *name;

    for (*n = 0; (name = piece(p, (int32_t)*n)) != NULL; ++*n) {
        if (*n == cap) {
            cap = cap ? cap * 2 : 1024;
            all = cli_resize(all, cap, sizeof *all);
        }
        all[*n] = (name_of){name, (int32_t)*n};
    }
    if (all) qsort(all, *n, sizeof *all, by_name);
    return all;
}

static int encode_line(const tokenize_opts *o, const pieces *p, const char *line,
                       size_t len, cli_out *out)
{
    int32_t *ids;
    size_t n;
    att_status st = encode(p, line, len, &ids, &n);
    cli_text t = {0};

    if (st != ATT_OK) return cli_status(st);
    if (o->json) cli_add(&t, "{\"ids\":[");
    for (size_t i = 0; i < n; i++) {
        const char *name = piece(p, ids[i]);

        if (i) cli_add(&t, o->json ? "," : " ");
        if (o->ids || o->json)
            cli_addf(&t, "%d", ids[i]);
        else
            cli_add(&t, name ? name : "");
    }
    if (o->json) {
        cli_add(&t, "],\"pieces\":[");
        for (size_t i = 0; i < n; i++) {
            const char *name = piece(p, ids[i]);

            if (i) cli_add(&t, ",");
            cli_add_json(&t, name ? name : "");
        }
        cli_add(&t, "]}");
    }
    cli_add(&t, "\n");
    cli_out_put(out, t.s, t.n);
    cli_free(t.s);
    att_free(ids);
    return 0;
}

static int decode_line(const tokenize_opts *o, const pieces *p, const name_of *names,
                       size_t n_names, char *line, int64_t number, cli_out *out)
{
    int32_t *ids = cli_alloc(strlen(line) / 2 + 1, sizeof *ids);
    size_t n = 0;
    char *save = NULL, *text = NULL, *end;
    cli_text said = {0};
    att_status st;

    for (char *w = strtok_r(line, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
        name_of key = {w, 0}, *hit;

        if (o->ids) {
            long v = strtol(w, &end, 10);

            if (*end || v < 0 || v >= (long)n_names)
                return cli_fail("line %lld: '%s' is no number in 0..%zu",
                                (long long)number, w, n_names - 1);
            ids[n++] = (int32_t)v;
            continue;
        }
        hit = bsearch(&key, names, n_names, sizeof *names, by_name);
        if (!hit)
            return cli_fail("line %lld: '%s' is no piece of this tokenizer",
                            (long long)number, w);
        ids[n++] = hit->id;
    }
    st = decode(p, ids, n, &text);
    cli_free(ids);
    if (st != ATT_OK) return cli_status(st);
    cli_add_line(&said, text);
    cli_out_printf(out, "%s\n", said.s);
    cli_free(said.s);
    att_free(text);
    return 0;
}

static int each_line(const tokenize_opts *o, const pieces *p)
{
    name_of *names = NULL;
    size_t n_names = 0, len;
    cli_in in;
    cli_out out;
    char *line;
    int rc = 0;

    cli_catch_signals(); /* an unfinished file must not stay */
    if (!cli_in_open(&in, o->input)) return EXIT_FAILED;
    if (!cli_out_open(&out, o->output)) return EXIT_FAILED;
    if (o->decode) names = sort_pieces(p, &n_names);
    while (rc == 0 && !cli_signal() && (line = cli_in_line(&in, &len)) != NULL) {
        cli_in_check(&in, line);
        if (o->decode)
            rc = decode_line(o, p, names, n_names, line, in.line, &out);
        else
            rc = encode_line(o, p, line, len, &out);
        if (rc == 0 && !cli_in_ready(&in)) rc = cli_out_check(&out);
    }
    if (rc == 0 && cli_signal()) rc = 128 + cli_signal();
    if (rc == 0 && in.failed) rc = EXIT_FAILED;
    cli_in_close(&in);
    cli_free(names);
    return cli_out_end(&out, rc);
}

static int run(void *opts, const cli_list *words)
{
    tokenize_opts *o = opts;
    pieces p = {.side = o->side};
    int rc;

    (void)words;
    if (!o->model == !o->tokenizer)
        return cli_usage("tokenize", "tokenize: either -m DIR or --tokenizer FILE");
    rc = o->model ? cli_load_model(&p.model, o->model)
                  : cli_status(att_tokenizer_open(&p.tok, o->tokenizer, o->vocab));
    if (rc) return rc;
    rc = each_line(o, &p);
    att_model_destroy(p.model);
    att_tokenizer_destroy(p.tok);
    return rc;
}

static const char *const examples[] = {
    "The pieces of a sentence",
    "echo 'I am a student' | attend tokenize -m en-zh",
    "And back",
    "attend tokenize -m en-zh < text | attend tokenize -m en-zh --decode",
    NULL,
};

const command cmd_tokenize = {
    .name = "tokenize",
    .summary = "turn text into a model's pieces or numbers, and back",
    .usage = "-m DIR | --tokenizer FILE [options] < text",
    .about =
        "Guided alignments and word scores count these pieces. The source side of a "
        "model ends with </s>.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(tokenize_opts),
    .run = run,
};
