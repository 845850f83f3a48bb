/* train_config.c - config.train.json: the options in force, under the names that the
 * command line has for them, so that --config replays the training. */
#include "base/file.h"
#include "base/json.h"
#include "train/trainer.h"
#include <string.h>

static void put_files(atti_jsonw *w, const char *key, const char *const *a,
                      const char *const *b, int32_t n)
{
    atti_jsonw_array(w, key);
    for (int32_t i = 0; i < n; i++) {
        atti_jsonw_str(w, NULL, a[i]);
        if (b) atti_jsonw_str(w, NULL, b[i]);
    }
    atti_jsonw_end(w, ']');
}

static void put_str(atti_jsonw *w, const char *key, const char *value)
{
    if (value) atti_jsonw_str(w, key, value);
}

static const char *activation_name(int32_t a)
{
    static const char *const names[] = {"none", "relu",       "gelu", "gelu-tanh",
                                        "silu", "quick-gelu", "tanh", "sigmoid"};
    return a >= 0 && a < 8 ? names[a] : "relu";
}

/* Of the tasks that read words. */
static void put_inputs(atti_jsonw *w, const att_train_opts *o)
{
    atti_jsonw_str(w, "inputs", o->one_hot ? "one-hot" : "learned");
    put_str(w, "vectors", o->vectors);
    atti_jsonw_bool(w, "freeze-vectors", o->freeze_vectors != 0);
}

static void put_model(atti_jsonw *w, const att_train_opts *o)
{
    put_str(w, "arch", o->arch);
    atti_jsonw_i64(w, "dim", o->d_model);
    atti_jsonw_i64(w, "ffn", o->ffn);
    atti_jsonw_i64(w, "heads", o->heads);
    atti_jsonw_i64(w, "enc-depth", o->encoder_layers);
    atti_jsonw_i64(w, "dec-depth", o->decoder_layers);
    atti_jsonw_str(w, "activation", activation_name(o->activation));
    atti_jsonw_str(w, "norm", o->pre_norm ? "pre" : "post");
    atti_jsonw_str(w, "positions", o->positions);
    if (atti_train_is_rnn(o)) {
        int scaled = !o->score || strcmp(o->score, "scaled-dot") == 0;
        atti_jsonw_i64(w, "dim-rnn", o->rnn_dim);
        atti_jsonw_str(w, "attention", scaled ? "additive" : o->score);
    } else {
        atti_jsonw_str(w, "score", o->score);
    }
    atti_jsonw_str(w, "normalise", o->normalise);
    atti_jsonw_i64(w, "max-length", o->max_length);
    atti_jsonw_f32(w, "dropout", o->dropout);
    atti_jsonw_f32(w, "attention-dropout", o->attention_dropout);
    atti_jsonw_f32(w, "activation-dropout", o->activation_dropout);
}

static void put_training(atti_jsonw *w, const atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    atti_jsonw_f32(w, "label-smoothing", o->label_smoothing);
    atti_jsonw_str(w, "optimizer", o->optimizer);
    atti_jsonw_f32(w, "learn-rate", o->lr);
    atti_jsonw_f32(w, "beta1", o->beta1);
    atti_jsonw_f32(w, "beta2", o->beta2);
    atti_jsonw_f32(w, "adam-eps", o->adam_eps);
    atti_jsonw_f32(w, "weight-decay", o->weight_decay);
    atti_jsonw_f32(w, "clip-norm", o->clip_norm);
    atti_jsonw_str(w, "schedule", o->schedule);
    atti_jsonw_i64(w, "lr-warmup", o->warmup);
    atti_jsonw_i64(w, "mini-batch-words", o->batch_tokens);
    atti_jsonw_i64(w, "optimizer-delay", o->accumulate);
    if (t->task->two_files)
        atti_jsonw_bool(w, "length-buckets", o->length_buckets != 0);
    atti_jsonw_str(w, "after", o->after);
    atti_jsonw_i64(w, "seed", (int64_t)o->seed);
    atti_jsonw_f32(w, "exponential-smoothing", o->ema);
    atti_jsonw_i64(w, "average", o->average);
    put_str(w, "save-freq", o->save_freq);
    put_str(w, "valid-freq", o->valid_freq);
    put_str(w, "disp-freq", o->disp_freq);
    atti_jsonw_i64(w, "early-stopping", o->early_stopping);
    if (t->task->two_files) {
        atti_jsonw_i64(w, "valid-beam", o->valid_beam);
        put_str(w, "valid-tokenize", o->valid_tokenize);
    }
    atti_jsonw_i64(w, "keep-checkpoints", o->keep_checkpoints);
}

