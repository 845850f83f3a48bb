/* tokenizer_json_steps.c - the normalizer, pre-tokenizer, decoder and post-processor of a
 * tokenizer.json, each a list of steps once its Sequences are flattened. */
#include "base/alloc.h"
#include "tokenize/tok_pipeline.h"
#include "tokenize/unicode_classes.h"
#include <string.h>

typedef struct part {
    atti_pipeline *p;
    atti_steps *to;
    const char *what; /* for messages */
} part;

typedef att_status step_fn(const part *t, const atti_json *v, const char *type,
                           atti_step *s);

static att_status unknown(const part *t, const char *type)
{
    return atti_fail(ATT_ENOTSUP, "%s: %s type '%.80s' is not supported", t->p->name,
                     t->what, type);
}

/* A flag of the step when the member is true. */
static att_status flag(atti_step *s, const atti_json *v, const char *key, bool dflt,
                       uint32_t set)
{
    bool on = dflt;
    ATTI_TRY(atti_json_get_bool(&on, v, key, dflt));
    if (on) s->flags |= set;
    return ATT_OK;
}

static att_status text_of(const part *t, const atti_json *v, const char *key,
                          char **out, size_t *n)
{
    const atti_json *s = atti_json_get(v, key);
    const char *text = atti_json_string(s, n);
    if (!text) {
        return atti_fail(ATT_EFORMAT, "%s: %s: '%s' is no string", t->p->name, t->what,
                         key);
    }
    *out = (char *)(uintptr_t)text; /* borrowed; atti_steps_add copies it */
    return ATT_OK;
}

/* {"String": "..."}, {"Regex": "..."} or just a string. */
static att_status pattern(const part *t, const atti_json *v, atti_step *s)
{
    const atti_json *p = atti_json_get(v, "pattern");
    if (atti_json_is_string(p)) return text_of(t, v, "pattern", &s->a, &s->a_n);
    if (atti_json_get(p, "String")) return text_of(t, p, "String", &s->a, &s->a_n);
    char *regex = NULL;
    size_t n = 0;
    ATTI_TRY(text_of(t, p, "Regex", &regex, &n));
    s->scan = atti_scan_find(regex);
    if (s->scan && !memchr(regex, '\0', n)) return ATT_OK;
    return atti_fail(ATT_ENOTSUP,
                     "%s: %s: the regular expression '%.300s' is not known", t->p->name,
                     t->what, regex);
}

static int index_of(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) return i;
    }
    return -1;
}

/* Walks a Sequence of Sequences without recursion. */
static att_status flatten(part t, const atti_json *v, const char *key, step_fn *fn)
{
    const atti_json *stack[ATTI_MAX_STEPS];
    size_t next[ATTI_MAX_STEPS], depth = 0;
    const atti_json *one = v;
    while (one || depth > 0) {
        if (!one) { /* the next of the innermost list */
            if (next[depth - 1] >= atti_json_count(stack[depth - 1])) {
                depth--;
                continue;
            }
            one = atti_json_at(stack[depth - 1], next[depth - 1]++);
            if (!one) return atti_fail(ATT_EFORMAT, "%s: %s: null", t.p->name, t.what);
        }
        const char *type = atti_json_string(atti_json_get(one, "type"), NULL);
        if (!type) {
            return atti_fail(ATT_EFORMAT, "%s: %s has no 'type'", t.p->name, t.what);
        }
        if (strcmp(type, "Sequence") == 0) {
            const atti_json *list = atti_json_get(one, key);
            if (!atti_json_is_array(list) || depth == ATTI_MAX_STEPS) {
                return atti_fail(ATT_EFORMAT, "%s: %s: a Sequence without '%s'",
                                 t.p->name, t.what, key);
            }
            stack[depth] = list;
            next[depth++] = 0;
        } else {
            atti_step s = {0};
            ATTI_TRY(fn(&t, one, type, &s));
            if (t.to) ATTI_TRY(atti_steps_add(t.p, t.to, &s));
        }
        one = NULL;
    }
    return ATT_OK;
}

/* --- normalizers --------------------------------------------------------------------- */

static att_status bert_normalizer(const atti_json *v, atti_step *s)
{
    s->kind = ATTI_N_BERT;
    ATTI_TRY(flag(s, v, "clean_text", true, ATTI_F_CLEAN));
    ATTI_TRY(flag(s, v, "handle_chinese_chars", true, ATTI_F_CHINESE));
    ATTI_TRY(flag(s, v, "lowercase", true, ATTI_F_LOWER));
    return flag(s, v, "strip_accents", (s->flags & ATTI_F_LOWER) != 0, ATTI_F_ACCENTS);
}

