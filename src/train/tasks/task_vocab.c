/* task_vocab.c - the vocabulary of tasks with one side: a unigram model trained by
 * SentencePiece and written as tokenizer.json in the layout of XLM-R, which other programs
 * and this library read alike. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "tokenize/spm_json.h"
#include "train/tasks/task_encoder.h"
#include <stdlib.h>
#include <string.h>

/* ---- the pieces of a SentencePiece model ------------------------------------------ */

/* One [text, score] of tokenizer.json, for pieces that stand for text. */
static att_status add_piece(void *ctx, const char *text, size_t n, float score,
                            int type)
{
    atti_jsonw *w = ctx;
    if (type != ATTI_SPM_NORMAL) return ATT_OK;
    atti_jsonw_array(w, NULL);
    atti_jsonw_str_n(w, NULL, text, n);
    atti_jsonw_f32(w, NULL, score);
    atti_jsonw_end(w, ']');
    return w->s.status;
}

/* ---- tokenizer.json --------------------------------------------------------------- */

static const char *const specials[] = {"<s>", "<pad>", "</s>", "<unk>"};

static void added_token(atti_jsonw *w, int64_t id, const char *text, bool left)
{
    atti_jsonw_object(w, NULL);
    atti_jsonw_i64(w, "id", id);
    atti_jsonw_str(w, "content", text);
    atti_jsonw_bool(w, "single_word", false);
    atti_jsonw_bool(w, "lstrip", left);
    atti_jsonw_bool(w, "rstrip", false);
    atti_jsonw_bool(w, "normalized", false);
    atti_jsonw_bool(w, "special", true);
    atti_jsonw_end(w, '}');
}

static const char frame_parts[] =
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\","
    "\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{"
    "\"id\":\"</s>\",\"type_id\":0}}],\"pair\":[{\"SpecialToken\":{\"id\":\"<s>\","
    "\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{"
    "\"id\":\"</s>\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"</s>\",\"type_id\":0}},"
    "{\"Sequence\":{\"id\":\"B\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"</s>\","
    "\"type_id\":0}}],\"special_tokens\":{\"</s>\":{\"id\":\"</s>\",\"ids\":[2],"
    "\"tokens\":[\"</s>\"]},\"<s>\":{\"id\":\"<s>\",\"ids\":[0],\"tokens\":[\"<s>\"]}}}";

static const char normalizer[] =
    "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"Strip\","
    "\"strip_left\":true,\"strip_right\":true},{\"type\":\"Replace\",\"pattern\":{"
    "\"Regex\":\" {2,}\"},\"content\":\" \"}]}";

static const char metaspace[] =
    "{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\",\"prepend_scheme\":"
    "\"always\",\"split\":true}";

static void write_frame(atti_jsonw *w, bool raw)
{
    atti_jsonw_object(w, NULL);
    atti_jsonw_str(w, "version", "1.0");
    atti_jsonw_raw(w, "truncation", "null");
    atti_jsonw_raw(w, "padding", "null");
    atti_jsonw_array(w, "added_tokens");
    for (int i = 0; i < 4; i++) added_token(w, i, specials[i], false);
    atti_jsonw_end(w, ']');
    atti_jsonw_raw(w, "normalizer", raw ? "null" : normalizer);
    atti_jsonw_raw(w, "pre_tokenizer", metaspace);
    atti_jsonw_raw(w, "post_processor", frame_parts);
    atti_jsonw_raw(w, "decoder", metaspace);
}

static att_status from_spm(const atti_trainer *t, const char *path)
{
    atti_blob spm;
    atti_jsonw w = {0};
    ATTI_TRY(atti_blob_open(&spm, path, 0));
    write_frame(&w, t->o.tokenizer_raw != 0);
    atti_jsonw_object(&w, "model");
    atti_jsonw_str(&w, "type", "Unigram");
    atti_jsonw_i64(&w, "unk_id", 3);
    atti_jsonw_array(&w, "vocab");
    for (int i = 0; i < 4; i++) {
        atti_jsonw_array(&w, NULL);
        atti_jsonw_str(&w, NULL, specials[i]);
        atti_jsonw_f64(&w, NULL, 0.0);
        atti_jsonw_end(&w, ']');
    }
    att_status st = atti_spm_each_piece(spm.data, spm.size, path, add_piece, &w);
    atti_jsonw_end(&w, ']');
    atti_jsonw_bool(&w, "byte_fallback", false);
    atti_jsonw_end(&w, '}');
    atti_jsonw_end(&w, '}');
    atti_blob_close(&spm);
    if (st == ATT_OK) st = w.s.status;
    if (st == ATT_OK) st = atti_task_write(t, "tokenizer.json", w.s.data, w.s.len);
    atti_str_deinit(&w.s);
    return st;
}

att_status atti_task_write(const atti_trainer *t, const char *name, const char *text,
                           size_t n)
{
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, t->dir, name));
    att_status st = atti_write_file(path, text, n);
    atti_free(path);
    return st;
}

