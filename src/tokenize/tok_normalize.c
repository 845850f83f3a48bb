/* tok_normalize.c - normalizers: each step reads one text and writes the next.
 *
 * head goes along: how many bytes of the text come from the first character of the input.
 * Where that character is dropped, head is 0 and no cut is "first" any more. */
#include "tokenize/tok_pipeline.h"
#include "tokenize/unicode_classes.h"
#include <string.h>

typedef struct pass {
    const atti_step *step;
    const char *s; /* the text before */
    size_t n, head;
    atti_str *out; /* the text after */
    size_t new_head;
} pass;

static void bert_clean(pass *p, uint32_t c)
{
    if (c == 0 || c == 0xfffd) return;
    if (c == '\t' || c == '\n' || c == '\r' ||
        (atti_unicode_is_space(c) && !atti_is_other(c))) {
        c = ' ';
    } else if (atti_is_other(c)) {
        return;
    }
    if ((p->step->flags & ATTI_F_CHINESE) && atti_is_ideograph(c)) {
        atti_str_add(p->out, " ");
        atti_add_code(p->out, c);
        c = ' ';
    }
    atti_add_code(p->out, c);
}

static void bert_char(pass *p, uint32_t c)
{
    if (p->step->flags & ATTI_F_CLEAN) {
        bert_clean(p, c);
    } else if ((p->step->flags & ATTI_F_CHINESE) && atti_is_ideograph(c)) {
        atti_str_add(p->out, " ");
        atti_add_code(p->out, c);
        atti_str_add(p->out, " ");
    } else {
        atti_add_code(p->out, c);
    }
}

/* The one letter whose lower case is two code points is the dotted capital I. */
static void lower_char(pass *p, uint32_t c)
{
    atti_add_code(p->out, c == 0x130 ? 'i' : atti_to_lower(c));
    if (c == 0x130) atti_add_code(p->out, 0x307);
}

