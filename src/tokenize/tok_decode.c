/* tok_decode.c - decoders: a list of pieces goes through steps, then they are joined. */
#include "base/alloc.h"
#include "tokenize/tok_pipeline.h"
#include "tokenize/unicode_classes.h"
#include <string.h>

/* All pieces in one buffer, ends[i] where piece i stops. */
typedef struct list {
    atti_str text;
    size_t *ends;
    size_t n, cap;
    att_status st;
} list;

static void end_piece(list *l)
{
    if (l->st == ATT_OK) {
        l->st =
            atti_grow(&l->ends, &l->cap, l->n + 1, sizeof *l->ends, "decoded pieces");
    }
    if (l->st == ATT_OK) l->ends[l->n++] = l->text.len;
}

static const char *piece_at(const list *l, size_t i, size_t *n)
{
    size_t start = i ? l->ends[i - 1] : 0;
    *n = l->ends[i] - start;
    return l->text.data ? l->text.data + start : "";
}

static void list_deinit(list *l)
{
    atti_str_deinit(&l->text);
    atti_free(l->ends);
}

static void add_replaced(atti_str *out, const atti_step *s, const char *t, size_t n)
{
    size_t at = 0, start = 0, end = 0;
    while (atti_step_find(s, t, n, at, &start, &end)) {
        atti_str_add_n(out, t + at, start - at);
        atti_str_add_n(out, s->b, s->b_n);
        at = end;
    }
    atti_str_add_n(out, t + at, n - at);
}

