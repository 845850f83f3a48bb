/* registry.c - the architectures there are, and how a program meets its parameters. */
#include "models/family.h"

#include "base/alloc.h"
#include "models/marian/marian_build.h"

#include <string.h>

/* "attend" holds what the class of model_type "marian" cannot; same room, same layout. */
static const atti_family families[] = {
    {"marian", atti_marian_config_read, atti_marian_config_write, atti_marian_declare,
     atti_marian_build},
    {"attend", atti_marian_config_read, atti_marian_config_write, atti_marian_declare,
     atti_marian_build},
};

const atti_family *atti_family_find(const char *model_type)
{
    for (size_t i = 0; model_type && i < sizeof families / sizeof families[0]; i++)
        if (strcmp(families[i].model_type, model_type) == 0) return &families[i];
    return NULL;
}

/* One value of the tape over one parameter or neighbours. */
static att_status bind_one(att_tape *tape, att_var v, const atti_params *ps,
                           float *grads, unsigned char *used)
{
    const char *name = att_tape_name(tape, v);
    size_t first = 0, n = 0;
    int64_t count = 0, want = att_tape_rows(tape, v) * att_tape_cols(tape, v);
    if (!atti_params_neighbours(ps, name, &first, &n))
        return atti_fail(ATT_EBUG, "parameter '%s' was not declared", name);
    int frozen = 0;
    for (size_t i = first; i < first + n; i++) {
        count += ps->p[i].count;
        frozen |= ps->p[i].flags & ATTI_PARAM_FROZEN;
        /* Two values over one parameter would both write its gradient. */
        if (used[i]++)
            return atti_fail(ATT_EBUG, "parameter '%s' is bound twice", ps->p[i].name);
    }
    if (count != want)
        return atti_fail(ATT_EBUG, "parameter '%s': %lld numbers, the program has %lld",
                         name, (long long)count, (long long)want);
    size_t at = ps->p[first].offset;
    return att_tape_set_param(tape, v, ps->data + at,
                              grads && !frozen ? grads + at : NULL);
}

att_status atti_family_bind(att_tape *tape, const atti_params *params, float *grads)
{
    unsigned char *used = NULL;
    if (!params->data) return atti_fail(ATT_EBUG, "parameters have no memory yet");
    ATTI_TRY(atti_alloc(&used, params->n, 1, "parameter list"));
    att_status st = ATT_OK;
    for (int32_t v = 0; st == ATT_OK && v < att_tape_var_count(tape); v++)
        if (att_tape_is_param(tape, v)) st = bind_one(tape, v, params, grads, used);
    atti_free(used);
    return st;
}
