/* cmd_train_tasks.c - attend train classify, tag, generate: one trainer, other files. */
#include "commands.h"
#include "train_plan.h"
#include "train_rows.h"
#include "train_run.h"

#include <string.h>

#define ROW(member) .at = offsetof(train_opts, member)

#define DATA_ROWS(what, valid_what)                                                    \
    {.kind = OPT_GROUP, .help = "Data"},                                               \
        {.name = "train",                                                              \
         .letter = 't',                                                                \
         .alias = "train-sets",                                                        \
         .kind = OPT_LIST,                                                             \
         .arg = "FILE ...",                                                            \
         ROW(train),                                                                   \
         .help = what},                                                                \
        {.name = "valid",                                                              \
         .alias = "valid-sets",                                                        \
         .kind = OPT_LIST,                                                             \
         .arg = "FILE",                                                                \
         ROW(valid),                                                                   \
         .help = valid_what},                                                          \
        {.name = "model",                                                              \
         .letter = 'm',                                                                \
         .kind = OPT_STR,                                                              \
         .arg = "DIR",                                                                 \
         ROW(t.model_dir),                                                             \
         .help = "the directory to write: a Hugging Face model"},                      \
        {.name = "tokenizer",                                                          \
         .letter = 'v',                                                                \
         .kind = OPT_LIST,                                                             \
         .arg = "FILE",                                                                \
         ROW(tokenizers),                                                              \
         .help = "a ready tokenizer.json or SentencePiece model; without it one is "   \
                 "made from the training files"},                                      \
    {                                                                                  \
        .name = "vocab-size", .kind = OPT_I32, .arg = "N", .lo = 16, .hi = 1048576,    \
        ROW(t.vocab_size), .help = "pieces of the vocabulary that is made"             \
    }

#define RAW_ROW                                                                        \
    {                                                                                  \
        .name = "tokenizer-raw", .kind = OPT_FLAG, ROW(t.tokenizer_raw),               \
        .help = "take the text as it is, without Unicode normalisation"                \
    }

#define SIZE_ROWS(preset_names, depth_name, depth_member, archs)                       \
    {.kind = OPT_GROUP, .help = "Model"},                                              \
        {.name = "preset",                                                             \
         .kind = OPT_STR,                                                              \
         .arg = "NAME",                                                                \
         ROW(preset),                                                                  \
         .flags = OPT_PRESET | OPT_NO_DEFAULT,                                         \
         .help = "the whole recipe at once: " preset_names},                           \
        {.name = "arch",                                                               \
         .kind = OPT_CHOICE,                                                           \
         .arg = "NAME",                                                                \
         .choices = archs,                                                             \
         ROW(arch),                                                                    \
         .help = "the architecture"},                                                  \
        {.name = "dim",                                                                \
         .alias = "dim-emb",                                                           \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 65536,                                                                  \
         ROW(t.d_model),                                                               \
         .help = "width of the model"},                                                \
        {.name = "ffn",                                                                \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 262144,                                                                 \
         ROW(t.ffn),                                                                   \
         .help = "width of the feed-forward layers"},                                  \
        {.name = "heads",                                                              \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 1024,                                                                   \
         ROW(t.heads),                                                                 \
         .help = "attention heads; a divisor of the width"},                           \
        {.name = depth_name,                                                           \
         .alias = "layers",                                                            \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 1024,                                                                   \
         ROW(depth_member),                                                            \
         .help = "layers"},                                                            \
        {.name = "dropout",                                                            \
         .kind = OPT_F32,                                                              \
         .arg = "P",                                                                   \
         .lo = 0,                                                                      \
         .hi = 0.999,                                                                  \
         ROW(t.dropout),                                                               \
         .help = "after embeddings and sub-layers"},                                   \
    {                                                                                  \
        .name = "attention-dropout", .kind = OPT_F32, .arg = "P", .lo = 0,             \
        .hi = 0.999, ROW(t.attention_dropout), .help = "on attention weights"          \
    }

