/* model_task.c - a model that was given to another command than its own: what it does, and
 * what to type. */
#include "model_task.h"

#include <string.h>

typedef struct task_words {
    const char *task, *does, *not ; /* "it labels words", "it does not translate" */
    const char *files;              /* that evaluate takes */
} task_words;

static const task_words tasks[] = {
    {"translate", "translates", "translate", "--source FILE --target FILE"},
    {"tag", "labels words", "label words", "FILE.conllu"},
    {"classify", "labels texts", "label texts", "FILE.tsv"},
    {"generate", "goes on from a text", "go on from a text", "FILE.txt"},
};

static const task_words *words_of(const char *task)
{
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i].task, task) == 0) return &tasks[i];
    return NULL;
}

/* Says what the model is not for and what it is; NULL: it has no head. */
static const task_words *refuse(const att_model *model, const char *dir,
                                const char *task)
{
    const task_words *wanted = words_of(task), *has = words_of(att_model_task(model));

    if (has) {
        cli_fail("%s: this model %s, it does not %s", dir, has->does,
                 wanted ? wanted->not : task);
        return has;
    }
    cli_fail("%s: this model (%s) is an encoder without labels, it does not %s", dir,
             att_model_architecture(model), wanted ? wanted->not : task);
    cli_hint("attend explain -m %s TEXT shows what it attends to", dir);
    return NULL;
}

int model_task_check(const att_model *model, const char *dir, const char *task)
{
    const task_words *has;

    if (strcmp(att_model_task(model), task) == 0) return 0;
    has = refuse(model, dir, task);
    if (has) cli_hint("attend %s -m %s", has->task, dir);
    return EXIT_FAILED;
}

int model_task_evaluate(const att_model *model, const char *dir, const char *task)
{
    const task_words *has;

    if (strcmp(att_model_task(model), task) == 0) return 0;
    has = refuse(model, dir, task);
    if (has) cli_hint("attend evaluate -m %s %s", dir, has->files);
    return EXIT_FAILED;
}
