/* label_set.c - a sorted array: there are few labels and many look-ups. */
#include "train/tasks/label_set.h"
#include "base/alloc.h"
#include <string.h>

enum { MAX_LABELS = 65534 };

void atti_label_set_deinit(atti_label_set *s)
{
    for (size_t i = 0; i < s->n; i++) atti_free(s->text[i]);
    atti_free(s->text);
    atti_free(s->count);
    memset(s, 0, sizeof *s);
}

/* The first that is not less. */
static size_t place(const atti_label_set *s, const char *label)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(s->text[mid], label) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int32_t atti_label_set_find(const atti_label_set *s, const char *label)
{
    size_t i = place(s, label);
    return i < s->n && strcmp(s->text[i], label) == 0 ? (int32_t)i : -1;
}

att_status atti_label_set_add(atti_label_set *s, const char *label)
{
    size_t i = place(s, label);
    char *copy = NULL;
    if (i < s->n && strcmp(s->text[i], label) == 0) {
        s->count[i]++;
        return ATT_OK;
    }
    if (s->n >= MAX_LABELS)
        return atti_fail(ATT_EFORMAT, "more than %d different labels", MAX_LABELS);
    ATTI_TRY(atti_grow(&s->text, &s->cap_text, s->n + 1, sizeof *s->text, "labels"));
    ATTI_TRY(atti_grow(&s->count, &s->cap_count, s->n + 1, sizeof *s->count, "labels"));
    ATTI_TRY(atti_strdup(&copy, label));
    memmove(s->text + i + 1, s->text + i, (s->n - i) * sizeof *s->text);
    memmove(s->count + i + 1, s->count + i, (s->n - i) * sizeof *s->count);
    s->text[i] = copy;
    s->count[i] = 1;
    s->n++;
    return ATT_OK;
}
