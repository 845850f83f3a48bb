/* tasks.c - the tasks there are, and what all of them share. */
#include "base/checked.h"
#include "train/trainer.h"
#include <string.h>

static const atti_task *const tasks[] = {
    &atti_task_seq2seq,  &atti_task_tag,       &atti_task_classify,
    &atti_task_generate, &atti_task_tag_words, &atti_task_classify_words};

int atti_task_arch_is_words(const char *arch)
{
    static const char *const names[] = {"words", "window", "rnn", "rnn-lstm"};
    for (size_t i = 0; arch && i < sizeof names / sizeof *names; i++)
        if (strcmp(arch, names[i]) == 0) return 1;
    return 0;
}

att_status atti_task_find(const atti_task **out, const char *name, const char *arch)
{
    if (!name) name = tasks[0]->name;
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        int words = tasks[i]->feed == ATTI_FEED_WORDS;
        if (strcmp(tasks[i]->name, name) != 0) continue;
        if (tasks[i]->feed == ATTI_FEED_LABELS && atti_task_arch_is_words(arch))
            continue;
        if (words && !atti_task_arch_is_words(arch)) continue;
        *out = tasks[i];
        return ATT_OK;
    }
    return atti_fail(ATT_EINVAL,
                     "task '%.40s' is not one of translate, tag, classify, generate",
                     name);
}

void atti_task_max_rows(const atti_family *family, const atti_pairs *p,
                        const atti_pairs *q, int32_t n_q, const atti_feed_opts *o,
                        int64_t rows[5], int32_t *n)
{
    int64_t most[3] = {0};
    atti_feed_max_rows(p, o, &most[0], &most[1], &most[2]);
    for (int32_t k = 0; k < n_q; k++) {
        int64_t other[3] = {0};
        atti_feed_max_rows(&q[k], o, &other[0], &other[1], &other[2]);
        for (int i = 0; i < 3; i++) most[i] = atti_max_i64(most[i], other[i]);
    }
    *n = 0;
    if (family->shape == ATTI_WORDS) {
        const int64_t words[5] = {most[0], most[1], most[2], most[2] + 1, most[1] + 1};
        memcpy(rows, words, sizeof words);
        *n = 5;
        return;
    }
    if (family->shape != ATTI_DECODER) rows[(*n)++] = most[0];
    if (family->shape != ATTI_ENCODER) rows[(*n)++] = most[1];
    rows[(*n)++] = most[2];
    rows[(*n)++] = most[2] + 1;
}
