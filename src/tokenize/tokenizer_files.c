/* tokenizer_files.c - tokenizers from before tokenizer.json: BERT's vocab.txt, GPT-2's and
 * RoBERTa's vocab.json with merges.txt. What a tokenizer.json would say is built here,
 * with the settings of tokenizer_config.json. */
#include "base/alloc.h"
#include "base/file.h"
#include "tokenize/tok_pipeline.h"
#include "tokenize/unicode_classes.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A token of the configuration: a string, or an object with its content. */
static const char *config_token(const atti_json *config, const char *key,
                                const char *dflt)
{
    const atti_json *v = config ? atti_json_get(config, key) : NULL;
    const char *s = atti_json_string(
        atti_json_is_object(v) ? atti_json_get(v, "content") : v, NULL);
    return s ? s : dflt;
}

static att_status config_bool(bool *out, const atti_json *config, const char *key,
                              bool dflt)
{
    *out = dflt;
    return config ? atti_json_get_bool(out, config, key, dflt) : ATT_OK;
}

/* A special token that the vocabulary has; others stay out. */
static att_status add_special(atti_pipeline *p, const char *s, uint32_t flags)
{
    int32_t id = s && *s ? atti_pieces_find(&p->pieces, s, strlen(s)) : -1;
    for (size_t i = 0; i < p->n_added && id >= 0; i++) {
        if (p->added[i].id == id) return ATT_OK;
    }
    if (id < 0) return ATT_OK;
    return atti_pipeline_add_token(p, s, strlen(s), id, flags | ATTI_A_SPECIAL);
}

typedef struct declared {
    atti_pipeline *p;
    att_status st;
} declared;

/* added_tokens_decoder: {"50256": {"content": ..., "lstrip": ...}} */
static bool take_declared(void *ctx, const char *key, const atti_json *v)
{
    static const char *const keys[] = {"single_word", "lstrip", "rstrip", "normalized",
                                       "special"}; /* the bits in order */
    declared *d = ctx;
    int64_t id = -1;
    const char *s = atti_json_string(atti_json_get(v, "content"), NULL);
    uint32_t flags = 0;
    if (!s || !atti_parse_i64(&id, key)) {
        d->st = atti_fail(ATT_EFORMAT, "%s: added_tokens_decoder: '%.40s' is no token",
                          d->p->name, key);
        return false;
    }
    for (uint32_t i = 0; i < 5 && d->st == ATT_OK; i++) {
        bool on = false;
        d->st = atti_json_get_bool(&on, v, keys[i], false);
        if (on) flags |= 1U << i;
    }
    if (d->st == ATT_OK) d->st = atti_pipeline_add_token(d->p, s, strlen(s), id, flags);
    return d->st == ATT_OK;
}

static att_status add_declared(atti_pipeline *p, const atti_json *config)
{
    declared d = {p, ATT_OK};
    const atti_json *v = config ? atti_json_get(config, "added_tokens_decoder") : NULL;
    if (atti_json_is_object(v)) atti_json_each(v, take_declared, &d);
    return d.st;
}

static att_status add_plain(atti_pipeline *p, atti_steps *to, atti_step_kind kind,
                            uint32_t flags)
{
    atti_step s = {.kind = kind, .flags = flags};
    return atti_steps_add(p, to, &s);
}

/* [CLS] a [SEP], [CLS] a [SEP] b [SEP]; RoBERTa: two separators, no types. */
static att_status frame(atti_pipeline *p, const char *cls, const char *sep,
                        bool roberta)
{
    int32_t c = atti_pieces_find_any(&p->pieces, cls, strlen(cls));
    int32_t s = atti_pieces_find_any(&p->pieces, sep, strlen(sep));
    if (c < 0 || s < 0) {
        return atti_fail(ATT_EFORMAT, "%s: has no '%s'", p->name, c < 0 ? cls : sep);
    }
    const int32_t ids[] = {c, -1, s};
    for (int i = 0; i < 3; i++) {
        ATTI_TRY(atti_template_add(&p->single, ids[i], 0));
        ATTI_TRY(atti_template_add(&p->pair, ids[i], 0));
    }
    if (roberta) ATTI_TRY(atti_template_add(&p->pair, s, 0));
    ATTI_TRY(atti_template_add(&p->pair, -2, !roberta));
    return atti_template_add(&p->pair, s, !roberta);
}

static att_status no_frame(atti_pipeline *p)
{
    ATTI_TRY(atti_template_add(&p->single, -1, 0));
    ATTI_TRY(atti_template_add(&p->pair, -1, 0));
    return atti_template_add(&p->pair, -2, 1);
}