#define TRAINING_ROWS                                                                  \
    {.kind = OPT_GROUP, .help = "Optimisation"},                                       \
        {.name = "after",                                                              \
         .letter = 'a',                                                                \
         .kind = OPT_STR,                                                              \
         .arg = "N(e|u|m)",                                                            \
         ROW(t.after),                                                                 \
         .help = "stop after epochs (12e), updates (8Ku) or minutes (40m)"},           \
        TRAIN_BATCH_ROWS(                                                              \
            "tokens an update; where tokens are words, their characters count too"),   \
        TRAIN_STEP_ROWS, {.kind = OPT_GROUP, .help = "Watching"},                      \
        {.name = "valid-freq",                                                         \
         .kind = OPT_STR,                                                              \
         .arg = "N(e|u|m)",                                                            \
         ROW(t.valid_freq),                                                            \
         .help = "how often to validate"},                                             \
        {.name = "save-freq",                                                          \
         .kind = OPT_STR,                                                              \
         .arg = "N(e|u|m)",                                                            \
         ROW(t.save_freq),                                                             \
         .help = "how often to save a checkpoint"},                                    \
        {.name = "disp-freq",                                                          \
         .kind = OPT_STR,                                                              \
         .arg = "N(e|u|m)",                                                            \
         ROW(t.disp_freq),                                                             \
         .help = "how often to report"},                                               \
        TRAIN_STOP_ROWS,                                                               \
        {.name = "keep-checkpoints",                                                   \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 0,                                                                      \
         .hi = 1e6,                                                                    \
         ROW(t.keep_checkpoints),                                                      \
         .help = "checkpoints left on disk"},                                          \
        TRAIN_RUN_ROWS

#define LENGTH_ROW(word, what)                                                         \
    {                                                                                  \
        .name = word, .kind = OPT_I32, .arg = "N", .lo = 2, .hi = 65534,               \
        ROW(t.max_length), .help = what                                                \
    }

/* By the choice shown. */
static const char *const encoder_archs[] = {"words",    "window",      "rnn",
                                            "rnn-lstm", "xlm-roberta", "bert"};
enum { ENCODER_ARCHS = sizeof encoder_archs / sizeof *encoder_archs };

static void start(train_opts *o, const char *preset)
{
    train_defaults(o);
    o->one_side = true;
    o->arch = 0;
    /* A preset of the library's own list: it cannot be missing. */
    if (att_train_preset(&o->t, preset) != ATT_OK) return;
    train_show(o);
}

static int use_preset(void *opts, const char *task, const char *name,
                      const char *const *known)
{
    train_opts *o = opts;
    int rc = train_preset_known(task, name, known);
    att_status st = rc ? ATT_OK : att_train_preset(&o->t, name);

    if (rc) return rc;
    train_show(o);
    return st == ATT_OK ? 0 : train_refused(st, task);
}

/* A preset of labels names its architecture, which --arch may replace. */
static void show_arch(train_opts *o)
{
    for (int32_t i = 0; o->t.arch && i < ENCODER_ARCHS; i++)
        if (strcmp(o->t.arch, encoder_archs[i]) == 0) o->arch = i;
}

/* Options of other architectures than the one that is trained. */
static void warn_idle_arch(const train_opts *o, bool tags)
{
    const char *arch = encoder_archs[o->arch];
    bool words = strcmp(arch, "words") == 0, window = strcmp(arch, "window") == 0;
    bool sub_words = strcmp(arch, "xlm-roberta") == 0 || strcmp(arch, "bert") == 0;
    const char *with = cli_format("with --arch %s", arch);

    if (!window) opt_idle("window", "without --arch window");
    if (sub_words)
        opt_idle("one-way|dim-word|dim-char|dim-char-state|min-count|word-dropout",
                 with);
    else
        opt_idle("tokenizer-raw", with);
    if (!sub_words && !words) opt_idle("ffn|attention-dropout", with);
    if (!sub_words && !words && tags) opt_idle("heads", with);
}

static int use_tag_preset(void *opts, const char *name)
{
    static const char *const known[] = {"tag", NULL};
    int rc = use_preset(opts, "train tag", name, known);

    show_arch(opts);
    return rc;
}

static int use_classify_preset(void *opts, const char *name)
{
    static const char *const known[] = {"classify", "classify-transformer", NULL};
    int rc = use_preset(opts, "train classify", name, known);

    show_arch(opts);
    return rc;
}

static int use_generate_preset(void *opts, const char *name)
{
    static const char *const known[] = {"lm", NULL};

    return use_preset(opts, "train generate", name, known);
}

static int go(train_opts *o, const command *c, int (*settle)(train_opts *),
              const char *items, const char *unit,
              att_status (*with)(const att_train_opts *, att_train_estimate *))
{
    o->command = c;
    o->settle = settle;
    o->items = items;
    o->unit = unit;
    o->plan = train_plan_one_side;
    o->train_with = with;
    return train_run(o);
}

