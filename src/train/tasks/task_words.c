/* task_words.c - lexicon, model and batches of models whose tokens are words. */
#include "train/tasks/task_words.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "data/word_rows.h"
#include "models/words/words_build.h"
#include <string.h>

static att_status make_config(atti_encoder_config *c, const att_train_opts *o,
                              atti_head head, int64_t words, int64_t chars)
{
    atti_words_config_init(c);
    ATTI_TRY(atti_words_set_core(c, strcmp(o->arch, "words") == 0 ? "transformer"
                                                                  : o->arch));
    c->head = head;
    c->problem = o->regression    ? ATTI_REGRESSION
                 : o->multi_label ? ATTI_MANY_LABELS
                                  : ATTI_ONE_LABEL;
    c->problem_is_given = head == ATTI_HEAD_SEQUENCE;
    c->vocab_size = words;
    c->char_vocab = chars;
    c->word_size = o->word_dim;
    c->char_size = o->char_dim;
    c->char_hidden = o->char_state;
    c->hidden = o->d_model;
    c->ffn = o->ffn;
    c->layers = o->encoder_layers;
    c->heads = o->heads;
    c->reach = o->window;
    c->one_way = o->one_way != 0;
    c->max_positions = (int64_t)o->max_length + 2;
    c->activation = (atti_act)o->activation;
    c->hidden_dropout = o->dropout;
    c->attention_dropout = o->attention_dropout;
    return atti_words_config_check(c);
}

att_status atti_words_task_check(atti_trainer *t, atti_head head)
{
    const att_train_opts *o = &t->o;
    atti_encoder_config c;
    if (o->tokenizer)
        return atti_fail(
            ATT_EINVAL, "--tokenizer: the tokens of --arch %s are words and characters",
            o->arch);
    if (o->one_way && strncmp(o->arch, "rnn", 3) != 0)
        return atti_fail(ATT_EINVAL, "--one-way is for --arch rnn and rnn-lstm, not %s",
                         o->arch);
    if (o->window < 1 || o->window > ATTI_MAX_REACH)
        return atti_fail(ATT_EINVAL, "--window %d, expected 1..%d", (int)o->window,
                         ATTI_MAX_REACH);
    if (o->min_count < 1)
        return atti_fail(ATT_EINVAL, "--min-count %d, expected 1 or more",
                         (int)o->min_count);
    if (!(o->word_dropout >= 0.0f && o->word_dropout < 1.0f))
        return atti_fail(ATT_EINVAL, "--word-dropout %g, expected 0 <= p < 1",
                         (double)o->word_dropout);
    return make_config(&c, o, head, 100, 100);
}

/* ---- the vocabulary -------------------------------------------------------------- */

att_status atti_words_task_vocab(atti_trainer *t, atti_vocab_write_fn *write, int whole)
{
    char *path = NULL;
    atti_vocab_text v = {.lexicon = &t->lexicon, .whole = whole};
    ATTI_TRY(atti_path_join(&path, t->dir, "lexicon.json"));
    att_status st = ATT_OK;
    if (t->o.resume && atti_path_exists(path)) {
        st = atti_lexicon_load(&t->lexicon, path);
    } else {
        st = write(t, &v);
        if (st == ATT_OK) st = v.status;
        if (st == ATT_OK)
            st = atti_lexicon_keep(&t->lexicon, t->o.min_count, t->o.vocab_size);
        if (st == ATT_OK) st = atti_lexicon_save(&t->lexicon, path);
    }
    atti_free(path);
    return st;
}

/* ---- the model ------------------------------------------------------------------- */

att_status atti_words_task_model(atti_trainer *t, atti_head head)
{
    atti_encoder_config proto, *c = NULL;
    ATTI_TRY(make_config(&proto, &t->o, head, atti_lexicon_words(&t->lexicon),
                         atti_lexicon_chars(&t->lexicon)));
    const char *const *labels = (const char *const *)t->labels.text;
    ATTI_TRY(atti_encoder_config_create(&c, &proto, t->o.regression ? NULL : labels,
                                        t->o.regression ? 1 : (int64_t)t->labels.n));
    t->cfg = t->owned_cfg = c;
    t->family = atti_family_find_arch("attend", "word-encoder");
    return t->family ? ATT_OK : atti_fail(ATT_EBUG, "no family for words");
}

