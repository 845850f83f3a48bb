/* cpu_arm.c - 64-bit Arm: Advanced SIMD is part of the base architecture, so there is
 * nothing to ask for the one set we have. */
#include "kernels/cpu.h"

#if defined(__aarch64__)
atti_cpu atti_cpu_probe(void)
{
    atti_cpu cpu = {.neon = true};
    return cpu;
}

int atti_cpu_l1_ways(void)
{
    return 8; /* sets and ways differ from core to core: copy as early as ever */
}
#else
typedef int atti_cpu_arm_is_empty; /* the probe is in cpu_x86.c */
#endif
