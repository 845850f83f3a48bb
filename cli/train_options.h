/* train_options.h - the options of training, shared by `train`, `bench train` and
 * `demo`. */
#ifndef ATTEND_TRAIN_OPTIONS_H
#define ATTEND_TRAIN_OPTIONS_H

#include "attend/train.h"
#include "opt.h"

typedef struct train_opts {
    cli_common c;
    att_train_opts t;
    const char *preset, *tokenizer_target;
    cli_list train, valid, tokenizers, langs;
    int32_t norm, precision, activation; /* indices of the choices shown */
    int32_t json;
    int32_t steps; /* bench */
    const char *batch;
    int32_t arch, column, vocab; /* indices of the choices shown */
    const char *attention;       /* of --arch rnn */
    const char *score;           /* of a Transformer; t.score is what is trained */
    int32_t inputs;              /* index of the choice shown */
    /* What train_run() is to do. */
    const command *command;
    att_status (*train_with)(const att_train_opts *o, att_train_estimate *e);
    int (*plan)(struct train_opts *o); /* NULL: the options say it all */
    int (*settle)(struct train_opts
                      *o); /* of one side: choices to the library's words; exit code */
    bool one_side;
    const char *items; /* what the files hold */
    const char *unit;  /* what is counted a second; NULL: tok */
} train_opts;

void train_defaults(void *o);
int train_preset(void *o, const char *name);
/* 0 where name is one of the task's own presets, which end with NULL; else the exit code
 * of the refusal. */
int train_preset_known(const char *task, const char *name, const char *const *known);
/* The library's numbers as indices of the choices shown. */
void train_show(train_opts *o);
/* Words to pointers: files in pairs, choices to the library's numbers. Exit code. */
int train_settle(train_opts *o, const char *name);

/* The exit code for what att_train_check() found; a refused option is a misuse. */
int train_refused(att_status st, const char *name);

/* What tokens enter a model as. */
#define TRAIN_INPUT_ROWS                                                               \
    {.name = "inputs",                                                                 \
     .kind = OPT_CHOICE,                                                               \
     .arg = "KIND",                                                                    \
     .choices = "learned|one-hot",                                                     \
     TRAIN_ROW(inputs),                                                                \
     .help = "vectors that are learned, or fixed ones that are as wide as the "        \
             "vocabulary"},                                                            \
        {.name = "vectors",                                                            \
         .kind = OPT_STR,                                                              \
         .arg = "FILE",                                                                \
         TRAIN_ROW(t.vectors),                                                         \
         .help = "begin with these: a word and its numbers a line, as word2vec and "   \
                 "GloVe write them"},                                                  \
    {                                                                                  \
        .name = "freeze-vectors", .kind = OPT_FLAG, TRAIN_ROW(t.freeze_vectors),       \
        .help = "do not train the vectors of --vectors"                                \
    }

