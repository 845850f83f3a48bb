/* task_labels.c - labelled files, checked before a directory is made. */
#include "train/tasks/task_labels.h"

static att_status enough(const atti_trainer *t, const char *item)
{
    const char *first = t->o.train_source[0];
    if (t->labels.n == 0)
        return atti_fail(ATT_EFORMAT, "%s: no %s has a label", first, item);
    if (t->labels.n == 1)
        return atti_fail(ATT_EFORMAT,
                         "%s: every %s has the label '%.60s': there is nothing to "
                         "tell apart",
                         first, item, t->labels.text[0]);
    return ATT_OK;
}

att_status atti_label_files_check(atti_trainer *t, const atti_label_walk *w)
{
    const att_train_opts *o = &t->o;
    for (int32_t i = 0; i < o->n_train; i++) ATTI_TRY(w->train(t, o->train_source[i]));
    if (!o->regression) ATTI_TRY(enough(t, w->item));
    return o->valid_source ? w->valid(t, o->valid_source) : ATT_OK;
}

void atti_label_singles_say(atti_trainer *t)
{
    for (size_t i = 0; i < t->labels.n; i++)
        if (t->labels.count[i] == 1)
            atti_train_say(t, 4, "label '%s' has one example only", t->labels.text[i]);
}
