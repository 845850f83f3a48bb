/* tokenizer.c - an opened tokenizer: SentencePiece segments, the vocabulary gives ids.
 *
 * SentencePiece's ids and the model's are two numberings (formats.md 6.5); the tables
 * between them are made once, when the tokenizer is opened. Without a vocab.json the two
 * are the same. */
#include "tokenize/tok_unknown.h"
#include "tokenize/tokenizer_backend.h"
#include "atti_config.h"
#include "base/alloc.h"
#include "base/file.h"
#include "tokenize/spm_check.h"
#include <string.h>

enum { MAX_MODEL_BYTES = 512 << 20 };

#ifdef ATTI_HAVE_SENTENCEPIECE

static att_status spm_status(int rc, const char *source, const char *err)
{
    if (rc == ATTI_SPM_OK) return ATT_OK;
    return atti_fail(rc == ATTI_SPM_NO_MEMORY ? ATT_ENOMEM : ATT_EFORMAT,
                     "%s: SentencePiece: %s", source, err);
}

/* Ids are SentencePiece's own. */
static att_status vocab_of_spm(att_tokenizer *t)
{
    int32_t n = atti_spm_size(t->spm);
    const char **pieces = NULL;
    ATTI_TRY(atti_alloc(&pieces, (size_t)n, sizeof *pieces, "vocabulary"));
    for (int32_t i = 0; i < n; i++) pieces[i] = atti_spm_piece(t->spm, i);
    att_status st = atti_vocab_from_pieces(&t->vocab, pieces, n, t->source);
    atti_free(pieces);
    t->unk = atti_spm_unk(t->spm);
    t->eos = atti_spm_eos(t->spm);
    t->pad = atti_spm_pad(t->spm);
    return st;
}

/* fairseq's numbering, by which XLM-R and its kin are trained: four special tokens, then the
 * pieces behind SentencePiece's own three, then the mask. The file's name is all that says
 * so. */
static bool numbered_by_fairseq(const char *source)
{
    const char *slash = strrchr(source, '/');
    return strcmp(slash ? slash + 1 : source, "sentencepiece.bpe.model") == 0;
}

static att_status vocab_of_fairseq(att_tokenizer *t)
{
    static const char *const first[] = {"<s>", "<pad>", "</s>", "<unk>"};
    int32_t n = atti_spm_size(t->spm), k = 0;
    const char **pieces = NULL;
    if (n < 3)
        return atti_fail(ATT_EFORMAT,
                         "%s: %d pieces, expected <unk>, <s>, </s> at least", t->source,
                         (int)n);
    ATTI_TRY(atti_alloc(&pieces, (size_t)n + 2, sizeof *pieces, "vocabulary"));
    for (; k < 4; k++) pieces[k] = first[k];
    for (int32_t i = 3; i < n; i++) pieces[k++] = atti_spm_piece(t->spm, i);
    pieces[k++] = "<mask>";
    att_status st = atti_vocab_from_pieces(&t->vocab, pieces, k, t->source);
    atti_free(pieces);
    t->pad = 1, t->eos = 2, t->unk = 3;
    return st;
}

static att_status vocab_of_file(att_tokenizer *t, const char *path)
{
    ATTI_TRY(atti_vocab_load(&t->vocab, path));
    t->unk = atti_vocab_find(&t->vocab, "<unk>");
    t->eos = atti_vocab_find(&t->vocab, "</s>");
    t->pad = atti_vocab_find(&t->vocab, "<pad>");
    if (t->unk < 0 || t->eos < 0) {
        return atti_fail(ATT_EFORMAT, "%s: has no '%s'", path,
                         t->unk < 0 ? "<unk>" : "</s>");
    }
    return ATT_OK;
}

static att_status make_tables(att_tokenizer *t)
{
    int32_t n = atti_spm_size(t->spm), unk = atti_spm_unk(t->spm);
    ATTI_TRY(atti_alloc(&t->from_spm, (size_t)n, sizeof *t->from_spm, "tokenizer"));
    ATTI_TRY(atti_alloc(&t->skip, (size_t)t->vocab.n, 1, "tokenizer"));
    for (int32_t i = 0; i < n; i++) {
        const char *piece = atti_spm_piece(t->spm, i);
        int32_t id = i == unk ? t->unk : atti_vocab_find(&t->vocab, piece);
        t->from_spm[i] = id < 0 ? t->unk : id;
        if (id >= 0 && atti_spm_is_control(t->spm, i)) t->skip[id] = 1;
    }
    if (t->eos >= 0) t->skip[t->eos] = 1;
    if (t->pad >= 0) t->skip[t->pad] = 1;
    return ATT_OK;
}

