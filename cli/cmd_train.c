/* cmd_train.c - attend train translate: files in, a model directory out. */
#include "commands.h"
#include "train_plan.h"
#include "train_rows.h"
#include "train_run.h"

#define ROW(member) .at = offsetof(train_opts, member)

static const opt options[] = {
    {.kind = OPT_GROUP, .help = "Data"},
    {.name = "train",
     .letter = 't',
     .alias = "train-sets",
     .kind = OPT_LIST,
     .arg = "SOURCE TARGET",
     ROW(train),
     .help = "files with a sentence a line, line i of one belonging to line i of the "
             "other; more pairs of files may follow"},
    {.name = "valid",
     .alias = "valid-sets",
     .kind = OPT_LIST,
     .arg = "SOURCE TARGET",
     ROW(valid),
     .help =
         "two files to watch the training with; or two for each pair of the "
         "training's, in its order: loss and BLEU are told for each, and their means "
         "decide"},
    {.name = "target-langs",
     .kind = OPT_LIST,
     .arg = "LANG ...",
     ROW(langs),
     .help = "one model of several target languages: a word a pair of files, as in de "
             "zh; >>de<< then stands in front of that pair's sources that have no such "
             "token"},
    {.name = "valid-lang",
     .kind = OPT_STR,
     .arg = "LANG",
     ROW(t.valid_lang),
     .help = "the same for the only pair of --valid; several pairs have the languages "
             "of --target-langs"},
    {.name = "model",
     .letter = 'm',
     .kind = OPT_STR,
     .arg = "DIR",
     ROW(t.model_dir),
     .help = "the directory to write: a Hugging Face Marian model"},
    {.name = "tokenizer",
     .letter = 'v',
     .alias = "vocabs",
     .kind = OPT_LIST,
     .arg = "FILE",
     ROW(tokenizers),
     .help = "a ready SentencePiece model for both sides, or one for each; without it "
             "one is trained on the training files"},
    {.name = "vocab-size",
     .alias = "dim-vocabs",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 16,
     .hi = 1048576,
     ROW(t.vocab_size),
     .help = "pieces of the trained vocabulary"},
    {.name = "separate-vocab",
     .kind = OPT_FLAG,
     ROW(t.separate_vocab),
     .help = "one vocabulary a side instead of a joint one"},
    {.name = "unigram",
     .kind = OPT_FLAG,
     ROW(t.unigram),
     .help = "a unigram vocabulary instead of BPE"},
    {.name = "bpe-dropout",
     .kind = OPT_F32,
     .arg = "P",
     .lo = 0,
     .hi = 0.999,
     ROW(t.bpe_dropout),
     .help = "leave merges out by chance: other sub-words every time"},
    {.name = "tokenizer-raw",
     .kind = OPT_FLAG,
     ROW(t.tokenizer_raw),
     .help = "take the text as it is, without Unicode normalisation"},
    {.name = "max-length",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 2,
     .hi = 65535,
     ROW(t.max_length),
     .help = "longer sentences (in tokens) are skipped in training and counted"},
    TRAIN_MODEL_ROWS,
    TRAIN_INPUT_ROWS,
    {.kind = OPT_GROUP, .help = "Optimisation"},
    {.name = "after",
     .letter = 'a',
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     ROW(t.after),
     .flags = OPT_NO_DEFAULT,
     .help = "stop after epochs (12e), updates (8Ku) or minutes (40m) (default: 10,500 "
             "updates for tiny, 100,000 for base, 8,000 for rnn, 30,000 else, but no "
             "more than 100 epochs)"},
    TRAIN_BATCH_ROWS("tokens an update, counted on the longer side"),
    {.name = "length-buckets",
     .kind = OPT_FLAG,
     ROW(t.length_buckets),
     .help =
         "batches of similar lengths; saves nothing, since batches have no padding, and "
         "learns more slowly"},
    TRAIN_STEP_ROWS,
    {.kind = OPT_GROUP, .help = "Watching"},
    {.name = "valid-freq",
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     ROW(t.valid_freq),
     .flags = OPT_NO_DEFAULT,
     .help = "how often to validate (default: 36 times)"},
    {.name = "save-freq",
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     ROW(t.save_freq),
     .flags = OPT_NO_DEFAULT,
     .help = "how often to save a checkpoint (default: 144 times; fewer in a short "
             "training)"},
    {.name = "disp-freq",
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     ROW(t.disp_freq),
     .help = "how often to report"},
    TRAIN_STOP_ROWS,
    {.name = "valid-beam",
     .letter = 'b',
     .alias = "beam-size",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 256,
     ROW(t.valid_beam),
     .help = "beam of the BLEU validation; 0 = validate by loss only"},
    {.name = "valid-tokenize",
     .kind = OPT_STR,
     .arg = "NAME[,NAME]",
     ROW(t.valid_tokenize),
     .flags = OPT_NO_DEFAULT,
     .help = "tokenisation for that BLEU: 13a, zh, char, none or intl, or one for each "
             "pair of --valid with commas between them (default: 13a; none for text "
             "that looks tokenised already, zh for Chinese)"},
    {.name = "keep-checkpoints",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1e6,
     ROW(t.keep_checkpoints),
     .help = "checkpoints left on disk"},
    TRAIN_RUN_ROWS,
};

static int run(void *opts, const cli_list *words)
{
    train_opts *o = opts;

    (void)words;
    o->command = &cmd_train_translate;
    o->train_with = att_train_translate;
    o->plan = train_plan;
    return train_run(o);
}

static const char *const examples[] = {
    "The model of Wu et al. (2021) on one's own files",
    "attend train translate --preset tiny --train train.en train.de --valid val.en val.de "
    "-m en-de",
    "What would it take?",
    "attend train translate --preset base --train train.en train.de -m en-de --dry-run",
    "A recurrent model with additive attention",
    "attend train translate --arch rnn --train train.en train.de --valid val.en val.de "
    "-m en-de.rnn",
    "One model, two target languages",
    "attend train translate --train a.en a.de b.en b.zh --target-langs de zh --valid "
    "c.en c.de d.en d.zh -m en-many",
    "On after an interruption",
    "attend train translate -m en-de --resume",
    "The same training once more, with another seed",
    "attend train translate --config en-de/config.train.json -m en-de.2 --seed 2",
    NULL,
};

const command cmd_train_translate = {
    .name = "train translate",
    .summary = "train a translator on pairs of sentences",
    .usage = "--train SOURCE TARGET -m DIR [options]",
    .about =
        "Trains a Transformer (Vaswani et al. 2017) from sentences to a model "
        "directory that `attend translate`, Hugging Face's MarianMTModel and "
        "CTranslate2's converter load. The options are Marian's where Marian has "
        "them. --arch rnn trains a recurrent encoder-decoder with attention in its "
        "place, which only attend loads.\n\n"
        "Several target languages make one model when a token in front of the source "
        "says which is wanted, >>de<< as in OPUS-MT's models: the data has it, or "
        "--target-langs puts it there. Such tokens are entries of the vocabulary and "
        "are never split; `attend translate --to de` writes one in front of every "
        "line.\n\n"
        "^C and SIGTERM save a checkpoint first. A directory holds whole checkpoints "
        "only, whenever the power goes. The settings in force are stored in the "
        "directory as config.train.json and can be replayed with --config.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(train_opts),
    .defaults = train_defaults,
    .preset = train_preset,
    .run = run,
};
