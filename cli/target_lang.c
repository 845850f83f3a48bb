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
