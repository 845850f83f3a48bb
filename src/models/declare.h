/* declare.h - the parts that families are declared from, where a part's parameters are
 * named by the part alone: "NAME.weight", "NAME.bias". */
#ifndef ATTI_DECLARE_H
#define ATTI_DECLARE_H

#include "models/params.h"

/* Uniform by its two sides (Glorot and Bengio 2010); fan_out: rows, or a gate's share. */
ATT_MUST_CHECK att_status atti_declare_matrix(atti_params *ps, int64_t rows,
                                              int64_t cols, int64_t fan_out,
                                              const char *name);
/* No weight decay. */
ATT_MUST_CHECK att_status atti_declare_vector(atti_params *ps, int64_t n,
                                              atti_init init, const char *name);
ATT_MUST_CHECK att_status atti_declare_dense(atti_params *ps, int64_t out, int64_t in,
                                             const char *name);
ATT_MUST_CHECK att_status atti_declare_norm(atti_params *ps, int64_t n,
                                            const char *name);
/* Normal by its width; zero_row: the padding's, -1 = none. */
ATT_MUST_CHECK att_status atti_declare_table(atti_params *ps, int64_t rows,
                                             int64_t cols, int64_t zero_row,
                                             const char *name);
/* A recurrent cell of `gates` rows in all, each gate h; feed 0: nothing but x is fed. */
ATT_MUST_CHECK att_status atti_declare_cell(atti_params *ps, int64_t gates, int64_t h,
                                            int64_t in, int64_t feed, const char *name);

#endif
