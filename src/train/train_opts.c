/* train_opts.c - defaults and the refusal of nonsense. */
#include "base/checked.h"
#include "train/trainer.h"
#include <math.h>
#include <string.h>

enum { MAX_VALID = 1000 };

void att_train_opts_init(att_train_opts *o)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = (uint32_t)sizeof *o;
    o->vocab_size = 10000;
    o->d_model = 256;
    o->ffn = 1024;
    o->heads = 4;
    o->encoder_layers = o->decoder_layers = 4;
    o->activation = ATTI_ACT_RELU;
    o->positions = "sinusoidal";
    o->score = "scaled-dot";
    o->normalise = "softmax";
    o->max_length = 200;
    o->dropout = 0.1f;
    o->label_smoothing = 0.1f;
    o->optimizer = "adam";
    o->lr = 0.001f;
    o->beta1 = 0.9f;
    o->beta2 = 0.98f;
    o->adam_eps = 1e-9f;
    o->schedule = "inverse-sqrt";
    o->warmup = 2000;
    o->batch_tokens = 4096;
    o->accumulate = 1;
    o->after = "20e";
    o->seed = 1;
    o->average = 5;
    o->save_freq = o->valid_freq = "1e";
    o->disp_freq = "100u";
    o->valid_tokenize = "13a";
    o->keep_checkpoints = 5;
    o->window = 5;
    o->word_dim = 128;
    o->char_dim = 32;
    o->char_state = 64;
    o->min_count = 2;
    o->word_dropout = 0.1f;
}

att_status atti_check_out(uint32_t size, size_t want, const char *type)
{
    if (size == want) return ATT_OK;
    return atti_fail(ATT_EINVAL, "%s has size %u, expected %zu: set it to sizeof", type,
                     (unsigned)size, want);
}

att_status atti_train_opts_copy(att_train_opts *out, const att_train_opts *in)
{
    if (!in) return atti_fail(ATT_EINVAL, "training options are NULL");
    if (in->size < 64 || in->size > sizeof *in) {
        return atti_fail(ATT_EINVAL,
                         "training options have size %u, expected %zu: call "
                         "att_train_opts_init first",
                         in->size, sizeof *in);
    }
    att_train_opts_init(out);
    memcpy(out, in, in->size);
    out->size = (uint32_t)sizeof *out;
    if (out->n_valid > 0) {
        /* Whether there is a validation is asked of these. */
        out->valid_source = out->valid_sources ? out->valid_sources[0] : NULL;
        out->valid_target = out->valid_targets ? out->valid_targets[0] : NULL;
        out->valid_lang = NULL;
    }
    return ATT_OK;
}

atti_valid_files atti_train_valid_files(const att_train_opts *o)
{
    if (o->n_valid > 0)
        return (atti_valid_files){o->valid_sources, o->valid_targets, o->valid_langs,
                                  o->n_valid};
    return (atti_valid_files){&o->valid_source, &o->valid_target,
                              o->valid_lang ? &o->valid_lang : NULL,
                              o->valid_source != NULL};
}

const char *atti_train_valid_name(const att_train_opts *o, int32_t i)
{
    atti_valid_files f = atti_train_valid_files(o);
    return f.lang ? f.lang[i] : f.target[i];
}

typedef struct int_range {
    const char *name;
    int64_t value, lo, hi;
} int_range;

typedef struct float_range {
    const char *name;
    float value;
    double lo, hi; /* lo <= value < hi, or <= where hi is infinite */
} float_range;

