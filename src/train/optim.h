/* optim.h - optimisers over the flat buffer of parameters.
 *
 * The work is cut into fixed pieces, none of which crosses a parameter; a piece's result
 * depends on nothing else, and sums over pieces are added in their order. Frozen
 * parameters have no piece. */
#ifndef ATTI_OPTIM_H
#define ATTI_OPTIM_H

#include "models/params.h"

typedef enum atti_optim_kind { ATTI_ADAM, ATTI_ADAMW, ATTI_SGD } atti_optim_kind;

typedef struct atti_piece {
    size_t at;
    int32_t n;
    int32_t decay; /* weight decay applies */
} atti_piece;

typedef struct atti_optim {
    atti_optim_kind kind;
    float beta1, beta2, eps, weight_decay;
    float
        ema_rate; /* the least rate of the average; in update t, 9 / (t + 10) at least */
    float *w;     /* the parameters, borrowed */
    float *m, *v; /* moments; v NULL for SGD */
    float *ema;   /* running average of the weights, or NULL */
    size_t count; /* floats in each */
    atti_piece *pieces;
    int64_t n_pieces;
    double *sums; /* [n_pieces] scratch of the norm */
} atti_optim;

ATT_MUST_CHECK att_status atti_optim_kind_parse(atti_optim_kind *out, const char *name);
/* kind, betas, eps, weight_decay and ema_rate are set by the caller before. */
ATT_MUST_CHECK att_status atti_optim_init(atti_optim *o, const atti_params *params);
void atti_optim_deinit(atti_optim *o);
/* Bytes that init takes. */
int64_t atti_optim_bytes(const atti_optim *o, const atti_params *params);
/* Starts the average from the weights as they are. */
void atti_optim_start_ema(atti_optim *o);

/* Square root of the sum of squares of all gradients (double); NaN or Inf where one of
 * them is. */
double atti_optim_norm(atti_optim *o, const float *grads);
/* Update number t (from 1): gradients are multiplied by grad_scale first. */
void atti_optim_step(atti_optim *o, const float *grads, double lr, double grad_scale,
                     int64_t t);

/* 1, or max_norm / norm where the norm is larger (max_norm 0: never). */
double atti_clip_scale(double norm, double max_norm);

#endif
