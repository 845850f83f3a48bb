/* train_options.c - from the options of training to the library's. */
#include "train_options.h"
#include "attend/tape.h"

#include <string.h>

/* In the order of the choices of --activation. */
static const int32_t activations[] = {ATT_ACT_RELU, ATT_ACT_GELU, ATT_ACT_SILU};

void train_show(train_opts *o)
{
    o->vocab = !o->t.char_vocab;
    o->norm = o->t.pre_norm != 0;
    o->precision = o->t.precision;
    o->activation = 0;
    for (int32_t i = 0; i < 3; i++)
        if (activations[i] == o->t.activation) o->activation = i;
    /* Tasks of one side have architectures of their own. */
    if (!o->one_side && o->t.arch && !o->arch)
        o->arch = strcmp(o->t.arch, "rnn-lstm") == 0 ? 2 : 1;
}

void train_defaults(void *opts)
{
    train_opts *o = opts;

    att_train_opts_init(&o->t);
    o->score = o->t.score;
    o->preset = NULL;
    train_show(o);
}

int train_preset_known(const char *task, const char *name, const char *const *known)
{
    cli_text list = {0};
    int rc;

    for (int i = 0; known[i]; i++) {
        if (strcmp(known[i], name) == 0) return 0;
        cli_addf(&list, "%s%s", i ? ", " : "", known[i]);
    }
    rc = cli_usage(task, "%s: --preset '%.40s' is not one of %s", task, name, list.s);
    cli_free(list.s);
    return rc;
}

int train_preset(void *opts, const char *name)
{
    static const char *const names[] = {"tiny", "small", "base", "rnn", NULL};
    train_opts *o = opts;
    int rc = train_preset_known("train translate", name, names);
    att_status st = rc ? ATT_EINVAL : att_train_preset(&o->t, name);

    if (rc) return rc;
    if (st == ATT_OK) {
        train_show(o);
        return 0;
    }
    return train_refused(st, "train translate");
}

static int settle_one_side(train_opts *o, const char *name)
{
    if (o->valid.n > 1) return cli_usage(name, "%s: --valid takes one file", name);
    if (o->tokenizers.n > 1)
        return cli_usage(name, "%s: --tokenizer takes one file", name);
    o->t.n_train = o->train.n;
    o->t.train_source = o->train.item;
    if (o->valid.n) o->t.valid_source = o->valid.item[0];
    if (o->tokenizers.n) o->t.tokenizer = o->tokenizers.item[0];
    return 0;
}

/* A recurrent model has a recipe, which comes with --arch unless another was named. */
static int settle_arch(train_opts *o, const char *name)
{
    static const char *const words[] = {NULL, "rnn", "rnn-lstm"};
    int rc;

    if (o->arch && !o->preset && (rc = opt_use_preset(o, "rnn")) != 0) return rc;
    if (!o->arch && o->attention)
        return cli_usage(
            name, "%s: --attention is of --arch rnn; a Transformer has --score", name);
    if (o->arch && o->t.decoder_layers > 1 && opt_given("dec-depth"))
        return cli_usage(name, "%s: --dec-depth %d: a recurrent decoder has one layer",
                         name, (int)o->t.decoder_layers);
    o->t.arch = words[o->arch];
    if (o->arch) o->t.score = o->attention ? o->attention : "additive";
    return 0;
}

/* Every second word of a list that has pairs. */
static const char *const *every_second(const cli_list *l, int first)
{
    const char **out = cli_alloc((size_t)l->n / 2, sizeof *out);

    for (int i = 0; i < l->n / 2; i++) out[i] = l->item[2 * i + first];
    return out;
}

/* One pair, or one for each of the training's, whose languages they have then. */
static int settle_valid(train_opts *o, const char *name)
{
    int32_t n = o->valid.n / 2;

    if (o->valid.n == 0) return 0;
    if (o->valid.n % 2)
        return cli_usage(name, "%s: --valid takes pairs: source target [source target]",
                         name);
    if (n > 1 && n != o->t.n_train)
        return cli_usage(name,
                         "%s: --valid has %d pairs of files, --train %d: one for each, "
                         "or one only",
                         name, (int)n, (int)o->t.n_train);
    if (n > 1 && o->t.valid_lang)
        return cli_usage(name,
                         "%s: --valid-lang is for one pair of files; several have the "
                         "languages of --target-langs",
                         name);
    o->t.valid_source = o->valid.item[0];
    o->t.valid_target = o->valid.item[1];
    if (n == 1 && o->t.n_train == 1 && o->langs.n && !o->t.valid_lang)
        o->t.valid_lang = o->langs.item[0];
    if (n == 1) return 0;
    o->t.n_valid = n;
    o->t.valid_sources = every_second(&o->valid, 0);
    o->t.valid_targets = every_second(&o->valid, 1);
    if (o->langs.n) o->t.valid_langs = o->langs.item;
    return 0;
}

/* What was asked for in vain. Tasks of one side say the rest of it in settle(). */
static void warn_idle(const train_opts *o)
{
    if (o->t.tokenizer)
        opt_idle("vocab-size|unigram", "beside --tokenizer, which has a vocabulary");
    if (o->one_side) return;
    if (o->t.tokenizer)
        opt_idle("tokenizer-raw",
                 "beside --tokenizer, which normalises as it was made");
    if (o->arch)
        opt_idle("heads|ffn|score|normalise|positions|norm|activation|"
                 "attention-dropout|activation-dropout",
                 "with --arch rnn");
    else
        opt_idle("dim-rnn", "without --arch rnn");
}

int train_settle(train_opts *o, const char *name)
{
    int rc;

    o->t.score = o->score;
    rc = o->one_side ? o->settle(o) : settle_arch(o, name);
    if (rc != 0) return rc;
    o->t.one_hot = o->inputs;
    o->t.pre_norm = o->norm;
    o->t.precision = o->precision;
    o->t.activation = activations[o->activation];
    if (o->one_side) {
        rc = settle_one_side(o, name);
        if (rc == 0) warn_idle(o);
        return rc;
    }
    if (o->train.n % 2)
        return cli_usage(name, "%s: --train takes pairs: source target [source target]",
                         name);
    if (o->tokenizers.n > 2)
        return cli_usage(name, "%s: --tokenizer takes one or two files", name);
    o->t.n_train = o->train.n / 2;
    if (o->t.n_train) {
        if (o->langs.n && o->langs.n != o->t.n_train)
            return cli_usage(name,
                             "%s: --target-langs has %d words for %d pairs of files",
                             name, o->langs.n, (int)o->t.n_train);
        if (o->langs.n) o->t.target_langs = o->langs.item;
        o->t.train_source = every_second(&o->train, 0);
        o->t.train_target = every_second(&o->train, 1);
    }
    if ((rc = settle_valid(o, name)) != 0) return rc;
    if (o->tokenizers.n > 0) o->t.tokenizer = o->tokenizers.item[0];
    if (o->tokenizers.n > 1) o->t.tokenizer_target = o->tokenizers.item[1];
    if (o->tokenizer_target) o->t.tokenizer_target = o->tokenizer_target;
    warn_idle(o);
    return 0;
}

int train_refused(att_status st, const char *name)
{
    if (st == ATT_EINVAL || st == ATT_ENOTFOUND || st == ATT_ESHAPE)
        return cli_usage(name, "%s: %s", name, att_error_message());
    return cli_status(st);
}
