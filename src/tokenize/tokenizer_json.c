/* tokenizer_json.c - reads tokenizer.json: the frame, the model, the added tokens.
 *
 * truncation and padding are the caller's business and are not looked at. What is not
 * known is refused by name: a tokenizer that is nearly right is wrong. */
#include "base/alloc.h"
#include "tokenize/tok_pipeline.h"
#include <math.h>
#include <string.h>

typedef struct reader {
    atti_pipeline *p;
    att_status st;
} reader;

static bool take_piece(void *ctx, const char *key, const atti_json *value)
{
    reader *r = ctx;
    double id = atti_json_is_number(value) ? atti_json_number(value) : -1.0;
    if (!(id >= 0.0 && id < ATTI_MAX_PIECES) || id != (double)(int64_t)id) {
        r->st = atti_fail(ATT_EFORMAT, "%s: '%.80s' has an id that is not in 0..%d",
                          r->p->name, key, ATTI_MAX_PIECES - 1);
    } else {
        r->st =
            atti_pieces_add(&r->p->pieces, key, strlen(key), (int64_t)id, r->p->name);
    }
    return r->st == ATT_OK;
}

static att_status read_vocab(atti_pipeline *p, const atti_json *vocab)
{
    reader r = {p, ATT_OK};
    if (!atti_json_is_object(vocab)) {
        return atti_fail(ATT_EFORMAT, "%s: model: 'vocab' is no object", p->name);
    }
    atti_json_each(vocab, take_piece, &r);
    return r.st;
}

static att_status read_scores(atti_pipeline *p, const atti_json *vocab)
{
    size_t n = atti_json_count(vocab);
    double least = (double)INFINITY;
    if (!atti_json_is_array(vocab) || n == 0 || n > ATTI_MAX_PIECES) {
        return atti_fail(ATT_EFORMAT, "%s: model: 'vocab' is no list of 1..%d pieces",
                         p->name, ATTI_MAX_PIECES);
    }
    ATTI_TRY(atti_alloc(&p->model.scores, n, sizeof *p->model.scores, "scores"));
    for (size_t i = 0; i < n; i++) {
        const atti_json *e = atti_json_at(vocab, i);
        size_t len = 0;
        const char *s = atti_json_string(atti_json_at(e, 0), &len);
        double score = atti_json_number(atti_json_at(e, 1));
        if (!s || atti_json_count(e) != 2 || !isfinite(score)) {
            return atti_fail(ATT_EFORMAT, "%s: piece %zu is not [text, score]", p->name,
                             i);
        }
        ATTI_TRY(atti_pieces_add(&p->pieces, s, len, (int64_t)i, p->name));
        p->model.scores[i] = score;
        if (score < least) least = score;
    }
    p->model.unk_score = least - 10.0;
    return ATT_OK;
}

/* "a b" or ["a", "b"]. */
static att_status read_merge(atti_pipeline *p, const atti_json *e, size_t rank)
{
    size_t n = 0, nb = 0;
    const char *a = atti_json_string(e, &n), *b = NULL;
    if (a) {
        b = memchr(a, ' ', n);
        if (b && !memchr(b + 1, ' ', n - (size_t)(b + 1 - a))) {
            size_t na = (size_t)(b - a);
            return atti_bpe_add_merge(p, a, na, b + 1, n - na - 1, rank);
        }
    } else if (atti_json_is_array(e) && atti_json_count(e) == 2) {
        a = atti_json_string(atti_json_at(e, 0), &n);
        b = atti_json_string(atti_json_at(e, 1), &nb);
        if (a && b) return atti_bpe_add_merge(p, a, n, b, nb, rank);
    }
    return atti_fail(ATT_EFORMAT, "%s: merge %zu is no pair of pieces", p->name, rank);
}

static att_status read_affix(char **out, size_t *out_n, const atti_json *v,
                             const char *key, const char *dflt)
{
    const char *s = NULL;
    ATTI_TRY(atti_json_get_str(&s, v, key, dflt));
    if (!s || !*s) return ATT_OK;
    ATTI_TRY(atti_strdup(out, s));
    *out_n = strlen(s);
    return ATT_OK;
}

