/* params.h - a model's parameters: declared once (name, shape, how it starts), laid out in
 * one flat buffer (so that optimiser, checkpoints and gradients are one loop each). */
#ifndef ATTI_PARAMS_H
#define ATTI_PARAMS_H

#include "attend/tensor.h"
#include "base/error.h"
#include "base/rng.h"
#include <stdbool.h>

typedef enum atti_init {
    ATTI_INIT_ZERO = 0,
    ATTI_INIT_ONE = 1,
    ATTI_INIT_XAVIER_UNIFORM =
        2,               /* Glorot and Bengio 2010, by the matrix's two sides */
    ATTI_INIT_NORMAL = 3 /* mean 0, deviation `std` */
} atti_init;

#define ATTI_PARAM_NO_DECAY 1 /* weight decay skips it (norms, biases) */
#define ATTI_PARAM_FROZEN   2 /* no gradient, no optimiser: a stored buffer */

typedef struct atti_param {
    char *name; /* the Hugging Face tensor name */
    int32_t ndim;
    int64_t shape[4];
    int64_t rows, cols; /* as the tape sees it: product of leading dims, last dim */
    int64_t count;
    size_t offset; /* in floats from atti_params.data; multiples of 16 */
    atti_init init;
    float std;
    double fan_in,
        fan_out; /* XAVIER: 0 = from shape (a fused qkv declares its real sides) */
    int32_t flags;
    int64_t zero_row; /* a row that is zero and never trained (padding), -1 none */
} atti_param;

typedef struct atti_params {
    atti_param *p;
    size_t n, cap;
    size_t count;    /* floats in data, with alignment gaps (always zero) */
    float *data;     /* NULL until allocated */
    uint32_t *index; /* hash table of names: position + 1, 0 = free */
    size_t index_cap;
    /* How files name tensors, set by declare; NULL = as here. alias: the i-th other name
     * that a parameter may be stored under, false past the last. ignorable: a tensor that
     * a file may hold beyond the parameters. */
    bool (*alias)(const char *name, int i, char *out, size_t cap);
    bool (*ignorable)(const char *name);
} atti_params;

void atti_params_deinit(atti_params *ps);
/* Declares; a duplicate name is ATT_EBUG. */
ATT_MUST_CHECK att_status atti_params_add(atti_params *ps, const atti_param *proto,
                                          const char *name_fmt, ...) ATTI_PRINTF(3, 4);
ATT_MUST_CHECK att_status atti_params_alloc(atti_params *ps);
/* Every parameter from its own stream (seed, name), so that adding one changes no other. */
void atti_params_init_values(atti_params *ps, uint64_t seed);
/* NULL when absent. Hashed: many lookups are fine. */
const atti_param *atti_params_find(const atti_params *ps, const char *name);
/* The numbers of a parameter that has to be there; ATT_EBUG names one that is not. */
ATT_MUST_CHECK att_status atti_params_data(const float **out, const atti_params *ps,
                                           const char *name);
/* Neighbours by one name: braces stand for alternatives, "self_attn.{q,k,v}_proj.weight" or
 * "layers.{0..5}.encoder_attn.{k,v}_proj.bias", the leftmost varying slowest. True and
 * *first, *n set when all exist, in this order and without gaps in data: they can
 * be read as one matrix. */
bool atti_params_neighbours(const atti_params *ps, const char *name, size_t *first,
                            size_t *n);
int64_t atti_params_total(
    const atti_params *ps); /* trainable and stored elements, no gaps */

#endif