static att_status check_ranges(const att_train_opts *o)
{
    const int_range ints[] = {
        {"--vocab-size", o->vocab_size, 16, 1 << 20},
        {"--dim", o->d_model, 1, 1 << 16},
        {"--ffn", o->ffn, 1, 1 << 18},
        {"--heads", o->heads, 1, 1024},
        {"--enc-depth", o->encoder_layers, 1, 1024},
        {"--dec-depth", o->decoder_layers, 1, 1024},
        {"--max-length", o->max_length, 2, 65535},
        {"--lr-warmup", o->warmup, 0, INT64_MAX},
        {"--mini-batch-words", o->batch_tokens, 1, 1 << 24},
        {"--optimizer-delay", o->accumulate, 1, 1 << 16},
        {"--average", o->average, 0, 1000},
        {"--keep-checkpoints", o->keep_checkpoints, 0, 1000000},
        {"--early-stopping", o->early_stopping, 0, INT32_MAX},
        {"--valid-beam", o->valid_beam, 0, 256},
        {"--precision", o->precision, 0, 1},
        {"--dim-rnn", o->rnn_dim, 0, 1 << 16},
    };
    const float_range floats[] = {
        {"--dropout", o->dropout, 0.0, 1.0},
        {"--attention-dropout", o->attention_dropout, 0.0, 1.0},
        {"--activation-dropout", o->activation_dropout, 0.0, 1.0},
        {"--label-smoothing", o->label_smoothing, 0.0, 1.0},
        {"--bpe-dropout", o->bpe_dropout, 0.0, 1.0},
        {"--learn-rate", o->lr, 0.0, INFINITY},
        {"--beta1", o->beta1, 0.0, 1.0},
        {"--beta2", o->beta2, 0.0, 1.0},
        {"--adam-eps", o->adam_eps, 0.0, 1.0},
        {"--weight-decay", o->weight_decay, 0.0, INFINITY},
        {"--clip-norm", o->clip_norm, 0.0, INFINITY},
        {"--exponential-smoothing", o->ema, 0.0, 1.0},
    };
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        const int_range *r = &ints[i];
        if (r->value >= r->lo && r->value <= r->hi) continue;
        return atti_fail(ATT_EINVAL, "%s is %lld, expected %lld..%lld", r->name,
                         (long long)r->value, (long long)r->lo, (long long)r->hi);
    }
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        const float_range *r = &floats[i];
        if ((double)r->value >= r->lo && (double)r->value < r->hi) continue;
        return atti_fail(ATT_EINVAL, "%s is %g, expected %g up to %g", r->name,
                         (double)r->value, r->lo, r->hi);
    }
    if (o->lr == 0.0f) return atti_fail(ATT_EINVAL, "--learn-rate is 0");
    if (atti_train_is_rnn(o)) return ATT_OK; /* it has no heads */
    if (o->d_model % o->heads != 0) {
        return atti_fail(ATT_EINVAL, "--dim %d is not a multiple of --heads %d",
                         (int)o->d_model, (int)o->heads);
    }
    if (o->d_model / o->heads > 256) {
        return atti_fail(ATT_EINVAL,
                         "--dim %d and --heads %d make heads %d wide, at most 256 work",
                         (int)o->d_model, (int)o->heads, (int)(o->d_model / o->heads));
    }
    return ATT_OK;
}

static att_status check_valid_files(const att_train_opts *o, int both)
{
    if (o->n_valid < 0 || o->n_valid > MAX_VALID)
        return atti_fail(ATT_EINVAL, "%d validation files, expected 0..%d",
                         (int)o->n_valid, MAX_VALID);
    if (o->n_valid > 0 && !both)
        return atti_fail(ATT_EINVAL, "several validation files are for translators");
    for (int32_t i = 0; i < o->n_valid; i++) {
        if (!o->valid_sources || !o->valid_targets || !o->valid_sources[i] ||
            !o->valid_targets[i] || (o->valid_langs && !o->valid_langs[i]))
            return atti_fail(ATT_EINVAL, "validation file or language %d is NULL", i);
    }
    if (both && !o->valid_source != !o->valid_target) {
        return atti_fail(ATT_EINVAL,
                         "validation needs both sides, only the %s is given",
                         o->valid_source ? "source" : "target");
    }
    return ATT_OK;
}

static att_status check_files(const atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    int both = t->task->two_files;
    if (o->n_train < 1 || !o->train_source || (both && !o->train_target)) {
        return atti_fail(ATT_EINVAL, "no training files");
    }
    for (int32_t i = 0; i < o->n_train; i++) {
        if (!o->train_source[i] || (both && !o->train_target[i])) {
            return atti_fail(ATT_EINVAL, "training file %d is NULL", i);
        }
    }
    if (!o->model_dir && !o->dry_run)
        return atti_fail(ATT_EINVAL, "no model directory");
    ATTI_TRY(check_valid_files(o, both));
    if (o->tokenizer_target && !o->tokenizer) {
        return atti_fail(ATT_EINVAL, "a target tokenizer without a source tokenizer");
    }
    if (!o->valid_source && o->early_stopping > 0) {
        return atti_fail(ATT_EINVAL, "--early-stopping needs validation files");
    }
    return ATT_OK;
}

static att_status parse_words(atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    ATTI_TRY(atti_span_parse(&t->after, o->after, ATTI_UNIT_UPDATES, "--after"));
    ATTI_TRY(
        atti_span_parse(&t->save_freq, o->save_freq, ATTI_UNIT_UPDATES, "--save-freq"));
    ATTI_TRY(atti_span_parse(&t->valid_freq, o->valid_freq, ATTI_UNIT_UPDATES,
                             "--valid-freq"));
    ATTI_TRY(
        atti_span_parse(&t->disp_freq, o->disp_freq, ATTI_UNIT_UPDATES, "--disp-freq"));
    if (t->after.unit == ATTI_UNIT_NONE) {
        return atti_fail(ATT_EINVAL, "--after is '%s': a training needs an end",
                         o->after ? o->after : "");
    }
    t->schedule = (atti_schedule){
        .lr = (double)o->lr, .warmup = o->warmup, .d_model = o->d_model};
    /* Nobody knows beforehand how many updates fit into minutes. */
    if (t->after.unit == ATTI_UNIT_MINUTES) t->schedule.warm_share = 0.2;
    ATTI_TRY(atti_decay_parse(&t->schedule.decay, o->schedule));
    ATTI_TRY(atti_optim_kind_parse(&t->optim.kind, o->optimizer));
    if (t->optim.kind == ATTI_ADAM && o->weight_decay > 0.0f) {
        return atti_fail(ATT_EINVAL, "--weight-decay %g needs --optimizer adamw or sgd",
                         (double)o->weight_decay);
    }
    return ATT_OK;
}