/* --- vocab.txt ----------------------------------------------------------------------- */

static att_status read_lines(atti_pipeline *p, atti_lines *l)
{
    const char *line = NULL;
    size_t n = 0;
    for (int64_t id = 0;; id++) {
        ATTI_TRY(atti_lines_next(l, &line, &n));
        if (!line) break;
        while (n > 0 && isspace((unsigned char)line[n - 1])) n--;
        if (n == 0) continue; /* the number of the line is used up all the same */
        if (!atti_utf8_valid(line, n) || memchr(line, '\0', n)) {
            return atti_fail(ATT_EFORMAT, "%s:%lld: not UTF-8 without NUL", p->name,
                             (long long)id + 1);
        }
        atti_str key = {0};
        atti_str_add_n(&key, line, n);
        att_status st = key.status;
        if (st == ATT_OK) st = atti_pieces_add(&p->pieces, key.data, n, id, p->name);
        atti_str_deinit(&key);
        ATTI_TRY(st);
    }
    p->pieces.n_model = p->pieces.n;
    return ATT_OK;
}

static att_status bert_normalizer(atti_pipeline *p, const atti_json *config)
{
    bool lower = true, chinese = true, accents = true;
    ATTI_TRY(config_bool(&lower, config, "do_lower_case", true));
    ATTI_TRY(config_bool(&chinese, config, "tokenize_chinese_chars", true));
    ATTI_TRY(config_bool(&accents, config, "strip_accents", lower));
    return add_plain(p, &p->norm, ATTI_N_BERT,
                     ATTI_F_CLEAN | (lower ? ATTI_F_LOWER : 0U) |
                         (chinese ? ATTI_F_CHINESE : 0U) |
                         (accents ? ATTI_F_ACCENTS : 0U));
}

static att_status wordpiece(atti_pipeline *p, const atti_json *config)
{
    static const char *const keys[] = {"unk_token", "sep_token", "pad_token",
                                       "cls_token", "mask_token"};
    static const char *const names[] = {"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"};
    const char *unk = config_token(config, "unk_token", "[UNK]");
    p->model.kind = ATTI_M_WORDPIECE;
    p->model.max_chars = 100;
    ATTI_TRY(atti_strdup(&p->model.prefix, "##"));
    p->model.prefix_n = 2;
    p->model.unk = atti_pieces_find(&p->pieces, unk, strlen(unk));
    if (p->model.unk < 0)
        return atti_fail(ATT_EFORMAT, "%s: has no '%s'", p->name, unk);
    ATTI_TRY(atti_model_finish(p));
    ATTI_TRY(add_declared(p, config));
    for (int i = 0; i < 5; i++) {
        ATTI_TRY(add_special(p, config_token(config, keys[i], names[i]), 0));
    }
    ATTI_TRY(bert_normalizer(p, config));
    ATTI_TRY(add_plain(p, &p->pre, ATTI_P_BERT, 0));
    char prefix[] = "##";
    atti_step dec = {
        .kind = ATTI_D_WORDPIECE, .flags = ATTI_F_CLEANUP, .a = prefix, .a_n = 2};
    ATTI_TRY(atti_steps_add(p, &p->dec, &dec));
    ATTI_TRY(atti_pipeline_finish(p));
    return frame(p, config_token(config, "cls_token", "[CLS]"),
                 config_token(config, "sep_token", "[SEP]"), false);
}

att_status atti_wordpiece_files(atti_pipeline **out, const char *vocab,
                                const atti_json *config)
{
    atti_pipeline *p = NULL;
    atti_lines *l = NULL;
    ATTI_TRY(atti_pipeline_create(&p, vocab));
    att_status st = atti_lines_open(&l, vocab, 1 << 20);
    if (st == ATT_OK) st = read_lines(p, l);
    atti_lines_close(l);
    if (st == ATT_OK) st = wordpiece(p, config);
    if (st != ATT_OK) {
        atti_pipeline_destroy(p);
        return st;
    }
    *out = p;
    return ATT_OK;
}

/* --- vocab.json and merges.txt ------------------------------------------------------- */

static bool take_piece(void *ctx, const char *key, const atti_json *v)
{
    declared *d = ctx;
    double id = atti_json_is_number(v) ? atti_json_number(v) : -1.0;
    if (!(id >= 0.0 && id < ATTI_MAX_PIECES) || id != (double)(int64_t)id) {
        d->st = atti_fail(ATT_EFORMAT, "%s: '%.80s' has an id that is not in 0..%d",
                          d->p->name, key, ATTI_MAX_PIECES - 1);
    } else {
        d->st =
            atti_pieces_add(&d->p->pieces, key, strlen(key), (int64_t)id, d->p->name);
    }
    return d->st == ATT_OK;
}