static att_status normalizer(const part *t, const atti_json *v, const char *type,
                             atti_step *s)
{
    static const char *const forms[] = {"NFC", "NFD", "NFKC", "NFKD"}; /* as the enum */
    static const char *const plain[] = {"Lowercase", "StripAccents", "Nmt",
                                        "ByteLevel"};
    static const atti_step_kind plain_kind[] = {ATTI_N_LOWER, ATTI_N_STRIP_ACCENTS,
                                                ATTI_N_NMT, ATTI_N_BYTES};
    int form = index_of(forms, 4, type), kind = index_of(plain, 4, type);
    if (form >= 0) {
        s->kind = ATTI_N_FORM;
        s->mode = form;
        return ATT_OK;
    }
    if (kind >= 0) {
        s->kind = plain_kind[kind];
        return ATT_OK;
    }
    if (strcmp(type, "BertNormalizer") == 0) return bert_normalizer(v, s);
    if (strcmp(type, "Strip") == 0) {
        s->kind = ATTI_N_STRIP;
        ATTI_TRY(flag(s, v, "strip_left", true, ATTI_F_LEFT));
        return flag(s, v, "strip_right", true, ATTI_F_RIGHT);
    }
    if (strcmp(type, "Replace") == 0) {
        s->kind = ATTI_N_REPLACE;
        ATTI_TRY(pattern(t, v, s));
        return text_of(t, v, "content", &s->b, &s->b_n);
    }
    if (strcmp(type, "Prepend") == 0) {
        s->kind = ATTI_N_PREPEND;
        return text_of(t, v, "prepend", &s->b, &s->b_n);
    }
    if (strcmp(type, "Precompiled") == 0) {
        char *map = NULL;
        size_t n = 0;
        s->kind = ATTI_N_CHARSMAP;
        if (!atti_json_get(v, "precompiled_charsmap"))
            return ATT_OK; /* null: identity */
        ATTI_TRY(text_of(t, v, "precompiled_charsmap", &map, &n));
        return atti_charsmap_decode(t->p, map, n);
    }
    return unknown(t, type);
}

att_status atti_json_normalizer(atti_pipeline *p, const atti_json *v)
{
    part t = {p, &p->norm, "normalizer"};
    return flatten(t, v, "normalizers", normalizer);
}

/* --- pre-tokenizers ------------------------------------------------------------------ */

static att_status behaviour(const part *t, const atti_json *v, atti_step *s,
                            const char *dflt)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    const char *name = NULL;
    ATTI_TRY(atti_json_get_str(&name, v, "behavior", dflt));
    s->mode = name ? index_of(names, 5, name) : -1;
    if (s->mode >= 0) return ATT_OK;
    return atti_fail(ATT_ENOTSUP, "%s: %s: behavior '%.80s' is not supported",
                     t->p->name, t->what, name ? name : "");
}

static att_status metaspace(const part *t, const atti_json *v, atti_step *s)
{
    static const char *const names[] = {"never", "first", "always"};
    const char *scheme = NULL;
    bool prefix = true;
    ATTI_TRY(text_of(t, v, "replacement", &s->a, &s->a_n));
    if (s->a_n == 0) {
        return atti_fail(ATT_EFORMAT, "%s: %s: 'replacement' is empty", t->p->name,
                         t->what);
    }
    /* Before prepend_scheme there was a switch; what it says still counts alone. */
    ATTI_TRY(atti_json_get_bool(&prefix, v, "add_prefix_space", true));
    ATTI_TRY(
        atti_json_get_str(&scheme, v, "prepend_scheme", prefix ? "always" : "never"));
    s->mode = index_of(names, 3, scheme);
    if (s->mode < 0) {
        return atti_fail(ATT_ENOTSUP, "%s: %s: prepend_scheme '%.80s' is not supported",
                         t->p->name, t->what, scheme);
    }
    return flag(s, v, "split", true, ATTI_F_SPLIT);
}