int atti_train_is_rnn(const att_train_opts *o)
{
    return o->arch && (strcmp(o->arch, "rnn") == 0 || strcmp(o->arch, "rnn-lstm") == 0);
}

att_status atti_train_rnn_config(atti_rnn_config *c, const att_train_opts *o,
                                 int64_t source_vocab, int64_t target_vocab)
{
    int scaled = !o->score || strcmp(o->score, "scaled-dot") == 0;
    if (o->rnn_dim % 2)
        return atti_fail(ATT_EINVAL,
                         "--dim-rnn %d is odd: the encoder's two directions share it",
                         (int)o->rnn_dim);
    atti_rnn_config_init(c);
    c->vocab_size = source_vocab;
    c->decoder_vocab_size = target_vocab;
    c->embed = c->readout = o->d_model;
    c->hidden = c->attention = o->rnn_dim ? o->rnn_dim : 2 * (int64_t)o->d_model;
    c->encoder = c->hidden / 2;
    /* A one-hot vector is as wide as the vocabulary, what the output is asked with is not. */
    if (o->one_hot) {
        c->embed = source_vocab;
        c->tie_output = 0;
    }
    c->encoder_layers = o->encoder_layers;
    c->max_positions = atti_max_i64(256, o->max_length);
    c->cell = strcmp(o->arch, "rnn-lstm") == 0 ? ATT_RNN_LSTM : ATT_RNN_GRU;
    c->share_embeddings = !(o->separate_vocab || o->tokenizer_target);
    c->dropout = o->dropout;
    c->eos_id = c->forced_eos_id = 0;
    c->unk_id = 1;
    c->pad_id = c->decoder_start_id = target_vocab - 1;
    /* What Transformers start from is no recurrent score: additive came first. */
    ATTI_TRY(atti_rnn_set_score(c, scaled ? "additive" : o->score));
    return atti_rnn_config_check(c);
}

att_status atti_train_model_config(atti_marian_config *c, const att_train_opts *o,
                                   int64_t source_vocab, int64_t target_vocab)
{
    atti_marian_config_init(c);
    c->vocab_size = source_vocab;
    c->decoder_vocab_size = target_vocab;
    c->d_model = o->d_model;
    c->encoder_layers = o->encoder_layers;
    c->decoder_layers = o->decoder_layers;
    c->encoder_heads = c->decoder_heads = o->heads;
    c->encoder_ffn = c->decoder_ffn = o->ffn;
    c->max_positions = atti_max_i64(512, o->max_length);
    c->activation = (atti_act)o->activation;
    c->scale_embedding = 1;
    c->share_embeddings = !(o->separate_vocab || o->tokenizer_target);
    c->tie_output = 1;
    c->pre_norm = o->pre_norm != 0;
    c->dropout = o->dropout;
    c->attention_dropout = o->attention_dropout;
    c->activation_dropout = o->activation_dropout;
    /* Embeddings are multiplied by sqrt(C): rows of unit length enter the first layer. */
    c->init_std = (float)(1.0 / sqrt((double)o->d_model));
    c->eos_id = c->forced_eos_id = 0;
    c->unk_id = 1;
    c->pad_id = c->decoder_start_id = target_vocab - 1;
    ATTI_TRY(atti_marian_set_positions(c, o->positions));
    ATTI_TRY(atti_marian_set_score(c, o->score));
    ATTI_TRY(atti_marian_set_normalise(c, o->normalise));
    return atti_marian_config_check(c);
}

att_status atti_train_opts_check(atti_trainer *t)
{
    ATTI_TRY(atti_task_find(&t->task, t->o.task, t->o.arch));
    ATTI_TRY(check_files(t));
    ATTI_TRY(check_ranges(&t->o));
    ATTI_TRY(parse_words(t));
    ATTI_TRY(atti_inputs_check(t));
    return t->task->check(t);
}

att_status att_train_check(const att_train_opts *opts)
{
    atti_trainer t;
    memset(&t, 0, sizeof t);
    ATTI_TRY(atti_train_opts_copy(&t.o, opts));
    return atti_train_opts_check(&t);
}
