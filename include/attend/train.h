/* attend/train.h - training a model from files to a model directory.
 *
 * Same seed, same data, same options: same bytes in model.safetensors, for any number of
 * threads, interrupted and resumed or not. Stopped at any moment, a directory holds whole
 * checkpoints only. */
#ifndef ATTEND_TRAIN_H
#define ATTEND_TRAIN_H

#include "attend/attention.h"
#include "attend/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a progress callback sees; numbers since the last report unless said. */
typedef struct att_train_report {
    uint32_t size;
    int32_t
        kind; /* 0 start, 1 step(s), 2 validation, 3 checkpoint, 4 notice (text), 5 end */
    int64_t update;       /* updates done, ever */
    double epoch;         /* passes over the data, with fraction */
    double fraction_done; /* of --after, 0..1 */
    double loss;          /* mean smoothed loss a target token */
    double nll;           /* mean plain cross entropy a target token */
    double lr;
    double grad_norm;
    double target_tokens_per_s;
    double elapsed_s, remaining_s; /* remaining: estimated, < 0 unknown */
    double valid_nll, valid_bleu;  /* kind 2; bleu < 0: not measured */
    int32_t best;                  /* kind 2: the best so far */
    const char
        *text; /* a line for people; kind 1: only at the display frequency, else NULL */
    double valid_accuracy; /* kind 2 of tag and classify, 0..1; < 0: not measured */
} att_train_report;

