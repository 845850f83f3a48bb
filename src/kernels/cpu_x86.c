/* cpu_x86.c - CPUID and XGETBV: what the processor offers and the system saves. An
 * instruction set counts only when both say so; a kernel that ran on CPUID's word alone
 * would fault under a system or hypervisor that hides the wide registers.
 *
 * The one place besides base/compiler.h with compiler extensions: C has no way to ask. */
#include "kernels/cpu.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <cpuid.h>
#include <stdatomic.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

static unsigned long long xcr0(void)
{
    unsigned lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (unsigned long long)hi << 32 | lo;
}

static bool has(unsigned word, int bit)
{
    return word >> bit & 1U;
}

/* Linux saves tiles only for a process that asks (arch_prctl, since 5.16), and then for
 * all its threads; asking again changes nothing. */
static bool tiles_granted(void)
{
#if defined(__linux__) && defined(SYS_arch_prctl)
    enum { GET_PERMISSION = 0x1022, REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned long granted = 0;
    if (syscall(SYS_arch_prctl, REQUEST_PERMISSION, (long)TILE_DATA) != 0) return false;
    if (syscall(SYS_arch_prctl, GET_PERMISSION, &granted) != 0) return false;
    return granted >> TILE_DATA & 1U;
#else
    return false;
#endif
}

atti_cpu atti_cpu_probe(void)
{
    enum { YMM = 0x06, ZMM = 0xe6, TILES = 0x60000 }; /* XCR0: state the system saves */
    atti_cpu cpu = {0};
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return cpu;
    bool osxsave = has(c, 27), fma = has(c, 12), f16c = has(c, 29);
    if (!osxsave || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return cpu;
    unsigned long long saved = xcr0();
    bool bf16 = false;
    unsigned a1, b1, c1, d1;
    if (a >= 1 && __get_cpuid_count(7, 1, &a1, &b1, &c1, &d1)) bf16 = has(a1, 5);
    cpu.avx2 = (saved & YMM) == YMM && fma && f16c && has(b, 5);
    cpu.avx512 = cpu.avx2 && (saved & ZMM) == ZMM && has(b, 16) && has(b, 17) &&
                 has(b, 30) && has(b, 31);
    cpu.avx512_bf16 = cpu.avx512 && bf16;
    cpu.amx_bf16 = cpu.avx512 && (saved & TILES) == TILES && has(d, 22) && has(d, 24) &&
                   tiles_granted();
    return cpu;
}

/* Leaf 4 (Intel) or 0x8000001d (AMD), one cache after the other. */
static int read_l1_ways(void)
{
    static const unsigned leaves[] = {4, 0x8000001dU};
    for (int l = 0; l < 2; l++)
        for (unsigned i = 0, a, b, c, d; i < 8; i++) {
            if (!__get_cpuid_count(leaves[l], i, &a, &b, &c, &d)) break;
            unsigned kind = a & 31U, level = a >> 5 & 7U, ways = (b >> 22) + 1;
            if (kind == 0) break;
            if (kind == 1 && level == 1 && ways >= 8 && ways <= 64) return (int)ways;
        }
    return 8;
}

/* Asking takes a hypervisor microseconds: once. */
int atti_cpu_l1_ways(void)
{
    static _Atomic int known;
    int n = atomic_load_explicit(&known, memory_order_relaxed);
    if (n == 0) {
        n = read_l1_ways();
        atomic_store_explicit(&known, n, memory_order_relaxed);
    }
    return n;
}

#elif !defined(__aarch64__)

int atti_cpu_l1_ways(void)
{
    return 8;
}

atti_cpu atti_cpu_probe(void)
{
    atti_cpu none = {0};
    return none;
}

#else
typedef int atti_cpu_x86_is_empty; /* the probe is in cpu_arm.c */
#endif
