/* task_generate.c - the next token of a running text.
 *
 * The files are one text in their order. Training cuts it into blocks of --context tokens,
 * elsewhere in each epoch; validation into consecutive blocks from the beginning, so that
 * every token but the first is predicted once, from at most context - 1 tokens before it
 * in its block. nll is the mean over all of them. */
#include "base/alloc.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/json.h"
#include "models/decoder/decoder_config.h"
#include "models/save.h"
#include "tokenize/spm_json.h"
#include "tokenize/tok_unknown.h"
#include "train/tasks/task_encoder.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16, CODES = 0x110000, MAX_CODES = 65000 };

static int is_gpt2(const att_train_opts *o)
{
    return o->arch && strcmp(o->arch, "gpt2") == 0;
}

static att_status make_config(atti_decoder_config *c, const att_train_opts *o,
                              int64_t vocab)
{
    int gpt2 = is_gpt2(o);
    atti_decoder_config_init(c, gpt2);
    c->vocab_size = vocab;
    c->hidden = o->d_model;
    c->ffn = o->ffn;
    c->ffn_is_default = gpt2 && o->ffn == 4 * o->d_model;
    c->layers = o->decoder_layers;
    c->heads = o->heads;
    c->kv_heads = o->kv_heads > 0 && !gpt2 ? o->kv_heads : o->heads;
    c->head_dim = o->heads > 0 ? o->d_model / o->heads : 0;
    c->max_positions = o->max_length;
    if (gpt2) c->activation = (atti_act)o->activation;
    c->embedding_dropout = c->residual_dropout = o->dropout;
    c->attention_dropout = o->attention_dropout;
    c->tie_output = 1;
    c->bos_id = c->pad_id = -1;
    c->eos.n = 0;
    if (c->head_dim * c->heads != c->hidden)
        return atti_fail(ATT_EINVAL, "--heads %d does not divide --dim %d",
                         (int)o->heads, (int)o->d_model);
    return atti_decoder_config_check(c);
}

static att_status check(atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    atti_decoder_config c;
    if (o->arch && !is_gpt2(o) && strcmp(o->arch, "llama") != 0)
        return atti_fail(ATT_EINVAL, "--arch '%.40s' is not one of llama, gpt2",
                         o->arch);
    if (o->kv_heads < 0 || (o->kv_heads > 0 && o->heads % o->kv_heads != 0))
        return atti_fail(ATT_EINVAL, "--kv-heads %d does not divide --heads %d",
                         (int)o->kv_heads, (int)o->heads);
    if (o->tokenizer_target)
        return atti_fail(ATT_EINVAL, "a second --tokenizer: texts have one side");
    return make_config(&c, o, 100);
}

/* ---- the text -------------------------------------------------------------------- */

static att_status check_bytes(const char *path, const atti_blob *b)
{
    const char *s = (const char *)b->data;
    int64_t line = 1;
    for (size_t i = 0; i < b->size;) {
        int n = atti_utf8_len(s + i, b->size - i);
        if (n == 0)
            return atti_fail(ATT_EFORMAT, "%s:%lld: not UTF-8", path, (long long)line);
        if (s[i] == '\0')
            return atti_fail(ATT_EFORMAT, "%s:%lld: a zero byte", path,
                             (long long)line);
        line += s[i] == '\n';
        i += (size_t)n;
    }
    return ATT_OK;
}

att_status atti_text_check(const char *path)
{
    atti_blob b;
    ATTI_TRY(atti_blob_open(&b, path, 0));
    att_status st = check_bytes(path, &b);
    atti_blob_close(&b);
    return st;
}

static att_status check_files(atti_trainer *t)
{
    for (int32_t i = 0; i < t->o.n_train; i++)
        ATTI_TRY(atti_text_check(t->o.train_source[i]));
    return t->o.valid_source ? atti_text_check(t->o.valid_source) : ATT_OK;
}

/* Bytes of the next piece that is tokenised at once: up to a line's end, else between two
 * characters. */
