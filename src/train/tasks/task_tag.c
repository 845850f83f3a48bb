/* task_tag.c - a label a word. Words are split into sub-words one by one, the first of
 * which carries the label (as att_tag() reads it); the others, the frame and words without
 * a label do not count. */
#include "base/alloc.h"
#include "data/text/conllu.h"
#include "train/tasks/task_labels.h"
#include "train/tasks/task_words.h"
#include <string.h>

static int column_of(const att_train_opts *o)
{
    return o->tag_column && strcmp(o->tag_column, "xpos") == 0 ? 5 : 4;
}

/* ---- the files ------------------------------------------------------------------- */

typedef att_status sentence_fn(void *ctx, const char *path, const atti_tagged *s);

static att_status each_sentence(const att_train_opts *o, const char *path,
                                sentence_fn *fn, void *ctx)
{
    atti_tag_reader *r = NULL;
    atti_tagged s;
    ATTI_TRY(atti_tags_open(&r, path, ATTI_TAGS_SEEN, column_of(o)));
    att_status st = ATT_OK;
    while (st == ATT_OK && (st = atti_tags_next(r, &s)) == ATT_OK && s.n > 0)
        st = fn(ctx, path, &s);
    atti_tags_close(r);
    return st;
}

static att_status take_labels(void *ctx, const char *path, const atti_tagged *s)
{
    atti_trainer *t = ctx;
    (void)path;
    for (int32_t i = 0; i < s->n; i++)
        if (s->label[i]) ATTI_TRY(atti_label_set_add(&t->labels, s->label[i]));
    return ATT_OK;
}

/* Treebanks have rare labels: they are told, and wrong whatever is said. */
static att_status look_at_valid(void *ctx, const char *path, const atti_tagged *s)
{
    atti_trainer *t = ctx;
    (void)path;
    for (int32_t i = 0; i < s->n; i++) {
        if (!s->label[i] || atti_label_set_find(&t->labels, s->label[i]) >= 0) continue;
        if (t->unseen++ > 0) continue;
        t->unseen_line = s->line[i];
        ATTI_TRY(atti_strdup(&t->unseen_label, s->label[i]));
    }
    return ATT_OK;
}

static att_status walk_train(atti_trainer *t, const char *path)
{
    return each_sentence(&t->o, path, take_labels, t);
}

static att_status walk_valid(atti_trainer *t, const char *path)
{
    return each_sentence(&t->o, path, look_at_valid, t);
}

static att_status check_files(atti_trainer *t)
{
    const atti_label_walk walk = {"word", walk_train, walk_valid};
    return atti_label_files_check(t, &walk);
}

static att_status add_sentence(void *ctx, const char *path, const atti_tagged *s)
{
    (void)path;
    for (int32_t i = 0; i < s->n; i++)
        atti_vocab_text_add(ctx, s->word[i], strlen(s->word[i]),
                            i + 1 < s->n ? ' ' : '\n');
    return ATT_OK;
}

static att_status write_texts(atti_trainer *t, atti_vocab_text *v)
{
    for (int32_t i = 0; i < t->o.n_train; i++)
        ATTI_TRY(each_sentence(&t->o, t->o.train_source[i], add_sentence, v));
    return ATT_OK;
}

/* ---- the corpus ------------------------------------------------------------------ */

typedef struct reader {
    atti_trainer *t;
    const char *const *files;
    int32_t n_files, file;
    atti_tag_reader *f;
    int32_t *frame; /* <s> </s>: the first goes before a sentence, the others behind */
    size_t n_frame;
    int32_t *ids, *labels;
    size_t n, cap_ids, cap_labels;
    atti_word_run run;
} reader;

/* Labels for all ids so far: `first` for the next one, none for the others. */
static att_status label_up_to(reader *r, size_t n, int32_t first)
{
    ATTI_TRY(atti_grow(&r->labels, &r->cap_labels, n, sizeof *r->labels, "labels"));
    for (size_t i = r->n; i < n; i++) {
        r->labels[i] = i == r->n ? first : (int32_t)r->t->labels.n;
    }
    r->n = n;
    return ATT_OK;
}

static att_status push(reader *r, int32_t id, int32_t label)
{
    ATTI_TRY(atti_grow(&r->ids, &r->cap_ids, r->n + 1, sizeof *r->ids, "token ids"));
    r->ids[r->n] = id;
    return label_up_to(r, r->n + 1, label);
}

/* The label's number; for none, or one that training files do not have, one behind the
 * last. */
static int32_t label_of(const reader *r, const char *label)
{
    int32_t none = (int32_t)r->t->labels.n;
    int32_t i = label ? atti_label_set_find(&r->t->labels, label) : none;
    return i < 0 ? none : i;
}

static att_status encode_words(reader *r, const atti_tagged *s, atti_item *out)
{
    const atti_lexicon *x = &r->t->lexicon;
    int32_t none = (int32_t)r->t->labels.n;
    r->run.n_ids = r->run.n_words = 0;
    ATTI_TRY(atti_word_run_add(&r->run, x, NULL, 0, ATTI_LEXICON_BEGIN, none));
    for (int32_t i = 0; i < s->n; i++)
        ATTI_TRY(atti_word_run_add(&r->run, x, s->word[i], strlen(s->word[i]), 0,
                                   label_of(r, s->label[i])));
    ATTI_TRY(atti_word_run_add(&r->run, x, NULL, 0, ATTI_LEXICON_END, none));
    atti_word_run_item(&r->run, r->t->o.max_length, out);
    return ATT_OK;
}