/* English spacing, rule after rule, as the original does it. */
static void cleanup(atti_str *t, atti_str *work)
{
    static const char *const rules[][2] = {
        {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
        {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
        {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        char a[16], b[16];
        atti_step rule = {.a = a, .b = b};
        rule.a_n = strlen(rules[i][0]);
        rule.b_n = strlen(rules[i][1]);
        memcpy(a, rules[i][0], rule.a_n);
        memcpy(b, rules[i][1], rule.b_n);
        atti_str_clear(work);
        add_replaced(work, &rule, t->data ? t->data : "", t->len);
        atti_str swap = *t;
        *t = *work;
        *work = swap;
    }
}

static void wordpiece(const atti_step *s, const list *in, list *out)
{
    atti_str t = {0}, work = {0};
    for (size_t i = 0; i < in->n; i++) {
        size_t n = 0;
        const char *p = piece_at(in, i, &n);
        atti_str_clear(&t);
        if (i > 0 && n >= s->a_n && memcmp(p, s->a, s->a_n) == 0) {
            p += s->a_n;
            n -= s->a_n;
        } else if (i > 0) {
            atti_str_add(&t, " ");
        }
        atti_str_add_n(&t, p, n);
        if (s->flags & ATTI_F_CLEANUP) cleanup(&t, &work);
        if (t.status != ATT_OK) out->st = t.status;
        if (work.status != ATT_OK) out->st = work.status;
        if (t.len > 0) atti_str_add_n(&out->text, t.data, t.len);
        end_piece(out);
    }
    atti_str_deinit(&t);
    atti_str_deinit(&work);
}

/* A piece that is not made of byte signs alone stands for its own text. */
static void bytes(const list *in, list *out)
{
    atti_str t = {0};
    for (size_t i = 0; i < in->n; i++) {
        size_t n = 0, before = t.len;
        const char *p = piece_at(in, i, &n);
        bool all = true;
        for (size_t at = 0; at < n && all;) {
            int b = atti_code_to_byte(atti_next_code(p, n, &at));
            char c = (char)b;
            all = b >= 0;
            if (all) atti_str_add_n(&t, &c, 1);
        }
        if (!all && t.data) {
            t.len = before;
            t.data[before] = '\0';
        }
        if (!all) atti_str_add_n(&t, p, n);
    }
    if (t.status != ATT_OK) out->st = t.status;
    if (t.len > 0) atti_add_valid(&out->text, t.data, t.len);
    end_piece(out);
    atti_str_deinit(&t);
}

static void metaspace(const atti_step *s, const list *in, list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        size_t n = 0;
        const char *p = piece_at(in, i, &n);
        bool drop = i == 0 && s->mode != ATTI_NEVER;
        char blank[] = " ";
        atti_step rule = {.a = s->a, .a_n = s->a_n, .b = blank, .b_n = !drop};
        add_replaced(&out->text, &rule, p, n);
        end_piece(out);
    }
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int byte_piece(const char *p, size_t n)
{
    if (n != 6 || memcmp(p, "<0x", 3) != 0 || p[5] != '>') return -1;
    int hi = hex(p[3]), lo = hex(p[4]);
    return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

/* A run of byte pieces is its text, or one U+FFFD a byte when it is not UTF-8. */
static void flush_bytes(atti_str *run, list *out)
{
    if (run->len == 0) return;
    if (atti_utf8_valid(run->data, run->len)) {
        atti_str_add_n(&out->text, run->data, run->len);
    } else {
        for (size_t i = 0; i < run->len; i++) atti_str_add(&out->text, "\xef\xbf\xbd");
    }
    atti_str_clear(run);
    end_piece(out);
}

static void byte_fallback(const list *in, list *out)
{
    atti_str run = {0};
    for (size_t i = 0; i < in->n; i++) {
        size_t n = 0;
        const char *p = piece_at(in, i, &n);
        int b = byte_piece(p, n);
        char c = (char)b;
        if (b >= 0) {
            atti_str_add_n(&run, &c, 1);
            continue;
        }
        flush_bytes(&run, out);
        atti_str_add_n(&out->text, p, n);
        end_piece(out);
    }
    flush_bytes(&run, out);
    if (run.status != ATT_OK) out->st = run.status;
    atti_str_deinit(&run);
}

/* At most start signs from the left and stop from the right; a is the sign. */
static void strip(const atti_step *s, const list *in, list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        size_t n = 0, from = 0;
        const char *p = piece_at(in, i, &n);
        for (int32_t k = 0; k < s->start && n - from >= s->a_n; k++) {
            if (memcmp(p + from, s->a, s->a_n) != 0) break;
            from += s->a_n;
        }
        for (int32_t k = 0; k < s->stop && n - from >= s->a_n; k++) {
            if (memcmp(p + n - s->a_n, s->a, s->a_n) != 0) break;
            n -= s->a_n;
        }
        atti_str_add_n(&out->text, p + from, n - from);
        end_piece(out);
    }
}

static void replace(const atti_step *s, const list *in, list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        size_t n = 0;
        const char *p = piece_at(in, i, &n);
        add_replaced(&out->text, s, p, n);
        end_piece(out);
    }
}

/* The suffix that marks a word's end is a space, and nothing at the very end. */
static void bpe_suffix(const atti_step *s, const list *in, list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        size_t n = 0;
        const char *p = piece_at(in, i, &n);
        bool last = i + 1 == in->n;
        char blank[] = " ";
        atti_step rule = {.a = s->a, .a_n = s->a_n, .b = blank, .b_n = !last};
        add_replaced(&out->text, &rule, p, n);
        end_piece(out);
    }
}

static void fuse(const list *in, list *out)
{
    if (in->text.len > 0) atti_str_add_n(&out->text, in->text.data, in->text.len);
    end_piece(out);
}

static void run_step(const atti_step *s, const list *in, list *out)
{
    switch (s->kind) {
    case ATTI_D_WORDPIECE: wordpiece(s, in, out); break;
    case ATTI_D_BYTES: bytes(in, out); break;
    case ATTI_D_METASPACE: metaspace(s, in, out); break;
    case ATTI_D_BYTE_FALLBACK: byte_fallback(in, out); break;
    case ATTI_D_FUSE: fuse(in, out); break;
    case ATTI_D_STRIP: strip(s, in, out); break;
    case ATTI_D_BPE: bpe_suffix(s, in, out); break;
    default: replace(s, in, out); break;
    }
    if (out->st == ATT_OK) out->st = out->text.status;
}

static void collect(const atti_pipeline *p, const int32_t *ids, size_t n, list *l)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = 0;
        const char *s = atti_pieces_get(&p->pieces, ids[i], &len);
        if (!s || p->special[ids[i]]) continue;
        /* Without a decoder there is nobody else to put spaces between words. */
        if (p->dec.n == 0 && l->n > 0) atti_str_add(&l->text, " ");
        atti_str_add_n(&l->text, s, len);
        end_piece(l);
    }
    if (l->st == ATT_OK) l->st = l->text.status;
}

att_status atti_decoded_text(char **out, const char *text, size_t n)
{
    atti_str s = {0};
    for (size_t i = 0; i < n; i++) {
        const char *zero = memchr(text + i, 0, n - i);
        size_t k = zero ? (size_t)(zero - text) - i : n - i;
        atti_str_add_n(&s, text + i, k);
        if (zero) atti_str_add(&s, "\xef\xbf\xbd");
        i += k;
    }
    if (s.status != ATT_OK) return s.status;
    return atti_str_take(out, &s);
}

att_status atti_pipeline_decode(const atti_pipeline *p, const int32_t *ids, size_t n,
                                char **text)
{
    list a = {0}, b = {0};
    collect(p, ids, n, &a);
    for (size_t i = 0; a.st == ATT_OK && i < p->dec.n; i++) {
        atti_str_clear(&b.text);
        b.n = 0;
        run_step(&p->dec.list[i], &a, &b);
        list swap = a;
        a = b;
        b = swap;
    }
    att_status st = a.st;
    if (st == ATT_OK)
        st = a.text.len > 0 && memchr(a.text.data, 0, a.text.len)
                 ? atti_decoded_text(text, a.text.data, a.text.len)
                 : atti_str_take(text, &a.text);
    list_deinit(&a);
    list_deinit(&b);
    return st;
}
