/* target_lang.c - which target languages a model has, and the token that asks for one. */
#include "target_lang.h"

#include <string.h>

enum { IDS_MAX = 1 << 22, GAP_MAX = 4096 };

static bool is_token(const char *s, size_t n)
{
    if (n < 5 || strncmp(s, ">>", 2) != 0 || strncmp(s + n - 2, "<<", 2) != 0)
        return false;
    return strcspn(s + 2, " <>") == n - 4;
}

bool target_lang_in(const char *line)
{
    const char *end = strstr(line, "<<");

    return end && is_token(line, (size_t)(end - line) + 2);
}

char *target_lang_list(const att_model *model)
{
    cli_text t = {0};

    for (int32_t i = 0, gap = 0; i < IDS_MAX && gap < GAP_MAX; i++) {
        const char *piece = att_model_piece(model, 0, i);
        size_t n = piece ? strlen(piece) : 0;

        gap = piece ? 0 : gap + 1;
        if (piece && is_token(piece, n))
            cli_addf(&t, "%s%.*s", t.n ? ", " : "", (int)(n - 4), piece + 2);
    }
    return t.s;
}

int target_lang_find(char **token, const att_model *model, const char *word,
                     const char *command)
{
    char *list;

    *token = NULL;
    if (!word) return 0;
    *token = target_lang_in(word) ? cli_strdup(word) : cli_format(">>%s<<", word);
    for (int32_t i = 0, gap = 0; i < IDS_MAX && gap < GAP_MAX; i++) {
        const char *piece = att_model_piece(model, 0, i);

        gap = piece ? 0 : gap + 1;
        if (piece && strcmp(piece, *token) == 0) return 0;
    }
    list = target_lang_list(model);
    if (!list)
        return cli_usage(command, "%s: --to %s: the model has one target language",
                         command, word);
    return cli_usage(command, "%s: --to %s: the model's target languages are %s",
                     command, word, list);
}

char *target_lang_line(const char *token, const char *line)
{
    if (!token || target_lang_in(line) || line[strspn(line, " \t")] == 0)
        return cli_strdup(line);
    return cli_format("%s %s", token, line);
}

enum { LISTED = 300 }; /* bytes of the languages in a warning */

void target_lang_watch_open(target_lang_watch *w, const att_model *model)
{
    char *list = target_lang_list(model);

    /* With one token only there is nothing to choose. */
    if (list && !strchr(list, ',')) {
        cli_free(list);
        list = NULL;
    }
    *w = (target_lang_watch){.list = list};
}

static bool listed(const char *list, const char *word, size_t n)
{
    for (const char *s = list; s; s = strstr(s, ", ")) {
        if (*s == ',') s += 2;
        if (strncmp(s, word, n) == 0 && (s[n] == ',' || s[n] == 0)) return true;
    }
    return false;
}

void target_lang_watch_line(target_lang_watch *w, const char *line, int64_t number)
{
    const char *end, *more;

    if (!w->list || line[strspn(line, " \t\r\n")] == 0) return;
    more = strlen(w->list) > LISTED ? " ..." : "";
    if (!target_lang_in(line)) {
        if (!w->told_none)
            cli_warn("line %lld names no target language (--to LANG): the model's are "
                     "%.*s%s; there may be more such lines",
                     (long long)number, LISTED, w->list, more);
        w->told_none = true;
        return;
    }
    end = strstr(line, "<<");
    if (w->told_other || listed(w->list, line + 2, (size_t)(end - line) - 2)) return;
    cli_warn("line %lld: '%.*s' is no target language of the model: they are %.*s%s; "
             "there may be more such lines",
             (long long)number, (int)(end - line) + 2, line, LISTED, w->list, more);
    w->told_other = true;
}

void target_lang_watch_close(target_lang_watch *w)
{
    cli_free(w->list);
    w->list = NULL;
}