static att_status read_bpe(atti_pipeline *p, const atti_json *v)
{
    atti_tok_model *m = &p->model;
    const atti_json *merges = atti_json_get(v, "merges");
    double dropout = 0.0;
    ATTI_TRY(atti_json_get_bool(&m->fuse_unk, v, "fuse_unk", false));
    ATTI_TRY(atti_json_get_bool(&m->byte_fallback, v, "byte_fallback", false));
    ATTI_TRY(atti_json_get_bool(&m->ignore_merges, v, "ignore_merges", false));
    ATTI_TRY(atti_json_get_f64(&dropout, v, "dropout", 0.0));
    if (dropout != 0.0) {
        return atti_fail(ATT_ENOTSUP, "%s: model: dropout is %g, only 0 is supported",
                         p->name, dropout);
    }
    ATTI_TRY(
        read_affix(&m->prefix, &m->prefix_n, v, "continuing_subword_prefix", NULL));
    ATTI_TRY(read_affix(&m->suffix, &m->suffix_n, v, "end_of_word_suffix", NULL));
    ATTI_TRY(read_vocab(p, atti_json_get(v, "vocab")));
    p->pieces.n_model = p->pieces.n;
    if (!atti_json_is_array(merges)) {
        return atti_fail(ATT_EFORMAT, "%s: model: 'merges' is no list", p->name);
    }
    size_t n = atti_json_count(merges);
    ATTI_TRY(atti_bpe_reserve(p, n));
    for (size_t i = 0; i < n; i++) ATTI_TRY(read_merge(p, atti_json_at(merges, i), i));
    return ATT_OK;
}

/* A model that needs an unknown piece says here that it lacks it, not in mid-text. */
static att_status read_unk(atti_pipeline *p, const atti_json *v, const char *dflt,
                           bool needed)
{
    const char *unk = NULL;
    ATTI_TRY(atti_json_get_str(&unk, v, "unk_token", dflt));
    if (unk) p->model.unk = atti_pieces_find(&p->pieces, unk, strlen(unk));
    if (p->model.unk < 0 && needed) {
        return atti_fail(ATT_EFORMAT,
                         "%s: unk_token '%.80s' is no piece of the vocabulary", p->name,
                         unk ? unk : "");
    }
    return ATT_OK;
}

static att_status read_wordpiece(atti_pipeline *p, const atti_json *v)
{
    atti_tok_model *m = &p->model;
    ATTI_TRY(
        read_affix(&m->prefix, &m->prefix_n, v, "continuing_subword_prefix", "##"));
    ATTI_TRY(atti_json_get_i64(&m->max_chars, v, "max_input_chars_per_word", 100, 0,
                               1 << 20));
    ATTI_TRY(read_vocab(p, atti_json_get(v, "vocab")));
    p->pieces.n_model = p->pieces.n;
    return read_unk(p, v, "[UNK]", true);
}

static att_status read_unigram(atti_pipeline *p, const atti_json *v)
{
    int64_t unk = -1;
    ATTI_TRY(atti_json_get_bool(&p->model.byte_fallback, v, "byte_fallback", false));
    ATTI_TRY(read_scores(p, atti_json_get(v, "vocab")));
    p->pieces.n_model = p->pieces.n;
    ATTI_TRY(atti_json_get_i64(&unk, v, "unk_id", -1, -1, (int64_t)p->pieces.n - 1));
    p->model.unk = (int32_t)unk;
    return ATT_OK;
}

static const char *model_type(const atti_json *v)
{
    const char *type = atti_json_string(atti_json_get(v, "type"), NULL);
    if (type || atti_json_get(v, "type")) return type ? type : "";
    /* Old files leave it out. */
    if (atti_json_get(v, "merges")) return "BPE";
    if (atti_json_is_array(atti_json_get(v, "vocab"))) return "Unigram";
    return atti_json_get(v, "max_input_chars_per_word") ? "WordPiece" : "WordLevel";
}