static att_status pretokenizer(const part *t, const atti_json *v, const char *type,
                               atti_step *s)
{
    static const char *const plain[] = {"BertPreTokenizer", "Whitespace",
                                        "WhitespaceSplit"};
    static const atti_step_kind plain_kind[] = {ATTI_P_BERT, ATTI_P_WORDS,
                                                ATTI_P_SPACES};
    int kind = index_of(plain, 3, type);
    if (kind >= 0) {
        s->kind = plain_kind[kind];
        return ATT_OK;
    }
    if (strcmp(type, "ByteLevel") == 0) {
        s->kind = ATTI_P_BYTES;
        ATTI_TRY(flag(s, v, "add_prefix_space", true, ATTI_F_PREFIX));
        return flag(s, v, "use_regex", true, ATTI_F_REGEX);
    }
    if (strcmp(type, "Metaspace") == 0) {
        s->kind = ATTI_P_METASPACE;
        return metaspace(t, v, s);
    }
    if (strcmp(type, "Split") == 0) {
        s->kind = ATTI_P_SPLIT;
        ATTI_TRY(pattern(t, v, s));
        ATTI_TRY(flag(s, v, "invert", false, ATTI_F_INVERT));
        return behaviour(t, v, s, NULL);
    }
    if (strcmp(type, "Digits") == 0) {
        s->kind = ATTI_P_DIGITS;
        return flag(s, v, "individual_digits", false, ATTI_F_EACH);
    }
    if (strcmp(type, "Punctuation") == 0) {
        s->kind = ATTI_P_PUNCT;
        return behaviour(t, v, s, "Isolated");
    }
    return unknown(t, type);
}

att_status atti_json_pretokenizer(atti_pipeline *p, const atti_json *v)
{
    part t = {p, &p->pre, "pre_tokenizer"};
    return flatten(t, v, "pretokenizers", pretokenizer);
}

/* --- decoders ------------------------------------------------------------------------ */

static att_status strip_decoder(const part *t, const atti_json *v, atti_step *s)
{
    int64_t start = 0, stop = 0;
    ATTI_TRY(text_of(t, v, "content", &s->a, &s->a_n));
    ATTI_TRY(atti_json_get_i64(&start, v, "start", 0, 0, INT32_MAX));
    ATTI_TRY(atti_json_get_i64(&stop, v, "stop", 0, 0, INT32_MAX));
    s->kind = ATTI_D_STRIP;
    s->start = (int32_t)start;
    s->stop = (int32_t)stop;
    if (s->a_n > 0) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s: %s: 'content' is empty", t->p->name, t->what);
}

static att_status decoder(const part *t, const atti_json *v, const char *type,
                          atti_step *s)
{
    static const char *const plain[] = {"ByteLevel", "ByteFallback", "Fuse"};
    static const atti_step_kind plain_kind[] = {ATTI_D_BYTES, ATTI_D_BYTE_FALLBACK,
                                                ATTI_D_FUSE};
    int kind = index_of(plain, 3, type);
    if (kind >= 0) {
        s->kind = plain_kind[kind];
        return ATT_OK;
    }
    if (strcmp(type, "WordPiece") == 0) {
        s->kind = ATTI_D_WORDPIECE;
        ATTI_TRY(text_of(t, v, "prefix", &s->a, &s->a_n));
        return flag(s, v, "cleanup", true, ATTI_F_CLEANUP);
    }
    if (strcmp(type, "Metaspace") == 0) {
        s->kind = ATTI_D_METASPACE;
        return metaspace(t, v, s);
    }
    if (strcmp(type, "Strip") == 0) return strip_decoder(t, v, s);
    if (strcmp(type, "Replace") == 0) {
        s->kind = ATTI_D_REPLACE;
        ATTI_TRY(pattern(t, v, s));
        return text_of(t, v, "content", &s->b, &s->b_n);
    }
    if (strcmp(type, "BPEDecoder") == 0) {
        s->kind = ATTI_D_BPE;
        return text_of(t, v, "suffix", &s->a, &s->a_n);
    }
    return unknown(t, type);
}

att_status atti_json_decoder(atti_pipeline *p, const atti_json *v)
{
    part t = {p, &p->dec, "decoder"};
    return flatten(t, v, "decoders", decoder);
}

/* --- post-processors ----------------------------------------------------------------- */

enum { MAX_TEMPLATE = 1024 };

static att_status check_id(const part *t, double id)
{
    bool whole = id >= 0 && id < t->p->pieces.size && id == (double)(int32_t)id;
    if (whole && atti_pieces_get(&t->p->pieces, (int32_t)id, NULL)) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s: %s: id %g is no piece of the vocabulary",
                     t->p->name, t->what, id);
}

