/* onednn.c - the one file that includes oneDNN's header (C interface of v2 and v3: the
 * two functions used here are the same in both).
 *
 * Used for the gradient of narrow weights, where its sgemm was measured faster than our
 * tile; bench/results/matmul.md has the ladder. Products whose rows must not depend on
 * the number of rows never come here: sgemm promises nothing of the kind. ATTEND_ISA is
 * passed on, so that a capped run is capped everywhere. */
#include "kernels/lib/onednn.h"
#include "atti_config.h"

#if defined(ATTI_HAVE_ONEDNN) && defined(ATTI_HAVE_OPENMP)
#include "kernels/kernels.h"
#include <dnnl.h>
#include <omp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static struct {
    atomic_int state; /* 0 not begun, 1 being made, 2 ready */
    char version[32];
    bool usable;
} lib;

/* The library reads its own cap once, before its first kernel is made. */
static bool pass_cap_on(void)
{
    const char *isa = atti_k()->isa;
    if (strncmp(isa, "avx512", 6) == 0 || strcmp(isa, "amx") == 0) return true;
    if (strcmp(isa, "neon") == 0) return true;
    if (strcmp(isa, "avx2") != 0) return false; /* ref: nothing of oneDNN */
    return dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2) == dnnl_success;
}

static void ready(void)
{
    if (atomic_load_explicit(&lib.state, memory_order_acquire) == 2) return;
    int none = 0;
    if (atomic_compare_exchange_strong(&lib.state, &none, 1)) {
        const dnnl_version_t *v = dnnl_version();
        lib.usable = pass_cap_on();
        snprintf(lib.version, sizeof lib.version, "%d.%d.%d", v->major, v->minor,
                 v->patch);
        atomic_store_explicit(&lib.state, 2, memory_order_release);
        return;
    }
    while (atomic_load_explicit(&lib.state, memory_order_acquire) != 2) continue;
}

const char *atti_onednn_version(void)
{
    ready();
    return lib.usable ? lib.version : NULL;
}

att_status atti_onednn_gemm_tn(int64_t m, int64_t n, int64_t k, const float *a,
                               int64_t lda, const float *b, int64_t ldb, int accumulate,
                               float *c, int64_t ldc)
{
    /* Its AVX-512 sgemm computes with the stack pointer at the start of a block of the
     * heap, so a signal that arrives meanwhile is pushed over whatever lies before that
     * block. Signals of this thread wait until it is done. */
    sigset_t all, as_it_was;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &as_it_was);
    /* In a parallel region it runs alone by itself; outside it would start a team. */
    int before = omp_in_parallel() ? 0 : omp_get_max_threads();
    if (before) omp_set_num_threads(1);
    dnnl_status_t st = dnnl_sgemm('T', 'N', m, n, k, 1.0f, a, lda, b, ldb,
                                  accumulate ? 1.0f : 0.0f, c, ldc);
    if (before) omp_set_num_threads(before);
    pthread_sigmask(SIG_SETMASK, &as_it_was, NULL);
    if (st == dnnl_success) return ATT_OK;
    return atti_fail(st == dnnl_out_of_memory ? ATT_ENOMEM : ATT_EBUG,
                     "onednn: sgemm %lld x %lld x %lld failed with %d", (long long)m,
                     (long long)n, (long long)k, (int)st);
}

#else

const char *atti_onednn_version(void)
{
    return NULL;
}

att_status atti_onednn_gemm_tn(int64_t m, int64_t n, int64_t k, const float *a,
                               int64_t lda, const float *b, int64_t ldb, int accumulate,
                               float *c, int64_t ldc)
{
    (void)m, (void)n, (void)k, (void)a, (void)lda, (void)b, (void)ldb;
    (void)accumulate, (void)c, (void)ldc;
    return atti_fail(ATT_ENOTSUP, "this build has no oneDNN");
}

#endif
