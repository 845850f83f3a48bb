/* label_set.h - the labels of a corpus, each once, in the order of their bytes: the ids do
 * not depend on the order of the files. */
#ifndef ATTI_LABEL_SET_H
#define ATTI_LABEL_SET_H

#include "base/error.h"

typedef struct atti_label_set {
    char **text; /* [n] sorted */
    int64_t *count;
    size_t n, cap_text, cap_count;
} atti_label_set;

void atti_label_set_deinit(atti_label_set *s);
/* ATT_EFORMAT: more than 65,534 labels. Ids move until all are in. */
ATT_MUST_CHECK att_status atti_label_set_add(atti_label_set *s, const char *label);
int32_t atti_label_set_find(const atti_label_set *s, const char *label); /* -1 none */

#endif