static att_status special_slots(const part *t, const atti_json *specials,
                                const char *name, int32_t type, atti_template *to)
{
    const atti_json *ids = atti_json_get(atti_json_get(specials, name), "ids");
    if (!atti_json_is_array(ids) || atti_json_count(ids) > MAX_TEMPLATE) {
        return atti_fail(ATT_EFORMAT, "%s: %s: special token '%.80s' has no 'ids'",
                         t->p->name, t->what, name);
    }
    for (size_t i = 0; i < atti_json_count(ids); i++) {
        double id = atti_json_number(atti_json_at(ids, i));
        ATTI_TRY(check_id(t, id));
        ATTI_TRY(atti_template_add(to, (int32_t)id, type));
    }
    return ATT_OK;
}

static att_status template_of(const part *t, const atti_json *v, const char *key,
                              atti_template *to)
{
    const atti_json *list = atti_json_get(v, key);
    if (!atti_json_is_array(list) || atti_json_count(list) > MAX_TEMPLATE) {
        return atti_fail(ATT_EFORMAT, "%s: %s: '%s' is no list of at most %d",
                         t->p->name, t->what, key, MAX_TEMPLATE);
    }
    for (size_t i = 0; i < atti_json_count(list); i++) {
        const atti_json *e = atti_json_at(list, i);
        const atti_json *seq = atti_json_get(e, "Sequence");
        const atti_json *one = seq ? seq : atti_json_get(e, "SpecialToken");
        const char *name = atti_json_string(atti_json_get(one, "id"), NULL);
        int64_t type = 0;
        if (!name) {
            return atti_fail(ATT_EFORMAT, "%s: %s: part %zu of '%s' has no 'id'",
                             t->p->name, t->what, i, key);
        }
        ATTI_TRY(atti_json_get_i64(&type, one, "type_id", 0, 0, INT32_MAX));
        if (!seq) {
            ATTI_TRY(special_slots(t, atti_json_get(v, "special_tokens"), name,
                                   (int32_t)type, to));
        } else if (strcmp(name, "A") == 0 || strcmp(name, "B") == 0) {
            ATTI_TRY(atti_template_add(to, name[0] == 'A' ? -1 : -2, (int32_t)type));
        } else {
            return atti_fail(ATT_EFORMAT, "%s: %s: sequence '%.80s', expected A or B",
                             t->p->name, t->what, name);
        }
    }
    return ATT_OK;
}

/* ["[SEP]", 102] */
static att_status pair_id(const part *t, const atti_json *v, const char *key,
                          int32_t *id)
{
    double n = atti_json_number(atti_json_at(atti_json_get(v, key), 1));
    ATTI_TRY(check_id(t, n));
    *id = (int32_t)n;
    return ATT_OK;
}

/* cls A sep (B sep): type 1 from B on; cls A sep sep B sep: all of type 0. */
static att_status cls_sep(const part *t, const atti_json *v, bool roberta)
{
    atti_template *one = &t->p->single, *two = &t->p->pair;
    int32_t cls = 0, sep = 0, type = !roberta;
    ATTI_TRY(pair_id(t, v, "cls", &cls));
    ATTI_TRY(pair_id(t, v, "sep", &sep));
    const int32_t ids[] = {cls, -1, sep};
    for (int i = 0; i < 3; i++) {
        ATTI_TRY(atti_template_add(one, ids[i], 0));
        ATTI_TRY(atti_template_add(two, ids[i], 0));
    }
    if (roberta) ATTI_TRY(atti_template_add(two, sep, 0));
    ATTI_TRY(atti_template_add(two, -2, type));
    return atti_template_add(two, sep, type);
}

static att_status postprocessor(const part *t, const atti_json *v, const char *type,
                                atti_step *s)
{
    (void)s;
    if (strcmp(type, "ByteLevel") == 0) return ATT_OK; /* offsets only */
    if (t->p->single.n > 0) {
        return atti_fail(ATT_ENOTSUP, "%s: %s: more than one template", t->p->name,
                         t->what);
    }
    if (strcmp(type, "TemplateProcessing") == 0) {
        ATTI_TRY(template_of(t, v, "single", &t->p->single));
        return template_of(t, v, "pair", &t->p->pair);
    }
    if (strcmp(type, "BertProcessing") == 0) return cls_sep(t, v, false);
    if (strcmp(type, "RobertaProcessing") == 0) return cls_sep(t, v, true);
    return unknown(t, type);
}

att_status atti_json_post(atti_pipeline *p, const atti_json *v)
{
    part t = {p, NULL, "post_processor"};
    ATTI_TRY(flatten(t, v, "processors", postprocessor));
    if (p->single.n > 0) return ATT_OK;
    ATTI_TRY(atti_template_add(&p->single, -1, 0));
    ATTI_TRY(atti_template_add(&p->pair, -1, 0));
    return atti_template_add(&p->pair, -2, 1);
}