#define WORD_ARCHS "words|window|rnn|rnn-lstm|xlm-roberta|bert"
#define WORD_ROWS                                                                      \
    {.kind = OPT_GROUP, .help = "Tokens that are words: --arch words, window, rnn"},   \
        {.name = "window",                                                             \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 11,                                                                     \
         ROW(t.window),                                                                \
         .help = "of --arch window: words before each word, and after it, that are "   \
                 "seen"},                                                              \
        {.name = "one-way",                                                            \
         .kind = OPT_FLAG,                                                             \
         ROW(t.one_way),                                                               \
         .help = "of --arch rnn: a word sees those before it, none behind it"},        \
        {.name = "dim-word",                                                           \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 65536,                                                                  \
         ROW(t.word_dim),                                                              \
         .help = "width of a word's own vector"},                                      \
        {.name = "dim-char",                                                           \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 65536,                                                                  \
         ROW(t.char_dim),                                                              \
         .help = "width of a character's vector"},                                     \
        {.name = "dim-char-state",                                                     \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 0,                                                                      \
         .hi = 65536,                                                                  \
         ROW(t.char_state),                                                            \
         .help =                                                                       \
             "state of each direction that reads a word's characters; 0: they are "    \
             "not read"},                                                              \
        {.name = "min-count",                                                          \
         .kind = OPT_I32,                                                              \
         .arg = "N",                                                                   \
         .lo = 1,                                                                      \
         .hi = 1e9,                                                                    \
         ROW(t.min_count),                                                             \
         .help = "words seen less often in training are unknown"},                     \
    {                                                                                  \
        .name = "word-dropout", .kind = OPT_F32, .arg = "P", .lo = 0, .hi = 0.999,     \
        ROW(t.word_dropout),                                                           \
        .help = "words that are unknown in training by chance, so that their "         \
                "characters must do"                                                   \
    }

/* --- classify --------------------------------------------------------------------- */

static const opt classify_options[] = {
    DATA_ROWS("files with a text and its label a line, a TAB between them",
              "a file to watch the training with"),
    RAW_ROW,
    {.name = "columns",
     .kind = OPT_STR,
     .arg = "NAMES",
     ROW(t.columns),
     .help = "the columns in order, with text and label among them, as in label,text "
             "(default: as the first line names them, else the column with fewer "
             "different values is the label)"},
    {.name = "regression",
     .kind = OPT_FLAG,
     ROW(t.regression),
     .help = "labels are numbers"},
    {.name = "multi-label",
     .kind = OPT_FLAG,
     ROW(t.multi_label),
     .help = "a text has any number of labels, with commas between them; _ is none"},
    LENGTH_ROW("max-length",
               "longer texts are cut; counted in words, or in sub-words of "
               "--arch xlm-roberta and bert, <s> and </s> included"),
    SIZE_ROWS("classify (the default) or classify-transformer", "enc-depth",
              t.encoder_layers, WORD_ARCHS),
    TRAIN_INPUT_ROWS,
    WORD_ROWS,
    TRAINING_ROWS,
};

static void classify_defaults(void *o)
{
    start(o, "classify");
    show_arch(o);
}

/* The task's recipe is a recurrent network's; what attends or has a window is trained by
 * the Transformer's, which comes with --arch unless another was named. */
static int settle_classify(train_opts *o)
{
    bool recurrent = strncmp(encoder_archs[o->arch], "rnn", 3) == 0;
    int rc = 0;

    if (!recurrent && !o->preset) rc = opt_use_preset(o, "classify-transformer");
    o->t.task = "classify";
    o->t.arch = encoder_archs[o->arch];
    if (rc == 0) warn_idle_arch(o, false);
    return rc;
}

static int run_classify(void *opts, const cli_list *words)
{
    (void)words;
    return go(opts, &cmd_train_classify, settle_classify, "texts", "texts",
              att_train_classify);
}

static const char *const classify_examples[] = {
    "Sentiment of sentences",
    "attend train classify --train train.tsv --valid dev.tsv -m sentiment",
    "A number a text",
    "attend train classify --regression --columns text,label --train scores.tsv -m "
    "scores",
    NULL,
};

const command cmd_train_classify = {
    .name = "train classify",
    .summary = "train a classifier of texts",
    .usage = "--train FILE ... -m DIR [options]",
    .about =
        "Trains an encoder on lines of text and label and writes a model "
        "directory that `attend classify` loads; the labels are in config.json. "
        "Tokens are words with their characters inside, which an LSTM reads in "
        "both directions or what --arch names, or with --arch xlm-roberta and bert "
        "sub-words: then Hugging Face's XLMRobertaForSequenceClassification (or "
        "BERT's) loads it too. Validations report accuracy, with --regression the "
        "mean squared error. A small corpus is by default read more often, in "
        "smaller batches.",
    .examples = classify_examples,
    .options = classify_options,
    .n_options = sizeof classify_options / sizeof *classify_options,
    .size = sizeof(train_opts),
    .defaults = classify_defaults,
    .preset = use_classify_preset,
    .run = run_classify,
};

/* --- tag -------------------------------------------------------------------------- */