/* The rows of the tables that `bench train` uses too. */
#define TRAIN_ROW(member) .at = offsetof(train_opts, member)
#define TRAIN_MODEL_ROWS                                                               \
    {.kind = OPT_GROUP, .help = "Model"},                                              \
        {.name = "preset",                                                             \
         .kind = OPT_STR,                                                              \
         .arg = "NAME",                                                                \
         TRAIN_ROW(preset),                                                            \
         .flags = OPT_PRESET,                                                          \
         .help =                                                                       \
             "the whole recipe at once, sizes, dropout, batch, rates, length: tiny "   \
             "(4+4 layers, width 128), small (4+4, 256), base (6+6, 512), rnn "        \
             "(recurrent, 256 and 512); other options win over it"},                   \
        {.name = "arch",                                                               \
         .kind = OPT_CHOICE,                                                           \
         .arg = "NAME",                                                                \
         .choices = "transformer|rnn|rnn-lstm",                                        \
         TRAIN_ROW(arch),                                                              \
         .help = "the architecture; rnn is a recurrent encoder-decoder of GRU cells "  \
                 "with attention, whose preset comes with it"},                        \
        {.name = "attention",                                                          \
         .kind = OPT_STR,                                                              \
         .arg = "NAME",                                                                \
         .choices = "additive|general|dot|none",                                       \
         TRAIN_ROW(attention),                                                         \
         .help = "of recurrent models (default: additive): additive is asked by the "  \
                 "state before a step (Bahdanau et al. 2015), general and dot by the " \
                 "state after it, with input feeding (Luong et al. 2015)"},            \
        {.name = "dim",                                                                \
         .alias = "dim-emb",                                                           \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 65536,                                                                  \
         TRAIN_ROW(t.d_model),                                                         \
         .help = "width of the model; of recurrent ones, of tokens"},                  \
        {.name = "dim-rnn",                                                            \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 0,                                                                      \
         .hi = 65536,                                                                  \
         TRAIN_ROW(t.rnn_dim),                                                         \
         .flags = OPT_NO_DEFAULT,                                                      \
         .help = "width of recurrent states: the decoder's, and the encoder's "        \
                 "directions together (default: twice --dim)"},                        \
        {.name = "ffn",                                                                \
         .alias = "transformer-dim-ffn",                                               \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 262144,                                                                 \
         TRAIN_ROW(t.ffn),                                                             \
         .help = "width of the feed-forward layers"},                                  \
        {.name = "heads",                                                              \
         .alias = "transformer-heads",                                                 \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 1024,                                                                   \
         TRAIN_ROW(t.heads),                                                           \
         .help = "attention heads; a divisor of the width"},                           \
        {.name = "enc-depth",                                                          \
         .alias = "encoder-layers",                                                    \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 1024,                                                                   \
         TRAIN_ROW(t.encoder_layers),                                                  \
         .help = "encoder layers"},                                                    \
        {.name = "dec-depth",                                                          \
         .alias = "decoder-layers",                                                    \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 1024,                                                                   \
         TRAIN_ROW(t.decoder_layers),                                                  \
         .help = "decoder layers"},                                                    \
        {.name = "activation",                                                         \
         .alias = "transformer-ffn-activation",                                        \
         .kind = OPT_CHOICE,                                                           \
         .choices = "relu|gelu|silu",                                                  \
         .arg = "NAME",                                                                \
         TRAIN_ROW(activation),                                                        \
         .help = "of the feed-forward layers"},                                        \
        {.name = "norm",                                                               \
         .kind = OPT_CHOICE,                                                           \
         .choices = "post|pre",                                                        \
         .arg = "WHERE",                                                               \
         TRAIN_ROW(norm),                                                              \
         .help =                                                                       \
             "layer norm after each residual (Vaswani et al. 2017) or before each "    \
             "sub-layer"},                                                             \
        {.name = "positions",                                                          \
         .kind = OPT_STR,                                                              \
         .arg = "NAME",                                                                \
         TRAIN_ROW(t.positions),                                                       \
         .choices = "sinusoidal|interleaved|learned|none|relative|rope|alibi|t5",      \
         .help = "how a token knows its place"},                                       \
        {.name = "score",                                                              \
         .kind = OPT_STR,                                                              \
         .arg = "NAME",                                                                \
         TRAIN_ROW(score),                                                             \
         .choices = "scaled-dot|dot|general|additive|cosine",                          \
         .help = "how a Transformer's attention compares a query with a key"},         \
        {.name = "normalise",                                                          \
         .alias = "normalize",                                                         \
         .kind = OPT_STR,                                                              \
         .arg = "NAME",                                                                \
         TRAIN_ROW(t.normalise),                                                       \
         .choices = "softmax|relu|relu-row|hard|sparsemax",                            \
         .help = "what makes weights of scores"},                                      \
        {.name = "dropout",                                                            \
         .alias = "transformer-dropout",                                               \
         .kind = OPT_F32,                                                              \
         .arg = "P",                                                                   \
         .lo = 0,                                                                      \
         .hi = 0.999,                                                                  \
         TRAIN_ROW(t.dropout),                                                         \
         .help = "after embeddings and sub-layers"},                                   \
        {.name = "attention-dropout",                                                  \
         .alias = "transformer-dropout-attention",                                     \
         .kind = OPT_F32,                                                              \
         .arg = "P",                                                                   \
         .lo = 0,                                                                      \
         .hi = 0.999,                                                                  \
         TRAIN_ROW(t.attention_dropout),                                               \
         .help = "on attention weights"},                                              \
    {                                                                                  \
        .name = "activation-dropout", .alias = "transformer-dropout-ffn",              \
        .kind = OPT_F32, .arg = "P", .lo = 0, .hi = 0.999,                             \
        TRAIN_ROW(t.activation_dropout), .help = "inside the feed-forward layers"      \
    }

#endif
