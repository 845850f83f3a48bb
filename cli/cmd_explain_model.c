/* cmd_explain_model.c - attend explain model: the architecture as a diagram. */
#include "explain_parts.h"

#include <string.h>

typedef struct model_opts {
    cli_common c;
    const char *model, *output, *title;
    int32_t dark;
} model_opts;

#define ROW(member) OPT_ROW(model_opts, member)

static const opt options[] = {
    PICTURE_ROW_MODEL(model_opts, "the model"),
    PICTURE_ROW_OUTPUT(model_opts, "the picture: .svg, .png, .pdf or .html"),
    PICTURE_ROW_DARK(model_opts),
    PICTURE_ROW_TITLE(model_opts, "its title"),
};

static int run(void *opts, const cli_list *words)
{
    model_opts *o = opts;
    att_model *m = NULL;
    att_picture *p = NULL;
    att_view_opts v;
    (void)words;
    if (!o->model)
        return cli_usage("explain model", "explain model: -m DIR is missing");
    if (!o->output)
        return cli_usage("explain model",
                         "explain model: -o FILE is missing: .svg .png "
                         ".pdf .html");
    int rc = explain_check_output("explain model", o->output, ".svg .png .pdf .html");
    if (rc) return rc;
    rc = cli_load_model(&m, o->model);
    if (rc) return rc;
    att_view_opts_init(&v);
    v.dark = o->dark;
    v.title = o->title;
    att_status st = att_explain_model(&p, m, &v);
    rc = st == ATT_OK ? explain_save(p, o->output, "model") : cli_status(st);
    att_picture_destroy(p);
    att_model_destroy(m);
    return rc;
}

static const char *const examples[] = {
    "The model as a picture, sizes on every box",
    "attend explain model -m en-zh -o arch.svg",
    NULL,
};

const command cmd_explain_model = {
    .name = "explain model",
    .summary = "draw a model's architecture",
    .usage = "-m DIR -o FILE",
    .about =
        "Draws the model bottom to top with the size of every matrix, and beside it "
        "what multi-head attention does inside.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(model_opts),
    .run = run,
};
