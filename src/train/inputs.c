/* inputs.c - what tokens are when they enter a model: vectors from a file, or one-hot, in the
 * table that the program's first operator reads, and kept from changing where that was asked
 * for.
 *
 * A one-hot vector is a row of the identity, so the table says it all: other programs read
 * such a model as any other. Frozen rows get no gradient, which leaves Adam's moments and so
 * the rows as they are; the table takes no weight decay. */
#include "autograd/tape_internal.h"
#include "base/alloc.h"
#include "data/text/vectors.h"
#include "train/trainer.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ONE_HOT_MOST = 4096 };

/* The parameter that a column of ids looks up; NULL: none does. */
static atti_param *table_of(atti_trainer *t, att_var ids)
{
    for (size_t i = 0; ids != ATT_NO_VAR && i < t->tape->n_nodes; i++) {
        const atti_node *n = &t->tape->nodes[i];
        if (strcmp(n->op->name, "embed") != 0 || n->in[0] != ids) continue;
        const char *name = att_tape_name(t->tape, n->in[1]);
        const atti_param *p = name ? atti_params_find(&t->params, name) : NULL;
        return p ? &t->params.p[p - t->params.p] : NULL;
    }
    return NULL;
}

static int has_words(const atti_trainer *t)
{
    return t->task->feed == ATTI_FEED_WORDS;
}

static atti_param *input_table(atti_trainer *t)
{
    return table_of(t, has_words(t) ? t->io.tgt_ids : t->io.src_ids);
}

/* Marian's embeddings are multiplied on their way: what arrives is what was asked for. */
static float scale_of(const atti_trainer *t)
{
    int scaled = t->cfg == &t->marian && t->marian.scale_embedding;
    return scaled ? 1.0f / sqrtf((float)t->marian.d_model) : 1.0f;
}

att_status atti_inputs_check(const atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    int translate = t->task == &atti_task_seq2seq, rnn = atti_train_is_rnn(o);
    if (!o->vectors && !o->one_hot && !o->freeze_vectors) return ATT_OK;
    if (t->task == &atti_task_generate)
        return atti_fail(ATT_EINVAL, "--vectors and --inputs are of tag, classify and "
                                     "translate");
    if (o->freeze_vectors && !o->vectors)
        return atti_fail(ATT_EINVAL, "--freeze-vectors needs --vectors FILE");
    if (o->vectors && o->one_hot)
        return atti_fail(ATT_EINVAL, "--inputs one-hot has no vectors of a file");
    if (o->one_hot && translate && !rnn)
        return atti_fail(ATT_EINVAL,
                         "--inputs one-hot needs --arch rnn: a Transformer's output is "
                         "tied to the table of its inputs");
    if (o->freeze_vectors && translate && !o->separate_vocab && !o->tokenizer_target)
        return atti_fail(ATT_EINVAL,
                         "--freeze-vectors would fix the target's words too: add "
                         "--separate-vocab");
    return ATT_OK;
}

/* ---- one-hot --------------------------------------------------------------------- */

static att_status make_one_hot(atti_trainer *t, atti_param *p)
{
    if (p->rows > ONE_HOT_MOST)
        return atti_fail(ATT_EINVAL,
                         "--inputs one-hot: a vocabulary of %lld, at most %d: give a "
                         "smaller --vocab-size",
                         (long long)p->rows, ONE_HOT_MOST);
    if (p->rows != p->cols)
        return atti_fail(ATT_EINVAL,
                         "--inputs one-hot: the vocabulary has %lld entries, so the "
                         "width of its vectors is %lld, not %lld",
                         (long long)p->rows, (long long)p->rows, (long long)p->cols);
    float *w = t->params.data + p->offset, one = scale_of(t);
    memset(w, 0, (size_t)p->count * sizeof *w);
    for (int64_t i = 0; i < p->rows; i++)
        if (i != p->zero_row) w[i * p->cols + i] = one;
    return ATT_OK;
}

/* ---- vectors of a file ----------------------------------------------------------- */

typedef struct entry {
    char *word;
    size_t n;
    int32_t id;
    int32_t exact; /* the entry itself, not its lower case */
} entry;

typedef struct filler {
    atti_trainer *t;
    atti_param *p;
    entry *list;
    size_t n, cap;
    unsigned char *got; /* [rows] 1 lower case, 2 exact */
    float scale;
} filler;

static att_status add_entry(filler *f, const char *s, size_t n, int32_t id, int exact)
{
    ATTI_TRY(atti_grow(&f->list, &f->cap, f->n + 1, sizeof *f->list, "vocabulary"));
    entry *e = &f->list[f->n];
    *e = (entry){NULL, n, id, exact};
    ATTI_TRY(atti_alloc(&e->word, n + 1, 1, "vocabulary"));
    f->n++;
    memcpy(e->word, s, n);
    int changed = 0;
    for (size_t i = 0; !exact && i < n; i++) {
        if (s[i] < 'A' || s[i] > 'Z') continue;
        e->word[i] = (char)(s[i] - 'A' + 'a');
        changed = 1;
    }
    if (exact || changed) return ATT_OK;
    f->n--; /* no capitals: the entry itself says it */
    atti_free(e->word);
    return ATT_OK;
}

static att_status add_both(filler *f, const char *s, size_t n, int32_t id)
{
    if (n == 0 || id < 0 || id >= f->p->rows) return ATT_OK;
    ATTI_TRY(add_entry(f, s, n, id, 1));
    return add_entry(f, s, n, id, 0);
}

/* Rows of words begin behind those of <unk>, <s> and </s>. */
static att_status list_lexicon(filler *f)
{
    const atti_pieces *w = &f->t->lexicon.words;
    for (size_t i = 0; i < w->n; i++)
        ATTI_TRY(add_both(f, w->text + w->list[i].at, w->list[i].len,
                          w->list[i].id + ATTI_LEXICON_FIRST));
    return ATT_OK;
}