att_status atti_task_tokenizer_config(const atti_trainer *t, const char *bos,
                                      const char *eos, const char *pad, const char *unk)
{
    atti_jsonw w = {.indent = 2};
    const char *const names[] = {"bos_token", "eos_token", "pad_token", "unk_token"};
    const char *const values[] = {bos, eos, pad, unk};
    atti_jsonw_object(&w, NULL);
    for (int i = 0; i < 4; i++)
        if (values[i]) atti_jsonw_str(&w, names[i], values[i]);
    atti_jsonw_bool(&w, "clean_up_tokenization_spaces", false);
    atti_jsonw_i64(&w, "model_max_length", t->o.max_length);
    atti_jsonw_str(&w, "tokenizer_class", "PreTrainedTokenizerFast");
    atti_jsonw_end(&w, '}');
    atti_str_add(&w.s, "\n");
    att_status st = w.s.status;
    if (st == ATT_OK)
        st = atti_task_write(t, "tokenizer_config.json", w.s.data, w.s.len);
    atti_str_deinit(&w.s);
    return st;
}

/* ---- making it -------------------------------------------------------------------- */

static void see_words(atti_vocab_text *v, const char *text, size_t n)
{
    const char *word = text;
    size_t at = 0, len = n;
    if (v->whole) {
        if (v->status == ATT_OK) v->status = atti_lexicon_see(v->lexicon, text, n);
        return;
    }
    while ((word = atti_lexicon_next_word(text, n, &at, &len)) != NULL)
        if (v->status == ATT_OK) v->status = atti_lexicon_see(v->lexicon, word, len);
}

void atti_vocab_text_add(atti_vocab_text *v, const char *text, size_t n, char end)
{
    if (v->lexicon) {
        see_words(v, text, n);
        return;
    }
    fwrite(text, 1, n, v->f);
    fputc(end, v->f);
}

/* The texts in a file of their own for SentencePiece's trainer, gone afterwards. */
static att_status train_spm(atti_trainer *t, const char *spm,
                            atti_vocab_write_fn *write)
{
    atti_vocab_text v = {0};
    att_tokenizer_train_opts o;
    att_tokenizer_train_opts_init(&o);
    o.vocab_size =
        t->o.vocab_size - 3; /* four special tokens for its two, and a spare */
    if (o.vocab_size < 8) o.vocab_size = 8;
    o.unigram = 1;
    o.seed = t->o.seed;
    o.normalise = !t->o.tokenizer_raw;
    ATTI_TRY(atti_path_join(&v.path, t->dir, "texts.tmp-0"));
    att_status st = ATT_OK;
    v.f = fopen(v.path, "wb");
    if (!v.f) st = atti_fail(ATT_EIO, "%s: cannot write", v.path);
    if (st == ATT_OK) st = write(t, &v);
    if (v.f) {
        int bad = ferror(v.f);
        bad |= fclose(v.f) != 0;
        if (bad && st == ATT_OK) st = atti_fail(ATT_EIO, "%s: cannot write", v.path);
    }
    const char *files[1] = {v.path};
    if (st == ATT_OK) st = att_tokenizer_train(spm, files, 1, &o);
    (void)!remove(v.path);
    atti_free(v.path);
    return st;
}

static int ends_in(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && strcmp(s + n - m, tail) == 0;
}

static att_status copy_json(const atti_trainer *t, const char *from)
{
    atti_blob b;
    ATTI_TRY(atti_blob_open(&b, from, 0));
    att_status st = atti_task_write(t, "tokenizer.json", (const char *)b.data, b.size);
    atti_blob_close(&b);
    return st;
}

static att_status make(atti_trainer *t, atti_vocab_write_fn *write)
{
    char *spm = NULL;
    if (t->o.tokenizer && ends_in(t->o.tokenizer, ".json"))
        return copy_json(t, t->o.tokenizer);
    if (t->o.tokenizer) return from_spm(t, t->o.tokenizer);
    ATTI_TRY(atti_path_join(&spm, t->dir, "pieces.tmp-0"));
    att_status st = train_spm(t, spm, write);
    if (st == ATT_OK) st = from_spm(t, spm);
    (void)!remove(spm);
    atti_free(spm);
    return st;
}

att_status atti_encoder_task_vocab(atti_trainer *t, atti_vocab_write_fn *write)
{
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, t->dir, "tokenizer_config.json"));
    /* Written last: where it is, the other file is whole. */
    int ready = t->o.resume && atti_path_exists(path);
    atti_free(path);
    if (!ready) {
        ATTI_TRY(make(t, write));
        ATTI_TRY(atti_task_tokenizer_config(t, specials[0], specials[2], specials[1],
                                            specials[3]));
    }
    ATTI_TRY(att_tokenizer_open_dir(&t->tok[0], t->dir));
    t->tok[1] = t->tok[0];
    return ATT_OK;
}
