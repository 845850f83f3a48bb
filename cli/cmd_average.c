/* cmd_average.c - attend average: one model from the weights of several. */
#include "attend/train.h"
#include "commands.h"
#include "term.h"

#include <string.h>

typedef struct average_opts {
    cli_common c;
    const char *output;
} average_opts;

static const opt options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPT_STR,
     .arg = "DIR",
     OPT_ROW(average_opts, output),
     .help = "the directory to write"},
};

static int run(void *opts, const cli_list *words)
{
    average_opts *o = opts;
    att_status st;

    if (!o->output) return cli_usage("average", "average: -o DIR is missing");
    if (words->n < 1) return cli_usage("average", "average: no model given");
    progress_busy("averaging");
    st = att_average(o->output, words->item, words->n);
    progress_busy_end();
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
