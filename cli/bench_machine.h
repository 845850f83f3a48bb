/* bench_machine.h - what every benchmark prints beside its speeds: the machine, and what it
 * can do at that moment. */
#ifndef ATTEND_CLI_BENCH_MACHINE_H
#define ATTEND_CLI_BENCH_MACHINE_H

#include "cli.h"

/* Bytes of this process at its largest. */
double bench_peak_rss(void);
/* Of f32, or of bf16 where the processor multiplies it (0: it does not). The best of a
 * few: on a shared machine one measurement can meet a neighbour. */
double bench_peak_gflops(int bf16);
void bench_add_bf16(cli_text *t, double peak_bf16);
/* The end of an object. rss: the peak of what was measured; what came after it does not
 * count. */
void bench_add_machine(cli_text *t, double peak, double rss);

#endif
