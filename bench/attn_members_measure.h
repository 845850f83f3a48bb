/* attn_members_measure.h - times the members of the attention family beside plain scaled-dot
 * softmax, attention along edges and decoding, through the public headers alone. */
#ifndef ATTEND_BENCH_ATTN_MEMBERS_MEASURE_H
#define ATTEND_BENCH_ATTN_MEMBERS_MEASURE_H

#include <stdint.h>

typedef struct bench_times {
    double fwd_ms, bwd_ms; /* best of the repetitions; bwd 0 where there is none */
    double bytes;          /* what forward has to read, where that is the limit */
    double workspace_mb;
} bench_times;

/* NULL after the last. "plain" is the first; "additive" has b and all gradients;
 * "groups": four query heads a key head, where h can be divided so. */
const char *bench_member_name(int i);
/* 0, or -1 with the library's message set. Gradients of all parameters are taken. */
int bench_member(bench_times *r, const char *name, int64_t b, int64_t h, int64_t t,
                 int64_t d, double seconds);
/* n nodes, n_edges random edges, h heads of d; bytes: k, v and index of every edge. */
int bench_edges(bench_times *r, int64_t n, int64_t n_edges, int64_t h, int64_t d,
                double seconds);
/* One query, h heads, g key heads, a cache of s keys, width d. */
int bench_decode(bench_times *r, int64_t h, int64_t g, int64_t s, int64_t d,
                 double seconds);

#endif