static att_status open_from(att_tokenizer *t, const void *spm, size_t n,
                            const char *source, const char *vocab_path)
{
    char err[512] = "";
    ATTI_TRY(atti_strdup(&t->source, source));
    ATTI_TRY(atti_spm_check(spm, n, source));
    t->merges = atti_spm_is_bpe(spm, n) != 0;
    ATTI_TRY(spm_status(atti_spm_open(&t->spm, spm, n, err, sizeof err), source, err));
    if (vocab_path) {
        ATTI_TRY(vocab_of_file(t, vocab_path));
    } else if (numbered_by_fairseq(source)) {
        ATTI_TRY(vocab_of_fairseq(t));
    } else {
        ATTI_TRY(vocab_of_spm(t));
    }
    return make_tables(t);
}

static void spm_deinit(att_tokenizer *t)
{
    if (t->spm) atti_spm_close(t->spm);
    atti_vocab_deinit(&t->vocab);
    atti_free(t->from_spm);
    atti_free(t->skip);
    atti_free(t->source);
}

static const char *spm_piece(const att_tokenizer *t, int32_t id)
{
    return atti_vocab_piece(&t->vocab, id);
}

static int32_t spm_id(const att_tokenizer *t, const char *piece)
{
    return atti_vocab_find(&t->vocab, piece);
}

typedef struct ids_out {
    const att_tokenizer *t;
    int32_t **ids;
    size_t *n, *cap;
} ids_out;

static int append_ids(void *ctx, const int *ids, size_t n)
{
    ids_out *o = ctx;
    if (atti_grow(o->ids, o->cap, *o->n + n, sizeof **o->ids, "token ids") != ATT_OK) {
        return 1;
    }
    for (size_t i = 0; i < n; i++) (*o->ids)[*o->n + i] = o->t->from_spm[ids[i]];
    *o->n += n;
    return 0;
}

static att_status spm_encode(const att_tokenizer *t, const char *text, size_t len,
                             int32_t **ids, size_t *n, size_t *cap)
{
    /* Marian's language tokens (">>deu<<") are vocabulary entries, no spm pieces. */
    if (len > 4 && memcmp(text, ">>", 2) == 0) {
        char name[64];
        size_t i = 2;
        while (i < len && i < sizeof name - 3 && text[i] != '<' && text[i] != ' ') i++;
        if (i + 1 < len && text[i] == '<' && text[i + 1] == '<') {
            memcpy(name, text, i + 2);
            name[i + 2] = '\0';
            int32_t id = atti_vocab_find(&t->vocab, name);
            if (id >= 0) {
                ATTI_TRY(atti_grow(ids, cap, *n + 1, sizeof **ids, "token ids"));
                (*ids)[(*n)++] = id;
                text += i + 2;
                len -= i + 2;
                /* The blank between it and the text belongs to neither: a model that
                 * keeps blanks as they are would begin with one. */
                if (len > 0 && text[0] == ' ') text++, len--;
            }
        }
    }
    ids_out o = {t, ids, n, cap};
    char err[512] = "";
    int rc =
        atti_spm_encode(t->spm, len ? text : "", len, append_ids, &o, err, sizeof err);
    if (rc == ATTI_SPM_NO_MEMORY && err[0] == '\0') return ATT_ENOMEM; /* said so */
    return spm_status(rc, t->source, err);
}

static int take_text(void *ctx, const char *text, size_t n)
{
    return atti_decoded_text(ctx, text, n) != ATT_OK;
}

static att_status spm_decode(const att_tokenizer *t, const int32_t *ids, size_t n,
                             char **text)
{
    const char **pieces = NULL;
    ATTI_TRY(atti_alloc_raw(&pieces, n, sizeof *pieces, "pieces"));
    const char *unk = atti_spm_piece(t->spm, atti_spm_unk(t->spm));
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        bool known = ids[i] >= 0 && ids[i] < t->vocab.n;
        if (known && t->skip[ids[i]]) continue;
        bool is_unk = !known || ids[i] == t->unk;
        pieces[m++] = is_unk ? unk : atti_vocab_piece(&t->vocab, ids[i]);
    }
    char err[512] = "";
    int rc = atti_spm_decode(t->spm, pieces, m, take_text, text, err, sizeof err);
    atti_free(pieces);
    if (rc == ATTI_SPM_NO_MEMORY && err[0] == '\0') return ATT_ENOMEM;
    return spm_status(rc, t->source, err);
}

static const atti_tokenizer_ops spm_ops = {.encode = spm_encode,
                                           .decode = spm_decode,
                                           .piece = spm_piece,
                                           .id = spm_id,
                                           .deinit = spm_deinit};

