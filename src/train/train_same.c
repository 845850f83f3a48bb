/* train_same.c - what decides a training's result and so must not change between its
 * parts: kept in state.json, compared when it is resumed.
 *
 * --after may change (a training may go on for longer), and what is only watched:
 * frequencies, validation's beam, early stopping, how many checkpoints are kept or
 * averaged. Validation text may be added or dropped, but not exchanged: the best figure
 * so far was measured on it. */
#include "base/alloc.h"
#include "base/json.h"
#include "base/rng.h"
#include "train/trainer.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the corpus ------------------------------------------------------------------ */

enum { BLOCK_BYTES = 1 << 20 };

static uint64_t mix_bytes(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t x;
        memcpy(&x, p, sizeof x);
        h = atti_mix64(h ^ x) + 1;
    }
    uint64_t rest = n;
    for (size_t i = 0; i < n; i++) rest = rest << 8 | p[i];
    return atti_mix64(h ^ rest) + 1;
}

/* Ids and lengths in their order: they stand for the text and its tokenizer alike. */
static att_status digest_pairs(uint64_t *out, const atti_pairs *p)
{
    unsigned char *block = NULL;
    uint64_t h = 1;
    int64_t left = p->stored * p->id_bytes;
    off_t at = 0;
    *out = 0;
    if (p->n == 0) return ATT_OK;
    ATTI_TRY(atti_alloc(&block, BLOCK_BYTES, 1, "corpus digest"));
    att_status st = ATT_OK;
    while (left > 0 && st == ATT_OK) {
        size_t want = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES, got = 0;
        while (got < want) {
            ssize_t r = pread(p->fd, block + got, want - got, at + (off_t)got);
            if (r < 0 && errno == EINTR) continue;
            if (r <= 0) break;
            got += (size_t)r;
        }
        if (got < want) {
            st = atti_fail(ATT_EIO, "cannot read the tokenised corpus");
        }
        h = mix_bytes(h, block, got);
        at += (off_t)got;
        left -= (int64_t)got;
    }
    atti_free(block);
    for (int s = 0; s < 2; s++) {
        h = mix_bytes(h, p->len[s], (size_t)p->n * sizeof *p->len[s]);
    }
    *out = h ? h : 1;
    return st;
}

att_status atti_train_digest(atti_trainer *t)
{
    ATTI_TRY(digest_pairs(&t->digest[0], &t->train));
    t->digest[1] = 0;
    for (int32_t i = 0; i < t->n_valid; i++) {
        uint64_t one = 0;
        ATTI_TRY(digest_pairs(&one, &t->valid[i]));
        t->digest[1] = i == 0 ? one : atti_mix64(t->digest[1] ^ one) + 1;
    }
    return ATT_OK;
}

/* ---- options --------------------------------------------------------------------- */

typedef enum item_kind { I32, I64, F32, TEXT } item_kind;

typedef struct item {
    const char *name; /* state.json has it without the dashes */
    item_kind kind;
    size_t at;
} item;

#define ITEM(name, kind, member)                                                       \
    {                                                                                  \
        name, kind, offsetof(att_train_opts, member)                                   \
    }
static const item items[] = {
    ITEM("--vocab-size", I32, vocab_size),
    ITEM("--separate-vocab", I32, separate_vocab),
    ITEM("--unigram", I32, unigram),
    ITEM("--tokenizer-raw", I32, tokenizer_raw),
    ITEM("--dim", I32, d_model),
    ITEM("--ffn", I32, ffn),
    ITEM("--heads", I32, heads),
    ITEM("--enc-depth", I32, encoder_layers),
    ITEM("--dec-depth", I32, decoder_layers),
    ITEM("--activation", I32, activation),
    ITEM("--norm", I32, pre_norm),
    ITEM("--positions", TEXT, positions),
    ITEM("--score", TEXT, score),
    ITEM("--normalise", TEXT, normalise),
    ITEM("--max-length", I32, max_length),
    ITEM("--dropout", F32, dropout),
    ITEM("--attention-dropout", F32, attention_dropout),
    ITEM("--activation-dropout", F32, activation_dropout),
    ITEM("--label-smoothing", F32, label_smoothing),
    ITEM("--bpe-dropout", F32, bpe_dropout),
    ITEM("--optimizer", TEXT, optimizer),
    ITEM("--learn-rate", F32, lr),
    ITEM("--beta1", F32, beta1),
    ITEM("--beta2", F32, beta2),
    ITEM("--adam-eps", F32, adam_eps),
    ITEM("--weight-decay", F32, weight_decay),
    ITEM("--clip-norm", F32, clip_norm),
    ITEM("--schedule", TEXT, schedule),
    ITEM("--lr-warmup", I64, warmup),
    ITEM("--mini-batch-words", I32, batch_tokens),
    ITEM("--optimizer-delay", I32, accumulate),
    ITEM("--length-buckets", I32, length_buckets),
    ITEM("--precision", I32, precision),
    ITEM("--exponential-smoothing", F32, ema),
    ITEM("--task", TEXT, task),
    ITEM("--arch", TEXT, arch),
    ITEM("--columns", TEXT, columns),
    ITEM("--column", TEXT, tag_column),
    ITEM("--regression", I32, regression),
    ITEM("--char-vocab", I32, char_vocab),
    ITEM("--kv-heads", I32, kv_heads),
    ITEM("--dim-rnn", I32, rnn_dim),
    ITEM("--freeze-vectors", I32, freeze_vectors),
    ITEM("--inputs", I32, one_hot),
    ITEM("--window", I32, window),
    ITEM("--one-way", I32, one_way),
    ITEM("--dim-word", I32, word_dim),
    ITEM("--dim-char", I32, char_dim),
    ITEM("--dim-char-state", I32, char_state),
    ITEM("--min-count", I32, min_count),
    ITEM("--word-dropout", F32, word_dropout),
    ITEM("--multi-label", I32, multi_label),
};
enum { N_ITEMS = sizeof items / sizeof *items, TEXT_BYTES = 64 };