typedef struct att_train_opts {
    uint32_t size;
    /* data */
    const char *const *
        train_source; /* files, one sentence a line, line i belongs to line i of train_target */
    const char *const *train_target;
    int32_t n_train;
    const char *valid_source, *valid_target; /* may be NULL */
    const char *model_dir;
    /* vocabulary */
    const char *tokenizer; /* a ready .spm for both sides, or NULL: trained here */
    const char *tokenizer_target; /* a second one: separate vocabularies */
    int32_t vocab_size;           /* default 10,000 */
    int32_t separate_vocab;       /* nonzero: one vocabulary a side */
    int32_t unigram;
    int32_t tokenizer_raw; /* nonzero: no Unicode normalisation of text */
    /* model */
    int32_t d_model, ffn, heads, encoder_layers, decoder_layers;
    int32_t activation; /* att_activation */
    int32_t pre_norm;
    const char
        *positions;    /* sinusoidal|interleaved|learned|none|relative|rope|alibi|t5 */
    const char *score; /* dot|scaled-dot|general|additive|cosine */
    const char *normalise; /* softmax|relu|relu-row|hard|sparsemax */
    int32_t
        max_length; /* longer sentences (tokens) are skipped in training and counted; default 200 */
    float dropout, attention_dropout, activation_dropout;
    float label_smoothing;
    /* optimisation */
    const char *optimizer; /* adam|adamw|sgd */
    float lr, beta1, beta2, adam_eps, weight_decay, clip_norm;
    const char *schedule; /* inverse-sqrt|noam|cosine|linear|constant */
    int64_t warmup;       /* updates */
    int32_t
        batch_tokens; /* target tokens (source and target: the longer side) an update */
    int32_t accumulate; /* micro-batches an update: optimizer-delay */
    /* "12e", "8Ku", "40m". Minutes end the warm-up after a fifth of them at the latest,
     * and frequencies in minutes leave nine tenths of the time to the training: such a
     * training depends on the speed of its machine. */
    const char *after;
    uint64_t seed;
    int32_t precision; /* 0 f32, 1 bf16 */
    /* Rate of a running average of the weights, Marian's exponential-smoothing; 0 = none.
     * In update t (from 1) it is the larger of this and 9 / (t + 10). The average is what is
     * validated and saved. */
    float ema;
    int32_t average; /* last N checkpoints averaged; 0 = none */
    /* watching */
    const char *save_freq, *valid_freq, *disp_freq; /* "1e", "500u", "10m" */
    int32_t early_stopping; /* validations without improvement; 0 = never */
    int32_t valid_beam; /* beam of BLEU validation, if files are given; 0 = loss only */
    const char *valid_tokenize; /* BLEU's tokenisation: 13a, none, zh, ... */
    int32_t keep_checkpoints;
    /* running */
    int32_t resume; /* nonzero: go on from the directory's last checkpoint */
    int32_t overwrite;
    int32_t dry_run;
    int64_t
        memory_limit; /* bytes, 0 = none: refused with the arithmetic when exceeded */
    void (*report)(void *user, const att_train_report *r);
    int32_t (*stop)(
        void *user); /* nonzero: save a checkpoint and return ATT_ECANCELLED */
    void *user;
    const char *
        config_text; /* JSON written as config.train.json; NULL: the library's own list of these options */
    const char *source_lang,
        *target_lang; /* "en", "de": for the tokenizer's configuration; NULL = unknown */
    /* Nonzero: batches hold sentences of similar length. Without padding that saves nothing, and a batch of mixed lengths
     * has the less noisy gradient: the default, 0, reached the same loss in fewer updates. */
    int32_t length_buckets;
    /* Tasks of one side (tag, classify, generate): train_source and valid_source are their files, the targets are not
     * read; the sizes are d_model, ffn, heads and encoder_layers, or decoder_layers of generate. */
    const char
        *task; /* for att_train_check(): translate (NULL), tag, classify, generate */
    /* tag, classify: words, window, rnn, rnn-lstm, whose tokens are words with their
     * characters inside; xlm-roberta (NULL is it too), bert. generate: llama (NULL too) or
     * gpt2. translate: transformer (NULL too), rnn (GRU) or rnn-lstm, whose score is additive
     * (for scaled-dot too), general, dot or none, whose tokens are d_model wide and whose states
     * are rnn_dim. */
    const char *arch;
    /* classify: the columns in order, with text and label among them: "label,text". NULL: the first line names them, or
     * the column with fewer different values is the label. */
    const char *columns;
    const char *tag_column; /* tag: upos (default) or xpos of CoNLL-U */
    int32_t regression;     /* classify: nonzero: labels are numbers */
    int32_t char_vocab;     /* generate: nonzero: a token a character, else sub-words */
    int32_t
        kv_heads; /* generate, llama: heads of keys and values; 0 = as many as heads */
    /* translate, with a BPE vocabulary: each merge is left out with this probability, so that
     * a sentence comes in other pieces every time (Provilkov et al. 2020); 0 = never. */
    float bpe_dropout;
    int32_t
        rnn_dim; /* translate, rnn: width of the decoder's states, and of the encoder's
                        two directions together; even; 0 = twice d_model */
    /* tag and classify, arch words, window, rnn, rnn-lstm. window: words before a word, and
     * after it, that it sees, 1..11. one_way, of rnn: the words before alone are seen. Widths of a
     * word's own vector, of a character's, and of the state of each direction that reads a
     * word's characters (0: they are not read). Words seen less often than min_count are
     * unknown; with word_dropout any is by chance, so that its characters must do. */
    int32_t window;     /* default 5 */
    int32_t one_way;    /* nonzero */
    int32_t word_dim;   /* 128 */
    int32_t char_dim;   /* 32 */
    int32_t char_state; /* 64 */
    int32_t min_count;  /* 2 */
    float word_dropout; /* 0.1 */
    int32_t
        multi_label; /* classify: nonzero: a text has any number of labels, with commas
                            between them */
    /* translate, one model of several target languages: for each pair of training files a word
     * ("de" or ">>de<<") that is put in front of its source sentences that have none, [n_train]
     * or NULL, and one for the validation. Such tokens, and those that the files have, are
     * entries of the vocabulary that are never split. */
    const char *const *target_langs;
    const char *valid_lang;
    /* tag, classify, translate: what tokens enter the model as. vectors: a file of words and
     * their numbers in the text form of word2vec or GloVe; entries of the (source's) vocabulary
     * that are words of it start from them, or from that of their lower case, whose width must be
     * the model's (d_model, or word_dim of words). freeze_vectors: they stay as they are.
     * one_hot: fixed rows of the identity, as wide as the vocabulary (at most 4,096): rnn of
     * translate, and others where the model's width is the vocabulary's size. */
    const char *vectors;
    int32_t freeze_vectors, one_hot;
    /* translate: several pairs of files to validate with, [n_valid], in place of valid_source,
     * valid_target and valid_lang, which are the only pair where n_valid is 0. valid_langs may
     * be NULL. Loss and BLEU are told by pair, and their means over the pairs decide.
     * valid_tokenize is one name for all, or one for each with commas between them. */
    const char *const *valid_sources, *const *valid_targets, *const *valid_langs;
    int32_t n_valid;
} att_train_opts;

