/* spm_json.c - reads the pieces of a SentencePiece model and writes a tokenizer.json.
 *
 * Pieces never hold a blank inside (the trainer cuts at them), so cutting a text into words
 * first, as Metaspace does, gives what the model gives for the whole. The merges of BPE are
 * not in the model: a piece is made of any two others whose texts are its own, the piece of
 * the smaller id first. */
#include "tokenize/spm_json.h"
#include "base/alloc.h"
#include "base/json.h"
#include "tokenize/spm_field.h"
#include "tokenize/tok_pieces.h"
#include <string.h>

/* ---- the model's pieces ---------------------------------------------------------- */

enum { PIECES = 1, TEXT = 1, SCORE = 2, TYPE = 3 };

static att_status no_model(const char *name)
{
    return atti_fail(ATT_EFORMAT, "%s: no SentencePiece model", name);
}

static att_status see_piece(const atti_spm_bytes *in, atti_spm_span s,
                            atti_spm_piece_fn *see, void *ctx)
{
    atti_spm_field f;
    atti_spm_span text = {NULL, NULL};
    float score = 0.0f;
    uint64_t type = ATTI_SPM_NORMAL;
    while (s.p < s.end) {
        if (atti_spm_next_field(in, &s, &f) != ATT_OK) return no_model(in->name);
        if (f.number == TEXT) text = f.bytes;
        if (f.number == SCORE && f.wire == 5) memcpy(&score, &f.fixed, sizeof score);
        if (f.number == TYPE) type = f.varint;
    }
    if (!text.p || type > ATTI_SPM_BYTE) return no_model(in->name);
    return see(ctx, (const char *)text.p, (size_t)(text.end - text.p), score,
               (int)type);
}

att_status atti_spm_each_piece(const void *data, size_t n, const char *name,
                               atti_spm_piece_fn *see, void *ctx)
{
    atti_spm_bytes in = {name, data};
    atti_spm_span s = {data, in.start + n};
    atti_spm_field f;
    while (s.p < s.end) {
        if (atti_spm_next_field(&in, &s, &f) != ATT_OK) return no_model(name);
        if (f.number == PIECES && f.bytes.p)
            ATTI_TRY(see_piece(&in, f.bytes, see, ctx));
    }
    return ATT_OK;
}

/* ---- tokenizer.json -------------------------------------------------------------- */

typedef struct writer {
    atti_jsonw w;
    const char *name;
    int unigram;
    int64_t id, unk;
    atti_pieces pieces; /* BPE: those that merges make and are made of */
} writer;

/* </s> and <unk> are known in a text, as SentencePiece's readers know them. */
static att_status write_added(void *ctx, const char *text, size_t n, float score,
                              int type)
{
    writer *x = ctx;
    int64_t id = x->id++;
    (void)score;
    if (type == ATTI_SPM_UNKNOWN) x->unk = id;
    if (type != ATTI_SPM_UNKNOWN && type != ATTI_SPM_CONTROL) return ATT_OK;
    atti_jsonw_object(&x->w, NULL);
    atti_jsonw_i64(&x->w, "id", id);
    atti_jsonw_str_n(&x->w, "content", text, n);
    atti_jsonw_bool(&x->w, "single_word", false);
    atti_jsonw_bool(&x->w, "lstrip", false);
    atti_jsonw_bool(&x->w, "rstrip", false);
    atti_jsonw_bool(&x->w, "normalized", false);
    atti_jsonw_bool(&x->w, "special", true);
    atti_jsonw_end(&x->w, '}');
    return x->w.s.status;
}

static att_status write_piece(void *ctx, const char *text, size_t n, float score,
                              int type)
{
    writer *x = ctx;
    int64_t id = x->id++;
    if (x->unigram) {
        atti_jsonw_array(&x->w, NULL);
        atti_jsonw_str_n(&x->w, NULL, text, n);
        atti_jsonw_f32(&x->w, NULL, score);
        atti_jsonw_end(&x->w, ']');
        return x->w.s.status;
    }
    atti_str key = {0};
    atti_str_add_n(&key, text, n);
    if (key.status == ATT_OK) atti_jsonw_i64(&x->w, key.data ? key.data : "", id);
    att_status st = key.status != ATT_OK ? key.status : x->w.s.status;
    atti_str_deinit(&key);
    if (st == ATT_OK && type == ATTI_SPM_NORMAL)
        st = atti_pieces_add(&x->pieces, text, n, id, x->name);
    return st;
}

typedef struct pair {
    int32_t left, right;
    size_t cut;
} pair;

