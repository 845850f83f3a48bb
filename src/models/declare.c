/* declare.c - matrices, vectors, norms, tables and recurrent cells by one name each. */
#include "models/declare.h"

#include <math.h>
#include <stdio.h>

att_status atti_declare_matrix(atti_params *ps, int64_t rows, int64_t cols,
                               int64_t fan_out, const char *name)
{
    atti_param p = {.ndim = 2,
                    .shape = {rows, cols},
                    .init = ATTI_INIT_XAVIER_UNIFORM,
                    .fan_in = (double)cols,
                    .fan_out = (double)fan_out,
                    .zero_row = -1};
    return atti_params_add(ps, &p, "%s", name);
}

att_status atti_declare_vector(atti_params *ps, int64_t n, atti_init init,
                               const char *name)
{
    atti_param p = {.ndim = 1,
                    .shape = {n},
                    .init = init,
                    .flags = ATTI_PARAM_NO_DECAY,
                    .zero_row = -1};
    return atti_params_add(ps, &p, "%s", name);
}

att_status atti_declare_dense(atti_params *ps, int64_t out, int64_t in,
                              const char *name)
{
    char full[128];
    (void)snprintf(full, sizeof full, "%s.weight", name);
    ATTI_TRY(atti_declare_matrix(ps, out, in, out, full));
    (void)snprintf(full, sizeof full, "%s.bias", name);
    return atti_declare_vector(ps, out, ATTI_INIT_ZERO, full);
}

att_status atti_declare_norm(atti_params *ps, int64_t n, const char *name)
{
    char full[128];
    (void)snprintf(full, sizeof full, "%s.weight", name);
    ATTI_TRY(atti_declare_vector(ps, n, ATTI_INIT_ONE, full));
    (void)snprintf(full, sizeof full, "%s.bias", name);
    return atti_declare_vector(ps, n, ATTI_INIT_ZERO, full);
}

att_status atti_declare_table(atti_params *ps, int64_t rows, int64_t cols,
                              int64_t zero_row, const char *name)
{
    atti_param p = {.ndim = 2,
                    .shape = {rows, cols},
                    .init = ATTI_INIT_NORMAL,
                    .std = 1.0f / sqrtf((float)cols),
                    .zero_row = zero_row};
    return atti_params_add(ps, &p, "%s", name);
}

att_status atti_declare_cell(atti_params *ps, int64_t gates, int64_t h, int64_t in,
                             int64_t feed, const char *name)
{
    char full[128];
    (void)snprintf(full, sizeof full, "%s.weight_ih", name);
    ATTI_TRY(atti_declare_matrix(ps, gates, in, h, full));
    (void)snprintf(full, sizeof full, "%s.weight_feed", name);
    if (feed > 0) ATTI_TRY(atti_declare_matrix(ps, gates, feed, h, full));
    (void)snprintf(full, sizeof full, "%s.weight_hh", name);
    ATTI_TRY(atti_declare_matrix(ps, gates, h, h, full));
    (void)snprintf(full, sizeof full, "%s.bias_ih", name);
    ATTI_TRY(atti_declare_vector(ps, gates, ATTI_INIT_ZERO, full));
    (void)snprintf(full, sizeof full, "%s.bias_hh", name);
    return atti_declare_vector(ps, gates, ATTI_INIT_ZERO, full);
}
