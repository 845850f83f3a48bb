/* langs.c - tokens of target languages, in text and in options. */
#include "data/text/langs.h"
#include "base/alloc.h"
#include "base/file.h"
#include <stdio.h>
#include <string.h>

enum { MOST = 1000 };

static bool in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '-' || c == '.' || c == '+' || c == '@';
}

size_t atti_lang_token(const char *text, size_t n)
{
    size_t i = 2;
    if (n > ATTI_LANG_MAX) n = ATTI_LANG_MAX;
    if (n < 5 || memcmp(text, ">>", 2) != 0) return 0;
    while (i < n && in_name(text[i])) i++;
    return i > 2 && i + 1 < n && memcmp(text + i, "<<", 2) == 0 ? i + 2 : 0;
}

att_status atti_lang_of_word(char out[ATTI_LANG_MAX + 1], const char *word)
{
    size_t n = word ? strlen(word) : 0;
    bool whole = n > 2 && memcmp(word, ">>", 2) == 0;
    if (n > 0 && n <= ATTI_LANG_MAX - 4)
        (void)snprintf(out, ATTI_LANG_MAX + 1, whole ? "%s" : ">>%s<<", word);
    else
        out[0] = '\0';
    if (n == 0 || atti_lang_token(out, strlen(out)) != strlen(out) || !out[0])
        return atti_fail(ATT_EINVAL,
                         "'%.60s' is no target language: a word like de or >>de<< of "
                         "letters, digits, _ - . + @",
                         word ? word : "");
    return ATT_OK;
}

att_status atti_langs_add(atti_langs *l, const char *token, size_t n)
{
    for (size_t i = 0; i < l->n; i++)
        if (strlen(l->token[i]) == n && memcmp(l->token[i], token, n) == 0)
            return ATT_OK;
    if (l->n == MOST)
        return atti_fail(ATT_EFORMAT, "more than %d target languages", MOST);
    ATTI_TRY(atti_grow(&l->token, &l->cap, l->n + 1, sizeof *l->token, "languages"));
    ATTI_TRY(atti_alloc(&l->token[l->n], n + 1, 1, "language"));
    memcpy(l->token[l->n], token, n);
    l->token[l->n++][n] = '\0';
    return ATT_OK;
}

att_status atti_langs_read(atti_langs *l, const char *path)
{
    atti_lines *lines = NULL;
    const char *line = NULL;
    size_t n = 0;
    ATTI_TRY(atti_lines_open(&lines, path, 0));
    att_status st = ATT_OK;
    while ((st = atti_lines_next(lines, &line, &n)) == ATT_OK && line) {
        size_t len = atti_lang_token(line, n);
        if (len > 0) st = atti_langs_add(l, line, len);
        if (st == ATT_EFORMAT) st = atti_fail_prefix(st, "%s: ", path);
        if (st != ATT_OK) break;
    }
    atti_lines_close(lines);
    return st;
}

void atti_langs_deinit(atti_langs *l)
{
    for (size_t i = 0; i < l->n; i++) atti_free(l->token[i]);
    atti_free(l->token);
    *l = (atti_langs){NULL, 0, 0};
}