static size_t chunk_bytes(const char *s, size_t n)
{
    if (n <= CHUNK) return n;
    size_t k = CHUNK;
    while (k > 0 && s[k - 1] != '\n') k--;
    if (k > 0) return k;
    k = CHUNK;
    while (k > 1 && ((unsigned char)s[k] & 0xc0) == 0x80) k--;
    return k;
}

typedef struct reader {
    const att_tokenizer *tok;
    const char *const *files;
    int32_t n_files, file;
    atti_blob text;
    int open;
    size_t at;
    int32_t *ids;
    size_t cap;
    int64_t *unknown;
} reader;

static att_status next(void *ctx, atti_item *out)
{
    reader *r = ctx;
    while (!r->open || r->at == r->text.size) {
        if (r->open) atti_blob_close(&r->text);
        r->open = 0;
        if (r->file == r->n_files) {
            out->end = 1;
            return ATT_OK;
        }
        ATTI_TRY(atti_blob_open(&r->text, r->files[r->file++], 0));
        r->open = 1;
        r->at = 0;
    }
    const char *s = (const char *)r->text.data + r->at;
    size_t n = chunk_bytes(s, r->text.size - r->at), count = 0;
    ATTI_TRY(att_tokenizer_encode(r->tok, s, n, &r->ids, &count, &r->cap));
    r->at += n;
    if (r->unknown) *r->unknown += atti_count_unknown(r->tok, r->ids, count);
    *out = (atti_item){.ids = {r->ids, NULL}, .n = {count, 0}};
    return ATT_OK;
}

att_status atti_text_stream(atti_pairs *p, const att_tokenizer *tok,
                            const atti_text_files *f, int64_t context, int may_shift)
{
    reader r = {.tok = tok, .files = f->files, .n_files = f->n, .unknown = f->unknown};
    int64_t vocab = att_tokenizer_size(tok);
    atti_items_opts io = {.next = next,
                          .ctx = &r,
                          .name = r.files[0],
                          .temp_dir = f->temp_dir,
                          .limit = {vocab, vocab},
                          .max_length = context,
                          .stride = f->stride};
    att_status st = atti_pairs_from_stream(p, &io, may_shift);
    if (r.open) atti_blob_close(&r.text);
    atti_free(r.ids);
    return st;
}

static att_status open_text(atti_trainer *t, atti_pairs *p, int valid)
{
    const att_train_opts *o = &t->o;
    const atti_text_files f = {valid ? &o->valid_source : o->train_source,
                               valid ? 1 : o->n_train, t->dir, 0, NULL};
    return atti_text_stream(p, t->tok[0], &f, o->max_length, !valid);
}

/* ---- the vocabulary -------------------------------------------------------------- */

static att_status see_codes(unsigned char *seen, const char *path)
{
    atti_blob b;
    ATTI_TRY(atti_blob_open(&b, path, 0));
    const char *s = (const char *)b.data;
    for (size_t i = 0; i < b.size;) {
        uint32_t c = 0;
        int n = atti_utf8_decode(&c, s + i, b.size - i);
        if (n > 0 && c < CODES) seen[c] = 1;
        i += n > 0 ? (size_t)n : 1;
    }
    atti_blob_close(&b);
    return ATT_OK;
}

