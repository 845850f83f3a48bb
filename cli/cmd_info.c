/* cmd_info.c - attend info: what this program is made of, or what a model is. */
#include "attend/kernels.h"
#include "commands.h"
#include "info_model.h"

#include <string.h>

typedef struct info_opts {
    cli_common c;
    const char *model;
    int32_t json, kernels, tensors;
} info_opts;

static const opt options[] = {
    {.name = "model",
     .letter = 'm',
     .kind = OPT_STR,
     .arg = "DIR",
     OPT_ROW(info_opts, model),
     .help = "describe this model instead of the program"},
    {.name = "tensors",
     .kind = OPT_FLAG,
     OPT_ROW(info_opts, tensors),
     .help = "list the model's tensors too"},
    {.name = "kernels",
     .kind = OPT_FLAG,
     OPT_ROW(info_opts, kernels),
     .help = "print the instruction set in use only"},
    {.name = "json",
     .kind = OPT_FLAG,
     OPT_ROW(info_opts, json),
     .help = "one JSON object"},
};

/* --- the program ------------------------------------------------------------------ */

static void kernel_list(cli_text *t, bool json)
{
    const char *name;

    cli_add(t, "");
    for (int32_t i = 0; (name = att_kernels_available(i)) != NULL; i++) {
        if (i) cli_add(t, json ? "," : ", ");
        if (json)
            cli_add_json(t, name);
        else
            cli_add(t, name);
    }
}

/* The library's lines "name   value" as members of an object. */
static void build_json(cli_text *t)
{
    char *text = cli_strdup(att_build_info()), *save = NULL;
    const char *between = ",\"build\":{";

    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        char *value = strstr(l, "  ");

        if (!value) continue;
        *value++ = 0;
        cli_add(t, between);
        cli_add_json(t, l);
        cli_add(t, ":");
        cli_add_json(t, value + strspn(value, " "));
        between = ",";
    }
    cli_add(t, "}");
    cli_free(text);
}

static int program(const info_opts *o)
{
    att_status st = att_kernels_check();
    cli_text list = {0}, t = {0};

    if (st != ATT_OK) return cli_status(st);
    if (o->kernels) {
        puts(att_kernels_isa());
        return EXIT_FINE;
    }
    kernel_list(&list, o->json != 0);
    if (o->json) {
        cli_add(&t, "{\"version\":");
        cli_add_json(&t, att_version());
        cli_addf(&t, ",\"abi\":%d,\"threads\":%d,\"kernels\":", att_abi_version(),
                 att_threads());
        cli_add_json(&t, att_kernels_isa());
        cli_addf(&t, ",\"kernels_available\":[%s],\"bf16\":", list.s);
        cli_add_json(&t, att_kernels_bf16());
        cli_add(&t, ",\"matmul\":");
        cli_add_json(&t, att_matmul_provider());
        build_json(&t);
        cli_add(&t, "}");
        puts(t.s);
        return EXIT_FINE;
    }
    info_row("attend", cli_format("%s (ABI %d)", att_version(), att_abi_version()));
    info_row("kernels", cli_format("%s in use; this processor runs %s",
                                   att_kernels_isa(), list.s));
    info_row("matmul", att_matmul_provider());
    info_row("bf16", att_kernels_bf16());
    info_row("threads", cli_format("%d", att_threads()));
    fputs(att_build_info(), stdout);
    info_row("switches", "ATTEND_ISA caps the kernels, --threads sets the team");
    info_row("", "libraries: cmake -DATTEND_WITH_<NAME>=ON|OFF when building");
    return EXIT_FINE;
}

static int run(void *opts, const cli_list *words)
{
    info_opts *o = opts;
    att_model *m = NULL;
    int rc;

    (void)words;
    if (!o->model) return program(o);
    rc = cli_load_model(&m, o->model);
    if (rc) return rc;
    rc = o->json ? info_model_json(m, o->model, o->tensors != 0)
                 : info_model_text(m, o->model, o->tensors != 0);
    att_model_destroy(m);
    return rc;
}

static const char *const examples[] = {
    "This program: build, instruction set, libraries",
    "attend info",
    "A model: sizes, vocabulary, what trained it",
    "attend info -m en-de",
    NULL,
};

const command cmd_info = {
    .name = "info",
    .summary = "describe this program or a model",
    .usage = "[-m DIR] [options]",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(info_opts),
    .run = run,
};
