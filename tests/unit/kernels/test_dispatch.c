/* test_dispatch.c - ATTEND_ISA: every set that runs here can be asked for, anything else
 * is an error that lists what can be had, and the table in force has no hole. The choice
 * is made once a process, so each case is a process of its own, and the parent never
 * asks. */
#include "support.h"

#include "attend/kernels.h"
#include "base/error.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child with ATTEND_ISA = isa: fn's result is the exit status. */
static int in_child(const char *isa, int (*fn)(const char *isa))
{
    pid_t pid = fork();
    if (pid == 0) {
        setenv("ATTEND_ISA", isa, 1);
        _exit(fn(isa));
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

static int is_in_force(const char *isa)
{
    if (att_kernels_check() != ATT_OK) return 1;
    if (strcmp(att_kernels_isa(), isa) != 0) return 2;
    if (strcmp(atti_k()->isa, isa) != 0) return 3;
    if (strcmp(atti_kernel_set(0)->isa, isa) != 0) return 4;
    /* Pointers only after the name: a zero among them is a hole. */
    const unsigned char *p = (const unsigned char *)atti_k();
    for (size_t i = sizeof(void *); i < sizeof(atti_kernels); i += sizeof(void *)) {
        void *entry;
        memcpy(&entry, p + i, sizeof entry);
        int may =
            i == offsetof(atti_kernels, attn) || i == offsetof(atti_kernels, bf16);
        if (!entry && !may) return 5;
    }
    if (strcmp(att_kernels_bf16(), atti_bf16() ? atti_bf16()->name : "emulated") != 0)
        return 7;
    /* What a cap leaves out is not used: products of bf16 come from the capped set. */
    if (atti_bf16() && strcmp(atti_bf16()->name, isa) != 0) return 8;
    int n = 0;
    while (atti_kernel_set(n)) n++;
    return strcmp(atti_kernel_set(n - 1)->isa, "ref") == 0 ? 0 : 6;
}

static int is_refused(const char *isa)
{
    if (att_kernels_check() != ATT_EINVAL) return 1;
    if (!strstr(att_error_message(), isa)) return 2;
    if (!strstr(att_error_message(), "ref")) return 3;
    return strcmp(att_kernels_isa(), "ref") == 0 ? 0 : 4;
}

/* Names of this library that another processor or build would have are refused too. */
static int is_in_force_or_refused(const char *isa)
{
    const char *name;
    for (int32_t i = 0; (name = att_kernels_available(i)) != NULL; i++) {
        if (strcmp(name, isa) == 0) return is_in_force(isa);
    }
    return att_kernels_available(-1) ? 100 : is_refused(isa);
}

static void test_known_names(void **state)
{
    (void)state;
    static const char *const names[] = {"ref",         "avx2", "avx512",
                                        "avx512_bf16", "amx",  "neon"};
    assert_int_equal(0, in_child("ref", is_in_force));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(0, in_child(names[i], is_in_force_or_refused));
}

static void test_refused(void **state)
{
    (void)state;
    assert_int_equal(0, in_child("sse9", is_refused));
    assert_int_equal(0, in_child("AVX2", is_refused));
#if defined(__x86_64__)
    assert_int_equal(0, in_child("neon", is_refused));
#else
    assert_int_equal(0, in_child("avx512", is_refused));
#endif
}

static int takes_the_best(const char *isa)
{
    (void)isa;
    if (att_kernels_check() != ATT_OK) return 1;
    return strcmp(att_kernels_isa(), att_kernels_available(0)) == 0 ? 0 : 2;
}

static void test_empty_is_no_cap(void **state)
{
    (void)state;
    assert_int_equal(0, in_child("", takes_the_best));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_names),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_empty_is_no_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