static void nmt_char(pass *p, uint32_t c)
{
    if ((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f ||
        c == 0x8f || c == 0x9f) {
        return;
    }
    if (c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 ||
        (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
        c == 0xfeff || c == 0xfffd) {
        c = ' ';
    }
    atti_add_code(p->out, c);
}

static void unaccent_char(pass *p, uint32_t c)
{
    if (!atti_is_mark(c)) atti_add_code(p->out, c);
}

static void unaccent_bert_char(pass *p, uint32_t c)
{
    if (!atti_is_nonspacing(c)) atti_add_code(p->out, c);
}

static void each_char(pass *p, void (*fn)(pass *p, uint32_t c))
{
    size_t at = 0;
    while (at < p->n) {
        fn(p, atti_next_code(p->s, p->n, &at));
        if (at <= p->head) p->new_head = p->out->len;
    }
}

static void normal_form(pass *p, atti_normal_form f)
{
    atti_add_normal_form(p->out, p->s, p->n, f);
    p->new_head = p->head < p->out->len ? p->head : p->out->len;
}

static void bytes_pass(pass *p)
{
    for (size_t i = 0; i < p->n; i++) {
        atti_add_code(p->out, atti_byte_to_code((unsigned char)p->s[i]));
        if (i < p->head) p->new_head = p->out->len;
    }
}

static void strip(pass *p)
{
    size_t from = 0, end = p->n, at = 0;
    if (p->step->flags & ATTI_F_LEFT) {
        while (at < p->n && atti_unicode_is_space(atti_next_code(p->s, p->n, &at)))
            from = at;
    }
    if (p->step->flags & ATTI_F_RIGHT) {
        size_t word = from; /* the end of the last character that is no space */
        for (at = from; at < p->n;) {
            if (!atti_unicode_is_space(atti_next_code(p->s, p->n, &at))) word = at;
        }
        end = word;
    }
    atti_str_add_n(p->out, p->s + from, end - from);
    p->new_head = p->head > from ? p->head - from : 0;
}

bool atti_step_find(const atti_step *s, const char *text, size_t n, size_t at,
                    size_t *start, size_t *end)
{
    while (at < n) {
        size_t len = 0;
        if (s->scan) {
            len = s->scan(text, n, at);
        } else if (s->a_n > 0 && n - at >= s->a_n) {
            len = memcmp(text + at, s->a, s->a_n) == 0 ? s->a_n : 0;
        } else {
            return false;
        }
        if (len > 0) {
            *start = at;
            *end = at + len;
            return true;
        }
        atti_next_code(text, n, &at);
    }
    return false;
}

static void replace(pass *p)
{
    size_t at = 0, start = 0, end = 0;
    while (atti_step_find(p->step, p->s, p->n, at, &start, &end)) {
        atti_str_add_n(p->out, p->s + at, start - at);
        if (p->head > at && p->head <= start) {
            p->new_head = p->out->len - (start - p->head);
        }
        atti_str_add_n(p->out, p->step->b, p->step->b_n);
        if (p->head > start) p->new_head = p->out->len;
        at = end;
    }
    if (p->head > at) p->new_head = p->out->len + (p->head - at);
    atti_str_add_n(p->out, p->s + at, p->n - at);
}

static void prepend(pass *p)
{
    if (p->n == 0) return;
    atti_str_add_n(p->out, p->step->b, p->step->b_n);
    atti_str_add_n(p->out, p->s, p->n);
    p->new_head = p->head ? p->head + p->step->b_n : 0;
}

/* The parts of BertNormalizer that come after one another. */
enum { BERT_CHARS, BERT_NFD, BERT_MARKS, BERT_LOWER, BERT_PARTS };

static void run_bert(pass *p, int part)
{
    switch (part) {
    case BERT_CHARS: each_char(p, bert_char); break;
    case BERT_NFD: normal_form(p, ATTI_NFD); break;
    case BERT_MARKS: each_char(p, unaccent_bert_char); break;
    default: each_char(p, lower_char); break;
    }
}

static bool bert_has(const atti_step *s, int part)
{
    if (part == BERT_NFD || part == BERT_MARKS) return s->flags & ATTI_F_ACCENTS;
    return part == BERT_CHARS || (s->flags & ATTI_F_LOWER);
}

static void run_step(const atti_pipeline *t, pass *p)
{
    switch (p->step->kind) {
    case ATTI_N_FORM: normal_form(p, (atti_normal_form)p->step->mode); break;
    case ATTI_N_LOWER: each_char(p, lower_char); break;
    case ATTI_N_STRIP: strip(p); break;
    case ATTI_N_STRIP_ACCENTS: each_char(p, unaccent_char); break;
    case ATTI_N_REPLACE: replace(p); break;
    case ATTI_N_PREPEND: prepend(p); break;
    case ATTI_N_NMT: each_char(p, nmt_char); break;
    case ATTI_N_BYTES: bytes_pass(p); break;
    default: atti_charsmap_apply(t, p->s, p->n, p->head, p->out, &p->new_head); break;
    }
}

/* Runs one pass from a into b, and swaps them. */
static att_status turn(const atti_pipeline *t, const atti_step *step, int part,
                       atti_cuts *a, atti_cuts *b)
{
    atti_str_clear(&b->text);
    pass p = {.step = step,
              .s = a->text.data ? a->text.data : "",
              .n = a->text.len,
              .head = a->head,
              .out = &b->text};
    if (step->kind == ATTI_N_BERT) {
        run_bert(&p, part);
    } else {
        run_step(t, &p);
    }
    atti_str swap = a->text;
    a->text = b->text;
    b->text = swap;
    a->head = p.new_head;
    return a->text.status;
}

att_status atti_normalize(const atti_pipeline *p, atti_cuts *a, atti_cuts *b)
{
    for (size_t i = 0; i < p->norm.n; i++) {
        const atti_step *s = &p->norm.list[i];
        int parts = s->kind == ATTI_N_BERT ? BERT_PARTS : 1;
        for (int k = 0; k < parts; k++) {
            if (parts > 1 && !bert_has(s, k)) continue;
            ATTI_TRY(turn(p, s, k, a, b));
        }
    }
    return ATT_OK;
}
