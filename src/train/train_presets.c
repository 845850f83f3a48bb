/* train_presets.c - recipes by name: sizes, rates, lengths. */
#include "train/trainer.h"
#include <string.h>

typedef struct preset {
    const char *name;
    int32_t d_model, ffn, heads, layers;
    float dropout, lr;
    int64_t warmup;
    int32_t vocab, batch_tokens, average;
    const char *schedule, *after, *valid_freq, *save_freq;
    float clip_norm;
    int32_t rnn;
} preset;

/* tiny: Wu et al. 2021, "Good for Misconceived Reasons", with the batch and the falling
 * rate that did best on Multi30k; base: Vaswani et al. 2017, with fairseq's usual peak
 * rate; small lies between. Lengths are in updates, so that they suit a corpus of any
 * size: tiny's are 72 passes over 29,000 pairs. rnn: one layer in both directions, states of
 * 512, sized for the same corpus. */
static const preset presets[] = {
    {"tiny", 128, 256, 4, 4, 0.3f, 0.005f, 2000, 10000, 3072, 10, "linear", "10500u",
     "292u", "73u", 0.0f, 0},
    {"small", 256, 1024, 4, 4, 0.2f, 0.001f, 4000, 10000, 4096, 10, "linear", "30Ku",
     "833u", "208u", 0.0f, 0},
    {"base", 512, 2048, 8, 6, 0.1f, 0.0007f, 4000, 32000, 4096, 5, "inverse-sqrt",
     "100Ku", "2778u", "694u", 0.0f, 0},
    {"rnn", 256, 1024, 4, 1, 0.35f, 0.002f, 500, 10000, 1536, 5, "linear", "9Ku",
     "250u", "62u", 1.0f, 1},
};

/* Tasks of one side; docs/results.md has what was tried. */
typedef struct task_preset {
    const char *name,
        *arch; /* arch NULL: a language model, whose tokens are no words */
    int32_t d_model, ffn, heads, layers, max_length, vocab, batch_tokens;
    float dropout, attention_dropout, lr, beta2, weight_decay, clip_norm;
    float label_smoothing, ema;
    int64_t warmup;
    const char *schedule, *after, *valid_freq, *save_freq;
    int32_t activation, char_vocab;
    int32_t char_dim, char_state; /* with arch, as what follows */
    float word_dropout;
} task_preset;

static const task_preset task_presets[] = {
    {.name = "tag",
     .arch = "words",
     .d_model = 256,
     .ffn = 512,
     .heads = 4,
     .layers = 2,
     .max_length = 512,
     .vocab = 6000,
     .batch_tokens = 4096,
     .dropout = 0.33f,
     .attention_dropout = 0.1f,
     .lr = 0.001f,
     .beta2 = 0.98f,
     .weight_decay = 0.01f,
     .clip_norm = 1.0f,
     .warmup = 500,
     .schedule = "linear",
     .after = "15e",
     .valid_freq = "1e",
     .save_freq = "1e",
     .activation = ATTI_ACT_GELU,
     .char_dim = 32,
     .char_state = 64,
     .word_dropout = 0.15f},
    {.name = "classify",
     .arch = "rnn-lstm",
     .d_model = 192,
     .ffn = 256,
     .heads = 4,
     .layers = 1,
     .max_length = 256,
     .vocab = 20000,
     .batch_tokens = 6144,
     .dropout = 0.5f,
     .attention_dropout = 0.1f,
     .lr = 0.001f,
     .beta2 = 0.98f,
     .weight_decay = 0.01f,
     .clip_norm = 1.0f,
     .label_smoothing = 0.1f,
     .ema = 0.004f,
     .warmup = 300,
     .schedule = "linear",
     .after = "3e",
     .valid_freq = "100u",
     .save_freq = "100u",
     .activation = ATTI_ACT_GELU,
     .char_dim = 24,
     .char_state = 32,
     .word_dropout = 0.2f},
    {.name = "classify-transformer",
     .arch = "words",
     .d_model = 128,
     .ffn = 256,
     .heads = 4,
     .layers = 1,
     .max_length = 256,
     .vocab = 20000,
     .batch_tokens = 8192,
     .dropout = 0.4f,
     .attention_dropout = 0.1f,
     .lr = 0.0007f,
     .beta2 = 0.98f,
     .weight_decay = 0.01f,
     .clip_norm = 1.0f,
     .warmup = 300,
     .schedule = "linear",
     .after = "5e",
     .valid_freq = "100u",
     .save_freq = "100u",
     .activation = ATTI_ACT_GELU,
     .char_dim = 32,
     .word_dropout = 0.1f},
    {.name = "lm",
     .d_model = 256,
     .ffn = 704,
     .heads = 4,
     .layers = 4,
     .max_length = 256,
     .vocab = 8000,
     .batch_tokens = 4096,
     .dropout = 0.2f,
     .lr = 0.002f,
     .beta2 = 0.99f,
     .weight_decay = 0.1f,
     .clip_norm = 1.0f,
     .warmup = 100,
     .schedule = "cosine",
     .after = "4500u",
     .valid_freq = "250u",
     .save_freq = "250u",
     .activation = ATTI_ACT_GELU,
     .char_vocab = 1},
};

