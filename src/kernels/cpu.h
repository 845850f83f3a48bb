/* cpu.h - what this processor and its system can run. */
#ifndef ATTI_CPU_H
#define ATTI_CPU_H

#include <stdbool.h>

typedef struct atti_cpu {
    bool avx2;        /* AVX2, FMA and F16C, and the system saves their registers */
    bool avx512;      /* F, BW, DQ and VL, likewise */
    bool avx512_bf16; /* dot products of bf16 pairs */
    bool amx_bf16;    /* tiles of bf16, and the system granted them to this process */
    bool neon;        /* 64-bit Arm */
} atti_cpu;

/* Reads the processor each time; callers keep the answer. */
atti_cpu atti_cpu_probe(void);

/* Ways of the first-level data cache; 8 where the processor does not say. */
int atti_cpu_l1_ways(void);

/* The set that ATTEND_ISA names, valid or not; "" when it is unset or empty. */
const char *atti_isa_cap(void);

#endif
