/* cmd_info.c - attend info: what this program is made of, or what a model is. */
#include "attend/kernels.h"
#include "attend/model.h"
#include "commands.h"
#include "term.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct info_opts {
    cli_common c;
    const char *model;
    int32_t json, kernels, tensors;
} info_opts;

static const opt options[] = {
    {.name = "model",
     .letter = 'm',
     .kind = OPT_STR,
     .arg = "DIR",
     OPT_ROW(info_opts, model),
     .help = "describe this model instead of the program"},
    {.name = "tensors",
     .kind = OPT_FLAG,
     OPT_ROW(info_opts, tensors),
     .help = "list the model's tensors too"},
    {.name = "kernels",
     .kind = OPT_FLAG,
     OPT_ROW(info_opts, kernels),
     .help = "print the instruction set in use only"},
    {.name = "json",
     .kind = OPT_FLAG,
     OPT_ROW(info_opts, json),
     .help = "one JSON object"},
};

static void row(const char *name, const char *value)
{
    printf("%-16s %s\n", name, value);
}

/* --- the program ------------------------------------------------------------------ */

static void kernel_list(cli_text *t, bool json)
{
    const char *name;

    cli_add(t, "");
    for (int32_t i = 0; (name = att_kernels_available(i)) != NULL; i++) {
        if (i) cli_add(t, json ? "," : ", ");
        if (json)
            cli_add_json(t, name);
        else
            cli_add(t, name);
    }
}

/* The library's lines "name   value" as members of an object. */
static void build_json(cli_text *t)
{
    char *text = cli_strdup(att_build_info()), *save = NULL;
    const char *between = ",\"build\":{";

    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        char *value = strstr(l, "  ");

        if (!value) continue;
        *value++ = 0;
        cli_add(t, between);
        cli_add_json(t, l);
        cli_add(t, ":");
        cli_add_json(t, value + strspn(value, " "));
        between = ",";
    }
    cli_add(t, "}");
    cli_free(text);
}

static int program(const info_opts *o)
{
    att_status st = att_kernels_check();
    cli_text list = {0}, t = {0};

    if (st != ATT_OK) return cli_status(st);
    if (o->kernels) {
        puts(att_kernels_isa());
        return EXIT_FINE;
    }
    kernel_list(&list, o->json != 0);
    if (o->json) {
        cli_add(&t, "{\"version\":");
        cli_add_json(&t, att_version());
        cli_addf(&t, ",\"abi\":%d,\"threads\":%d,\"kernels\":", att_abi_version(),
                 att_threads());
        cli_add_json(&t, att_kernels_isa());
        cli_addf(&t, ",\"kernels_available\":[%s],\"bf16\":", list.s);
        cli_add_json(&t, att_kernels_bf16());
        cli_add(&t, ",\"matmul\":");
        cli_add_json(&t, att_matmul_provider());
        build_json(&t);
        cli_add(&t, "}");
        puts(t.s);
        return EXIT_FINE;
    }
    row("attend", cli_format("%s (ABI %d)", att_version(), att_abi_version()));
    row("kernels",
        cli_format("%s in use; this processor runs %s", att_kernels_isa(), list.s));
    row("matmul", att_matmul_provider());
    row("bf16", att_kernels_bf16());
    row("threads", cli_format("%d", att_threads()));
    fputs(att_build_info(), stdout);
    row("switches", "ATTEND_ISA caps the kernels, --threads sets the team");
    row("", "libraries: cmake -DATTEND_WITH_<NAME>=ON|OFF when building");
    return EXIT_FINE;
}

/* --- a model ---------------------------------------------------------------------- */

static int64_t vocabulary(const att_model *m, int32_t side)
{
    int64_t n = 0;

    while (n < INT32_MAX && att_model_piece(m, side, (int32_t)n)) n++;
    return n;
}

static int tensor_rows(const att_model *m, cli_text *json)
{
    for (int64_t i = 0; i < att_model_tensor_count(m); i++) {
        const char *name = att_model_tensor_name(m, i);
        cli_text shape = {0};
        att_tensor view;
        att_status st = att_model_tensor(m, &view, name);

        if (st != ATT_OK) return cli_status(st);
        cli_add(&shape, "[");
        for (int32_t d = 0; d < view.ndim; d++)
            cli_addf(&shape, "%s%lld", d ? "," : "", (long long)view.shape[d]);
        cli_add(&shape, "]");
        if (json) {
            cli_add(json, i ? "," : "");
            cli_add_json(json, name);
            cli_addf(json, ":%s", shape.s);
        } else {
            printf("  %-62s %s\n", name, shape.s);
        }
        att_tensor_deinit(&view);
        cli_free(shape.s);
    }
    return 0;
}

