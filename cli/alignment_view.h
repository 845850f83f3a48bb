/* alignment_view.h - an alignment on the terminal. */
#ifndef ATTEND_ALIGNMENT_VIEW_H
#define ATTEND_ALIGNMENT_VIEW_H

#include "attend/decode.h"

/* Source tokens across, target tokens down, weights as shades; Chinese characters take
 * two columns. The hypothesis must carry its alignment. */
void alignment_print(const att_model *model, const att_sentence *s,
                     const att_hypothesis *h);

#endif
