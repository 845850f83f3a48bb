/* trainer_vocab.c - the vocabulary of a training: the user's tokenizers, those of the
 * training that is resumed, or new ones made from the corpus. */
#include "base/alloc.h"
#include "base/file.h"
#include "data/text/langs.h"
#include "tokenize/tokenizer_train.h"
#include "tokenize/vocab_write.h"
#include "train/trainer.h"
#include <string.h>

typedef struct vocab_paths {
    char *spm[2], *vocab[2];
} vocab_paths;

static att_status make_paths(vocab_paths *p, const char *dir)
{
    memset(p, 0, sizeof *p);
    ATTI_TRY(atti_path_join(&p->spm[0], dir, "source.spm"));
    ATTI_TRY(atti_path_join(&p->spm[1], dir, "target.spm"));
    ATTI_TRY(atti_path_join(&p->vocab[0], dir, "vocab.json"));
    return atti_path_join(&p->vocab[1], dir, "target_vocab.json");
}

static void free_paths(vocab_paths *p)
{
    for (int i = 0; i < 2; i++) {
        atti_free(p->spm[i]);
        atti_free(p->vocab[i]);
    }
}

static att_status copy_file(const char *from, const char *to)
{
    atti_blob b;
    ATTI_TRY(atti_blob_open(&b, from, 0));
    att_status st = atti_write_file(to, b.data, b.size);
    atti_blob_close(&b);
    return st;
}

static int separate(const att_train_opts *o)
{
    return o->separate_vocab || o->tokenizer_target;
}

/* New models of the corpus. <pad> comes on top of them, so that the vocabulary has
 * exactly the size that was asked for. */
enum { PAD = 1 };

static att_status train_models(const atti_trainer *t, const vocab_paths *p,
                               const atti_langs *langs)
{
    const att_train_opts *o = &t->o;
    att_tokenizer_train_opts to;
    att_tokenizer_train_opts_init(&to);
    to.vocab_size = o->vocab_size;
    to.unigram = o->unigram;
    to.seed = o->seed;
    to.normalise = !o->tokenizer_raw;
    to.symbols = (const char *const *)langs->token;
    to.n_symbols = (int32_t)langs->n;
    if (separate(o)) {
        ATTI_TRY(
            atti_tokenizer_train(p->spm[0], o->train_source, o->n_train, &to, PAD));
        to.n_symbols = 0;
        return atti_tokenizer_train(p->spm[1], o->train_target, o->n_train, &to, PAD);
    }
    const char **files = NULL;
    size_t n = (size_t)o->n_train;
    ATTI_TRY(atti_alloc(&files, 2 * n, sizeof *files, "list of files"));
    memcpy(files, o->train_source, n * sizeof *files);
    memcpy(files + n, o->train_target, n * sizeof *files);
    att_status st = atti_tokenizer_train(p->spm[0], files, 2 * o->n_train, &to, PAD);
    atti_free(files);
    if (st == ATT_OK) st = copy_file(p->spm[0], p->spm[1]);
    return st;
}

static att_status make_models(const atti_trainer *t, const vocab_paths *p,
                              const atti_langs *langs)
{
    const att_train_opts *o = &t->o;
    if (!o->tokenizer) return train_models(t, p, langs);
    ATTI_TRY(copy_file(o->tokenizer, p->spm[0]));
    return copy_file(o->tokenizer_target ? o->tokenizer_target : o->tokenizer,
                     p->spm[1]);
}

/* Both sides get the same number of ids: there is one pad id, the last of each. */
static att_status make_vocabs(const atti_trainer *t, const vocab_paths *p,
                              const atti_langs *langs)
{
    const char *spm[2] = {p->spm[0], p->spm[1]};
    const atti_vocab_extra extra = {(const char *const *)langs->token, langs->n};
    if (!separate(&t->o)) return atti_vocab_write_sized(p->vocab[0], spm, 1, &extra, 0);
    int64_t n[2] = {0, 0};
    for (int i = 0; i < 2; i++)
        ATTI_TRY(atti_vocab_count(spm + i, 1, i ? NULL : &extra, &n[i]));
    int64_t size = n[0] > n[1] ? n[0] : n[1];
    for (int i = 0; i < 2; i++) {
        ATTI_TRY(
            atti_vocab_write_sized(p->vocab[i], spm + i, 1, i ? NULL : &extra, size));
    }
    return ATT_OK;
}

att_status atti_trainer_langs(const atti_trainer *t, atti_langs *langs)
{
    const att_train_opts *o = &t->o;
    char token[ATTI_LANG_MAX + 1];
    for (int32_t i = 0; o->target_langs && i < o->n_train; i++) {
        ATTI_TRY(atti_lang_of_word(token, o->target_langs[i]));
        ATTI_TRY(atti_langs_add(langs, token, strlen(token)));
    }
    for (int32_t i = 0; i < o->n_train; i++)
        ATTI_TRY(atti_langs_read(langs, o->train_source[i]));
    return ATT_OK;
}

static att_status open_tokenizers(atti_trainer *t, const vocab_paths *p)
{
    ATTI_TRY(att_tokenizer_open(&t->tok[0], p->spm[0], p->vocab[0]));
    if (!separate(&t->o)) {
        t->tok[1] = t->tok[0];
        return ATT_OK;
    }
    return att_tokenizer_open(&t->tok[1], p->spm[1], p->vocab[1]);
}

static att_status check_model(const char *path)
{
    att_tokenizer *tok = NULL;
    ATTI_TRY(att_tokenizer_open(&tok, path, NULL));
    att_tokenizer_destroy(tok);
    return ATT_OK;
}

/* The vocabularies are written last, the target's after the source's. */
static bool is_ready(const atti_trainer *t, const vocab_paths *p)
{
    return t->o.resume && atti_path_exists(p->vocab[separate(&t->o) ? 1 : 0]);
}

att_status atti_trainer_vocab_check(const atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    vocab_paths p;
    if (!o->tokenizer) return ATT_OK;
    att_status st = make_paths(&p, o->model_dir ? o->model_dir : ".");
    if (st == ATT_OK && !is_ready(t, &p)) {
        st = check_model(o->tokenizer);
        if (st == ATT_OK && o->tokenizer_target) st = check_model(o->tokenizer_target);
    }
    free_paths(&p);
    return st;
}

att_status atti_trainer_vocab(atti_trainer *t)
{
    vocab_paths p;
    att_status st = make_paths(&p, t->dir);
    if (st == ATT_OK && !is_ready(t, &p)) {
        atti_langs langs = {NULL, 0, 0};
        st = atti_trainer_langs(t, &langs);
        if (st == ATT_OK) st = make_models(t, &p, &langs);
        if (st == ATT_OK) st = make_vocabs(t, &p, &langs);
        atti_langs_deinit(&langs);
    }
    if (st == ATT_OK) st = open_tokenizers(t, &p);
    free_paths(&p);
    return st;
}
