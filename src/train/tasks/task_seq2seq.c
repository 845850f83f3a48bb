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
static att_status check_tokenize(const att_train_opts *o)
{
    int32_t n = atti_train_valid_files(o).n, id = 0;
    ATTI_TRY(atti_train_valid_tokenize(&id, o->valid_tokenize, 0, n));
    for (int32_t i = 1; i < n; i++)
        ATTI_TRY(atti_train_valid_tokenize(&id, o->valid_tokenize, i, n));
    return ATT_OK;
}

/* What the layers would refuse, in the words of the options. */
static att_status check_positions(const att_train_opts *o, const atti_marian_config *c)
{
    int d = (int)(o->d_model / o->heads);
    if (c->positions == ATTI_POS_ROPE && d % 2)
        return atti_fail(ATT_EINVAL,
                         "--positions rope turns pairs: --dim %d and --heads %d make "
                         "heads %d wide, which is odd",
                         (int)o->d_model, (int)o->heads, d);
    if (c->positions == ATTI_POS_RELATIVE && c->score != ATT_SCORE_DOT &&
        c->score != ATT_SCORE_BILINEAR)
        return atti_fail(ATT_EINVAL,
                         "--positions relative joins an inner product, which --score "
                         "%s has none of",
                         o->score);
    return ATT_OK;
}

static att_status check_langs(const att_train_opts *o)
{
    char token[ATTI_LANG_MAX + 1];
    for (int32_t i = 0; o->target_langs && i < o->n_train; i++)
        ATTI_TRY(atti_lang_of_word(token, o->target_langs[i]));
    atti_valid_files v = atti_train_valid_files(o);
    for (int32_t i = 0; v.lang && i < v.n; i++)
        ATTI_TRY(atti_lang_of_word(token, v.lang[i]));
    return ATT_OK;
}

static att_status configure(atti_trainer *t, int64_t source_vocab, int64_t target_vocab)
{
    if (atti_train_is_rnn(&t->o)) {
        ATTI_TRY(atti_train_rnn_config(&t->rnn, &t->o, source_vocab, target_vocab));
        t->cfg = &t->rnn;
        t->feed_opts.decoder_start = (int32_t)t->rnn.decoder_start_id;
        t->family = atti_family_find_arch("attend", "rnn-seq2seq");
        return t->family ? ATT_OK : atti_fail(ATT_EBUG, "no family 'rnn-seq2seq'");
    }
    ATTI_TRY(atti_train_model_config(&t->marian, &t->o, source_vocab, target_vocab));
    const char *type = t->marian.is_plain_marian ? "marian" : "attend";
    t->cfg = &t->marian;
    t->feed_opts.decoder_start = (int32_t)t->marian.decoder_start_id;
    t->family = atti_family_find(type);
    return t->family ? ATT_OK : atti_fail(ATT_EBUG, "no family '%s'", type);
}

static att_status check(atti_trainer *t)
{
    ATTI_TRY(check_langs(&t->o));
    ATTI_TRY(check_tokenize(&t->o));
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
    /* Words and sizes of the model are wrong with any vocabulary, and the memory of the
     * one that is asked for is known: say so at once. */
    int64_t size = t->o.tokenizer ? 100 : t->o.vocab_size;
    ATTI_TRY(configure(t, size, size));
    if (!atti_train_is_rnn(&t->o)) ATTI_TRY(check_positions(&t->o, &t->marian));
    return atti_trainer_asked_memory(t);
}

/* Before a directory or a vocabulary is made of them. */
static att_status check_pairs(const char *const *source, const char *const *target,
                              int32_t n_files)
{
    atti_pairs_sum sum;
    ATTI_TRY(atti_pairs_count(&sum, source, target, n_files));
    if (sum.any) return ATT_OK;
    if (sum.invalid > 0)
        return atti_fail(ATT_EFORMAT,
                         "%s, %s: no line has text on both sides (%lld of %lld lines "
                         "are not UTF-8, which text has to be)",
                         source[0], target[0], (long long)sum.invalid,
                         (long long)sum.lines);
    return atti_fail(ATT_EFORMAT, "%s, %s: no line has text on both sides (%lld lines)",
                     source[0], target[0], (long long)sum.lines);
}

static att_status refuse_lang(const char *lang)
{
    return atti_fail(
        ATT_EINVAL,
        "the validation's target language '%.60s' is none of the training's", lang);
}

/* A token that is no entry of the vocabulary would be read as letters. What a ready
 * vocabulary has is known when it is opened. */
static att_status check_valid_langs(atti_trainer *t)
{
    char token[ATTI_LANG_MAX + 1];
    atti_valid_files v = atti_train_valid_files(&t->o);
    atti_langs known = {NULL, 0, 0};
    if (!v.lang || t->o.tokenizer) return ATT_OK;
    att_status st = atti_trainer_langs(t, &known);
    for (int32_t i = 0; i < v.n && st == ATT_OK; i++) {
        size_t k = 0;
        st = atti_lang_of_word(token, v.lang[i]);
        while (k < known.n && strcmp(known.token[k], token) != 0) k++;
        if (st == ATT_OK && k == known.n) st = refuse_lang(v.lang[i]);
    }
    atti_langs_deinit(&known);
    return st;
}

static att_status check_files(atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    atti_valid_files v = atti_train_valid_files(o);
    ATTI_TRY(check_pairs(o->train_source, o->train_target, o->n_train));
    for (int32_t i = 0; i < v.n; i++)
        ATTI_TRY(check_pairs(&v.source[i], &v.target[i], 1));
    ATTI_TRY(atti_trainer_vocab_check(t));
    return check_valid_langs(t);
}

/* ---- model, corpus, files -------------------------------------------------------- */

static att_status model(atti_trainer *t)
{
    return configure(t, att_tokenizer_size(t->tok[0]), att_tokenizer_size(t->tok[1]));
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
    atti_valid_files v = atti_train_valid_files(opts);
    int i = valid - 1;
    atti_pairs_opts o = {.source = valid ? &v.source[i] : opts->train_source,
                         .target = valid ? &v.target[i] : opts->train_target,
                         .n_files = valid ? 1 : opts->n_train,
                         .temp_dir = t->dir,
                         .encode = encode,
                         .encode_ctx = t,
                         .max_length = opts->max_length};
    for (int s = 0; s < 2; s++) {
        o.vocab_size[s] = att_tokenizer_size(t->tok[s]);
        o.eos[s] = att_tokenizer_eos(t->tok[s]);
    }
    if (!valid) return open_with(p, &o, opts->target_langs);
    if (!v.lang) return open_with(p, &o, NULL);
    char token[ATTI_LANG_MAX + 1];
    ATTI_TRY(atti_lang_of_word(token, v.lang[i]));
    if (att_tokenizer_id(t->tok[0], token) == att_tokenizer_unk(t->tok[0]))
        return refuse_lang(v.lang[i]);
    return open_with(p, &o, &v.lang[i]);
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
