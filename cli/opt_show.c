/* opt_show.c - values back to words: stored configurations and the defaults in the help. */
#include "opt.h"

#include <stdlib.h>
#include <string.h>

/* The fewest digits that read back as the same float: 0.003, not 0.00300000003. */
static void add_float(cli_text *t, float v)
{
    char digits[32];

    for (int n = 6; n <= 9; n++) {
        snprintf(digits, sizeof digits, "%.*g", n, (double)v);
        if (strtof(digits, NULL) == v) break;
    }
    cli_add(t, digits);
}

static void value_json(cli_text *t, const opt *p, const char *place)
{
    char name[64];

    switch (p->kind) {
    case OPT_FLAG:
        cli_add(t, *(const int32_t *)(const void *)place ? "true" : "false");
        break;
    case OPT_I32: cli_addf(t, "%d", *(const int32_t *)(const void *)place); break;
    case OPT_BYTES:
    case OPT_I64:
        cli_addf(t, "%lld", (long long)*(const int64_t *)(const void *)place);
        break;
    case OPT_U64:
        cli_addf(t, "%llu", (unsigned long long)*(const uint64_t *)(const void *)place);
        break;
    case OPT_F32: add_float(t, *(const float *)(const void *)place); break;
    case OPT_F64: cli_add_number(t, *(const double *)(const void *)place); break;
    case OPT_STR: cli_add_json(t, *(const char *const *)(const void *)place); break;
    case OPT_CHOICE:
        if (!opt_choice(p, *(const int32_t *)(const void *)place, name, sizeof name))
            snprintf(name, sizeof name, "?");
        cli_add_json(t, name);
        break;
    case OPT_LIST: {
        const cli_list *l = (const cli_list *)(const void *)place;

        cli_add(t, "[");
        for (int i = 0; i < l->n; i++) {
            if (i) cli_add(t, ", ");
            cli_add_json(t, l->item[i]);
        }
        cli_add(t, "]");
        break;
    }
    case OPT_GROUP: break;
    }
}

static bool is_unset(const opt *p, const char *place)
{
    if (p->kind == OPT_STR) return *(const char *const *)(const void *)place == NULL;
    if (p->kind == OPT_LIST) return ((const cli_list *)(const void *)place)->n == 0;
    return false;
}

void opt_dump_json(cli_text *t, const command *c, const void *o)
{
    cli_add(t, "{\n  \"attend\": ");
    cli_add_json(t, att_version());
    cli_add(t, ",\n  \"command\": ");
    cli_add_json(t, c->name);
    for (size_t i = 0; opt_at(c, i); i++) {
        const opt *p = opt_at(c, i);
        const char *place = (const char *)o + p->at;

        if (!p->name || p->flags & OPT_VOLATILE || is_unset(p, place)) continue;
        cli_addf(t, ",\n  \"%s\": ", p->name);
        value_json(t, p, place);
    }
    cli_add(t, "\n}\n");
}

void opt_default_text(cli_text *t, const opt *p, const void *o)
{
    const char *place = (const char *)o + p->at;
    cli_text json = {0};

    if (p->flags & (OPT_NO_DEFAULT | OPT_HELP) || p->kind == OPT_GROUP ||
        p->kind == OPT_LIST || is_unset(p, place))
        return;
    if (p->kind == OPT_FLAG) return;
    if (p->kind == OPT_F32)
        cli_addf(&json, "%.6g", (double)*(const float *)(const void *)place);
    else
        value_json(&json, p, place);
    if (json.s[0] == '"')
        cli_add_n(t, json.s + 1, json.n - 2);
    else
        cli_add(t, json.s);
    cli_free(json.s);
}
