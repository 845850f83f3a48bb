/* test_attn_hidden.c - what a query does not see does not reach it, whatever it holds: with
 * NaN or Inf in one key and value, or in one query and its gradient, every result that is
 * no business of theirs keeps its bits. Forward, backward, decoding; every instruction set. */
#include "support.h"

#include "attend/attention.h"
#include "attend/base.h"
#include "kernels/isa_tables.h"
#include "kernels/kernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct kase {
    const char *name;
    int64_t h, t, s, d;
    int causal;
    int64_t left, right, sinks; /* -1 = all */
    float dropout, softcap;
    int length; /* keys from this on are padding; 0 = none */
} kase;

static const kase cases[] = {
    {"causal", 2, 40, 40, 32, 1, -1, -1, 0, 0, 0, 0},
    {"causal, one vector", 1, 13, 13, 5, 1, -1, -1, 0, 0, 0, 0},
    {"causal, several tiles", 1, 150, 150, 64, 1, -1, -1, 0, 0, 0, 0},
    {"causal, rows that crowd", 8, 300, 300, 64, 1, -1, -1, 0, 0, 0, 0},
    {"causal, T above S", 1, 70, 30, 16, 1, -1, -1, 0, 0, 0, 0},
    {"causal, T below S", 2, 20, 90, 17, 1, -1, -1, 0, 0, 0, 0},
    {"window", 1, 130, 130, 24, 0, 5, 9, 0, 0, 0, 0},
    {"window of itself", 1, 70, 70, 8, 0, 0, 0, 0, 0, 0, 0},
    {"causal window, sinks", 1, 140, 140, 33, 1, 20, -1, 3, 0, 0, 0},
    {"dropout", 1, 50, 50, 32, 1, -1, -1, 0, 0.3f, 0, 0},
    {"softcap", 1, 50, 50, 32, 1, -1, -1, 0, 0, 2.0f, 0},
    {"softcap, several chunks", 1, 100, 100, 16, 1, -1, -1, 0, 0, 2.0f, 0},
    {"lengths", 2, 30, 80, 16, 0, -1, -1, 0, 0, 0, 61},
    {"decode", 2, 4, 300, 32, 1, -1, -1, 0, 0, 0, 0},
    {"decode, window and sinks", 2, 8, 700, 32, 1, 90, -1, 5, 0, 0, 0},
    {"decode, length", 2, 2, 600, 16, 1, -1, -1, 0, 0, 0, 577},
    {"paths of rows", 1, 20, 20, 6, 1, -1, -1, 0, 0, 0, -1}, /* see run() */
};
enum { N_CASES = sizeof cases / sizeof *cases };

typedef struct call {
    const kase *c;
    att_attention_desc desc;
    att_attention_args args;
    att_attention_grads grads;
    att_tensor q, k, v, out, lse, dout, dq, dk, dv, len;
} call;

static int sees(const kase *c, int64_t t, int64_t s)
{
    int64_t n = c->length > 0 ? c->length : c->s, p = t + n - c->t;
    int64_t right = c->causal ? 0 : c->right;
    if (s >= n || (right >= 0 && s > p + right)) return 0;
    return c->left < 0 || s >= p - c->left || s < c->sinks;
}

/* Memory order [T,H,D], so that the rows of many heads lie far apart. */
static void tensor(att_tensor *t, const kase *c, int64_t rows, int64_t width,
                   uint64_t seed)
{
    int64_t shape[4] = {1, rows, c->h, width ? width : 1};
    assert_ok(att_tensor_alloc(t, ATT_F32, 4, shape));
    support_fill(t->data, (size_t)att_tensor_count(t), seed, -1.0f, 1.0f);
    int64_t sr = t->stride[1];
    t->shape[1] = c->h, t->shape[2] = rows;
    t->stride[1] = t->stride[2], t->stride[2] = sr;
    if (!width) t->ndim = 3;
}

static void call_init(call *w, const kase *c)
{
    memset(w, 0, sizeof *w);
    w->c = c;
    tensor(&w->q, c, c->t, c->d, 1);
    tensor(&w->k, c, c->s, c->d, 2);
    tensor(&w->v, c, c->s, c->d, 3);
    tensor(&w->dout, c, c->t, c->d, 4);
    tensor(&w->out, c, c->t, c->d, 5);
    tensor(&w->lse, c, c->t, 0, 6);
    tensor(&w->dq, c, c->t, c->d, 7);
    tensor(&w->dk, c, c->s, c->d, 8);
    tensor(&w->dv, c, c->s, c->d, 9);
    att_attention_desc_init(&w->desc);
    att_attention_args_init(&w->args);
    att_attention_grads_init(&w->grads);
    w->desc.causal = c->causal;
    w->desc.left = c->left, w->desc.right = c->right;
    w->desc.sinks = c->sinks;
    w->desc.dropout = c->dropout;
    w->desc.softcap = c->softcap;
    w->desc.seed = 5;
    if (c->length < 0) w->desc.score = ATT_SCORE_COSINE;
    if (c->length > 0) {
        int64_t one = 1;
        assert_ok(att_tensor_alloc(&w->len, ATT_I32, 1, &one));
        ((int32_t *)w->len.data)[0] = c->length;
        w->args.k_lengths = &w->len;
    }
    w->args.q = &w->q, w->args.k = &w->k, w->args.v = &w->v;
    w->args.out = &w->out, w->args.lse = &w->lse;
    w->grads.dout = &w->dout;
    w->grads.dq = &w->dq, w->grads.dk = &w->dk, w->grads.dv = &w->dv;
}