/* A vocabulary of characters is byte-pair encoding without a merge. */
static att_status write_characters(const atti_trainer *t, const unsigned char *seen)
{
    atti_jsonw w = {0};
    int64_t id = 1;
    atti_jsonw_object(&w, NULL);
    atti_jsonw_str(&w, "version", "1.0");
    atti_jsonw_raw(&w, "truncation", "null");
    atti_jsonw_raw(&w, "padding", "null");
    atti_jsonw_raw(&w, "added_tokens",
                   "[{\"id\":0,\"content\":\"<unk>\",\"single_word\":false,\"lstrip\":"
                   "false,\"rstrip\":false,\"normalized\":false,\"special\":true}]");
    atti_jsonw_raw(&w, "normalizer", "null");
    atti_jsonw_raw(&w, "pre_tokenizer", "null");
    atti_jsonw_raw(&w, "post_processor", "null");
    atti_jsonw_raw(&w, "decoder", "{\"type\":\"Fuse\"}");
    atti_jsonw_object(&w, "model");
    atti_jsonw_str(&w, "type", "BPE");
    atti_jsonw_raw(&w, "dropout", "null");
    atti_jsonw_str(&w, "unk_token", "<unk>");
    atti_jsonw_raw(&w, "continuing_subword_prefix", "null");
    atti_jsonw_raw(&w, "end_of_word_suffix", "null");
    atti_jsonw_bool(&w, "fuse_unk", false);
    atti_jsonw_bool(&w, "byte_fallback", false);
    atti_jsonw_bool(&w, "ignore_merges", false);
    atti_jsonw_object(&w, "vocab");
    atti_jsonw_i64(&w, "<unk>", 0);
    for (uint32_t c = 1; c < CODES; c++) {
        char text[5] = {0};
        if (!seen[c]) continue;
        if (id > MAX_CODES) break;
        text[atti_utf8_encode(text, c)] = '\0';
        atti_jsonw_i64(&w, text, id++);
    }
    atti_jsonw_end(&w, '}');
    atti_jsonw_raw(&w, "merges", "[]");
    atti_jsonw_end(&w, '}');
    atti_jsonw_end(&w, '}');
    att_status st = w.s.status;
    if (st == ATT_OK && id > MAX_CODES)
        st = atti_fail(ATT_EFORMAT, "more than %d different characters", MAX_CODES);
    if (st == ATT_OK) st = atti_task_write(t, "tokenizer.json", w.s.data, w.s.len);
    atti_str_deinit(&w.s);
    return st;
}

static att_status make_characters(const atti_trainer *t)
{
    unsigned char *seen = NULL;
    ATTI_TRY(atti_alloc(&seen, CODES, 1, "characters"));
    att_status st = ATT_OK;
    for (int32_t i = 0; i < t->o.n_train && st == ATT_OK; i++)
        st = see_codes(seen, t->o.train_source[i]);
    if (st == ATT_OK) st = write_characters(t, seen);
    atti_free(seen);
    if (st != ATT_OK) return st;
    return atti_task_tokenizer_config(t, NULL, NULL, NULL, "<unk>");
}

static att_status write_llama_config(const atti_trainer *t)
{
    static const char text[] =
        "{\n  \"add_bos_token\": false,\n  \"add_eos_token\": false,\n"
        "  \"clean_up_tokenization_spaces\": false,\n  \"eos_token\": \"</s>\",\n"
        "  \"legacy\": false,\n  \"tokenizer_class\": \"LlamaTokenizer\",\n"
        "  \"unk_token\": \"<unk>\"\n}\n";
    return atti_task_write(t, "tokenizer_config.json", text, sizeof text - 1);
}

/* Beside the SentencePiece model, for programs that would cut a text differently by it. */
static att_status write_subwords_json(const atti_trainer *t, const char *path)
{
    atti_blob b;
    atti_str json = {0};
    ATTI_TRY(atti_blob_open(&b, path, 0));
    att_status st = atti_spm_to_json(&json, b.data, b.size, path, t->o.unigram != 0);
    atti_blob_close(&b);
    if (st == ATT_OK) st = atti_task_write(t, "tokenizer.json", json.data, json.len);
    atti_str_deinit(&json);
    return st;
}

/* Sub-words with a piece for every byte, spaces and line ends as they stand. */
static att_status make_subwords(const atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    att_tokenizer_train_opts to;
    char *path = NULL;
    att_tokenizer_train_opts_init(&to);
    to.vocab_size = o->vocab_size;
    to.unigram = o->unigram;
    to.seed = o->seed;
    to.byte_fallback = 1;
    to.normalise = 0;
    ATTI_TRY(atti_path_join(&path, t->dir, "tokenizer.model"));
    att_status st = att_tokenizer_train(path, o->train_source, o->n_train, &to);
    if (st == ATT_OK) st = write_subwords_json(t, path);
    atti_free(path);
    if (st != ATT_OK) return st;
    return atti_task_tokenizer_config(t, NULL, "</s>", NULL, "<unk>");
}

