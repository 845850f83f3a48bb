/* tokenizer_dir.c - pipelines behind the public handle, model directories, templates. */
#include "base/alloc.h"
#include "base/file.h"
#include "tokenize/tokenizer_backend.h"
#include <string.h>

static att_status encode(const att_tokenizer *t, const char *text, size_t len,
                         int32_t **ids, size_t *n, size_t *cap)
{
    return atti_pipeline_encode(t->pipeline, text, len, ids, n, cap);
}

static att_status decode(const att_tokenizer *t, const int32_t *ids, size_t n,
                         char **text)
{
    return atti_pipeline_decode(t->pipeline, ids, n, text);
}

static const char *piece(const att_tokenizer *t, int32_t id)
{
    return atti_pieces_get(&t->pipeline->pieces, id, NULL);
}

static int32_t id_of(const att_tokenizer *t, const char *text)
{
    return atti_pieces_find_any(&t->pipeline->pieces, text, strlen(text));
}

static void deinit(att_tokenizer *t)
{
    atti_pipeline_destroy(t->pipeline);
}

static const atti_tokenizer_ops pipeline_ops = {
    .encode = encode, .decode = decode, .piece = piece, .id = id_of, .deinit = deinit};

/* The first of the names that is a special token. */
static int32_t first_special(const atti_pipeline *p, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        int32_t id = atti_pieces_find_any(&p->pieces, names[i], strlen(names[i]));
        if (id >= 0 && p->special[id]) return id;
    }
    return -1;
}

/* Without a tokenizer_config.json the usual names have to do. */
static void guess_specials(const atti_pipeline *p, att_tokenizer *t)
{
    static const char *const bos[] = {"<s>", "<|begin_of_text|>", "<bos>",
                                      "<|endoftext|>"};
    static const char *const eos[] = {"</s>", "<|end_of_text|>", "<eos>",
                                      "<|endoftext|>"};
    static const char *const pad[] = {"<pad>", "[PAD]", "<|pad|>"};
    static const char *const unk[] = {"<unk>", "[UNK]", "<|endoftext|>"};
    t->bos = first_special(p, bos, 4);
    t->eos = first_special(p, eos, 4);
    t->pad = first_special(p, pad, 3);
    t->unk = p->unk >= 0 ? p->unk : first_special(p, unk, 3);
}

att_status atti_tokenizer_of_pipeline(att_tokenizer **out, atti_pipeline *p)
{
    att_tokenizer *t = NULL;
    att_status st = atti_alloc(&t, 1, sizeof *t, "tokenizer");
    if (st != ATT_OK) {
        atti_pipeline_destroy(p);
        return st;
    }
    t->ops = &pipeline_ops;
    t->pipeline = p;
    t->size = p->pieces.size;
    guess_specials(p, t);
    *out = t;
    return ATT_OK;
}

att_status att_tokenizer_open_json(att_tokenizer **out, const void *json, size_t n,
                                   const char *source)
{
    if (!out || (!json && n > 0)) {
        return atti_fail(ATT_EINVAL, "att_tokenizer_open_json: %s is NULL",
                         !out ? "out" : "json");
    }
    if (n > ATTI_MAX_TOKENIZER_BYTES) {
        return atti_fail(ATT_EFORMAT, "%s: %zu bytes, at most %d",
                         source ? source : "tokenizer", n, ATTI_MAX_TOKENIZER_BYTES);
    }
    atti_pipeline *p = NULL;
    ATTI_TRY(atti_tokenizer_json(&p, n ? json : "", n, source ? source : "tokenizer"));
    return atti_tokenizer_of_pipeline(out, p);
}

/* --- a directory --------------------------------------------------------------------- */

typedef struct dir {
    const char *path;
    atti_json *config; /* tokenizer_config.json, or NULL */
    atti_json *map;    /* special_tokens_map.json, or NULL */
    char *file[2];     /* what was found by has() */
} dir;

/* Whether dir/name is there; its path stays in file[which] until the next call. */
static att_status has(dir *d, int which, const char *name, bool *there)
{
    atti_free(d->file[which]);
    d->file[which] = NULL;
    ATTI_TRY(atti_path_join(&d->file[which], d->path, name));
    *there = atti_path_exists(d->file[which]);
    return ATT_OK;
}

