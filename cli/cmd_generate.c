/* cmd_generate.c - attend generate: a prompt in, what a language model makes of it out,
 * as it is said. */
#include "attend/generate.h"
#include "attend/tape.h"
#include "commands.h"
#include "explain_lines.h"
#include "term.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct generate_opts {
    cli_common c;
    att_lm_opts g;
    const char *model, *prompt, *input, *output, *attention;
    cli_list stop;
    int32_t json, echo;
} generate_opts;

#define ROW(member) OPT_ROW(generate_opts, member)

static const opt options[] = {
    {.kind = OPT_GROUP, .help = "Data"},
    {.name = "model",
     .letter = 'm',
     .kind = OPT_STR,
     .arg = "DIR",
     ROW(model),
     .flags = OPT_VOLATILE,
     .help = "the model's directory"},
    {.name = "prompt",
     .letter = 'p',
     .kind = OPT_STR,
     .arg = "TEXT",
     ROW(prompt),
     .help = "what to go on from"},
    {.name = "input",
     .letter = 'i',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(input),
     .help = "a prompt a line instead (default: standard input)"},
    {.name = "output",
     .letter = 'o',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(output),
     .help = "default: standard output"},
    {.name = "echo", .kind = OPT_FLAG, ROW(echo), .help = "the prompt too"},
    {.name = "attention",
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(attention),
     .flags = OPT_VOLATILE,
     .help =
         "write every text's weights here, a JSON object a line: tokens, then decoder as "
         "[layer][head][row][column]"},
    {.name = "json",
     .kind = OPT_FLAG,
     ROW(json),
     .flags = OPT_VOLATILE,
     .help = "an object an answer, when it is complete"},
    {.kind = OPT_GROUP, .help = "Length"},
    {.name = "max-tokens",
     .letter = 'n',
     .alias = "n-predict",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1e9,
     ROW(g.max_new),
     .help = "tokens said at most; 0 = as the model says, else what its context holds"},
    {.name = "min-tokens",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1e9,
     ROW(g.min_new),
     .help = "a text may not end before"},
    {.name = "stop",
     .kind = OPT_LIST,
     .arg = "TEXT ...",
     ROW(stop),
     .help = "an answer ends before the first of these"},
    {.name = "context",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 16777216,
     ROW(g.context),
     .help = "tokens seen at once; 0 = all that the model was made for"},
    {.name = "slide",
     .kind = OPT_FLAG,
     ROW(g.slide),
     .help =
         "when the context is full, forget its older half and go on; without it the "
         "answer ends there, and a longer prompt is refused"},
    {.kind = OPT_GROUP, .help = "Choice"},
    {.name = "sampling",
     .kind = OPT_FLAG,
     ROW(g.sampling),
     .help = "draw; implied by --temperature, --top-k, --top-p and --min-p. Otherwise "
             "the likeliest token is said"},
    {.name = "temperature",
     .alias = "temp",
     .kind = OPT_F32,
     .arg = "T",
     .lo = 0.001,
     .hi = 1000,
     ROW(g.temperature),
     .help = "below 1 bolder in what is likely, above 1 more varied"},
    {.name = "top-k",
     .kind = OPT_I32,
     .arg = "K",
     .lo = 0,
     .hi = 16777216,
     ROW(g.top_k),
     .help = "draw among the K likeliest; 0 = all"},
    {.name = "top-p",
     .kind = OPT_F32,
     .arg = "P",
     .lo = 0,
     .hi = 1,
     ROW(g.top_p),
     .help = "draw among the likeliest that sum to P"},
    {.name = "min-p",
     .kind = OPT_F32,
     .arg = "P",
     .lo = 0,
     .hi = 1,
     ROW(g.min_p),
     .help = "draw among those of at least P times the likeliest's probability"},
    {.name = "repetition-penalty",
     .alias = "repeat-penalty",
     .kind = OPT_F32,
     .arg = "R",
     .lo = 0.01,
     .hi = 100,
     ROW(g.repetition_penalty),
     .help = "of tokens in prompt or answer; 1 = none"},
    {.name = "no-repeat-ngram",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1000,
     ROW(g.no_repeat_ngram),
     .help = "never say this many tokens in a row twice; 0 = may"},
    {.name = "seed",
     .letter = 's',
     .kind = OPT_U64,
     .arg = "N",
     ROW(g.seed),
     .help = "the same seed draws the same text"},
};

