/* task_seq2seq.c - a source sequence, a target sequence shifted right, a token to say at
 * every target row. */
#include "base/alloc.h"
#include "base/file.h"
#include "data/text/langs.h"
#include "models/save.h"
#include "train/trainer.h"
#include <math.h>
#include <string.h>

static att_status set(att_tape *tape, const atti_program_io *io, const atti_batch *b)
{
    ATTI_TRY(att_tape_bind(tape, io->src_rows, b->source.rows));
    ATTI_TRY(att_tape_bind(tape, io->tgt_rows, b->target.rows));
    ATTI_TRY(att_tape_bind(tape, io->seqs, b->n_seqs));
    if (io->src_ids != ATT_NO_VAR) {
        ATTI_TRY(att_tape_set(tape, io->src_ids, b->source.ids));
    }
    if (io->src_feats != ATT_NO_VAR) {
        ATTI_TRY(att_tape_set(tape, io->src_feats, b->source.feats));
    }
    ATTI_TRY(att_tape_set(tape, io->src_offsets, b->source.offsets));
    ATTI_TRY(att_tape_set(tape, io->tgt_ids, b->target.ids));
    ATTI_TRY(att_tape_set(tape, io->tgt_offsets, b->target.offsets));
    return att_tape_set(tape, io->targets, b->targets);
}

/* ---- options --------------------------------------------------------------------- */

/* BLEU's tokenisations: told before the first validation, not by it. */
static att_status check_tokenize(const char *name)
{
    static const char *const names[] = {"13a", "zh", "char", "none", "intl"};
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) return ATT_OK;
    }
    return atti_fail(ATT_EINVAL,
                     "--valid-tokenize '%.40s' is not one of 13a, zh, char, none, intl",
                     name ? name : "");
}

static att_status check_positions(const att_train_opts *o)
{
    int d = (int)(o->d_model / o->heads);
    if (!o->positions || strcmp(o->positions, "rope") != 0 || d % 2 == 0) return ATT_OK;
    return atti_fail(ATT_EINVAL,
                     "--positions rope turns pairs: --dim %d and --heads %d make heads "
                     "%d wide, which is odd",
                     (int)o->d_model, (int)o->heads, d);
}

static att_status check_langs(const att_train_opts *o)
{
    char token[ATTI_LANG_MAX + 1];
    for (int32_t i = 0; o->target_langs && i < o->n_train; i++)
        ATTI_TRY(atti_lang_of_word(token, o->target_langs[i]));
    return o->valid_lang ? atti_lang_of_word(token, o->valid_lang) : ATT_OK;
}

static att_status check(atti_trainer *t)
{
    ATTI_TRY(check_langs(&t->o));
    ATTI_TRY(check_tokenize(t->o.valid_tokenize));
    ATTI_TRY(check_positions(&t->o));
    if (t->o.bpe_dropout > 0 && t->o.unigram)
        return atti_fail(ATT_EINVAL,
                         "--bpe-dropout %g leaves out merges of BPE, which "
                         "--unigram has none of",
                         (double)t->o.bpe_dropout);
    const char *arch = t->o.arch;
    if (arch && strcmp(arch, "transformer") != 0 && !atti_train_is_rnn(&t->o))
        return atti_fail(ATT_EINVAL,
                         "--arch '%.40s' is not one of transformer, rnn, rnn-lstm",
                         arch);
    /* Words and sizes of the model are wrong with any vocabulary: say so at once. */
    if (atti_train_is_rnn(&t->o))
        return atti_train_rnn_config(&t->rnn, &t->o, 100, 100);
    return atti_train_model_config(&t->marian, &t->o, 100, 100);
}

/* Before a directory is made and minutes go into a vocabulary. */
/* Before a directory or a vocabulary is made of them. */
static att_status check_pairs(const char *const *source, const char *const *target,
                              int32_t n_files)
{
    int64_t n = 0;
    bool any = false;
    ATTI_TRY(atti_pairs_count(&n, &any, source, target, n_files));
    if (any) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s, %s: no line has text on both sides (%lld lines)",
                     source[0], target[0], (long long)n);
}