void atti_words_task_describe(atti_trainer *t)
{
    const atti_encoder_config *c = t->cfg;
    atti_train_say(
        t, 0,
        "%s of words: %lld layers, width %lld, %lld words of width %lld, %lld characters "
        "of width %lld read by %lld, %lld %s, %.2f M parameters",
        c->one_way ? "one-way rnn" : atti_words_core_name(c), (long long)c->layers,
        (long long)c->hidden, (long long)c->vocab_size, (long long)c->word_size,
        (long long)c->char_vocab, (long long)c->char_size,
        (long long)(2 * c->char_hidden), (long long)c->n_labels,
        t->o.regression ? "number" : "labels",
        (double)atti_params_total(&t->params) / 1e6);
}

/* ---- batches --------------------------------------------------------------------- */

/* Words to the unknown one, each by a draw of its own; characters stay. */
static int64_t drop_words(const void *ctx, int side, uint64_t key, const int32_t *ids,
                          int64_t n, int32_t *out, int64_t room)
{
    const atti_trainer *t = ctx;
    double p = (double)t->o.word_dropout;
    atti_rng rng = {key, 0};
    (void)side;
    (void)room;
    for (int64_t i = 0; i < n; i++) {
        int32_t id = ids[i];
        if (id >= ATTI_LEXICON_CHARS + ATTI_LEXICON_FIRST && atti_rng_unit(&rng) < p)
            id = ATTI_LEXICON_CHARS + ATTI_LEXICON_UNK;
        out[i] = id;
    }
    return n;
}

void atti_words_task_feed(atti_trainer *t)
{
    const atti_encoder_config *c = t->cfg;
    t->feed_opts.reach = c->core == ATTI_CORE_WINDOW ? (int32_t)c->reach : 0;
    if (c->head == ATTI_HEAD_SEQUENCE)
        t->feed_opts.label_a_sequence = t->o.multi_label ? (int32_t)t->labels.n : 1;
    if (t->o.word_dropout <= 0.0f) return;
    t->feed_opts.vary = drop_words;
    t->feed_opts.vary_ctx = t;
}

att_status atti_words_task_set(att_tape *tape, const atti_program_io *io,
                               const atti_batch *b)
{
    const atti_word_rows *w = b->words;
    ATTI_TRY(att_tape_bind(tape, io->tgt_rows, w->n_words));
    ATTI_TRY(att_tape_bind(tape, io->seqs, w->n_seqs));
    ATTI_TRY(att_tape_bind(tape, io->src_rows, w->n_chars));
    ATTI_TRY(att_tape_set(tape, io->tgt_ids, w->word));
    ATTI_TRY(att_tape_set(tape, io->tgt_offsets, w->seq_at));
    if (io->src_ids != ATT_NO_VAR) {
        ATTI_TRY(att_tape_set(tape, io->src_ids, w->chars));
        ATTI_TRY(att_tape_set(tape, io->src_offsets, w->char_at));
    }
    for (int32_t i = 0; i < 2 * io->reach; i++)
        ATTI_TRY(att_tape_set(tape, io->near[i], w->near + i * w->n_words));
    att_var targets = io->row_labels;
    if (io->seq_labels != ATT_NO_VAR) targets = io->seq_labels;
    if (io->seq_values != ATT_NO_VAR) targets = io->seq_values;
    return att_tape_set(tape, targets, b->targets);
}

/* ---- items ----------------------------------------------------------------------- */

void atti_word_run_deinit(atti_word_run *r)
{
    atti_free(r->ids);
    atti_free(r->labels);
    memset(r, 0, sizeof *r);
}

att_status atti_word_run_add(atti_word_run *r, const atti_lexicon *x, const char *word,
                             size_t n, int32_t special, int32_t label)
{
    ATTI_TRY(atti_grow(&r->labels, &r->cap_labels, r->n_words + 1, sizeof *r->labels,
                       "labels"));
    if (word) {
        ATTI_TRY(atti_lexicon_encode(x, word, n, &r->ids, &r->n_ids, &r->cap_ids));
    } else {
        ATTI_TRY(
            atti_grow(&r->ids, &r->cap_ids, r->n_ids + 1, sizeof *r->ids, "token ids"));
        r->ids[r->n_ids++] = ATTI_LEXICON_CHARS + special;
    }
    r->labels[r->n_words++] = label;
    return ATT_OK;
}

void atti_word_run_item(atti_word_run *r, int64_t max_words, atti_item *out)
{
    *out = (atti_item){.ids = {r->ids, r->labels}, .n = {r->n_ids, r->n_words}};
    if ((int64_t)r->n_words > max_words + 2 || r->n_ids > ATTI_LONGEST_ITEM)
        out->n[0] = SIZE_MAX;
    else
        r->words += (int64_t)r->n_words - 2;
}