static void put_pairs(atti_jsonw *w, const att_train_opts *o)
{
    put_files(w, "train", o->train_source, o->train_target, o->n_train);
    atti_valid_files v = atti_train_valid_files(o);
    if (v.n > 0) put_files(w, "valid", v.source, v.target, v.n);
    if (o->target_langs)
        put_files(w, "target-langs", o->target_langs, NULL, o->n_train);
    put_str(w, "valid-lang", o->valid_lang);
    if (o->tokenizer) {
        atti_jsonw_array(w, "tokenizer");
        atti_jsonw_str(w, NULL, o->tokenizer);
        if (o->tokenizer_target) atti_jsonw_str(w, NULL, o->tokenizer_target);
        atti_jsonw_end(w, ']');
    }
    atti_jsonw_i64(w, "vocab-size", o->vocab_size);
    atti_jsonw_bool(w, "separate-vocab", o->separate_vocab != 0);
    atti_jsonw_bool(w, "unigram", o->unigram != 0);
    atti_jsonw_f32(w, "bpe-dropout", o->bpe_dropout);
    atti_jsonw_bool(w, "tokenizer-raw", o->tokenizer_raw != 0);
    put_model(w, o);
    put_inputs(w, o);
}

/* What `attend train tag`, `classify` and `generate` have, each its own. */
static void put_one_side(atti_jsonw *w, const atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    int text = t->task == &atti_task_generate;
    put_files(w, "train", o->train_source, NULL, o->n_train);
    if (o->valid_source) put_files(w, "valid", &o->valid_source, NULL, 1);
    if (o->tokenizer) put_files(w, "tokenizer", &o->tokenizer, NULL, 1);
    atti_jsonw_i64(w, "vocab-size", o->vocab_size);
    put_str(w, "arch", o->arch);
    atti_jsonw_i64(w, "dim", o->d_model);
    atti_jsonw_i64(w, "ffn", o->ffn);
    atti_jsonw_i64(w, "heads", o->heads);
    atti_jsonw_f32(w, "dropout", o->dropout);
    atti_jsonw_f32(w, "attention-dropout", o->attention_dropout);
    if (text) {
        atti_jsonw_i64(w, "dec-depth", o->decoder_layers);
        atti_jsonw_i64(w, "context", o->max_length);
        atti_jsonw_str(w, "vocab", o->char_vocab ? "char" : "subword");
        atti_jsonw_bool(w, "unigram", o->unigram != 0);
        atti_jsonw_i64(w, "kv-heads", o->kv_heads);
        return;
    }
    put_inputs(w, o);
    atti_jsonw_i64(w, "enc-depth", o->encoder_layers);
    atti_jsonw_i64(w, "max-length", o->max_length);
    atti_jsonw_bool(w, "tokenizer-raw", o->tokenizer_raw != 0);
    if (t->task->feed == ATTI_FEED_WORDS) {
        atti_jsonw_i64(w, "window", o->window);
        atti_jsonw_bool(w, "one-way", o->one_way != 0);
        atti_jsonw_i64(w, "dim-word", o->word_dim);
        atti_jsonw_i64(w, "dim-char", o->char_dim);
        atti_jsonw_i64(w, "dim-char-state", o->char_state);
        atti_jsonw_i64(w, "min-count", o->min_count);
        atti_jsonw_f32(w, "word-dropout", o->word_dropout);
    }
    if (strcmp(t->task->name, atti_task_tag.name) == 0) {
        put_str(w, "column", o->tag_column);
        return;
    }
    put_str(w, "columns", o->columns);
    atti_jsonw_bool(w, "regression", o->regression != 0);
    atti_jsonw_bool(w, "multi-label", o->multi_label != 0);
}

static void put_all(atti_jsonw *w, const atti_trainer *t)
{
    atti_jsonw_object(w, NULL);
    put_str(w, "model", t->o.model_dir);
    if (t->task->two_files) {
        put_pairs(w, &t->o);
    } else {
        put_one_side(w, t);
    }
    put_training(w, t);
    atti_jsonw_end(w, '}');
    atti_str_add(&w->s, "\n");
}

att_status atti_train_config_write(const atti_trainer *t)
{
    char *path = NULL;
    atti_jsonw w = {.indent = 2};
    if (t->o.config_text) {
        atti_str_add(&w.s, t->o.config_text);
    } else {
        put_all(&w, t);
    }
    att_status st = w.s.status;
    if (st == ATT_OK) st = atti_path_join(&path, t->dir, "config.train.json");
    if (st == ATT_OK) st = atti_write_file(path, w.s.data, w.s.len);
    atti_free(path);
    atti_str_deinit(&w.s);
    return st;
}
