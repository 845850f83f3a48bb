/* cmd_info.c - attend info: what this program is made of, or what a model is. */
#include "attend/kernels.h"
#include "attend/model.h"
#include "attend/safetensors.h"
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

/* What a file says, without what would move a terminal's cursor or forge a row of ours:
 * control characters (C0, DEL and, in UTF-8, C1) become "?". Those of `kept` stay. */
static char *shown(const char *s, const char *kept)
{
    char *copy = cli_strdup(s);
    unsigned char *p = (unsigned char *)copy;

    for (; *p; p++) {
        if ((*p < 0x20 && !strchr(kept, *p)) || *p == 0x7f) *p = '?';
        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) p[0] = p[1] = '?';
    }
    return copy;
}

static void row(const char *name, const char *value)
{
    char *clean = shown(value, "");

    printf("%-16s %s\n", name, clean);
    cli_free(clean);
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

typedef struct weights {
    att_safetensors *file;
    char *name; /* in the model's directory */
    int64_t bytes;
    char dtypes[4][16]; /* as they are written, in the order of the names */
    int64_t of_dtype[4];
    int n_dtypes;
} weights;

/* False: the model keeps its weights elsewhere. What is wrong with a file has been found
 * when the model was loaded. */
static bool open_weights(weights *w, const char *dir)
{
    static const char *const names[] = {"model.safetensors",
                                        "model.safetensors.index.json"};

    for (size_t i = 0; i < 2 && !w->file; i++) {
        char *path = cli_format("%s/%s", dir, names[i]);

        w->name = cli_strdup(names[i]);
        if (!cli_is_file(path) || att_safetensors_open(&w->file, path) != ATT_OK)
            w->file = NULL;
        cli_free(path);
    }
    for (int64_t i = 0; w->file && i < att_safetensors_count(w->file); i++) {
        att_safetensors_entry e;
        int k = 0;

        if (att_safetensors_entry_at(w->file, i, &e) != ATT_OK) break;
        w->bytes += (int64_t)e.bytes;
        while (k < w->n_dtypes && strcmp(w->dtypes[k], e.dtype) != 0) k++;
        if (k == 4) continue;
        if (k == w->n_dtypes)
            snprintf(w->dtypes[w->n_dtypes++], sizeof w->dtypes[0], "%s", e.dtype);
        w->of_dtype[k]++;
    }
    return w->file != NULL;
}

static void weights_row(const char *dir)
{
    weights w = {0};
    cli_text t = {0};
    char b[32], n[40];
    const char *key;

    if (!open_weights(&w, dir)) return;
    cli_addf(&t, "%s, %s: %s tensors", w.name, term_bytes(b, (double)w.bytes),
             term_count(n, att_safetensors_count(w.file)));
    for (int i = 0; i < w.n_dtypes; i++)
        cli_addf(&t, i ? " + %s %s" : ", %s %s", term_count(n, w.of_dtype[i]),
                 w.dtypes[i]);
    row("weights", t.s);
    for (int64_t i = 0; (key = att_safetensors_metadata_key(w.file, i)) != NULL; i++)
        row(i ? "" : "metadata",
            cli_format("%s = %s", key, att_safetensors_metadata(w.file, key)));
    att_safetensors_close(w.file);
}

static void weights_json(cli_text *t, const char *dir)
{
    weights w = {0};
    const char *key;

    if (!open_weights(&w, dir)) return;
    cli_add(t, ",\"weights\":{\"file\":");
    cli_add_json(t, w.name);
    cli_addf(t, ",\"bytes\":%lld,\"tensors\":%lld,\"dtypes\":{", (long long)w.bytes,
             (long long)att_safetensors_count(w.file));
    for (int i = 0; i < w.n_dtypes; i++) {
        cli_add(t, i ? "," : "");
        cli_add_json(t, w.dtypes[i]);
        cli_addf(t, ":%lld", (long long)w.of_dtype[i]);
    }
    cli_add(t, "},\"metadata\":{");
    for (int64_t i = 0; (key = att_safetensors_metadata_key(w.file, i)) != NULL; i++) {
        cli_add(t, i ? "," : "");
        cli_add_json(t, key);
        cli_add(t, ":");
        cli_add_json(t, att_safetensors_metadata(w.file, key));
    }
    cli_add(t, "}}");
    att_safetensors_close(w.file);
}

/* What trained it, where the training's files lie beside the model. */
static char *trained_by(const char *dir)
{
    char *path = cli_format("%s/config.train.json", dir), *text;
    size_t n;

    if (access(path, R_OK) != 0) return NULL;
    text = cli_read_file(path, 1 << 20, &n);
    while (text && n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ')) text[--n] = 0;
    return text ? shown(text, "\n\t") : NULL;
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
    weights_json(&t, o->model);
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
    weights_row(o->model);
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