ATT_API void att_train_opts_init(att_train_opts *opts);
/* tiny (Wu et al. 2021: 4+4 layers, width 128, 4 heads, ffn 256), small, base (Vaswani et al. 2017): the whole recipe,
 * that is sizes, dropout, batch, rates, schedule, how long (10,500, 30,000 and 100,000 updates), how often to validate
 * and to save, the beam of validations. rnn: the same for a recurrent model, which it makes it (arch) unless it is one. tag, classify, lm: first values for the other tasks;
 * classify is an LSTM in both directions over words, classify-transformer the recipe for the other values of arch. ATT_ENOTFOUND lists the names. */
ATT_API ATT_MUST_CHECK att_status att_train_preset(att_train_opts *opts,
                                                   const char *name);

/* Whether the options can be trained with, as far as they tell by themselves: no file is
 * read and nothing is made. ATT_EINVAL, ATT_ENOTFOUND or ATT_ENOTSUP with a message that
 * names the option as the command line has it. att_train_translate() begins with this. */
ATT_API ATT_MUST_CHECK att_status att_train_check(const att_train_opts *opts);

/* What a training would take, filled by a dry run: part by part, in bytes. */
typedef struct att_train_estimate {
    uint32_t size; /* set by the caller: sizeof */
    int64_t parameters;
    int64_t weights, gradients, optimizer, activations, data; /* bytes */
    double flops_per_update;
    double seconds_per_update; /* measured with a few updates */
    double seconds_total;
    int64_t updates_total;
    int64_t pairs, pairs_skipped;
} att_train_estimate;

/* Trains translation (sequence to sequence). estimate may be NULL; with dry_run only it is filled.
 * ATT_ECANCELLED after stop() said so (a checkpoint was saved); ATT_EDIVERGED when rolling back did not help. */
ATT_API ATT_MUST_CHECK att_status att_train_translate(const att_train_opts *opts,
                                                      att_train_estimate *estimate);

/* A label a word: files of CoNLL-U, or of token TAB label with a blank line after each sentence. Writes a model that
 * att_tag() and Hugging Face's XLMRobertaForTokenClassification (or BERT's) read. A label that only the validation has
 * is told and not counted. ATT_EFORMAT names file and line. Otherwise as att_train_translate(). */
ATT_API ATT_MUST_CHECK att_status att_train_tag(const att_train_opts *opts,
                                                att_train_estimate *estimate);
/* A label, or with regression a number, a text: files of lines with a TAB, for att_classify() and
 * XLMRobertaForSequenceClassification. Texts of more than max_length tokens are cut. A label that only the validation
 * has is ATT_EFORMAT, and so are texts that all have the same label. */
ATT_API ATT_MUST_CHECK att_status att_train_classify(const att_train_opts *opts,
                                                     att_train_estimate *estimate);
/* The next token of a running text, for att_lm and LlamaForCausalLM or GPT2LMHeadModel. The files are one text in their
 * order; max_length is the context. Validation cuts the text into consecutive blocks of the context: every token but the
 * first is predicted once, and nll is the mean over all of them. */
ATT_API ATT_MUST_CHECK att_status att_train_generate(const att_train_opts *opts,
                                                     att_train_estimate *estimate);

/* Averages the weights of n checkpoints or model directories into out_dir. */
ATT_API ATT_MUST_CHECK att_status att_average(const char *out_dir,
                                              const char *const *dirs, int32_t n);

/* Mean loss of a model over a parallel corpus, per target token with </s>, label smoothing excluded.
 * batch_tokens: how many at a time; 0 = 4096. */
typedef struct att_evaluation {
    uint32_t size; /* set by the caller: sizeof */
    double nll, perplexity, accuracy;
    int64_t target_tokens, sentences, skipped;
    /* Set by the caller: of a model of several target languages, a word ("de" or ">>de<<") that
     * is put in front of the sources that have none; NULL = nothing. ATT_EINVAL: the model does
     * not know it. */
    const char *target_lang;
} att_evaluation;
ATT_API ATT_MUST_CHECK att_status att_evaluate_pairs(att_evaluation *out,
                                                     const att_model *model,
                                                     const char *source_file,
                                                     const char *target_file,
                                                     int32_t batch_tokens);

