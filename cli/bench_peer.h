/* bench_peer.h - runs PyTorch's side of a benchmark and reads the JSON objects it prints. */
#ifndef ATTEND_CLI_BENCH_PEER_H
#define ATTEND_CLI_BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

/* One line of attention.py. What it does not say is 0. */
typedef struct peer_case {
    char name[64];  /* "pytorch 2.15.0" */
    char score[24]; /* "scaled-dot", "additive", "decode", "edges" */
    char dtype[24];
    int64_t shape[4]; /* B, H, T, D */
    bool causal;
    int64_t heads, kv_heads, keys, width, nodes, edges;
    double fwd_ms, bwd_ms, fwd_gflops, bwd_gflops, gbytes_per_s;
} peer_case;

/* What of PyTorch's is to be timed. */
typedef struct peer_wish {
    const char *venv, *dir; /* VENV/bin/python runs DIR/attention.py */
    const char *part;       /* the script's --only: "dense", "additive", "reading" */
    const char *dtype;      /* "float32", "bfloat16" */
    char causal;            /* '0', '1', '-' = both */
    const char **shapes;    /* "B,H,T,D"; n_shapes 0 = those of the script */
    int n_shapes;
    int threads;
} peer_wish;

/* The part's cases, by the script's own code. Of the part "dense" any shape; of the others
 * those of the script that are asked for, which may be none. *n of them, to be freed by
 * cli_free. Exit code. */
int peer_attention(peer_case **cases, int *n, const peer_wish *w);

#endif
