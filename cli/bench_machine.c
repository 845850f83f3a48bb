/* bench_machine.c - the machine that a benchmark ran on. */
#include "bench_machine.h"

#include "attend/kernels.h"

#include <sys/resource.h>

double bench_peak_rss(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss * 1024;
}

double bench_peak_gflops(int bf16)
{
    static double best[2];

    for (int i = 0; i < 4; i++) {
        double now = bf16 ? att_kernels_peak_bf16_gflops() : att_kernels_peak_gflops();

        if (now > best[bf16]) best[bf16] = now;
    }
    return best[bf16];
}

void bench_add_bf16(cli_text *t, double peak_bf16)
{
    cli_add(t, ",\"bf16\":");
    cli_add_json(t, att_kernels_bf16());
    cli_addf(t, ",\"peak_bf16_gflops\":%.1f", peak_bf16);
}

void bench_add_machine(cli_text *t, double peak, double rss)
{
    cli_addf(t, ",\"threads\":%d,\"isa\":", att_threads());
    cli_add_json(t, att_kernels_isa());
    cli_add(t, ",\"matmul\":");
    cli_add_json(t, att_matmul_provider());
    cli_addf(t, ",\"peak_gflops\":%.1f,\"peak_rss_mb\":%.0f}", peak, rss / 1e6);
}