static void use_task_preset(att_train_opts *o, const task_preset *p)
{
    o->d_model = p->d_model;
    o->ffn = p->ffn;
    o->heads = p->heads;
    o->encoder_layers = o->decoder_layers = p->layers;
    o->max_length = p->max_length;
    o->vocab_size = p->vocab;
    o->batch_tokens = p->batch_tokens;
    o->dropout = p->dropout;
    o->attention_dropout = p->attention_dropout;
    o->lr = p->lr;
    o->beta1 = 0.9f;
    o->beta2 = p->beta2;
    o->adam_eps = 1e-8f;
    o->optimizer = "adamw";
    o->weight_decay = p->weight_decay;
    o->clip_norm = p->clip_norm;
    o->label_smoothing = p->label_smoothing;
    o->ema = p->ema;
    o->warmup = p->warmup;
    o->schedule = p->schedule;
    o->after = p->after;
    o->valid_freq = p->valid_freq;
    o->save_freq = p->save_freq;
    o->activation = p->activation;
    o->char_vocab = p->char_vocab;
    o->arch = p->arch;
    if (p->arch) {
        o->char_dim = p->char_dim;
        o->char_state = p->char_state;
        o->word_dropout = p->word_dropout;
    }
    o->average = o->keep_checkpoints = 5;
    o->valid_beam = 0;
}

att_status att_train_preset(att_train_opts *o, const char *name)
{
    if (!o || !name) {
        return atti_fail(ATT_EINVAL, "att_train_preset: %s is NULL",
                         o ? "name" : "opts");
    }
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        const preset *p = &presets[i];
        if (strcmp(p->name, name) != 0) continue;
        o->d_model = p->d_model;
        o->ffn = p->ffn;
        o->heads = p->heads;
        o->encoder_layers = o->decoder_layers = p->layers;
        o->dropout = p->dropout;
        o->lr = p->lr;
        o->warmup = p->warmup;
        o->vocab_size = p->vocab;
        o->batch_tokens = p->batch_tokens;
        o->average = o->keep_checkpoints = p->average;
        o->label_smoothing = 0.1f;
        o->beta1 = 0.9f;
        o->beta2 = 0.98f;
        o->activation = ATTI_ACT_RELU;
        o->optimizer = "adam";
        o->schedule = p->schedule;
        o->after = p->after;
        o->valid_freq = p->valid_freq;
        o->save_freq = p->save_freq;
        o->valid_beam = 5;
        if (p->clip_norm > 0.0f) o->clip_norm = p->clip_norm;
        if (p->rnn && !atti_train_is_rnn(o)) o->arch = "rnn";
        return ATT_OK;
    }
    for (size_t i = 0; i < sizeof task_presets / sizeof *task_presets; i++) {
        if (strcmp(task_presets[i].name, name) != 0) continue;
        use_task_preset(o, &task_presets[i]);
        return ATT_OK;
    }
    return atti_fail(
        ATT_ENOTFOUND,
        "preset '%.40s' is not one of tiny, small, base, rnn (translate), tag, "
        "classify, classify-transformer, lm",
        name);
}
