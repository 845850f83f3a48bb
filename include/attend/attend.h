/* attend/attend.h - all public headers. A program may include the modules it needs
 * instead; each header stands alone. */
#ifndef ATTEND_ATTEND_H
#define ATTEND_ATTEND_H

#include "attend/attention.h"
#include "attend/base.h"
#include "attend/classify.h"
#include "attend/decode.h"
#include "attend/explain.h"
#include "attend/generate.h"
#include "attend/kernels.h"
#include "attend/metrics.h"
#include "attend/model.h"
#include "attend/nn.h"
#include "attend/npy.h"
#include "attend/safetensors.h"
#include "attend/tape.h"
#include "attend/tensor.h"
#include "attend/tokenizer.h"
#include "attend/train.h"
#include "attend/version.h"
#include "attend/view.h"

#endif
