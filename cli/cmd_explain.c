/* cmd_explain.c - attend explain: what a model looked at while it translated a text. */
#include "explain_parts.h"

#include <string.h>

#define ROW(member) OPT_ROW(explain_opts, member)
#define ENDINGS     ".html .svg .png .pdf .json .npz"

static const opt options[] = {
    {.kind = OPT_GROUP, .help = "Model and output"},
    PICTURE_ROW_MODEL(explain_opts, "the model"),
    PICTURE_ROW_OUTPUT(
        explain_opts,
        "write a file instead: .html (a page to explore), .svg, .png, .pdf "
        "(pictures), .json (BertViz's shape), .npz (arrays for numpy)"),
    {.name = "given",
     .kind = OPT_STR,
     .arg = "TEXT",
     ROW(given),
     .help = "explain this output instead of the model's own: a translation, what goes "
             "on, a label; of a tagger a label a word, _ for the model's own"},
    {.name = "beam-size",
     .letter = 'b',
     .kind = OPT_I32,
     .arg = "K",
     .lo = 1,
     .hi = 1024,
     ROW(beam_size),
     .flags = OPT_NO_DEFAULT,
     .help = "hypotheses kept while translating (default: the model's)"},
    {.kind = OPT_GROUP, .help = "What is shown"},
    {.name = "view",
     .kind = OPT_CHOICE,
     .arg = "VIEW",
     .choices =
         "auto|alignment|self|overview|links|both-ways|text|rollout|flow|entropy|"
         "distance|gradient|integrated",
     ROW(view),
     .help =
         "auto: alignment where there is one, else self; alignment: output by source; self: a text by itself; overview: every layer "
         "and head; links: lines between words; both-ways: who asks whom; text: the "
         "words shaded; rollout, flow: summed over the layers; entropy, distance: a "
         "number a head; gradient, integrated: what the output depends on"},
    {.name = "of",
     .kind = OPT_CHOICE,
     .arg = "WHICH",
     .choices = "auto|cross|encoder|decoder|pooling",
     ROW(of),
     .help = "which attention"},
    {.name = "layer",
     .kind = OPT_I32,
     .arg = "L",
     .lo = 0,
     .hi = 1024,
     ROW(layer),
     .help = "layer, counted from 1; 0 = the mean of all"},
    {.name = "head",
     .kind = OPT_I32,
     .arg = "H",
     .lo = 0,
     .hi = 1024,
     ROW(head),
     .help = "head, counted from 1; 0 = the mean of all"},
    {.name = "threshold",
     .kind = OPT_F32,
     .arg = "P",
     .lo = 0,
     .hi = 1,
     ROW(threshold),
     .help = "weaker links are not drawn"},
    PICTURE_ROW_DARK(explain_opts),
    {.name = "colours",
     .kind = OPT_CHOICE,
     .arg = "NAME",
     .choices = "ink|dusk|grey",
     ROW(colours),
     .help = "the scale; each survives grey print and colour-blindness"},
    PICTURE_ROW_TITLE(explain_opts, "title of the picture"),
    {.kind = OPT_GROUP, .help = "Word by word, number by number"},
    {.name = "decoding",
     .kind = OPT_FLAG,
     ROW(decoding),
     .help = "each step: prefix, mask, the likeliest next words, the choice"},
    {.name = "choices",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 64,
     ROW(choices),
     .help = "how many next words --decoding lists"},
    {.name = "ablate",
     .kind = OPT_LIST,
     .arg = "FILE ...",
     ROW(ablate),
     .help =
         "measure what the model loses without each head: on SOURCE and TARGET, or on "
         "one file as training takes it (labelled texts, tagged words, text)"},
    {.name = "steps",
     .kind = OPT_FLAG,
     ROW(steps),
     .help =
         "every number of one head: queries, keys, values, scores, weights, output"},
    {.name = "query",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 100000,
     ROW(query),
     .help = "whose steps --steps goes through one by one"},
    {.name = "notation",
     .kind = OPT_CHOICE,
     .arg = "HOW",
     .choices = "rows|columns",
     ROW(notation),
     .help = "rows: Q = X Wq, A = Q K^T, O = A' V; columns: Q = Wq I, A = K^T Q, O = V "
             "A'"},
    PICTURE_ROW_DIGITS(explain_opts),
    {.kind = OPT_GROUP,
     .help = "Steps without a model (files of comma-separated rows)"},
    {.name = "input",
     .kind = OPT_STR,
     .arg = "CSV",
     ROW(input),
     .help = "vectors, one a row; a first column of words names them"},
    {.name = "keys",
     .kind = OPT_STR,
     .arg = "CSV",
     ROW(keys),
     .help = "vectors that are looked at (default: --input itself)"},
    {.name = "values",
     .kind = OPT_STR,
     .arg = "CSV",
     ROW(values),
     .help = "what is fetched (default: the keys' vectors)"},
    {.name = "wq", .kind = OPT_STR, .arg = "CSV", ROW(wq), .help = "makes queries"},
    {.name = "wk", .kind = OPT_STR, .arg = "CSV", ROW(wk), .help = "makes keys"},
    {.name = "wv", .kind = OPT_STR, .arg = "CSV", ROW(wv), .help = "makes values"},
    {.name = "wo",
     .kind = OPT_STR,
     .arg = "CSV",
     ROW(wo),
     .help = "mixes the heads' outputs"},
    {.name = "weights",
     .kind = OPT_STR,
     .arg = "CSV",
     ROW(weights),
     .help = "take these weights instead of computing them"},
    {.name = "score",
     .kind = OPT_CHOICE,
     .arg = "S",
     .choices = "scaled-dot|dot|general|additive|cosine",
     ROW(score),
     .help = "how a query meets a key"},
    {.name = "score-w",
     .kind = OPT_STR,
     .arg = "CSV",
     ROW(score_w),
     .help = "W of the general score, w of the additive one (default: ones)"},
    {.name = "normalise",
     .kind = OPT_CHOICE,
     .arg = "N",
     .choices = "softmax|relu|relu-row|hard|sparsemax",
     .spellings = "softmax|relu|relu_row|argmax|sparsemax",
     ROW(normalise),
     .help = "how scores become weights"},
    {.name = "heads",
     .kind = OPT_I32,
     .arg = "H",
     .lo = 1,
     .hi = 256,
     ROW(heads),
     .help = "cut queries, keys and values into so many heads"},
    {.name = "causal", .kind = OPT_FLAG, ROW(causal), .help = "no row sees later ones"},
    {.name = "window",
     .kind = OPT_I64,
     .arg = "N",
     .lo = -1,
     .hi = 1e6,
     ROW(window),
     .help = "see only N rows to either side; -1 = all"},
    {.name = "layers",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 100,
     ROW(stack),
     .help = "the output goes in again, N times in all"},
};