/* What trained it, where the training's files lie beside the model. */
static char *trained_by(const char *dir)
{
    char *path = cli_format("%s/config.train.json", dir), *text;
    size_t n;

    if (access(path, R_OK) != 0) return NULL;
    text = cli_read_file(path, 1 << 20, &n);
    while (text && n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ')) text[--n] = 0;
    return text;
}

static int model_json(const info_opts *o, const att_model *m)
{
    cli_text t = {0};
    char *trained = trained_by(o->model);
    int rc;

    cli_add(&t, "{\"model_type\":");
    cli_add_json(&t, att_model_type(m));
    cli_add(&t, ",\"architecture\":");
    cli_add_json(&t, att_model_architecture(m));
    cli_addf(&t, ",\"parameters\":%lld,\"memory\":%lld,\"vocabulary\":[%lld,%lld]",
             (long long)att_model_parameters(m), (long long)att_model_memory(m),
             (long long)vocabulary(m, 0), (long long)vocabulary(m, 1));
    if (o->tensors) {
        cli_add(&t, ",\"tensors\":{");
        if ((rc = tensor_rows(m, &t)) != 0) return rc;
        cli_add(&t, "}");
    }
    cli_addf(&t, ",\"config\":%s", att_model_config_json(m));
    if (trained) cli_addf(&t, ",\"training\":%s", trained);
    cli_add(&t, "}");
    puts(t.s);
    return EXIT_FINE;
}

/* A whole number of the configuration; -1 where it has none of that name. */
static long config_number(const att_model *m, const char *name)
{
    char *key = cli_format("\"%s\":", name);
    const char *at = strstr(att_model_config_json(m), key);
    char *end;
    long v = at ? strtol(at + strlen(key), &end, 10) : -1;

    if (at && end == at + strlen(key)) v = -1;
    cli_free(key);
    return v;
}

/* The sizes in one line, of models that have two stacks. */
static void sizes_row(const att_model *m)
{
    long enc = config_number(m, "encoder_layers"),
         dec = config_number(m, "decoder_layers");

    if (enc < 0 || dec < 0) return;
    row("sizes", cli_format("%ld+%ld layers, width %ld, %ld heads, feed-forward %ld",
                            enc, dec, config_number(m, "d_model"),
                            config_number(m, "encoder_attention_heads"),
                            config_number(m, "encoder_ffn_dim")));
}

static int model_text(const info_opts *o, const att_model *m)
{
    char s[40], b[32], v[40];
    char *trained = trained_by(o->model);
    int rc;

    row("model", o->model);
    row("type", cli_format("%s (%s)", att_model_type(m), att_model_architecture(m)));
    sizes_row(m);
    row("parameters", term_count(s, att_model_parameters(m)));
    row("memory", term_bytes(b, (double)att_model_memory(m)));
    row("vocabulary",
        cli_format("%s source, %s target", term_count(s, vocabulary(m, 0)),
                   term_count(v, vocabulary(m, 1))));
    printf("%-16s %s\n", "configuration", att_model_config_json(m));
    if (o->tensors) {
        printf("tensors\n");
        if ((rc = tensor_rows(m, NULL)) != 0) return rc;
    }
    if (trained) printf("%-16s %s\n", "trained with", trained);
    return EXIT_FINE;
}

static int run(void *opts, const cli_list *words)
{
    info_opts *o = opts;
    att_model *m = NULL;
    att_status st;
    int rc;

    (void)words;
    if (!o->model) return program(o);
    if (!cli_is_dir_name(o->model)) return EXIT_FAILED;
    st = att_model_load(&m, o->model);
    if (st != ATT_OK) return cli_status(st);
    rc = o->json ? model_json(o, m) : model_text(o, m);
    att_model_destroy(m);
    return rc;
}

static const char *const examples[] = {
    "This program: build, instruction set, libraries",
    "attend info",
    "A model: sizes, vocabulary, what trained it",
    "attend info -m en-de",
    NULL,
};

const command cmd_info = {
    .name = "info",
    .summary = "describe this program or a model",
    .usage = "[-m DIR] [options]",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(info_opts),
    .run = run,
};