static att_status check_files(atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    ATTI_TRY(check_pairs(o->train_source, o->train_target, o->n_train));
    if (!o->valid_source) return ATT_OK;
    return check_pairs(&o->valid_source, &o->valid_target, 1);
}

/* ---- model, corpus, files -------------------------------------------------------- */

static att_status rnn_model(atti_trainer *t)
{
    ATTI_TRY(atti_train_rnn_config(&t->rnn, &t->o, att_tokenizer_size(t->tok[0]),
                                   att_tokenizer_size(t->tok[1])));
    t->cfg = &t->rnn;
    t->feed_opts.decoder_start = (int32_t)t->rnn.decoder_start_id;
    t->family = atti_family_find_arch("attend", "rnn-seq2seq");
    return t->family ? ATT_OK : atti_fail(ATT_EBUG, "no family 'rnn-seq2seq'");
}

static att_status model(atti_trainer *t)
{
    if (atti_train_is_rnn(&t->o)) return rnn_model(t);
    ATTI_TRY(atti_train_model_config(&t->marian, &t->o, att_tokenizer_size(t->tok[0]),
                                     att_tokenizer_size(t->tok[1])));
    const char *type = t->marian.is_plain_marian ? "marian" : "attend";
    t->cfg = &t->marian;
    t->feed_opts.decoder_start = (int32_t)t->marian.decoder_start_id;
    t->family = atti_family_find(type);
    if (!t->family) return atti_fail(ATT_EBUG, "no family '%s'", type);
    return ATT_OK;
}

static att_status encode(void *ctx, int side, const char *text, size_t n, int32_t **ids,
                         size_t *n_ids, size_t *cap)
{
    const atti_trainer *t = ctx;
    return att_tokenizer_encode(t->tok[side], text, n, ids, n_ids, cap);
}

/* The tokens in front of each file's lines; *out is an atti_alloc block. */
static att_status make_prefixes(char (**out)[ATTI_LANG_MAX + 1],
                                const char *const *langs, int32_t n)
{
    ATTI_TRY(atti_alloc(out, (size_t)n, sizeof **out, "languages"));
    for (int32_t i = 0; i < n; i++) ATTI_TRY(atti_lang_of_word((*out)[i], langs[i]));
    return ATT_OK;
}

static att_status open_with(atti_pairs *p, atti_pairs_opts *o, const char *const *langs)
{
    char(*token)[ATTI_LANG_MAX + 1] = NULL;
    const char **prefix = NULL;
    size_t n = (size_t)o->n_files;
    if (!langs) return atti_pairs_open(p, o);
    att_status st = make_prefixes(&token, langs, o->n_files);
    if (st == ATT_OK) st = atti_alloc(&prefix, n, sizeof *prefix, "languages");
    for (size_t i = 0; st == ATT_OK && i < n; i++) prefix[i] = token[i];
    o->prefix = prefix;
    if (st == ATT_OK) st = atti_pairs_open(p, o);
    o->prefix = NULL;
    atti_free(prefix);
    atti_free(token);
    return st;
}

static att_status open_pairs(atti_trainer *t, atti_pairs *p, int valid)
{
    const att_train_opts *opts = &t->o;
    atti_pairs_opts o = {.source = valid ? &opts->valid_source : opts->train_source,
                         .target = valid ? &opts->valid_target : opts->train_target,
                         .n_files = valid ? 1 : opts->n_train,
                         .temp_dir = t->dir,
                         .encode = encode,
                         .encode_ctx = t,
                         .max_length = opts->max_length};
    for (int i = 0; i < 2; i++) {
        o.vocab_size[i] = att_tokenizer_size(t->tok[i]);
        o.eos[i] = att_tokenizer_eos(t->tok[i]);
    }
    if (valid) return open_with(p, &o, opts->valid_lang ? &opts->valid_lang : NULL);
    return open_with(p, &o, opts->target_langs);
}