/* Options that mean to draw, which need not be said beside them. */
static const char *const drawing[] = {"temperature", "top-k", "top-p", "min-p"};
enum { N_DRAWING = sizeof drawing / sizeof *drawing };

/* What defaults are taken from: generation_config.json of the model at hand. */
static const att_model *model_of_defaults;

static void defaults(void *opts)
{
    generate_opts *o = opts;

    att_lm_opts_init(&o->g, model_of_defaults);
}

typedef struct writer {
    const generate_opts *o;
    cli_out out;
    int64_t tokens;
    const att_model *model;
    attention_lines lines; /* x NULL: not asked for */
    int64_t answers;
} writer;

static int32_t on_piece(void *user, const att_lm_piece *p)
{
    writer *w = user;

    if (p->id >= 0) w->tokens++;
    if (!w->o->json && p->n_text > 0) cli_out_put(&w->out, p->text, p->n_text);
    return cli_stop(NULL) || !cli_out_flush(&w->out);
}

static void print_json(writer *w, const char *prompt, const att_lm_answer *a)
{
    static const char *const ends[] = {"length", "eos", "stop", "context", "nothing"};
    cli_text t = {0};

    cli_add(&t, "{\"prompt\": ");
    cli_add_json(&t, prompt);
    cli_add(&t, ", \"text\": ");
    cli_add_json(&t, a->text ? a->text : "");
    cli_addf(&t, ", \"prompt_tokens\": %d, \"completion_tokens\": %d, \"logprob\": ",
             a->n_prompt, a->n_ids);
    cli_add_number(&t, (double)a->logprob);
    cli_addf(&t, ", \"end\": \"%s\"}", ends[a->end >= 0 && a->end < 5 ? a->end : 4]);
    cli_out_printf(&w->out, "%s\n", t.s);
    cli_free(t.s);
}

/* The library says "generate: min_p is 2, expected ..."; the option is --min-p. */
static int refused(att_status st)
{
    static const char said[] = "generate: ";
    const char *message = att_error_message();
    char *words;

    if (st != ATT_EINVAL || strncmp(message, said, sizeof said - 1) != 0)
        return cli_status(st);
    words = cli_strdup(message + sizeof said - 1);
    for (char *p = words; *p; p++)
        if (*p == '_' && isalpha((unsigned char)p[1])) *p = '-';
    return cli_usage("generate", "generate: --%s", words);
}

/* A model without a token to begin with has nothing to say to an empty line, and the
 * lines behind it still want their answers. */
static void answer_nothing(writer *w, const char *prompt)
{
    static const att_lm_answer nothing = {.end = -1};

    if (w->o->json)
        print_json(w, prompt, &nothing);
    else
        cli_out_put(&w->out, "\n", 1);
}

/* Prompt and answer are read as one text, where the model had both before it. */
static int add_weights(writer *w, att_lm *lm, const char *prompt,
                       const att_lm_answer *a)
{
    int64_t line = w->answers++;
    int32_t *ids = NULL;
    size_t n = 0;
    att_status st;
    int rc;

    if (!a || a->prompt_cut || a->n_prompt + a->n_ids > att_lm_context(lm))
        return attention_lines_skip(&w->lines, line,
                                    a ? "longer than the context" : "nothing was said");
    st = att_model_encode(w->model, 0, prompt, strlen(prompt), &ids, &n);
    if (st != ATT_OK) return cli_status(st);
    /* A prompt without tokens begins with one that is the model's own. */
    rc = n == (size_t)a->n_prompt
             ? attention_lines_add_ids(&w->lines, line, ids, (int32_t)n, a->ids,
                                       a->n_ids)
             : attention_lines_skip(&w->lines, line, "an empty prompt");
    att_free(ids);
    return rc;
}