static void call_deinit(call *w)
{
    att_tensor *all[] = {&w->q,    &w->k,  &w->v,  &w->out, &w->lse,
                         &w->dout, &w->dq, &w->dk, &w->dv,  &w->len};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) att_tensor_deinit(all[i]);
}

static float *row(const att_tensor *t, int64_t h, int64_t r)
{
    return (float *)t->data + h * t->stride[1] + r * t->stride[2];
}

static void poison(const call *w, const att_tensor *t, int64_t r, float x)
{
    for (int64_t h = 0; h < w->c->h; h++)
        for (int64_t i = 0; i < w->c->d; i++) row(t, h, r)[i] = x;
}

static void run(call *w)
{
    assert_ok(att_attention_forward(&w->desc, &w->args));
    assert_ok(att_attention_backward(&w->desc, &w->args, &w->grads));
}

static void same_row(const call *a, const call *b, const char *what, int64_t r,
                     int64_t at, const att_tensor *x, const att_tensor *y)
{
    for (int64_t h = 0; h < a->c->h; h++) {
        const float *p = row(x, h, r), *z = row(y, h, r);
        for (int64_t i = 0; i < a->c->d; i++)
            if (memcmp(p + i, z + i, sizeof *p) != 0)
                fail_msg("%s: %s[%d,%d,%d] is %a beside a poisoned row %d, else %a",
                         a->c->name, what, (int)h, (int)r, (int)i, (double)z[i],
                         (int)at, (double)p[i]);
    }
    (void)b;
}

/* Key and value `at` are poisoned: rows that do not see it, and keys that share no row
 * with it, are as before. */
static void poisoned_key(const kase *c, const call *clean, int64_t at, float x)
{
    call w;
    call_init(&w, c);
    poison(&w, &w.k, at, x);
    poison(&w, &w.v, at, -x);
    run(&w);
    for (int64_t t = 0; t < c->t; t++) {
        if (sees(c, t, at)) continue;
        same_row(clean, &w, "out", t, at, &clean->out, &w.out);
        same_row(clean, &w, "dq", t, at, &clean->dq, &w.dq);
    }
    for (int64_t s = 0; s < c->s; s++) {
        int shared = s == at;
        for (int64_t t = 0; t < c->t && !shared; t++)
            shared = sees(c, t, at) && sees(c, t, s);
        if (shared) continue;
        same_row(clean, &w, "dk", s, at, &clean->dk, &w.dk);
        same_row(clean, &w, "dv", s, at, &clean->dv, &w.dv);
    }
    call_deinit(&w);
}

/* Query `at` and its gradient are poisoned: other rows, and keys it does not see, are as
 * before. */
static void poisoned_query(const kase *c, const call *clean, int64_t at, float x)
{
    call w;
    call_init(&w, c);
    poison(&w, &w.q, at, x);
    poison(&w, &w.dout, at, -x);
    run(&w);
    for (int64_t t = 0; t < c->t; t++) {
        if (t == at) continue;
        same_row(clean, &w, "out", t, at, &clean->out, &w.out);
        same_row(clean, &w, "dq", t, at, &clean->dq, &w.dq);
    }
    for (int64_t s = 0; s < c->s; s++) {
        if (sees(c, at, s)) continue;
        same_row(clean, &w, "dk", s, at, &clean->dk, &w.dk);
        same_row(clean, &w, "dv", s, at, &clean->dv, &w.dv);
    }
    call_deinit(&w);
}

static void hidden_rows_do_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) {
        const kase *c = &cases[i];
        call clean;
        call_init(&clean, c);
        run(&clean);
        const int64_t keys[] = {0, c->s / 3, c->s / 2, c->s - 1};
        const int64_t queries[] = {0, c->t / 3, c->t - 1};
        for (int j = 0; j < 4; j++)
            poisoned_key(c, &clean, keys[j], j % 2 ? INFINITY : NAN);
        for (int j = 0; j < 3; j++)
            poisoned_query(c, &clean, queries[j], j % 2 ? INFINITY : NAN);
        call_deinit(&clean);
    }
}

/* Without a name of an instruction set in the environment: once for each there is. */
static int every_isa(const char *program)
{
    int failed = 0;
    for (int i = 0; atti_kernel_set(i); i++) {
        pid_t pid = fork();
        if (pid == 0) {
            setenv("ATTEND_ISA", atti_kernel_set(i)->isa, 1);
            execl(program, program, (char *)NULL);
            _exit(127);
        }
        int status = 0;
        failed |= pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
                  WEXITSTATUS(status) != 0;
    }
    return failed;
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!getenv("ATTEND_ISA")) return every_isa(argv[0]);
    att_set_threads(1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(hidden_rows_do_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