static att_status copy_given(const atti_trainer *t)
{
    const char *from = t->o.tokenizer, *dot = strrchr(from, '.');
    int json = dot && strcmp(dot, ".json") == 0;
    atti_blob b;
    ATTI_TRY(atti_blob_open(&b, from, 0));
    att_status st = atti_task_write(t, json ? "tokenizer.json" : "tokenizer.model",
                                    (const char *)b.data, b.size);
    atti_blob_close(&b);
    if (st != ATT_OK) return st;
    return json ? atti_task_tokenizer_config(t, NULL, NULL, NULL, NULL)
                : write_llama_config(t);
}

static att_status vocab(atti_trainer *t)
{
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, t->dir, "tokenizer_config.json"));
    int ready = t->o.resume && atti_path_exists(path);
    atti_free(path);
    if (!ready) {
        if (t->o.tokenizer) {
            ATTI_TRY(copy_given(t));
        } else {
            ATTI_TRY(t->o.char_vocab ? make_characters(t) : make_subwords(t));
        }
    }
    ATTI_TRY(att_tokenizer_open_dir(&t->tok[0], t->dir));
    t->tok[1] = t->tok[0];
    return ATT_OK;
}

/* ---- the task -------------------------------------------------------------------- */

static att_status model(atti_trainer *t)
{
    atti_decoder_config *c = NULL;
    int32_t eos = att_tokenizer_eos(t->tok[0]);
    ATTI_TRY(atti_alloc(&c, 1, sizeof *c, "config"));
    t->cfg = t->owned_cfg = c;
    ATTI_TRY(make_config(c, &t->o, att_tokenizer_size(t->tok[0])));
    c->bos_id = att_tokenizer_bos(t->tok[0]);
    if (eos >= 0) {
        c->eos.n = 1;
        c->eos.id[0] = eos;
    }
    t->family = atti_family_find(is_gpt2(&t->o) ? "gpt2" : "llama");
    return t->family ? ATT_OK : atti_fail(ATT_EBUG, "no family for decoders");
}

static att_status set(att_tape *tape, const atti_program_io *io, const atti_batch *b)
{
    ATTI_TRY(att_tape_bind(tape, io->tgt_rows, b->target.rows));
    ATTI_TRY(att_tape_bind(tape, io->seqs, b->n_seqs));
    ATTI_TRY(att_tape_set(tape, io->tgt_ids, b->target.ids));
    ATTI_TRY(att_tape_set(tape, io->tgt_offsets, b->target.offsets));
    return att_tape_set(tape, io->targets, b->targets);
}

static att_status files(const atti_trainer *t, atti_save *s, char *paths[4])
{
    (void)paths;
    s->tokenizer_dir = t->dir;
    return ATT_OK;
}

static void describe(atti_trainer *t)
{
    const atti_decoder_config *c = t->cfg;
    atti_train_say(
        t, 0,
        "%s decoder: %lld layers, width %lld, %lld heads, feed-forward %lld, "
        "context %lld, vocabulary %lld, %.2f M parameters",
        c->gpt2 ? "GPT-2" : "Llama", (long long)c->layers, (long long)c->hidden,
        (long long)c->heads, (long long)c->ffn, (long long)c->max_positions,
        (long long)c->vocab_size, (double)atti_params_total(&t->params) / 1e6);
    if (t->train.n == 1 && t->train.longest[1] < t->o.max_length)
        atti_train_say(t, 4, "the text has %lld tokens, fewer than a context of %d",
                       (long long)t->train.longest[1] + 1, (int)t->o.max_length);
}

const atti_task atti_task_generate = {.name = "generate",
                                      .items = "blocks",
                                      .counted = "tokens",
                                      .speed = "tokens",
                                      .feed = ATTI_FEED_BLOCKS,
                                      .set = set,
                                      .check = check,
                                      .check_files = check_files,
                                      .vocab = vocab,
                                      .model = model,
                                      .open = open_text,
                                      .files = files,
                                      .describe = describe};
