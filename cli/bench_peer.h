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

/* The cases of DIR/attention.py, run by VENV/bin/python; `only` names the script's part, NULL
 * = all. *n of them, to be freed by cli_free. Exit code. */
int peer_attention(peer_case **cases, int *n, const char *venv, const char *dir,
                   const char *only, int threads);

#endif