static att_status load_if_there(dir *d, atti_json **out, const char *name)
{
    bool there = false;
    ATTI_TRY(has(d, 0, name, &there));
    if (!there) return ATT_OK;
    ATTI_TRY(atti_json_load(out, d->file[0], 64 << 20, 0));
    if (atti_json_is_object(*out)) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s: not a JSON object", d->file[0]);
}

/* A token of one of the two files; *id stays when neither names one. */
static void named(const dir *d, const att_tokenizer *t, const char *key, int32_t *id)
{
    const atti_json *files[2] = {d->map, d->config}; /* the config has the last word */
    for (int i = 0; i < 2; i++) {
        const atti_json *v = files[i] ? atti_json_get(files[i], key) : NULL;
        if (atti_json_is_object(v)) v = atti_json_get(v, "content");
        const char *s = v ? atti_json_string(v, NULL) : NULL;
        int32_t found = s ? t->ops->id(t, s) : -1;
        if (found >= 0) *id = found;
    }
}

static att_status open_spm(dir *d, att_tokenizer **out, const char *vocab, bool llama)
{
    att_tokenizer *t = NULL;
    bool bos = llama, eos = !llama;
    if (d->config) {
        ATTI_TRY(atti_json_get_bool(&bos, d->config, "add_bos_token", bos));
        ATTI_TRY(atti_json_get_bool(&eos, d->config, "add_eos_token", eos));
    }
    ATTI_TRY(att_tokenizer_open(&t, d->file[0], vocab));
    t->frame_bos = bos && t->bos >= 0;
    t->frame_eos = eos && t->eos >= 0;
    *out = t;
    return ATT_OK;
}

static att_status open_pipeline(dir *d, att_tokenizer **out, atti_pipeline *p)
{
    att_tokenizer *t = NULL;
    ATTI_TRY(atti_tokenizer_of_pipeline(&t, p));
    named(d, t, "unk_token", &t->unk);
    named(d, t, "bos_token", &t->bos);
    named(d, t, "eos_token", &t->eos);
    named(d, t, "pad_token", &t->pad);
    *out = t;
    return ATT_OK;
}

static att_status open_json_file(dir *d, att_tokenizer **out)
{
    atti_blob blob;
    atti_pipeline *p = NULL;
    ATTI_TRY(atti_blob_open(&blob, d->file[0], ATTI_MAX_TOKENIZER_BYTES));
    att_status st =
        atti_tokenizer_json(&p, (const char *)blob.data, blob.size, d->file[0]);
    atti_blob_close(&blob);
    return st == ATT_OK ? open_pipeline(d, out, p) : st;
}

static att_status open_any(dir *d, att_tokenizer **out)
{
    bool there = false, more = false;
    atti_pipeline *p = NULL;
    ATTI_TRY(load_if_there(d, &d->config, "tokenizer_config.json"));
    ATTI_TRY(load_if_there(d, &d->map, "special_tokens_map.json"));
    ATTI_TRY(has(d, 0, "source.spm", &there));
    if (there) {
        ATTI_TRY(has(d, 1, "vocab.json", &more));
        return open_spm(d, out, more ? d->file[1] : NULL, false);
    }
    ATTI_TRY(has(d, 0, "tokenizer.json", &there));
    if (there) return open_json_file(d, out);
    ATTI_TRY(has(d, 0, "spiece.model", &there));
    if (there) return open_spm(d, out, NULL, false);
    ATTI_TRY(has(d, 0, "tokenizer.model", &there));
    if (there) return open_spm(d, out, NULL, true);
    ATTI_TRY(has(d, 0, "sentencepiece.bpe.model", &there));
    if (there) { /* XLM-R's: a token at both ends */
        ATTI_TRY(open_spm(d, out, NULL, false));
        (*out)->frame_bos = (*out)->bos >= 0;
        return ATT_OK;
    }
    ATTI_TRY(has(d, 0, "vocab.txt", &there));
    if (there) {
        ATTI_TRY(atti_wordpiece_files(&p, d->file[0], d->config));
        return open_pipeline(d, out, p);
    }
    ATTI_TRY(has(d, 0, "vocab.json", &there));
    ATTI_TRY(has(d, 1, "merges.txt", &more));
    if (there && more) {
        ATTI_TRY(atti_bpe_files(&p, d->file[0], d->file[1], d->config));
        return open_pipeline(d, out, p);
    }
    return atti_fail(
        ATT_EIO,
        "%s: no source.spm, tokenizer.json, spiece.model, tokenizer.model, "
        "sentencepiece.bpe.model, vocab.txt or vocab.json with merges.txt",
        d->path);
}

