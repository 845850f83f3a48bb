/* picture_arabic.h - what cairo does not do by itself for right-to-left words. */
#ifndef ATTI_PICTURE_ARABIC_H
#define ATTI_PICTURE_ARABIC_H

#include "base/str.h"

/* Appends text in display order: Arabic letters in their joined forms, runs of Arabic or
 * Hebrew reversed. Enough for tokens and titles; no nested embedding levels. */
void atti_display_order(atti_str *s, const char *text);

#endif
