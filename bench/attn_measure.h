/* attn_measure.h - times attention, forward and backward, through the public headers.
 * Shared by the program bench_attention and by `attend bench attention`. */
#ifndef ATTEND_BENCH_ATTN_MEASURE_H
#define ATTEND_BENCH_ATTN_MEASURE_H

#include <stdint.h>

typedef struct bench_case {
    const char *name;      /* NULL = made from the shape */
    int64_t b, h, g, t, s; /* g 0 = h; s 0 = t */
    int64_t d, e;          /* e 0 = d */
    int causal;
    int64_t left, right; /* -1 = all */
    int ragged; /* 1: [N,H,D] with offsets; lengths are t, or spread around t when `spread` */
    int spread; /* lengths from t - spread to t + spread, fixed pattern */
    float dropout;
    int forward_only;
    int bf16; /* operands, out and gradients in bf16 */
} bench_case;

typedef struct bench_result {
    double fwd_ms, bwd_ms; /* best of the repetitions */
    double flops; /* 2 (D + E) for each visible pair: forward; backward is 2.5 x */
    double fwd_gflops, bwd_gflops;
    double workspace_mb; /* scratch of the larger direction */
    double checksum;     /* of out and the gradients: equal for any thread count */
} bench_result;

void bench_case_init(bench_case *c);
/* Runs forward and backward for about `seconds` each. 0, or -1 with the library's message set. */
int bench_attention_case(bench_result *r, const bench_case *c, double seconds);
/* Seconds by the wall clock, or, where bench_cpu_clock is set, of processor time: what a
 * single thread needs on a machine that others use at the same time. */
extern int bench_cpu_clock;
double bench_now(void);

#endif