att_status atti_json_model(atti_pipeline *p, const atti_json *v)
{
    atti_tok_model *m = &p->model;
    if (!atti_json_is_object(v)) {
        return atti_fail(ATT_EFORMAT, "%s: there is no 'model'", p->name);
    }
    const char *type = model_type(v);
    if (strcmp(type, "BPE") == 0) {
        m->kind = ATTI_M_BPE;
        ATTI_TRY(read_bpe(p, v));
        ATTI_TRY(read_unk(p, v, NULL, false));
    } else if (strcmp(type, "WordPiece") == 0) {
        m->kind = ATTI_M_WORDPIECE;
        ATTI_TRY(read_wordpiece(p, v));
    } else if (strcmp(type, "Unigram") == 0) {
        m->kind = ATTI_M_UNIGRAM;
        ATTI_TRY(read_unigram(p, v));
    } else if (strcmp(type, "WordLevel") == 0) {
        m->kind = ATTI_M_WORDLEVEL;
        ATTI_TRY(read_vocab(p, atti_json_get(v, "vocab")));
        p->pieces.n_model = p->pieces.n;
        ATTI_TRY(read_unk(p, v, "<unk>", true));
    } else {
        return atti_fail(ATT_ENOTSUP, "%s: model type '%.80s' is not known", p->name,
                         type);
    }
    return atti_model_finish(p);
}

static att_status read_added(atti_pipeline *p, const atti_json *list)
{
    static const struct {
        const char *key;
        uint32_t flag;
    } flags[] = {
        {"single_word", ATTI_A_SINGLE_WORD}, {"lstrip", ATTI_A_LSTRIP},
        {"rstrip", ATTI_A_RSTRIP},           {"normalized", ATTI_A_NORMALIZED},
        {"special", ATTI_A_SPECIAL},
    };
    if (list && !atti_json_is_array(list)) {
        return atti_fail(ATT_EFORMAT, "%s: 'added_tokens' is no list", p->name);
    }
    for (size_t i = 0; i < atti_json_count(list); i++) {
        const atti_json *e = atti_json_at(list, i);
        size_t n = 0;
        const char *s = atti_json_string(atti_json_get(e, "content"), &n);
        int64_t id = -1;
        uint32_t set = 0;
        if (!s || memchr(s, '\0', n)) {
            return atti_fail(ATT_EFORMAT, "%s: added token %zu has no 'content'",
                             p->name, i);
        }
        ATTI_TRY(atti_json_get_i64(&id, e, "id", -1, 0, ATTI_MAX_PIECES - 1));
        for (size_t k = 0; k < sizeof flags / sizeof *flags; k++) {
            bool on = false;
            ATTI_TRY(atti_json_get_bool(&on, e, flags[k].key, false));
            if (on) set |= flags[k].flag;
        }
        ATTI_TRY(atti_pipeline_add_token(p, s, n, id, set));
    }
    return ATT_OK;
}

static att_status read_all(atti_pipeline *p, const atti_json *root)
{
    if (!atti_json_is_object(root)) {
        return atti_fail(ATT_EFORMAT, "%s: not a JSON object", p->name);
    }
    ATTI_TRY(atti_json_model(p, atti_json_get(root, "model")));
    ATTI_TRY(read_added(p, atti_json_get(root, "added_tokens")));
    ATTI_TRY(atti_json_normalizer(p, atti_json_get(root, "normalizer")));
    ATTI_TRY(atti_json_pretokenizer(p, atti_json_get(root, "pre_tokenizer")));
    ATTI_TRY(atti_json_decoder(p, atti_json_get(root, "decoder")));
    ATTI_TRY(atti_pipeline_finish(p));
    return atti_json_post(p, atti_json_get(root, "post_processor"));
}

att_status atti_tokenizer_json(atti_pipeline **out, const char *text, size_t n,
                               const char *name)
{
    atti_json *root = NULL;
    atti_pipeline *p = NULL;
    ATTI_TRY(atti_json_parse(&root, text, n, ATTI_JSON_NO_DUPLICATES, name));
    att_status st = atti_pipeline_create(&p, name);
    if (st == ATT_OK) st = read_all(p, root);
    atti_json_destroy(root);
    if (st != ATT_OK) {
        atti_pipeline_destroy(p);
        return st;
    }
    *out = p;
    return ATT_OK;
}
