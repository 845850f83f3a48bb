/* attend/attend.h - all public headers. A program may include the modules it needs
 * instead; each header stands alone. */
#ifndef ATTEND_ATTEND_H
#define ATTEND_ATTEND_H

#include "attend/base.h"
#include "attend/tensor.h"
#include "attend/version.h"

#endif
