/* target_lang.h - models of several target languages: the token in front of a source that
 * says which one is wanted, ">>de<<". */
#ifndef ATTEND_CLI_TARGET_LANG_H
#define ATTEND_CLI_TARGET_LANG_H

#include "attend/model.h"
#include "cli.h"

/* The token of word ("de" or ">>de<<") in the model's vocabulary, the caller's. Exit code:
 * without such an entry the message lists those that there are. */
int target_lang_find(char **token, const att_model *model, const char *word,
                     const char *command);
/* A copy of the line, behind the token where it has none and is not empty. token NULL:
 * only a copy. */
char *target_lang_line(const char *token, const char *line);
/* Whether a line begins with a token. */
bool target_lang_in(const char *line);
/* "de, zh" of a model's vocabulary; NULL: it has no such tokens. The caller's. */
char *target_lang_list(const att_model *model);

/* Lines that ask for no language of a model that has several, or for one that it does not
 * have: the first of each is told. */
typedef struct target_lang_watch {
    char *list; /* NULL: the model has one language, nothing is told */
    bool told_none, told_other;
} target_lang_watch;
void target_lang_watch_open(target_lang_watch *w, const att_model *model);
void target_lang_watch_line(target_lang_watch *w, const char *line, int64_t number);
void target_lang_watch_close(target_lang_watch *w);

#endif