static att_status encode(reader *r, const atti_tagged *s, atti_item *out)
{
    const att_tokenizer *tok = r->t->tok[0];
    int32_t none = (int32_t)r->t->labels.n;
    r->n = 0;
    if (r->n_frame > 0) ATTI_TRY(push(r, r->frame[0], none));
    for (int32_t i = 0; i < s->n; i++) {
        const char *word = s->word[i];
        int32_t label = label_of(r, s->label[i]);
        size_t n = r->n;
        ATTI_TRY(
            att_tokenizer_encode(tok, word, strlen(word), &r->ids, &n, &r->cap_ids));
        if (n == r->n) {
            ATTI_TRY(push(r, att_tokenizer_unk(tok), label));
        } else {
            ATTI_TRY(label_up_to(r, n, label));
        }
    }
    for (size_t i = 1; i < r->n_frame; i++) ATTI_TRY(push(r, r->frame[i], none));
    *out = (atti_item){.ids = {r->ids, r->labels}, .n = {r->n, r->n}};
    return ATT_OK;
}

static att_status next(void *ctx, atti_item *out)
{
    reader *r = ctx;
    atti_tagged s;
    for (;;) {
        if (r->file == r->n_files) {
            out->end = 1;
            return ATT_OK;
        }
        if (!r->f)
            ATTI_TRY(atti_tags_open(&r->f, r->files[r->file], ATTI_TAGS_SEEN,
                                    column_of(&r->t->o)));
        ATTI_TRY(atti_tags_next(r->f, &s));
        if (s.n > 0)
            return atti_task_is_words(r->t) ? encode_words(r, &s, out)
                                            : encode(r, &s, out);
        atti_tags_close(r->f);
        r->f = NULL;
        r->file++;
    }
}

static att_status open_sentences(atti_trainer *t, atti_pairs *p, int valid)
{
    const att_train_opts *o = &t->o;
    const att_text_pair nothing = {.text = ""};
    reader r = {.t = t,
                .files = valid ? &o->valid_source : o->train_source,
                .n_files = valid ? 1 : o->n_train};
    atti_items_opts io = {.next = next,
                          .ctx = &r,
                          .name = r.files[0],
                          .temp_dir = t->dir,
                          .limit = {0, (int64_t)t->labels.n + 1},
                          .max_length =
                              atti_task_is_words(t) ? ATTI_LONGEST_ITEM : o->max_length,
                          .most = atti_task_is_words(t) ? o->max_length : 0};
    att_status st = ATT_OK;
    if (!atti_task_is_words(t)) {
        io.limit[0] = att_tokenizer_size(t->tok[0]);
        st =
            att_tokenizer_encode_model(t->tok[0], &nothing, &r.frame, NULL, &r.n_frame);
    }
    if (st == ATT_OK) st = atti_pairs_from_items(p, &io);
    p->words = r.run.words;
    atti_tags_close(r.f);
    atti_free(r.frame);
    atti_free(r.ids);
    atti_free(r.labels);
    atti_word_run_deinit(&r.run);
    return st;
}

/* ---- the task -------------------------------------------------------------------- */

static att_status check(atti_trainer *t)
{
    const char *c = t->o.tag_column;
    if (c && strcmp(c, "upos") != 0 && strcmp(c, "xpos") != 0)
        return atti_fail(ATT_EINVAL, "--column '%.40s' is not one of upos, xpos", c);
    if (t->o.regression || t->o.multi_label)
        return atti_fail(ATT_EINVAL, "--%s is for texts",
                         t->o.regression ? "regression" : "multi-label");
    return atti_task_is_words(t) ? atti_words_task_check(t, ATTI_HEAD_TOKENS)
                                 : atti_encoder_task_check(t, ATTI_HEAD_TOKENS);
}

static att_status vocab(atti_trainer *t)
{
    return atti_task_is_words(t) ? atti_words_task_vocab(t, write_texts, 1)
                                 : atti_encoder_task_vocab(t, write_texts);
}

static att_status model(atti_trainer *t)
{
    return atti_task_is_words(t) ? atti_words_task_model(t, ATTI_HEAD_TOKENS)
                                 : atti_encoder_task_model(t, ATTI_HEAD_TOKENS);
}

static att_status set(att_tape *tape, const atti_program_io *io, const atti_batch *b)
{
    ATTI_TRY(atti_encoder_task_set(tape, io, b));
    return att_tape_set(tape, io->row_labels, b->targets);
}

static void describe(atti_trainer *t)
{
    if (atti_task_is_words(t))
        atti_words_task_describe(t);
    else
        atti_encoder_task_describe(t);
    if (t->unseen == 0) return;
    atti_train_say(t, 4,
                   "%s:%lld: label '%s' does not occur in the training files: %lld "
                   "words of such labels count as wrong in validations",
                   t->o.valid_source, (long long)t->unseen_line, t->unseen_label,
                   (long long)t->unseen);
}

/* One task; what a token is decides how it is fed. */
#define TAG_TASK(feed_, set_)                                                          \
    {                                                                                  \
        .name = "tag", .items = "sentences", .counted = "words", .speed = "words",     \
        .feed = (feed_), .set = (set_), .check = check, .check_files = check_files,    \
        .vocab = vocab, .model = model, .open = open_sentences,                        \
        .files = atti_encoder_task_files, .describe = describe                         \
    }

const atti_task atti_task_tag = TAG_TASK(ATTI_FEED_LABELS, set);
const atti_task atti_task_tag_words = TAG_TASK(ATTI_FEED_WORDS, atti_words_task_set);