/* Where pieces begin words with a mark, "▁dog", the others are parts of words. */
static att_status list_pieces(filler *f)
{
    static const char mark[] = "\xe2\x96\x81";
    const att_tokenizer *t = f->t->tok[0];
    int marked = 0;
    for (int32_t i = 0; i < f->p->rows && !marked; i++) {
        const char *piece = att_tokenizer_piece(t, i);
        marked = piece && strncmp(piece, mark, 3) == 0;
    }
    for (int32_t i = 0; i < f->p->rows; i++) {
        const char *piece = att_tokenizer_piece(t, i);
        if (!piece || (marked && strncmp(piece, mark, 3) != 0)) continue;
        if (marked) piece += 3;
        ATTI_TRY(add_both(f, piece, strlen(piece), i));
    }
    return ATT_OK;
}

static int compare(const char *a, size_t na, const char *b, size_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? c : (na > nb) - (na < nb);
}

static int by_word(const void *x, const void *y)
{
    const entry *a = x, *b = y;
    int c = compare(a->word, a->n, b->word, b->n);
    return c ? c : (a->id > b->id) - (a->id < b->id);
}

static att_status take(void *ctx, const char *word, size_t n, const float *value,
                       int64_t width)
{
    filler *f = ctx;
    if (width != f->p->cols)
        return atti_fail(ATT_EINVAL,
                         "%s: vectors of %lld numbers, the model's are %lld wide: give "
                         "%s %lld",
                         f->t->o.vectors, (long long)width, (long long)f->p->cols,
                         has_words(f->t) ? "--dim-word" : "--dim", (long long)width);
    size_t lo = 0, hi = f->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (compare(f->list[mid].word, f->list[mid].n, word, n) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < f->n; lo++) {
        const entry *e = &f->list[lo];
        if (compare(e->word, e->n, word, n) != 0) break;
        /* The first of several vectors of a word counts; the word itself before its lower
         * case. */
        if (e->id == f->p->zero_row || f->got[e->id] > e->exact) continue;
        float *w = f->t->params.data + f->p->offset + (int64_t)e->id * width;
        for (int64_t i = 0; i < width; i++) w[i] = value[i] * f->scale;
        f->got[e->id] = e->exact ? 2 : 1;
    }
    return ATT_OK;
}

static att_status fill(filler *f)
{
    atti_trainer *t = f->t;
    atti_vectors v;
    int64_t found = 0;
    ATTI_TRY(atti_alloc(&f->got, (size_t)f->p->rows, 1, "vocabulary"));
    ATTI_TRY(has_words(t) ? list_lexicon(f) : list_pieces(f));
    if (f->n > 0) qsort(f->list, f->n, sizeof *f->list, by_word);
    ATTI_TRY(atti_vectors_read(&v, t->o.vectors, take, f));
    for (int64_t i = 0; i < f->p->rows; i++) found += f->got[i] != 0;
    if (found == 0)
        return atti_fail(ATT_EINVAL, "%s: none of its %lld words is in the vocabulary",
                         t->o.vectors, (long long)v.words);
    t->inputs.found = found;
    t->inputs.words = v.words;
    return ATT_OK;
}

static att_status use_vectors(atti_trainer *t, atti_param *p)
{
    filler f = {.t = t, .p = p, .scale = scale_of(t)};
    att_status st = fill(&f);
    for (size_t i = 0; i < f.n; i++) atti_free(f.list[i].word);
    atti_free(f.list);
    if (st == ATT_OK && t->o.freeze_vectors) {
        t->inputs.frozen = f.got;
        f.got = NULL;
    }
    atti_free(f.got);
    return st;
}

/* ---- all of it ------------------------------------------------------------------- */

att_status atti_inputs_apply(atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    if (!o->vectors && !o->one_hot) return ATT_OK;
    atti_param *p = input_table(t);
    if (!p) return atti_fail(ATT_ENOTSUP, "--vectors: the model has no table of words");
    p->flags |= ATTI_PARAM_NO_DECAY;
    t->inputs.table = p;
    if (o->vectors) return use_vectors(t, p);
    ATTI_TRY(make_one_hot(t, p));
    p->flags |= ATTI_PARAM_FROZEN;
    /* A translator's target words too, where they have a table of their own. */
    atti_param *q = has_words(t) ? NULL : table_of(t, t->io.tgt_ids);
    if (!q || q == p) return ATT_OK;
    ATTI_TRY(make_one_hot(t, q));
    q->flags |= ATTI_PARAM_NO_DECAY | ATTI_PARAM_FROZEN;
    return ATT_OK;
}

void atti_inputs_hold(atti_trainer *t)
{
    const atti_param *p = t->inputs.table;
    if (!t->inputs.frozen) return;
    for (int64_t i = 0; i < p->rows; i++)
        if (t->inputs.frozen[i])
            memset(t->grads + p->offset + i * p->cols, 0,
                   (size_t)p->cols * sizeof *t->grads);
}

void atti_inputs_say(atti_trainer *t)
{
    if (t->o.one_hot && t->inputs.table)
        atti_train_say(t, 4, "inputs: one-hot, %lld wide",
                       (long long)t->inputs.table->cols);
    if (!t->inputs.found) return;
    atti_train_say(t, 4,
                   "vectors: %lld of %lld entries are among the %lld words of %s%s",
                   (long long)t->inputs.found, (long long)t->inputs.table->rows,
                   (long long)t->inputs.words, t->o.vectors,
                   t->inputs.frozen ? ", kept as they are" : "");
}
