/* info_model.c - what a model is: what it does, its sizes by architecture, vocabulary,
 * labels, weights, and what trained it. The sizes are config.json's, as the library has
 * read it. */
#include "info_model.h"
#include "attend/classify.h"
#include "attend/safetensors.h"
#include "term.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void info_row(const char *name, const char *value)
{
    char *clean = shown(value, "");

    printf("%-16s %s\n", name, clean);
    cli_free(clean);
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
    info_row("weights", t.s);
    for (int64_t i = 0; (key = att_safetensors_metadata_key(w.file, i)) != NULL; i++)
        info_row(i ? "" : "metadata",
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

/* --- sizes ------------------------------------------------------------------------ */

/* Behind a key of the configuration's outermost object, whose lines are two spaces in: a
 * label of the same name stands deeper. NULL: it has no such key. */
static const char *config_at(const att_model *m, const char *name)
{
    char *key = cli_format("\n  \"%s\": ", name);
    const char *at = strstr(att_model_config_json(m), key);

    if (at) at += strlen(key);
    cli_free(key);
    return at;
}

/* -1: no such number. */
static long config_number(const att_model *m, const char *name)
{
    const char *at = config_at(m, name);
    char *end;
    long v = at ? strtol(at, &end, 10) : -1;

    return at && end == at ? -1 : v;
}

/* "": no such text. */
static const char *config_text(const att_model *m, const char *name)
{
    const char *at = config_at(m, name);

    return at && *at == '"' ? cli_format("%.*s", (int)strcspn(at + 1, "\""), at + 1)
                            : "";
}

/* A size: its name in JSON, config.json's key, and how it looks in the line of sizes. A
 * text in place of a number has %s. */
typedef struct size_row {
    const char *json, *key, *format;
} size_row;

/* The lists end with an empty row. */
static const size_row of_marian[] = {
    {"encoder_layers", "encoder_layers", "%ld"},
    {"decoder_layers", "decoder_layers", "+%ld layers"},
    {"width", "d_model", ", width %ld"},
    {"heads", "encoder_attention_heads", ", %ld heads"},
    {"feed_forward", "encoder_ffn_dim", ", feed-forward %ld"},
    {0},
};
static const size_row of_rnn[] = {
    {"encoder_layers", "encoder_layers", "%ld+1 layers"},
    {"cell", "attend_cell", " of %s cells"},
    {"width", "embed_size", ", width %ld"},
    {"state", "hidden_size", ", states of %ld"},
    {"attention", "attend_score", ", attention: %s"},
    {0},
};
static const size_row of_llama[] = {
    {"layers", "num_hidden_layers", "%ld layers"},
    {"width", "hidden_size", ", width %ld"},
    {"heads", "num_attention_heads", ", %ld heads"},
    {"key_value_heads", "num_key_value_heads", " (%ld of keys and values)"},
    {"feed_forward", "intermediate_size", ", feed-forward %ld"},
    {"context", "max_position_embeddings", ", context %ld"},
    {0},
};
static const size_row of_gpt2[] = {
    {"layers", "n_layer", "%ld layers"},
    {"width", "n_embd", ", width %ld"},
    {"heads", "n_head", ", %ld heads"},
    {"feed_forward", "n_inner", ", feed-forward %ld"},
    {"context", "n_positions", ", context %ld"},
    {0},
};
static const size_row of_encoder[] = {
    {"layers", "num_hidden_layers", "%ld layers"},
    {"width", "hidden_size", ", width %ld"},
    {"heads", "num_attention_heads", ", %ld heads"},
    {"feed_forward", "intermediate_size", ", feed-forward %ld"},
    {"positions", "max_position_embeddings", ", %ld positions"},
    {0},
};
/* Of words with their characters: what sees the words around one, then the tokens. */
static const size_row of_word_transformer[] = {
    {"core", "attend_core", "%s"},
    {"layers", "num_hidden_layers", ": %ld layers"},
    {"width", "hidden_size", ", width %ld"},
    {"heads", "num_attention_heads", ", %ld heads"},
    {"feed_forward", "intermediate_size", ", feed-forward %ld"},
    {0},
};
static const size_row of_word_window[] = {
    {"core", "attend_core", "%s"},
    {"window", "attend_window", " of %ld words to either side"},
    {"layers", "num_hidden_layers", ": %ld layers"},
    {"width", "hidden_size", ", width %ld"},
    {0},
};
static const size_row of_word_rnn[] = {
    {"core", "attend_core", "%s"},
    {"layers", "num_hidden_layers", ": %ld layers"},
    {"width", "hidden_size", ", width %ld"},
    {0},
};
static const size_row of_words[] = {
    {"word_width", "word_size", "words of width %ld"},
    {"character_width", "character_size", ", characters of width %ld"},
    {"character_state", "character_hidden_size", " read by states of %ld each way"},
    {0},
};

static bool has_words(const att_model *m)
{
    return config_at(m, "word_size") != NULL;
}

static const size_row *sizes_of(const att_model *m)
{
    const char *type = att_model_type(m), *core = config_text(m, "attend_core");

    if (has_words(m))
        return strcmp(core, "transformer") == 0 ? of_word_transformer
               : strcmp(core, "window") == 0    ? of_word_window
                                                : of_word_rnn;
    if (config_at(m, "embed_size")) return of_rnn;
    if (strcmp(att_model_task(m), "translate") == 0) return of_marian;
    if (strcmp(type, "llama") == 0) return of_llama;
    return strcmp(type, "gpt2") == 0 ? of_gpt2 : of_encoder;
}

static void add_size(cli_text *t, const char *format, long v)
{
    const char *at = strstr(format, "%ld");

    cli_addf(t, "%.*s%ld%s", (int)(at - format), format, v, at + 3);
}

static void add_name(cli_text *t, const char *format, const char *name)
{
    const char *at = strstr(format, "%s");

    cli_addf(t, "%.*s%s%s", (int)(at - format), format, name, at + 2);
}

/* All in one line, those that the model has. */
static char *sizes_line(const att_model *m, const size_row *rows)
{
    cli_text t = {0};

    cli_add(&t, "");
    for (; rows->json; rows++) {
        long v = config_number(m, rows->key);

        if (strstr(rows->format, "%s"))
            add_name(&t, rows->format, config_text(m, rows->key));
        else if (v > 0) /* 0: the model has no such part */
            add_size(&t, rows->format, v);
    }
    return t.s;
}

static void sizes_json(cli_text *t, const att_model *m, const size_row *rows)
{
    for (; rows->json; rows++) {
        long v = config_number(m, rows->key);
        bool text = strstr(rows->format, "%s") != NULL;

        if (!text && v < 0) continue;
        cli_add(t, t->s[t->n - 1] == '{' ? "" : ",");
        cli_add_json(t, rows->json);
        cli_add(t, ":");
        if (text)
            cli_add_json(t, config_text(m, rows->key));
        else
            cli_addf(t, "%ld", v);
    }
}

/* --- vocabulary and labels -------------------------------------------------------- */

static void vocabulary_row(const att_model *m)
{
    char a[40], b[40];
    long n = config_number(m, "vocab_size");

    if (has_words(m))
        info_row("vocabulary",
                 cli_format("%s words, %s characters", term_count(a, n),
                            term_count(b, config_number(m, "character_vocab_size"))));
    else if (strcmp(att_model_task(m), "translate") == 0)
        info_row("vocabulary",
                 cli_format("%s source, %s target", term_count(a, n),
                            term_count(b, config_number(m, "decoder_vocab_size"))));
    else
        info_row("vocabulary", cli_format("%s tokens", term_count(a, n)));
}

/* Source and target; words and characters; tokens. */
static void vocabulary_json(cli_text *t, const att_model *m)
{
    cli_addf(t, ",\"vocabulary\":[%ld", config_number(m, "vocab_size"));
    if (has_words(m))
        cli_addf(t, ",%ld", config_number(m, "character_vocab_size"));
    else if (strcmp(att_model_task(m), "translate") == 0)
        cli_addf(t, ",%ld", config_number(m, "decoder_vocab_size"));
    cli_add(t, "]");
}

/* NULL: the model has no labels. The caller destroys it. */
static att_classifier *labels_of(const att_model *m)
{
    const char *task = att_model_task(m);
    att_classifier *c = NULL;

    if (strcmp(task, "tag") != 0 && strcmp(task, "classify") != 0) return NULL;
    return att_classifier_create(&c, m, NULL) == ATT_OK ? c : NULL;
}

static void labels_row(const att_model *m)
{
    enum { SHOWN = 40 };
    att_classifier *c = labels_of(m);
    int32_t n = att_classifier_labels(c);
    bool several =
        strcmp(config_text(m, "problem_type"), "multi_label_classification") == 0;
    cli_text t = {0};

    if (!c) return;
    cli_addf(&t, "%d%s: ", n, several ? ", any number of them a text" : "");
    for (int32_t i = 0; i < n && i < SHOWN; i++)
        cli_addf(&t, "%s%s", i ? ", " : "", att_classifier_label(c, i));
    if (n > SHOWN) cli_addf(&t, " and %d more", n - SHOWN);
    info_row("labels", att_classifier_regression(c) ? "numbers (regression)" : t.s);
    cli_free(t.s);
    att_classifier_destroy(c);
}

static void labels_json(cli_text *t, const att_model *m)
{
    att_classifier *c = labels_of(m);

    if (!c) return;
    cli_add(t, ",\"labels\":[");
    for (int32_t i = 0; i < att_classifier_labels(c); i++) {
        cli_add(t, i ? "," : "");
        cli_add_json(t, att_classifier_label(c, i));
    }
    cli_add(t, "]");
    att_classifier_destroy(c);
}

/* --- all of it -------------------------------------------------------------------- */

int info_model_json(const att_model *m, const char *dir, bool tensors)
{
    cli_text t = {0};
    char *trained = trained_by(dir);
    int rc;

    cli_add(&t, "{\"model_type\":");
    cli_add_json(&t, att_model_type(m));
    cli_add(&t, ",\"architecture\":");
    cli_add_json(&t, att_model_architecture(m));
    cli_add(&t, ",\"task\":");
    cli_add_json(&t, att_model_task(m));
    cli_addf(&t, ",\"parameters\":%lld,\"memory\":%lld",
             (long long)att_model_parameters(m), (long long)att_model_memory(m));
    cli_add(&t, ",\"sizes\":{");
    sizes_json(&t, m, sizes_of(m));
    if (has_words(m)) sizes_json(&t, m, of_words);
    cli_add(&t, "}");
    vocabulary_json(&t, m);
    labels_json(&t, m);
    weights_json(&t, dir);
    if (tensors) {
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

int info_model_text(const att_model *m, const char *dir, bool tensors)
{
    const char *task = att_model_task(m);
    char s[40], b[32];
    char *trained = trained_by(dir);
    int rc;

    info_row("model", dir);
    info_row("type",
             cli_format("%s (%s)", att_model_type(m), att_model_architecture(m)));
    info_row("for",
             *task ? cli_format("attend %s", task) : "no task: it has no labels");
    info_row("sizes", sizes_line(m, sizes_of(m)));
    if (has_words(m)) info_row("", sizes_line(m, of_words));
    info_row("parameters", term_count(s, att_model_parameters(m)));
    info_row("memory", term_bytes(b, (double)att_model_memory(m)));
    vocabulary_row(m);
    labels_row(m);
    weights_row(dir);
    printf("%-16s %s\n", "configuration", att_model_config_json(m));
    if (tensors) {
        printf("tensors\n");
        if ((rc = tensor_rows(m, NULL)) != 0) return rc;
    }
    if (trained) printf("%-16s %s\n", "trained with", trained);
    return EXIT_FINE;
}