/* As text, a float with the fewest digits that tell it apart (nine always do). */
static void show(char text[TEXT_BYTES], const att_train_opts *o, const item *x)
{
    const char *p = (const char *)o + x->at, *s = NULL;
    int32_t i = 0;
    int64_t l = 0;
    float f = 0.0f;
    switch (x->kind) {
    case I32:
        memcpy(&i, p, sizeof i);
        snprintf(text, TEXT_BYTES, "%" PRId32, i);
        break;
    case I64:
        memcpy(&l, p, sizeof l);
        snprintf(text, TEXT_BYTES, "%" PRId64, l);
        break;
    case F32:
        memcpy(&f, p, sizeof f);
        for (int digits = 6; digits <= 9; digits++) {
            snprintf(text, TEXT_BYTES, "%.*g", digits, (double)f);
            if (strtof(text, NULL) == f) break;
        }
        break;
    case TEXT:
        memcpy(&s, p, sizeof s);
        snprintf(text, TEXT_BYTES, "%s", s ? s : "");
        break;
    }
}

static const char *const digest_names[2] = {"training_text", "validation_text"};

void atti_train_same_write(const atti_trainer *t, atti_jsonw *w)
{
    char text[TEXT_BYTES];
    atti_jsonw_i64(w, "seed", (int64_t)t->o.seed);
    atti_jsonw_i64(w, "pairs", t->train.n);
    atti_jsonw_i64(w, "parameters", (int64_t)t->params.count);
    atti_jsonw_object(w, "options");
    for (int i = 0; i < N_ITEMS; i++) {
        show(text, &t->o, &items[i]);
        atti_jsonw_str(w, items[i].name + 2, text);
    }
    atti_jsonw_end(w, '}');
    for (int i = 0; i < 2; i++) {
        if (t->digest[i] == 0) continue;
        snprintf(text, sizeof text, "%016" PRIx64, t->digest[i]);
        atti_jsonw_str(w, digest_names[i], text);
    }
}

static const char same_rule[] =
    "a training goes on with the options and files it began with";

static att_status check_numbers(const atti_trainer *t, const atti_json *root,
                                const char *dir)
{
    const struct {
        const char *key, *what;
        int64_t now;
    } same[] = {{"seed", "--seed", (int64_t)t->o.seed},
                {"pairs", "the number of training pairs", t->train.n},
                {"parameters", "the number of weights", (int64_t)t->params.count}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        int64_t then = 0;
        ATTI_TRY(atti_json_get_i64(&then, root, same[i].key, same[i].now, INT64_MIN,
                                   INT64_MAX));
        if (then == same[i].now) continue;
        return atti_fail(ATT_EINVAL, "%s: %s was %lld, is %lld: %s", dir, same[i].what,
                         (long long)then, (long long)same[i].now, same_rule);
    }
    return ATT_OK;
}

static att_status check_options(const atti_trainer *t, const atti_json *options,
                                const char *dir)
{
    for (int i = 0; i < N_ITEMS && options; i++) {
        char now[TEXT_BYTES];
        const char *then = NULL;
        show(now, &t->o, &items[i]);
        ATTI_TRY(atti_json_get_str(&then, options, items[i].name + 2, now));
        if (strcmp(then, now) == 0) continue;
        return atti_fail(ATT_EINVAL, "%s: %s was %.60s, is %s: %s", dir, items[i].name,
                         then, now, same_rule);
    }
    return ATT_OK;
}

att_status atti_train_same_check(const atti_trainer *t, const atti_json *root,
                                 const char *dir)
{
    ATTI_TRY(check_numbers(t, root, dir));
    ATTI_TRY(check_options(t, atti_json_get(root, "options"), dir));
    for (int i = 0; i < 2; i++) {
        char now[TEXT_BYTES];
        const char *then = NULL;
        snprintf(now, sizeof now, "%016" PRIx64, t->digest[i]);
        ATTI_TRY(atti_json_get_str(&then, root, digest_names[i], now));
        if (t->digest[i] == 0 || strcmp(then, now) == 0) continue;
        return atti_fail(ATT_EINVAL, "%s: the %s text is another: %s", dir,
                         i ? "validation" : "training", same_rule);
    }
    return ATT_OK;
}
