/* cmd_average.c - attend average: one model from the weights of several. */
#include "attend/train.h"
#include "commands.h"
#include "term.h"
#include "used_dir.h"

#include <unistd.h>

typedef struct average_opts {
    cli_common c;
    const char *output;
    int32_t overwrite;
} average_opts;

static const opt options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPT_STR,
     .arg = "DIR",
     OPT_ROW(average_opts, output),
     .help = "the directory to write"},
    {.name = "overwrite",
     .kind = OPT_FLAG,
     OPT_ROW(average_opts, overwrite),
     .flags = OPT_VOLATILE,
     .help =
         "replace the model that the directory holds; a training is never replaced"},
};

static int check_output(const average_opts *o, const cli_list *words)
{
    char *checkpoints = cli_format("%s/checkpoints", o->output);
    int rc = EXIT_FINE;

    for (int i = 0; i < words->n && rc == EXIT_FINE; i++)
        if (used_same(words->item[i], o->output))
            rc = cli_usage("average",
                           "average: -o %s is one of the models: the mean "
                           "needs a directory of its own",
                           o->output);
    if (rc == EXIT_FINE && access(checkpoints, F_OK) == 0)
        rc = cli_fail("%s: holds a training: the mean needs a directory of its own",
                      o->output);
    if (rc == EXIT_FINE &&
        !used_dir_free(o->output, o->overwrite != 0, "--overwrite replaces it"))
        rc = EXIT_FAILED;
    cli_free(checkpoints);
    return rc;
}

static int run(void *opts, const cli_list *words)
{
    average_opts *o = opts;
    att_status st;
    int rc;

    if (!o->output) return cli_usage("average", "average: -o DIR is missing");
    if (words->n < 1) return cli_usage("average", "average: no model given");
    if ((rc = check_output(o, words)) != EXIT_FINE) return rc;
    progress_busy("averaging");
    /* Reading and writing are short; a signal in between would leave half a model. */
    cli_catch_signals();
    st = att_average(o->output, words->item, words->n);
    progress_busy_end();
    if (st == ATT_OK && cli_signal()) return 128 + cli_signal();
    return cli_status(st);
}

static const char *const examples[] = {
    "The checkpoints that a training kept",
    "attend average -o en-de.avg en-de/checkpoints/*",
    NULL,
};

const command cmd_average = {
    .name = "average",
    .summary = "average the weights of models or checkpoints",
    .usage = "-o DIR DIR ...",
    .about =
        "The models must be of one shape; everything but the weights is taken from "
        "the first.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(average_opts),
    .max_words = -1,
    .run = run,
};
