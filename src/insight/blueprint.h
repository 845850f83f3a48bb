/* blueprint.h - a model's diagram while it is put together: boxes on a grid, arrows, frames,
 * and the texts that they point to. */
#ifndef ATTI_BLUEPRINT_H
#define ATTI_BLUEPRINT_H

#include "attend/view.h"
#include "base/compiler.h"
#include "models/config_keys.h"
#include "models/family.h"

enum { ATTI_BOXES = 40, ATTI_ARROWS = 64, ATTI_FRAMES = 4, ATTI_NOTE = 64 };

typedef struct atti_blueprint {
    att_box box[ATTI_BOXES];
    char label[ATTI_BOXES][ATTI_NOTE], note[ATTI_BOXES][ATTI_NOTE];
    int64_t n;
    att_box_arrow arrow[ATTI_ARROWS];
    int64_t n_arrows;
    att_box_group frame[ATTI_FRAMES];
    int64_t members[ATTI_FRAMES][ATTI_BOXES];
    char frame_label[ATTI_FRAMES][ATTI_NOTE];
    int64_t n_frames;
    double column; /* of the boxes to come */
} atti_blueprint;

typedef enum atti_tint {
    ATTI_TINT_PLAIN,
    ATTI_TINT_ATTENTION,
    ATTI_TINT_FFN,
    ATTI_TINT_NORM,
    ATTI_TINT_EMBED,
    ATTI_TINT_OUT,
    ATTI_TINT_CROSS
} atti_tint;

/* A box with a second line; its number. */
int64_t atti_blueprint_box(atti_blueprint *d, double row, atti_tint tint,
                           const char *label, const char *note, ...) ATTI_PRINTF(5, 6);
/* side as att_box_arrow's. */
void atti_blueprint_arrow(atti_blueprint *d, int64_t from, int64_t to, int32_t side,
                          const char *note);
/* Around the boxes first .. last; times 0: once. */
void atti_blueprint_frame(atti_blueprint *d, int64_t first, int64_t last,
                          const char *what, int64_t times);

/* A box on top of another, with an arrow from it. */
int64_t atti_blueprint_above(atti_blueprint *d, int64_t from, atti_tint tint,
                             const char *label, const char *note);
const char *atti_blueprint_activation(atti_act a);

/* What multi-head attention does inside, in a column of its own. */
typedef struct atti_inside {
    int64_t model, heads, kv_heads, width; /* C, H, heads of keys and values, D */
    const char *rows;                      /* "T" or "S" */
    const char *score, *mask;              /* "scaled dot"; "softmax" */
} atti_inside;
void atti_blueprint_inside(atti_blueprint *d, double column, const atti_inside *in);

/* The families. */
void atti_blueprint_marian(atti_blueprint *d, const void *cfg);
void atti_blueprint_encoder(atti_blueprint *d, const void *cfg);
void atti_blueprint_words(atti_blueprint *d, const void *cfg);
void atti_blueprint_decoder(atti_blueprint *d, const void *cfg);
void atti_blueprint_recurrent(atti_blueprint *d, const void *cfg);

#endif