/* line: the prompt is one of the input's, no option. */
static int answer(writer *w, att_lm *lm, const char *prompt, bool line)
{
    att_lm_result *r = NULL;
    const att_lm_answer *a;
    double began = cli_now();
    att_status st;
    int rc = 0;

    w->tokens = 0;
    if (w->o->echo && !w->o->json) cli_out_put(&w->out, prompt, strlen(prompt));
    st = att_lm_generate(lm, &r, &prompt, 1);
    if (st == ATT_EINVAL && line && !*prompt) {
        answer_nothing(w, prompt);
        return w->lines.x ? add_weights(w, lm, prompt, NULL) : 0;
    }
    /* on_piece() ends the answer where it cannot be written. */
    if (st == ATT_ECANCELLED && w->out.err) return cli_out_check(&w->out);
    if (st != ATT_OK) {
        if (!w->o->json) cli_out_put(&w->out, "\n", 1);
        return refused(st);
    }
    a = att_lm_result_answer(r, 0);
    if (a->prompt_cut)
        cli_warn("the prompt is longer than the context: its first %d tokens were cut",
                 a->prompt_cut);
    if (a->n_unknown)
        cli_warn("%d of the prompt's %d tokens stand for text that the model's "
                 "vocabulary does not hold",
                 a->n_unknown, a->n_prompt + a->prompt_cut);
    if (w->o->json)
        print_json(w, prompt, a);
    else
        cli_out_put(&w->out, "\n", 1);
    rc = cli_out_check(&w->out);
    if (a->end == ATT_LM_CONTEXT ||
        (a->end == ATT_LM_LENGTH && a->n_prompt + a->n_ids >= att_lm_context(lm) &&
         !w->o->g.slide))
        cli_say("the context of %d tokens is full; --slide goes on",
                att_lm_context(lm));
    if (w->tokens > 0)
        cli_say("%lld tokens, %.1f tokens/s", (long long)w->tokens,
                (double)w->tokens / (cli_now() - began));
    if (w->lines.x && rc == 0) rc = add_weights(w, lm, prompt, a);
    att_lm_result_destroy(r);
    return rc;
}

static int answer_lines(writer *w, att_lm *lm)
{
    cli_in in = {0};
    char *line;
    size_t len;
    int rc = 0;

    if (!cli_in_open(&in, w->o->input)) return EXIT_FAILED;
    while (rc == 0 && !cli_signal() && (line = cli_in_line(&in, &len)) != NULL) {
        cli_in_check(&in, line);
        rc = answer(w, lm, line, true);
    }
    if (rc == 0 && in.failed) rc = EXIT_FAILED;
    cli_in_close(&in);
    return rc;
}

static int with_model(generate_opts *o, const att_model *model)
{
    writer w = {.o = o, .model = model};
    att_lm *lm = NULL;
    att_status st;
    int rc;

    o->g.stop = o->stop.item;
    o->g.n_stop = o->stop.n;
    o->g.on_piece = on_piece;
    o->g.user = &w;
    for (size_t i = 0; !opt_typed("sampling") && i < N_DRAWING; i++)
        if (opt_given(drawing[i])) o->g.sampling = 1;
    st = att_lm_create(&lm, model, &o->g);
    if (st != ATT_OK) return refused(st);
    if (!cli_out_open(&w.out, o->output)) {
        att_lm_destroy(lm);
        return EXIT_FAILED;
    }
    rc = o->attention ? attention_lines_open(&w.lines, o->attention, model) : 0;
    if (rc == 0)
        rc = o->prompt ? answer(&w, lm, o->prompt, false) : answer_lines(&w, lm);
    rc = attention_lines_close(&w.lines, rc);
    att_lm_destroy(lm);
    if (cli_signal()) rc = 128 + cli_signal();
    return cli_out_end(&w.out, rc);
}

static int with_defaults_of(void *opts, const att_model *model)
{
    int rc;

    model_of_defaults = model;
    rc = opt_apply_again(&cmd_generate, opts);
    model_of_defaults = NULL;
    return rc ? rc : with_model(opts, model);
}

static int run(void *opts, const cli_list *words)
{
    const generate_opts *o = opts;

    (void)words;
    if (o->model && o->prompt && o->input)
        return cli_usage("generate", "generate: either --prompt or --input");
    for (size_t i = 0; opt_typed("sampling") && !o->g.sampling && i < N_DRAWING; i++)
        if (opt_typed(drawing[i]))
            return cli_usage("generate",
                             "generate: --%s draws, which --no-sampling forbids",
                             drawing[i]);
    return cli_with_model("generate", o->model, with_defaults_of, opts);
}

static const char *const examples[] = {
    "Go on from a prompt",
    "attend generate -m shakespeare -p 'ROMEO:' --temperature 0.8 --seed 7",
    "The likeliest next 40 tokens of each line, for a program",
    "attend generate -m model -n 40 --json < prompts",
    NULL,
};

const command cmd_generate = {
    .name = "generate",
    .summary = "go on from a prompt with a language model",
    .usage = "-m DIR -p TEXT [options]",
    .about = "Writes what a decoder-only model says after the prompt, as it is said. "
             "What is said depends on the prompt, the options and the seed only. "
             "Defaults give way to the model's generation_config.json.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(generate_opts),
    .defaults = defaults,
    .run = run,
};