att_status att_tokenizer_open_dir(att_tokenizer **out, const char *model_dir)
{
    if (!out || !model_dir) {
        return atti_fail(ATT_EINVAL, "att_tokenizer_open_dir: %s is NULL",
                         !out ? "out" : "model_dir");
    }
    dir d = {.path = model_dir};
    att_status st = open_any(&d, out);
    atti_json_destroy(d.config);
    atti_json_destroy(d.map);
    atti_free(d.file[0]);
    atti_free(d.file[1]);
    return st;
}

/* --- what a model wants around a text ------------------------------------------------ */

typedef struct framed {
    int32_t *ids, *types;
    size_t n, ids_cap, types_cap;
} framed;

static att_status put(framed *f, const int32_t *ids, size_t n, int32_t type)
{
    ATTI_TRY(atti_grow(&f->ids, &f->ids_cap, f->n + n, sizeof *f->ids, "token ids"));
    ATTI_TRY(atti_grow(&f->types, &f->types_cap, f->n + n, sizeof *f->types, "types"));
    for (size_t i = 0; i < n; i++) {
        f->ids[f->n + i] = ids[i];
        f->types[f->n + i] = type;
    }
    f->n += n;
    return ATT_OK;
}

typedef struct sequence {
    int32_t *ids;
    size_t n, cap;
} sequence;

static att_status put_all(const att_tokenizer *t, framed *f, const sequence *a,
                          const sequence *b)
{
    if (!t->pipeline) {
        if (t->frame_bos) ATTI_TRY(put(f, &t->bos, 1, 0));
        ATTI_TRY(put(f, a->ids, a->n, 0));
        return t->frame_eos ? put(f, &t->eos, 1, 0) : ATT_OK;
    }
    const atti_template *m = b ? &t->pipeline->pair : &t->pipeline->single;
    for (size_t i = 0; i < m->n; i++) {
        const atti_slot *s = &m->list[i];
        if (s->id >= 0) {
            ATTI_TRY(put(f, &s->id, 1, s->type));
        } else if (s->id == -1) {
            ATTI_TRY(put(f, a->ids, a->n, s->type));
        } else if (b) {
            ATTI_TRY(put(f, b->ids, b->n, s->type));
        }
    }
    return ATT_OK;
}

att_status att_tokenizer_encode_model(const att_tokenizer *t, const att_text_pair *in,
                                      int32_t **ids, int32_t **types, size_t *n)
{
    if (!t || !in || (!in->text && in->len > 0) || !ids || !n) {
        return atti_fail(ATT_EINVAL, "att_tokenizer_encode_model: %s is NULL",
                         !t     ? "tokenizer"
                         : !in  ? "in"
                         : !ids ? "ids"
                         : !n   ? "n"
                                : "text");
    }
    if (in->pair && !t->pipeline) {
        return atti_fail(ATT_ENOTSUP, "%s: a SentencePiece model takes no pairs",
                         t->source);
    }
    sequence a = {0}, b = {0};
    framed f = {0};
    att_status st = att_tokenizer_encode(t, in->text, in->len, &a.ids, &a.n, &a.cap);
    if (st == ATT_OK && in->pair) {
        st = att_tokenizer_encode(t, in->pair, in->pair_len, &b.ids, &b.n, &b.cap);
    }
    if (st == ATT_OK) st = put_all(t, &f, &a, in->pair ? &b : NULL);
    atti_free(a.ids);
    atti_free(b.ids);
    if (st != ATT_OK) {
        atti_free(f.ids);
        atti_free(f.types);
        return st;
    }
    *ids = f.ids;
    *n = f.n;
    if (types) {
        *types = f.types;
    } else {
        atti_free(f.types);
    }
    return ATT_OK;
}