static att_status files(const atti_trainer *t, atti_save *s, char *paths[4])
{
    static const char *const names[4] = {"source.spm", "target.spm", "vocab.json",
                                         "target_vocab.json"};
    for (int i = 0; i < 4; i++) ATTI_TRY(atti_path_join(&paths[i], t->dir, names[i]));
    s->source_spm = paths[0];
    s->target_spm = paths[1];
    s->vocab = paths[2];
    s->target_vocab = t->tok[0] == t->tok[1] ? NULL : paths[3];
    s->seal_padding = 1;
    s->source_lang = t->o.source_lang;
    s->target_lang = t->o.target_lang;
    s->num_beams = t->o.valid_beam > 0 ? t->o.valid_beam : 5;
    s->max_length = t->o.max_length;
    return ATT_OK;
}

static void describe_rnn(atti_trainer *t)
{
    static const char *const scores[] = {"additive", "general", "dot", "no"};
    const atti_rnn_config *c = &t->rnn;
    atti_train_say(
        t, 0,
        "%s encoder-decoder, %s attention: %lld encoder layers of %lld in "
        "both directions, decoder %lld, tokens %lld, vocabulary %lld, %.2f M "
        "parameters",
        c->cell == ATT_RNN_LSTM ? "LSTM" : "GRU", scores[c->score],
        (long long)c->encoder_layers, (long long)c->encoder, (long long)c->hidden,
        (long long)c->embed, (long long)c->vocab_size,
        (double)atti_params_total(&t->params) / 1e6);
}

/* A vocabulary that was made may have become smaller than was asked for. */
static void say_vocabulary(atti_trainer *t)
{
    int32_t asked = t->o.vocab_size, size = att_tokenizer_size(t->tok[0]);
    if (t->o.tokenizer || size >= asked) return;
    atti_train_say(
        t, 4,
        "vocabulary: the text has room for %d pieces only, not for the %d of "
        "--vocab-size",
        (int)size, (int)asked);
}

static void describe(atti_trainer *t)
{
    say_vocabulary(t);
    if (t->family->shape == ATTI_SEQ2SEQ && t->cfg == &t->rnn) {
        describe_rnn(t);
        return;
    }
    const atti_marian_config *c = &t->marian;
    atti_train_say(t, 0,
                   "%s: %lld+%lld layers, width %lld, %lld heads, feed-forward %lld, "
                   "vocabulary %lld, %.2f M parameters",
                   c->is_plain_marian ? "Transformer (Marian layout)"
                                      : "Transformer (model_type attend)",
                   (long long)c->encoder_layers, (long long)c->decoder_layers,
                   (long long)c->d_model, (long long)c->encoder_heads,
                   (long long)c->encoder_ffn, (long long)c->vocab_size,
                   (double)atti_params_total(&t->params) / 1e6);
    if (c->is_plain_marian) return;
    atti_train_say(t, 4,
                   "MarianMTModel cannot hold this model (positions %s, score %s, "
                   "normalise %s, %s-norm): it is written as model_type attend",
                   t->o.positions, t->o.score, t->o.normalise,
                   c->pre_norm ? "pre" : "post");
}

const atti_task atti_task_seq2seq = {.name = "translate",
                                     .items = "pairs",
                                     .counted = "target tokens",
                                     .speed = "tokens",
                                     .feed = ATTI_FEED_PAIRS,
                                     .two_files = 1,
                                     .set = set,
                                     .check = check,
                                     .check_files = check_files,
                                     .vocab = atti_trainer_vocab,
                                     .model = model,
                                     .open = open_pairs,
                                     .measure = atti_trainer_bleu,
                                     .files = files,
                                     .describe = describe};
