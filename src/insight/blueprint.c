/* blueprint.c - boxes, arrows and frames of a model's diagram. */
#include "insight/blueprint.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>

int64_t atti_blueprint_box(atti_blueprint *d, double row, atti_tint tint,
                           const char *label, const char *note, ...)
{
    va_list args;
    int64_t i = d->n++;
    ATT_ASSERT(i < ATTI_BOXES);
    va_start(args, note);
    vsnprintf(d->note[i], ATTI_NOTE, note, args);
    va_end(args);
    snprintf(d->label[i], ATTI_NOTE, "%s", label);
    d->box[i] = (att_box){d->label[i], d->note[i][0] ? d->note[i] : NULL, d->column,
                          row, (int32_t)tint};
    return i;
}

void atti_blueprint_arrow(atti_blueprint *d, int64_t from, int64_t to, int32_t side,
                          const char *note)
{
    ATT_ASSERT(d->n_arrows < ATTI_ARROWS);
    d->arrow[d->n_arrows++] = (att_box_arrow){from, to, side, note};
}

int64_t atti_blueprint_above(atti_blueprint *d, int64_t from, atti_tint tint,
                             const char *label, const char *note)
{
    int64_t to = atti_blueprint_box(d, d->box[from].row + 1, tint, label, "%s", note);
    atti_blueprint_arrow(d, from, to, 0, NULL);
    return to;
}

const char *atti_blueprint_activation(atti_act a)
{
    static const char *const name[] = {"linear", "ReLU",       "GELU", "GELU (tanh)",
                                       "SiLU",   "quick GELU", "tanh", "sigmoid"};
    return name[a];
}

void atti_blueprint_frame(atti_blueprint *d, int64_t first, int64_t last,
                          const char *what, int64_t times)
{
    int64_t g = d->n_frames++, m = 0;
    ATT_ASSERT(g < ATTI_FRAMES);
    for (int64_t i = first; i <= last; i++) d->members[g][m++] = i;
    if (times)
        snprintf(d->frame_label[g], ATTI_NOTE, "%s x %lld", what, (long long)times);
    else
        snprintf(d->frame_label[g], ATTI_NOTE, "%s", what);
    d->frame[g] = (att_box_group){d->members[g], m, d->frame_label[g]};
}

void atti_blueprint_inside(atti_blueprint *d, double column, const atti_inside *in)
{
    long long h = in->heads, kv = in->kv_heads, w = in->width, m = in->model;
    const char *rows = in->rows;
    int64_t chain[8];
    d->column = column;
    chain[0] =
        atti_blueprint_box(d, 0, ATTI_TINT_PLAIN, "rows X", "[%s, %lld]", rows, m);
    if (kv == h && h * w == m)
        chain[1] = atti_blueprint_box(d, 1, ATTI_TINT_ATTENTION, "Q, K, V = X W",
                                      "3 of [%lld, %lld]", m, m);
    else
        chain[1] = atti_blueprint_box(d, 1, ATTI_TINT_ATTENTION, "Q, K, V = X W",
                                      "[%lld, %lld + 2 x %lld]", m, h * w, kv * w);
    if (kv == h)
        chain[2] = atti_blueprint_box(d, 2, ATTI_TINT_ATTENTION, "Split into heads",
                                      "%lld of [%s, %lld]", h, rows, w);
    else
        chain[2] =
            atti_blueprint_box(d, 2, ATTI_TINT_ATTENTION, "Split into heads",
                               "Q %lld, K and V %lld of [%s, %lld]", h, kv, rows, w);
    chain[3] = atti_blueprint_box(d, 3, ATTI_TINT_ATTENTION, "Scores",
                                  "%lld of [%s, keys], %s", h, rows, in->score);
    chain[4] = atti_blueprint_box(d, 4, ATTI_TINT_ATTENTION, in->mask,
                                  "%lld of [%s, keys]", h, rows);
    chain[5] = atti_blueprint_box(d, 5, ATTI_TINT_ATTENTION, "Weights x V",
                                  "%lld of [%s, %lld]", h, rows, w);
    chain[6] = atti_blueprint_box(d, 6, ATTI_TINT_ATTENTION, "Concatenate",
                                  "[%s, %lld]", rows, h * w);
    chain[7] = atti_blueprint_box(d, 7, ATTI_TINT_ATTENTION, "W_O",
                                  "[%lld, %lld] -> [%s, %lld]", h * w, m, rows, m);
    for (int i = 0; i < 7; i++)
        atti_blueprint_arrow(d, chain[i], chain[i + 1], 0, NULL);
    atti_blueprint_arrow(d, chain[2], chain[5], 1, "V");
    atti_blueprint_frame(d, chain[1], chain[7], "multi-head attention", 0);
}