/* A model's labels against those of files, as att_train_tag() and att_train_classify() take them. */
typedef struct att_label_evaluation att_label_evaluation;
typedef struct att_label_figures {
    const char *label;
    int64_t in_files, said,
        right; /* items of this label, those the model gave it to, both */
    double precision, recall, f1; /* 0 where there is nothing to divide by */
} att_label_figures;
/* columns: of att_train_opts, for models that label texts; tag_column likewise, for those that label words; NULL = the
 * defaults. Every word with a label counts, and a label that the model does not know is always wrong. ATT_ENOTSUP: a
 * model without labels; ATT_EFORMAT names file and line, or says that nothing could be counted, or that no label of the
 * files is one of the model's: another column or another model was meant then. */
ATT_API ATT_MUST_CHECK att_status att_evaluate_labels(
    att_label_evaluation **out, const att_model *model, const char *const *files,
    int32_t n_files, const char *columns, const char *tag_column);
ATT_API void att_label_evaluation_destroy(att_label_evaluation *e); /* NULL is fine */
ATT_API int64_t att_label_evaluation_items(const att_label_evaluation *e);
/* Labels in the files that the model does not have, each time they occur. *first, unless NULL,
 * says where the first stands, "FILE:LINE: 'LABEL'", borrowed; NULL when there is none. */
ATT_API int64_t att_label_evaluation_unknown(const att_label_evaluation *e,
                                             const char **first);
ATT_API double att_label_evaluation_accuracy(const att_label_evaluation *e); /* 0..1 */
/* Mean of f1 over the labels that occur in the files or were said. */
ATT_API double att_label_evaluation_macro_f1(const att_label_evaluation *e);
/* Of models of regression, and < 0 for others. */
ATT_API double att_label_evaluation_squared_error(const att_label_evaluation *e);
/* The model's labels, then those that only the files have. */
ATT_API int32_t att_label_evaluation_labels(const att_label_evaluation *e);
/* Figures of label i, borrowed names; ATT_EINVAL out of range. */
ATT_API ATT_MUST_CHECK att_status att_label_evaluation_get(
    const att_label_evaluation *e, att_label_figures *out, int32_t i);
/* How many items of label `in_files` were said to be label `said`; 0 out of range, and for
 * models of several labels a text, whose items are texts times labels. */
ATT_API int64_t att_label_evaluation_count(const att_label_evaluation *e,
                                           int32_t in_files, int32_t said);

/* Mean loss of a language model over files read as one text, cut into consecutive blocks of `context` tokens (0 = all the
 * model was made for): every token but the first is predicted once, from the tokens before it in its block. */
typedef struct att_text_evaluation {
    uint32_t size;                /* set by the caller: sizeof */
    double nll, perplexity;       /* a predicted token, in nats */
    double accuracy;              /* the likeliest token was the right one */
    double bits_per_byte;         /* all nats of the text over all its bytes, in bits */
    double bits_per_char;         /* and over its characters */
    int64_t tokens, bytes, chars; /* tokens: those predicted */
    int64_t context;              /* in force */
    /* Set by the caller: 0 = blocks side by side. Else blocks begin so many tokens apart and
     * each says its last ones: every token is predicted once, from at least context - stride
     * tokens before it, at the text's beginning from all there are (a sliding evaluation, whose
     * figures are lower and are not to be compared with the others). */
    int64_t stride;
    int64_t unknown; /* tokens that stand for what the vocabulary does not hold */
} att_text_evaluation;
ATT_API ATT_MUST_CHECK att_status att_evaluate_text(att_text_evaluation *out,
                                                    const att_model *model,
                                                    const char *const *files,
                                                    int32_t n_files, int32_t context,
                                                    int32_t batch_tokens);

/* One training step repeated on random tokens: the speed that `attend bench train` reports. */
typedef struct att_bench_step {
    uint32_t size;         /* set by the caller: sizeof */
    double seconds;        /* best step */
    double seconds_matmul; /* the same matrix products timed alone */
    double flops;          /* of matrix products a step */
    int64_t parameters;
    int64_t peak_bytes;
} att_bench_step;
ATT_API ATT_MUST_CHECK att_status att_bench_train(att_bench_step *out,
                                                  const att_train_opts *opts,
                                                  int32_t sequences, int32_t length,
                                                  int32_t steps);

#ifdef __cplusplus
}
#endif
#endif
