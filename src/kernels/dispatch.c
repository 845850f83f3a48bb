/* dispatch.c - which kernels are in force. Lists the sets best first, leaves out what
 * this processor cannot run or ATTEND_ISA forbids, and merges the rest: an entry that a
 * set leaves NULL comes from the next one. The table is made once and never changes.
 *
 * ATTEND_ISA caps the sets from above: it names the best one that may be used. A name
 * that is unknown, or that this processor cannot run, is an error and not a silent
 * fallback: a measurement or a test that asks for avx512 must not run something else.
 * Until atti_kernels_check() has said so, atti_k() gives the plain reference. */
#include "attend/kernels.h"
#include "kernels/bf16.h"
#include "kernels/cpu.h"
#include "kernels/isa_tables.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct set {
    const char *name;
    const atti_kernels *table; /* NULL: this build has none */
    bool runs;                 /* on this processor */
} set;

#define SETS 6

static struct {
    atomic_int state; /* 0 not begun, 1 being made, 2 ready */
    set all[SETS];    /* best first, ref last */
    const atti_kernels *usable[SETS + 1];
    bool bad_name; /* ATTEND_ISA is not one that runs here */
    atti_kernels merged;
} g;

const char *atti_isa_cap(void)
{
    const char *s = getenv("ATTEND_ISA");
    return s ? s : "";
}

/* Every entry of the table by name; the assert below notices a forgotten one. */
#define ENTRIES(X)                                                                     \
    X(bias_act)                                                                        \
    X(bias_act_bwd)                                                                    \
    X(add_norm)                                                                        \
    X(add_norm_bwd)                                                                    \
    X(col_sum)                                                                         \
    X(softmax_xent)                                                                    \
    X(softmax)                                                                         \
    X(log_softmax)                                                                     \
    X(logsumexp)                                                                       \
    X(scale)                                                                           \
    X(mul)                                                                             \
    X(glu)                                                                             \
    X(glu_bwd)                                                                         \
    X(embed)                                                                           \
    X(unary)                                                                           \
    X(sum_squares)                                                                     \
    X(all_finite)                                                                      \
    X(adam)                                                                            \
    X(f32_to_bf16)                                                                     \
    X(bf16_to_f32)                                                                     \
    X(f32_to_f16)                                                                      \
    X(f16_to_f32)                                                                      \
    X(mm)                                                                              \
    X(rnn)                                                                             \
    X(attn)                                                                            \
    X(bf16)

#define COUNT(name) +1
_Static_assert(sizeof(atti_kernels) == sizeof(void *) * (1 ENTRIES(COUNT)),
               "ENTRIES lists every member of atti_kernels");

static void fill(atti_kernels *out, const atti_kernels *from)
{
#define FILL(name)                                                                     \
    if (!out->name) out->name = from->name;
    ENTRIES(FILL)
#undef FILL
}

static void build(void)
{
    atti_cpu cpu = atti_cpu_probe();
    const set all[SETS] = {
        {"amx", ATTI_TABLE_AMX, cpu.amx_bf16 && cpu.avx512_bf16},
        {"avx512_bf16", ATTI_TABLE_AVX512BF16, cpu.avx512_bf16},
        {"avx512", ATTI_TABLE_AVX512, cpu.avx512},
        {"avx2", ATTI_TABLE_AVX2, cpu.avx2},
        {"neon", ATTI_TABLE_NEON, cpu.neon},
        {"ref", &atti_kernels_ref, true},
    };
    memcpy(g.all, all, sizeof all);
    const char *cap = atti_isa_cap();
    int first = 0;
    if (*cap) {
        while (first < SETS && strcmp(cap, all[first].name) != 0) first++;
        g.bad_name = first == SETS || !all[first].table || !all[first].runs;
        if (g.bad_name) first = SETS - 1;
    }
    int n = 0;
    for (int i = first; i < SETS; i++) {
        if (all[i].table && all[i].runs) g.usable[n++] = all[i].table;
    }
    g.merged.isa = g.usable[0]->isa;
    for (int i = 0; i < n; i++) fill(&g.merged, g.usable[i]);
}

static void ready(void)
{
    if (atomic_load_explicit(&g.state, memory_order_acquire) == 2) return;
    int none = 0;
    if (atomic_compare_exchange_strong(&g.state, &none, 1)) {
        build();
        atomic_store_explicit(&g.state, 2, memory_order_release);
        return;
    }
    while (atomic_load_explicit(&g.state, memory_order_acquire) != 2) continue;
}

const atti_kernels *atti_k(void)
{
    ready();
    return &g.merged;
}

const atti_kernels *atti_kernel_set(int i)
{
    ready();
    return i >= 0 && i < SETS ? g.usable[i] : NULL;
}

att_status atti_kernels_check(void)
{
    ready();
    if (!g.bad_name) return ATT_OK;
    char list[64] = "";
    for (int i = 0; i < SETS; i++) {
        if (!g.all[i].table || !g.all[i].runs) continue;
        if (*list) strcat(list, ", ");
        strcat(list, g.all[i].name);
    }
    return atti_fail(ATT_EINVAL,
                     "ATTEND_ISA='%.32s': this processor and build can do: %s",
                     atti_isa_cap(), list);
}

const atti_bf16_kernels *atti_bf16(void)
{
    return atti_k()->bf16;
}

const char *att_kernels_bf16(void)
{
    const atti_bf16_kernels *k = atti_bf16();
    return k ? k->name : "emulated";
}

const char *att_kernels_isa(void)
{
    return atti_k()->isa;
}

const char *att_kernels_available(int32_t i)
{
    ready();
    for (int j = 0; j < SETS; j++) {
        if (!g.all[j].table || !g.all[j].runs) continue;
        if (i-- == 0) return g.all[j].name;
    }
    return NULL;
}

att_status att_kernels_check(void)
{
    return atti_kernels_check();
}