static att_status read_vocab(atti_pipeline *p, const char *path)
{
    atti_json *root = NULL;
    declared d = {p, ATT_OK};
    ATTI_TRY(
        atti_json_load(&root, path, ATTI_MAX_TOKENIZER_BYTES, ATTI_JSON_NO_DUPLICATES));
    if (atti_json_is_object(root)) {
        atti_json_each(root, take_piece, &d);
    } else {
        d.st = atti_fail(ATT_EFORMAT, "%s: not a JSON object", path);
    }
    atti_json_destroy(root);
    p->pieces.n_model = p->pieces.n;
    return d.st;
}

/* The table is sized first: one pass counts the lines. */
static att_status read_merges(atti_pipeline *p, const char *path, bool count)
{
    atti_lines *l = NULL;
    const char *line = NULL;
    size_t n = 0, rank = 0;
    ATTI_TRY(atti_lines_open(&l, path, 1 << 20));
    att_status st = ATT_OK;
    for (size_t number = 1; st == ATT_OK; number++) {
        st = atti_lines_next(l, &line, &n);
        if (st != ATT_OK || !line) break;
        if (n == 0 || (n >= 8 && memcmp(line, "#version", 8) == 0)) continue;
        if (!count) {
            const char *b = memchr(line, ' ', n);
            if (!b || memchr(b + 1, ' ', n - (size_t)(b + 1 - line))) {
                st = atti_fail(ATT_EFORMAT, "%s:%zu: no pair of pieces", path, number);
            } else {
                size_t na = (size_t)(b - line);
                st = atti_bpe_add_merge(p, line, na, b + 1, n - na - 1, rank);
            }
        }
        rank++;
    }
    atti_lines_close(l);
    return st == ATT_OK && count ? atti_bpe_reserve(p, rank) : st;
}

static att_status byte_bpe(atti_pipeline *p, const char *merges,
                           const atti_json *config)
{
    static const char *const keys[] = {"unk_token", "bos_token", "eos_token",
                                       "pad_token", "cls_token", "sep_token"};
    const char *class = config_token(config, "tokenizer_class", "");
    bool prefix = false;
    bool roberta = strstr(class, "Roberta") || strstr(class, "Bart") ||
                   (!*class && atti_pieces_find(&p->pieces, "<s>", 3) == 0);
    if (strstr(class, "CLIP")) {
        return atti_fail(ATT_ENOTSUP, "%s: %s needs a tokenizer.json", p->name, class);
    }
    ATTI_TRY(read_merges(p, merges, true));
    ATTI_TRY(read_merges(p, merges, false));
    p->model.kind = ATTI_M_BPE;
    ATTI_TRY(atti_model_finish(p));
    ATTI_TRY(config_bool(&prefix, config, "add_prefix_space", false));
    ATTI_TRY(add_declared(p, config));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        ATTI_TRY(add_special(p, config_token(config, keys[i], NULL), 0));
    }
    if (roberta) {
        static const char *const names[] = {"<s>", "</s>", "<pad>", "<unk>"};
        for (int i = 0; i < 4; i++) ATTI_TRY(add_special(p, names[i], 0));
        ATTI_TRY(add_special(p, config_token(config, "mask_token", "<mask>"), 0));
    } else {
        ATTI_TRY(add_special(p, "<|endoftext|>", 0));
    }
    ATTI_TRY(add_plain(p, &p->pre, ATTI_P_BYTES,
                       ATTI_F_REGEX | (prefix ? ATTI_F_PREFIX : 0U)));
    ATTI_TRY(add_plain(p, &p->dec, ATTI_D_BYTES, 0));
    ATTI_TRY(atti_pipeline_finish(p));
    if (!roberta) return no_frame(p);
    return frame(p, config_token(config, "cls_token", "<s>"),
                 config_token(config, "sep_token", "</s>"), true);
}

att_status atti_bpe_files(atti_pipeline **out, const char *vocab, const char *merges,
                          const atti_json *config)
{
    atti_pipeline *p = NULL;
    ATTI_TRY(atti_pipeline_create(&p, vocab));
    att_status st = read_vocab(p, vocab);
    if (st == ATT_OK) st = byte_bpe(p, merges, config);
    if (st != ATT_OK) {
        atti_pipeline_destroy(p);
        return st;
    }
    *out = p;
    return ATT_OK;
}
