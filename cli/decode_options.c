/* decode_options.c - a model and the options over it. */
#include "decode_options.h"
#include "model_task.h"
#include "term.h"

#include <ctype.h>
#include <string.h>

/* What defaults are taken from: generation_config.json of the model at hand. */
static const att_model *model_of_defaults;

void decode_defaults(decode_opts *o)
{
    att_decode_opts_init(&o->d, model_of_defaults);
}

int decode_open(att_model **model, const command *c, void *all, decode_opts *o)
{
    int rc;

    if (!o->model) return cli_usage(c->name, "%s: -m DIR is missing", c->name);
    rc = cli_load_model(model, o->model);
    if (rc) return rc;
    rc = strcmp(c->name, "evaluate") == 0
             ? model_task_evaluate(*model, o->model, "translate")
             : model_task_check(*model, o->model, "translate");
    model_of_defaults = *model;
    if (rc == 0) rc = opt_apply_again(c, all);
    model_of_defaults = NULL;
    if (rc == 0) {
        o->d.cancel = cli_stop;
        return 0;
    }
    att_model_destroy(*model);
    *model = NULL;
    return rc;
}

/* The library says "decoding: min_p is 2, expected ..."; the option is --min-p. */
int decode_refused(att_status st, const command *c)
{
    static const char said[] = "decoding: ";
    const char *message = att_error_message();
    char *words;

    if (st != ATT_EINVAL || strncmp(message, said, sizeof said - 1) != 0)
        return cli_status(st);
    words = cli_strdup(message + sizeof said - 1);
    for (char *p = words; *p; p++)
        if (*p == '_' && isalpha((unsigned char)p[1])) *p = '-';
    return cli_usage(c->name, "%s: --%s", c->name, words);
}