static void defaults(void *opts)
{
    explain_opts *o = opts;
    o->choices = 5;
    o->query = 1;
    o->digits = 2;
    o->heads = 1;
    o->window = -1;
    o->stack = 1;
}

/* The words of the command line, or the first line of standard input. */
static char *text_of(const cli_list *words)
{
    cli_text t = {0};
    cli_in in = {0};
    size_t n;
    for (int i = 0; i < words->n; i++) {
        if (i) cli_add(&t, " ");
        cli_add(&t, words->item[i]);
    }
    if (words->n) return t.s;
    if (!cli_in_open(&in, NULL)) return NULL;
    char *line = cli_in_line(&in, &n), *copy = line ? cli_strdup(line) : NULL;
    cli_in_close(&in);
    return copy;
}

static int explain(const explain_opts *o, const att_model *model, const char *text)
{
    att_explain_opts x;
    att_decode_opts d;
    att_explainer *w = NULL;
    att_explanation *e = NULL;
    int rc = EXIT_FINE;
    att_decode_opts_init(&d, model);
    if (o->beam_size) d.beam_size = o->beam_size;
    att_explain_opts_init(&x);
    x.choices = o->choices;
    x.decode = &d;
    att_status st = att_explainer_create(&w, model, &x);
    if (st == ATT_OK && o->ablate.n) {
        rc = explain_ablate(o, model, w);
    } else if (st == ATT_OK) {
        st = o->given ? att_explain_pair(w, &e, text, o->given)
                      : att_explain_text(w, &e, text);
        if (st == ATT_OK && att_explanation_source_cut(e))
            cli_warn("the text was cut: %d tokens dropped",
                     att_explanation_source_cut(e));
        if (st == ATT_OK)
            rc = o->steps      ? explain_model_steps(o, w, e)
                 : o->decoding ? explain_decoding(e)
                               : explain_draw(o, w, e);
    }
    if (st != ATT_OK) rc = cli_status(st);
    att_explanation_destroy(e);
    att_explainer_destroy(w);
    return rc;
}

static int run(void *opts, const cli_list *words)
{
    explain_opts *o = opts;
    att_model *model = NULL;
    char *text = NULL;
    bool sheet = o->steps || o->input;
    int rc = explain_check_output("explain", o->output,
                                  sheet ? ".html .svg .png .pdf" : ENDINGS);
    if (rc) return rc;
    if (o->output && !sheet && (o->decoding || o->ablate.n))
        return cli_usage("explain", "explain: %s writes to the terminal: leave -o out",
                         o->decoding ? "--decoding" : "--ablate");
    if (o->input) {
        if (words->n || o->model)
            return cli_usage("explain", "explain: --input needs no text and no model");
        return explain_input_steps(o);
    }
    if (!o->model) return cli_usage("explain", "explain: -m DIR is missing");
    if (!o->ablate.n) {
        text = text_of(words);
        if (!text || !*text) return cli_usage("explain", "explain: a text is missing");
        o->text = text;
        if (!cli_is_utf8(text)) cli_warn("the text is not UTF-8: it is read as U+FFFD");
    }
    rc = cli_load_model(&model, o->model);
    if (rc) return rc;
    rc = explain(o, model, text);
    att_model_destroy(model);
    return rc;
}

static const char *const examples[] = {
    "In the terminal: tokens, output, alignment, the strongest links",
    "attend explain -m en-zh 'I am a student'",
    "A page to explore: every layer and head",
    "attend explain -m en-zh 'I am a student' -o map.html",
    "One head of the encoder as a picture",
    "attend explain -m en-zh 'I am a student' --view self --layer 1 --head 2 -o self.png",
    "Word by word",
    "attend explain -m en-zh 'I am a student' --decoding",
    "Every number of one head",
    "attend explain -m en-zh 'I am a student' --steps --layer 1 --head 2",
    "The same for vectors of your own",
    "attend explain --input X.csv --score dot --steps",
    "Which heads matter, measured",
    "attend explain -m en-zh --ablate valid.en valid.zh",
    NULL,
};

const command cmd_explain = {
    .name = "explain",
    .summary = "show what a model attended to",
    .usage = "-m DIR [options] TEXT",
    .about =
        "Translates a text and shows the attention behind it. The weights come from the "
        "path that translated: those of the hypothesis that won, of every layer and "
        "head.\n\nAttention is not an explanation by itself. --view gradient, --view "
        "integrated and --ablate measure what the output depends on.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(explain_opts),
    .max_words = -1,
    .defaults = defaults,
    .run = run,
};