static att_status open_checked(att_tokenizer **out, const void *spm, size_t n,
                               const char *source, const char *vocab_path)
{
    att_tokenizer *t = NULL;
    ATTI_TRY(atti_alloc(&t, 1, sizeof *t, "tokenizer"));
    t->ops = &spm_ops;
    t->unk = t->bos = t->eos = t->pad = -1;
    att_status st = open_from(t, spm, n, source, vocab_path);
    if (st != ATT_OK) {
        att_tokenizer_destroy(t);
        return st;
    }
    t->size = t->vocab.n;
    t->bos = atti_vocab_find(&t->vocab, "<s>");
    t->frame_eos = t->eos >= 0;
    *out = t;
    return ATT_OK;
}

#else /* no SentencePiece in this build */

static att_status open_checked(att_tokenizer **out, const void *spm, size_t n,
                               const char *source, const char *vocab_path)
{
    (void)out, (void)vocab_path;
    ATTI_TRY(atti_spm_check(spm, n, source));
    return atti_fail(ATT_ENOTSUP, "%s: this build has no SentencePiece", source);
}

#endif

void att_tokenizer_destroy(att_tokenizer *t)
{
    if (!t) return;
    t->ops->deinit(t);
    atti_free(t);
}

att_status att_tokenizer_encode(const att_tokenizer *t, const char *text, size_t len,
                                int32_t **ids, size_t *n, size_t *cap)
{
    if (!t || (!text && len > 0) || !ids || !n || !cap) {
        return atti_fail(ATT_EINVAL, "att_tokenizer_encode: %s is NULL",
                         !t                   ? "tokenizer"
                         : (!text && len > 0) ? "text"
                                              : "ids");
    }
    return t->ops->encode(t, len ? text : "", len, ids, n, cap);
}

att_status att_tokenizer_decode(const att_tokenizer *t, const int32_t *ids, size_t n,
                                char **text)
{
    if (!t || (!ids && n > 0) || !text) {
        return atti_fail(ATT_EINVAL, "att_tokenizer_decode: %s is NULL",
                         !t      ? "tokenizer"
                         : !text ? "text"
                                 : "ids");
    }
    return t->ops->decode(t, ids, n, text);
}

att_status att_tokenizer_open_memory(att_tokenizer **out, const void *spm, size_t n,
                                     const char *source)
{
    if (!out || (!spm && n > 0)) {
        return atti_fail(ATT_EINVAL, "att_tokenizer_open_memory: %s is NULL",
                         !out ? "out" : "spm");
    }
    return open_checked(out, spm, n, source ? source : "tokenizer", NULL);
}

att_status att_tokenizer_open(att_tokenizer **out, const char *spm_path,
                              const char *vocab_path)
{
    if (!out || !spm_path) {
        return atti_fail(ATT_EINVAL, "att_tokenizer_open: %s is NULL",
                         !out ? "out" : "spm_path");
    }
    atti_blob blob;
    ATTI_TRY(atti_blob_open(&blob, spm_path, MAX_MODEL_BYTES));
    att_status st = open_checked(out, blob.data, blob.size, spm_path, vocab_path);
    atti_blob_close(&blob);
    return st;
}

int32_t att_tokenizer_size(const att_tokenizer *t)
{
    return t ? t->size : 0;
}

const char *att_tokenizer_piece(const att_tokenizer *t, int32_t id)
{
    if (!t || id < 0 || id >= t->size) return NULL;
    return t->ops->piece(t, id);
}

int32_t att_tokenizer_id(const att_tokenizer *t, const char *piece)
{
    if (!t) return -1;
    int32_t id = piece ? t->ops->id(t, piece) : -1;
    return id < 0 ? t->unk : id;
}

int32_t att_tokenizer_unk(const att_tokenizer *t)
{
    return t ? t->unk : -1;
}
int32_t att_tokenizer_bos(const att_tokenizer *t)
{
    return t ? t->bos : -1;
}
int32_t att_tokenizer_eos(const att_tokenizer *t)
{
    return t ? t->eos : -1;
}
int32_t att_tokenizer_pad(const att_tokenizer *t)
{
    return t ? t->pad : -1;
}

int64_t atti_count_unknown(const att_tokenizer *t, const int32_t *ids, size_t n)
{
    int64_t count = 0;
    if (!t || t->unk < 0 || t->unk == t->bos || t->unk == t->eos || t->unk == t->pad)
        return 0;
    for (size_t i = 0; i < n; i++) count += ids[i] == t->unk;
    return count;
}