static const opt tag_options[] = {
    DATA_ROWS("files in CoNLL-U, or with a token, a TAB and its label a line and a "
              "blank line after each sentence",
              "a file to watch the training with"),
    RAW_ROW,
    {.name = "column",
     .kind = OPT_CHOICE,
     .arg = "NAME",
     .choices = "upos|xpos",
     ROW(column),
     .help = "CoNLL-U's column that is learnt"},
    LENGTH_ROW("max-length",
               "longer sentences are skipped and counted; in words, or in sub-words of "
               "--arch xlm-roberta and bert, <s> and </s> included"),
    SIZE_ROWS("tag (the default)", "enc-depth", t.encoder_layers, WORD_ARCHS),
    TRAIN_INPUT_ROWS,
    WORD_ROWS,
    TRAINING_ROWS,
};

static void tag_defaults(void *o)
{
    start(o, "tag");
}

static int settle_tag(train_opts *o)
{
    o->t.task = "tag";
    o->t.arch = encoder_archs[o->arch];
    o->t.tag_column = o->column ? "xpos" : "upos";
    warn_idle_arch(o, true);
    return 0;
}

static int run_tag(void *opts, const cli_list *words)
{
    (void)words;
    return go(opts, &cmd_train_tag, settle_tag, "sentences", "words", att_train_tag);
}

static const char *const tag_examples[] = {
    "Parts of speech",
    "attend train tag --train train.conllu --valid dev.conllu -m tagger",
    NULL,
};

const command cmd_train_tag = {
    .name = "train tag",
    .summary = "train a tagger: a label a word",
    .usage = "--train FILE ... -m DIR [options]",
    .about =
        "Trains an encoder on labelled words and writes a model directory that "
        "`attend tag` loads. A token is a word with its characters inside; what sees "
        "the words around it is a Transformer (--arch words), a window, or a "
        "recurrent network. With --arch xlm-roberta and bert words are split into "
        "sub-words, the first of which carries the label, and Hugging Face's "
        "XLMRobertaForTokenClassification (or BERT's) loads the model too. A small "
        "corpus is by default read more often, in smaller batches.",
    .examples = tag_examples,
    .options = tag_options,
    .n_options = sizeof tag_options / sizeof *tag_options,
    .size = sizeof(train_opts),
    .defaults = tag_defaults,
    .preset = use_tag_preset,
    .run = run_tag,
};

/* --- generate --------------------------------------------------------------------- */

static const opt generate_options[] = {
    DATA_ROWS("text files, read as one text in their order",
              "a text to watch the training with"),
    {.name = "vocab",
     .kind = OPT_CHOICE,
     .arg = "KIND",
     .choices = "char|subword",
     ROW(vocab),
     .help = "a token a character, or sub-words with a piece for every byte"},
    {.name = "unigram",
     .kind = OPT_FLAG,
     ROW(t.unigram),
     .help = "sub-words of a unigram model instead of BPE"},
    LENGTH_ROW("context", "tokens that the model sees at once"),
    SIZE_ROWS("lm (the default)", "dec-depth", t.decoder_layers, "llama|gpt2"),
    {.name = "kv-heads",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1024,
     ROW(t.kv_heads),
     .help = "heads of keys and values of llama, a divisor of the heads; 0 = as many"},
    TRAINING_ROWS,
};

static void generate_defaults(void *o)
{
    start(o, "lm");
}

static int settle_generate(train_opts *o)
{
    o->t.task = "generate";
    o->t.arch = o->arch ? "gpt2" : "llama";
    o->t.char_vocab = !o->vocab;
    if (o->t.char_vocab && o->tokenizers.n == 0)
        opt_idle("vocab-size|unigram", "without --vocab subword");
    if (o->arch) opt_idle("kv-heads", "with --arch gpt2");
    return 0;
}

static int run_generate(void *opts, const cli_list *words)
{
    (void)words;
    return go(opts, &cmd_train_generate, settle_generate, "blocks", "tok",
              att_train_generate);
}

static const char *const generate_examples[] = {
    "A model of characters",
    "attend train generate --train train.txt --valid val.txt -m shakespeare",
    NULL,
};

const command cmd_train_generate = {
    .name = "train generate",
    .summary = "train a language model on running text",
    .usage = "--train FILE ... -m DIR [options]",
    .about =
        "Trains a decoder on text and writes a model directory that `attend generate` "
        "and Hugging Face's LlamaForCausalLM or GPT2LMHeadModel load.\n\n"
        "Validation cuts the text into consecutive blocks of the context: every token "
        "but the text's first is predicted once, from the tokens before it in its "
        "block. nll is the mean over all of them, in nats a token; with --vocab char a "
        "token is a character.",
    .examples = generate_examples,
    .options = generate_options,
    .n_options = sizeof generate_options / sizeof *generate_options,
    .size = sizeof(train_opts),
    .defaults = generate_defaults,
    .preset = use_generate_preset,
    .run = run_generate,
};