/* All pairs that make one piece, by the ids of the two. */
static att_status write_merges_of(writer *x, const char *s, size_t n)
{
    enum { MOST = 64 }; /* a piece of the trainer has at most 16 characters */
    pair list[MOST];
    size_t k = 0;
    for (size_t cut = 1; cut < n && k < MOST; cut++) {
        pair p = {atti_pieces_find_any(&x->pieces, s, cut),
                  atti_pieces_find_any(&x->pieces, s + cut, n - cut), cut};
        if (p.left < 0 || p.right < 0) continue;
        size_t at = k++;
        for (; at > 0 && (list[at - 1].left > p.left || (list[at - 1].left == p.left &&
                                                         list[at - 1].right > p.right));
             at--)
            list[at] = list[at - 1];
        list[at] = p;
    }
    for (size_t i = 0; i < k; i++) {
        atti_str both = {0};
        atti_str_add_n(&both, s, list[i].cut);
        atti_str_add(&both, " ");
        atti_str_add_n(&both, s + list[i].cut, n - list[i].cut);
        if (both.status == ATT_OK) atti_jsonw_str_n(&x->w, NULL, both.data, both.len);
        att_status st = both.status;
        atti_str_deinit(&both);
        ATTI_TRY(st);
    }
    return x->w.s.status;
}

/* The trainer numbers the pieces in the order in which it merged them. */
static att_status write_merges(writer *x)
{
    att_status st = x->w.s.status;
    atti_jsonw_array(&x->w, "merges");
    for (size_t i = 0; i < x->pieces.n && st == ATT_OK; i++)
        st = write_merges_of(x, x->pieces.text + x->pieces.list[i].at,
                             x->pieces.list[i].len);
    atti_jsonw_end(&x->w, ']');
    return st;
}

static const char metaspace[] =
    "{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\",\"prepend_scheme\":"
    "\"always\",\"split\":true}";

static const char decoder[] =
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":"
    "\"\xe2\x96\x81\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},"
    "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]}";

static void write_model_head(writer *x)
{
    atti_jsonw_object(&x->w, "model");
    atti_jsonw_str(&x->w, "type", x->unigram ? "Unigram" : "BPE");
    if (x->unigram) {
        atti_jsonw_i64(&x->w, "unk_id", x->unk);
    } else {
        atti_jsonw_raw(&x->w, "dropout", "null");
        atti_jsonw_str(&x->w, "unk_token", "<unk>");
        atti_jsonw_raw(&x->w, "continuing_subword_prefix", "null");
        atti_jsonw_raw(&x->w, "end_of_word_suffix", "null");
        atti_jsonw_bool(&x->w, "fuse_unk", true);
        atti_jsonw_bool(&x->w, "ignore_merges", false);
    }
    atti_jsonw_bool(&x->w, "byte_fallback", true);
    if (x->unigram)
        atti_jsonw_array(&x->w, "vocab");
    else
        atti_jsonw_object(&x->w, "vocab");
}

static att_status write_all(writer *x, const void *data, size_t n)
{
    atti_jsonw_object(&x->w, NULL);
    atti_jsonw_str(&x->w, "version", "1.0");
    atti_jsonw_raw(&x->w, "truncation", "null");
    atti_jsonw_raw(&x->w, "padding", "null");
    atti_jsonw_array(&x->w, "added_tokens");
    ATTI_TRY(atti_spm_each_piece(data, n, x->name, write_added, x));
    atti_jsonw_end(&x->w, ']');
    atti_jsonw_raw(&x->w, "normalizer", "null");
    atti_jsonw_raw(&x->w, "pre_tokenizer", metaspace);
    atti_jsonw_raw(&x->w, "post_processor", "null");
    atti_jsonw_raw(&x->w, "decoder", decoder);
    write_model_head(x);
    x->id = 0;
    ATTI_TRY(atti_spm_each_piece(data, n, x->name, write_piece, x));
    atti_jsonw_end(&x->w, x->unigram ? ']' : '}');
    if (!x->unigram) ATTI_TRY(write_merges(x));
    atti_jsonw_end(&x->w, '}');
    atti_jsonw_end(&x->w, '}');
    return x->w.s.status;
}

att_status atti_spm_to_json(atti_str *out, const void *data, size_t n, const char *name,
                            int unigram)
{
    writer x = {.name = name, .unigram = unigram, .unk = -1};
    att_status st = write_all(&x, data, n);
    atti_pieces_deinit(&x.pieces);
    if (st != ATT_OK) {
        atti_str_deinit(&x.w.s);
        return st;
    }
    *out = x.w.s;
    return ATT_OK;
}
