/* opt_config.c - configuration files: one flat JSON object. Written here because the
 * library keeps its JSON reader to itself, and options need little of it. */
#include "opt.h"

#include <stdlib.h>
#include <string.h>

typedef struct reader {
    const char *path, *s, *start;
    bool failed;
} reader;

static void *bad(reader *r, const char *why)
{
    int line = 1;

    for (const char *p = r->start; p < r->s; p++) line += *p == '\n';
    if (!r->failed) cli_fail("%s:%d: %s", r->path, line, why);
    r->failed = true;
    return NULL;
}

static void skip(reader *r)
{
    while (*r->s == ' ' || *r->s == '\t' || *r->s == '\n' || *r->s == '\r') r->s++;
}

static void add_code(cli_text *t, unsigned c)
{
    char u[4];
    size_t n = 0;

    if (c < 0x80) {
        u[n++] = (char)c;
    } else if (c < 0x800) {
        u[n++] = (char)(0xc0 | c >> 6);
        u[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        u[n++] = (char)(0xe0 | c >> 12);
        u[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        u[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        u[n++] = (char)(0xf0 | c >> 18);
        u[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        u[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        u[n++] = (char)(0x80 | (c & 0x3f));
    }
    cli_add_n(t, u, n);
}

static bool hex4(reader *r, unsigned *out)
{
    char digits[5] = {0}, *end;

    strncpy(digits, r->s, 4);
    *out = (unsigned)strtoul(digits, &end, 16);
    if (end != digits + 4) return false;
    r->s += 4;
    return true;
}

static char *read_string(reader *r)
{
    cli_text t = {0};
    unsigned c, low;

    cli_add(&t, "");
    for (r->s++; *r->s != '"';) {
        if (!*r->s) return bad(r, "a string without an end");
        if ((unsigned char)*r->s < 0x20)
            return bad(r, "a control character in a string");
        if (*r->s != '\\') {
            cli_add_n(&t, r->s++, 1);
            continue;
        }
        r->s++;
        const char *from = "\"\\/bfnrt", *at = *r->s ? strchr(from, *r->s) : NULL;
        if (at) {
            cli_add_n(&t, &"\"\\/\b\f\n\r\t"[at - from], 1);
            r->s++;
        } else if (*r->s == 'u') {
            r->s++;
            if (!hex4(r, &c) || c == 0) return bad(r, "a bad \\u escape");
            if (c >= 0xd800 && c < 0xdc00 && r->s[0] == '\\' && r->s[1] == 'u') {
                r->s += 2;
                if (!hex4(r, &low) || low < 0xdc00 || low > 0xdfff)
                    return bad(r, "a bad \\u escape");
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            }
            add_code(&t, c);
        } else {
            return bad(r, "an unknown escape in a string");
        }
    }
    r->s++;
    return t.s;
}

/* A string, a number, true, false: always as a word. */
static char *read_scalar(reader *r)
{
    size_t n;

    skip(r);
    if (*r->s == '"') return read_string(r);
    n = strcspn(r->s, " \t\r\n,]}");
    if (n == 0 || *r->s == '{' || *r->s == '[')
        return bad(r, "expected a string, a number, true, false or a list of them");
    char *w = cli_format("%.*s", (int)n, r->s);
    if (strcmp(w, "true") != 0 && strcmp(w, "false") != 0 && strcmp(w, "null") != 0) {
        char *end;

        strtod(w, &end);
        if (*end) return bad(r, cli_format("'%s' is no JSON value", w));
    }
    r->s += n;
    return w;
}

static void push(cli_list *l, const char *w)
{
    l->item = cli_resize(l->item, (size_t)l->n + 1, sizeof *l->item);
    l->item[l->n++] = w;
}

static void read_value(reader *r, cli_list *out)
{
    skip(r);
    if (*r->s != '[') {
        push(out, read_scalar(r));
        return;
    }
    r->s++;
    skip(r);
    while (!r->failed && *r->s != ']') {
        push(out, read_scalar(r));
        skip(r);
        if (*r->s == ',')
            r->s++;
        else if (*r->s != ']')
            bad(r, "expected ',' or ']'");
        skip(r);
    }
    if (!r->failed) r->s++;
}

config_value *config_load(const char *path, size_t *n)
{
    config_value *all = NULL;
    reader r = {.path = strcmp(path, "-") == 0 ? "standard input" : path};
    size_t len;
    char *text = cli_read_file(path, 1 << 20, &len);

    *n = 0;
    if (!text) return NULL;
    r.s = r.start = text;
    if (strncmp(r.s, "\xef\xbb\xbf", 3) == 0) r.s += 3;
    skip(&r);
    if (*r.s != '{') return bad(&r, "expected a JSON object of options");
    r.s++;
    skip(&r);
    all = cli_alloc(1, sizeof *all);
    while (!r.failed && *r.s != '}') {
        config_value v = {0};

        if (*r.s != '"') return bad(&r, "expected the name of an option in quotes");
        v.key = read_string(&r);
        skip(&r);
        if (r.failed || *r.s != ':') return bad(&r, "expected ':'");
        r.s++;
        read_value(&r, &v.words);
        if (r.failed) return NULL;
        skip(&r);
        if (*r.s == ',')
            r.s++;
        else if (*r.s != '}')
            return bad(&r, "expected ',' or '}'");
        skip(&r);
        if (v.words.n == 1 && strcmp(v.words.item[0], "null") == 0) continue;
        all = cli_resize(all, *n + 1, sizeof *all);
        all[(*n)++] = v;
    }
    if (r.failed) return NULL;
    r.s++;
    skip(&r);
    if (*r.s) return bad(&r, "text after the object");
    return all;
}
