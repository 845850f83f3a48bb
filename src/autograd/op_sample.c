/* op_sample.c - small operands for the gradient checks of tests/grad. */
#include "autograd/op.h"
#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

static atti_sample_input *next_input(atti_sample *s)
{
    if (s->status != ATT_OK) return NULL;
    if (s->n == ATTI_SAMPLE_MAX) {
        s->status = atti_fail(ATT_EBUG, "sample: more than %d inputs", ATTI_SAMPLE_MAX);
        return NULL;
    }
    return &s->input[s->n];
}

att_var atti_sample_param(atti_sample *s, int64_t rows, int64_t cols, float lo,
                          float hi, float gap)
{
    atti_sample_input *in = next_input(s);
    if (!in) return ATT_NO_VAR;
    char name[32];
    snprintf(name, sizeof name, "p%d", (int)s->n);
    size_t n = (size_t)(rows * cols);
    *in = (atti_sample_input){.is_param = 1, .rows = rows, .cols = cols};
    s->status = att_tape_param(s->tape, &in->var, name, rows, cols);
    if (s->status == ATT_OK) s->status = atti_alloc(&in->f, n, sizeof(float), "sample");
    if (s->status == ATT_OK)
        s->status = atti_alloc(&in->grad, n, sizeof(float), "sample");
    if (s->status == ATT_OK)
        s->status = att_tape_set_param(s->tape, in->var, in->f, in->grad);
    s->n++;
    for (size_t i = 0; s->status == ATT_OK && i < n; i++) {
        float x = lo + (hi - lo) * (float)atti_rng_unit(&s->rng);
        if (x >= 0.0f && x < gap) x += gap;
        if (x < 0.0f && x > -gap) x -= gap;
        in->f[i] = x;
    }
    return s->status == ATT_OK ? in->var : ATT_NO_VAR;
}

att_var atti_sample_table(atti_sample *s, int64_t rows, int64_t cols,
                          const int32_t *values)
{
    atti_sample_input *in = next_input(s);
    if (!in) return ATT_NO_VAR;
    char name[32];
    size_t n = (size_t)(rows * cols);
    snprintf(name, sizeof name, "i%d", (int)s->n);
    *in = (atti_sample_input){.rows = rows, .cols = cols};
    s->status = att_tape_input(s->tape, &in->var, name, ATT_I32, rows, cols);
    if (s->status == ATT_OK) s->status = atti_alloc(&in->i, n, sizeof *in->i, "sample");
    if (s->status == ATT_OK) memcpy(in->i, values, n * sizeof *values);
    if (s->status == ATT_OK) s->status = att_tape_set(s->tape, in->var, in->i);
    s->n++;
    return s->status == ATT_OK ? in->var : ATT_NO_VAR;
}

att_var atti_sample_ints(atti_sample *s, int64_t rows, const int32_t *values)
{
    return atti_sample_table(s, rows, 1, values);
}

void atti_sample_deinit(atti_sample *s)
{
    for (int32_t i = 0; i < s->n; i++) {
        atti_free(s->input[i].f);
        atti_free(s->input[i].i);
        atti_free(s->input[i].grad);
    }
    att_tape_destroy(s->tape);
    *s = (atti_sample){0};
}
