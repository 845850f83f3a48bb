/* test_attn_members.c - every member at every shape against the reference in double:
 * through the public call (whatever path it takes) and through the generic path, forward
 * and backward, F32 and BF16, on every instruction set this processor has (the program
 * runs itself once for each).
 *
 * Tolerance. u = 2^-24. A score is a sum of at most d products of numbers up to 1.5, scaled
 * by 1/sqrt(d): its error is below 2.25 (d + 3) u sqrt(d) / 2 in the worst case, 40 u sqrt(d)
 * in what random rounding gives; softmax turns it into a relative error of the weights,
 * and the fast exp and tanh add 4 u. Outputs are averages of values up to 1: 2e-6 sqrt(d) covers
 * d = 1..256 with room. Gradients multiply by up to three more sums of that length and by
 * scale, temperature and cap (up to 8): relative to the largest element of the gradient
 * they get 3e-5. BF16 rounds each result once more: 2^-8 of its own size (half of that
 * for one rounding, twice for an accumulated gradient). */
#include "cases.h"

#include "attention/attn_generic.h"
#include "base/alloc.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include <sys/wait.h>
#include <unistd.h>

typedef struct size3 {
    int64_t t, s, d;
} size3;
/* 0 and the table's own sizes are in members[]; W is 8 or 16. */
static const size3 sizes[] = {{0, 0, 0},    {1, 1, 1},    {3, 5, 7},   {7, 9, 15},
                              {17, 16, 17}, {16, 15, 16}, {5, 35, 35}, {33, 9, 24}};

static double biggest(const att_tensor *t)
{
    double m = 0;
    for (int64_t i = 0, n = case_count(t); i < n; i++) {
        double x = fabs(case_get(t, i));
        if (isfinite(x) && x > m) m = x;
    }
    return m;
}

static void compare(const attn_case *got, const attn_case *want, const att_tensor *g,
                    const att_tensor *w, const char *what, double tol, const char *path)
{
    double half = got->dtype == ATT_BF16 && g->dtype == ATT_BF16 ? 0x1p-8 : 0;
    for (int64_t i = 0, n = case_count(w); i < n; i++) {
        double a = case_get(g, i), b = case_get(w, i);
        if (a == b || fabs(a - b) <= tol + half * fabs(b)) continue;
        fail_msg(
            "%s (%s, %s, T %lld S %lld D %lld, %s): %s[%lld] is %.9g, reference %.9g",
            got->k.name, path, att_dtype_name((att_dtype)got->dtype),
            (long long)got->k.t, (long long)got->k.s, (long long)got->k.d,
            atti_k()->isa, what, (long long)i, a, b);
    }
    (void)want;
}

static att_status generic(attn_case *c, int backward)
{
    atti_attn_call call;
    atti_attn_grad_call g;
    att_status st = atti_attn_resolve(&call, &c->desc, &c->args);
    if (!st && backward) st = atti_attn_resolve_grads(&g, &call, &c->grads);
    if (st) return st;
    call.workspace_bytes = atti_attn_generic_workspace(&call, backward);
    st = atti_alloc_raw(&call.workspace, call.workspace_bytes, 1, "test");
    /* A path that reads scratch before it writes it shows itself. */
    memset(call.workspace, 0xff, call.workspace_bytes);
    if (!st)
        st = backward ? atti_attn_generic_backward(&call, &g)
                      : atti_attn_generic_forward(&call);
    atti_free(call.workspace);
    return st;
}

/* A score within rounding of where its normaliser bends (0, tau, a tie): the gradient
 * jumps there, and either side is right. */
static bool at_a_bend(const attn_case *c)
{
    atti_attn_call call;
    atti_ref_row r;
    bool found = false;
    if (c->k.norm == ATT_NORM_SOFTMAX) return false;
    assert_ok(atti_attn_resolve(&call, &c->desc, &c->args));
    assert_ok(atti_ref_row_create(&r, &call));
    for (int64_t b = 0; b < call.n_batch; b++)
        for (int64_t h = 0; h < call.heads; h++)
            for (int64_t t = 0; t < atti_attn_nq(&call, b); t++) {
                atti_ref_row_run(&r, b, h, t);
                double at = c->k.norm == ATT_NORM_SPARSEMAX ? r.lse : 0;
                /* A row whose sum is nearly 0 divides rounding errors by it. */
                found |= c->k.norm == ATT_NORM_RELU_ROW && r.lse > 0 && r.lse < 0.05;
                if (r.picked >= 0) at = r.e[r.picked];
                for (int64_t i = 0; i < r.n; i++)
                    found |= i != r.picked && fabs(r.e[i] - at) < 1e-5;
            }
    atti_ref_row_destroy(&r);
    return found;
}

static void run(const kase *k, int32_t dtype, int use_generic)
{
    attn_case got, want;
    const char *path = use_generic ? "generic" : "public";
    case_make(&got, k, dtype);
    case_make(&want, k, ATT_F64);
    case_copy_values(&want, &got);
    double tol = 2e-6 * sqrt((double)got.k.d + 1) + (dtype == ATT_BF16 ? 1e-5 : 0);
    /* Where the processor multiplies bf16, weights are rounded to it as well: 2^-8 of
     * values up to 1, and of what dropout scales up (test_bf16_attn.c has the sharp bound). */
    if (dtype == ATT_BF16 && atti_bf16()) tol += 0x1p-8 * 2;
    if (k->norm == ATT_NORM_RELU) tol *= 4 * (double)(got.k.s + 1) / 4;
    assert_ok(att_attention_forward(&want.desc, &want.args));
    assert_ok(use_generic ? generic(&got, 0)
                          : att_attention_forward(&got.desc, &got.args));
    case_intact(&want);
    case_intact(&got);
    compare(&got, &want, &got.t[OUT], &want.t[OUT], "out", tol, path);
    double lse = tol * (1 + biggest(&want.t[LSE]));
    compare(&got, &want, &got.t[LSE], &want.t[LSE], "lse", lse, path);
    if (k->layout != PAGED && !at_a_bend(&want)) {
        assert_ok(att_attention_backward(&want.desc, &want.args, &want.grads));
        assert_ok(use_generic
                      ? generic(&got, 1)
                      : att_attention_backward(&got.desc, &got.args, &got.grads));
        case_intact(&want);
        case_intact(&got);
        for (int o = 0; o < N_OPS; o++) {
            if (!got.wants[o]) continue;
            double big = biggest(&want.d[o]), floor = 1e-5;
            compare(&got, &want, &got.d[o], &want.d[o], op_name[o],
                    3e-5 * big + floor + tol, path);
        }
    }
    case_free(&got);
    case_free(&want);
}

static kase sized(const kase *k, size3 z)
{
    kase r = *k;
    if (!z.d) return r;
    r.t = z.t;
    r.s = z.s;
    if (k->layout == EDGES && r.s > r.t) r.s = r.t;
    r.d = z.d;
    if (k->rope) r.d += r.d % 2;
    if (k->rope && r.d < k->rope_dims) r.d = k->rope_dims;
    if (k->dk) r.dk = z.d > 3 ? z.d - 3 : 2;
    if (k->e) r.e = z.d > 2 ? z.d - 2 : 3;
    return r;
}

static bool fast(const kase *k)
{
    attn_case c;
    atti_attn_call call;
    case_make(&c, k, ATT_F32);
    assert_ok(atti_attn_resolve(&call, &c.desc, &c.args));
    bool yes = atti_attn_fast_takes(&call, 1);
    case_free(&c);
    return yes;
}

static void cross(int32_t dtype, int use_generic)
{
    for (int m = 0; m < N_MEMBERS; m++)
        for (size_t z = 0; z < sizeof sizes / sizeof sizes[0]; z++) {
            if (sizes[z].d && (members[m].t == 0 || members[m].s == 0)) continue;
            if (dtype == ATT_BF16 && z % 2) continue;
            /* Where there is no fast path the public call is the generic one. */
            if (use_generic && !fast(&members[m])) continue;
            kase k = sized(&members[m], sizes[z]);
            run(&k, dtype, use_generic);
        }
}

static void f32_public(void **state)
{
    (void)state;
    cross(ATT_F32, 0);
}
static void f32_generic(void **state)
{
    (void)state;
    cross(ATT_F32, 1);
}
static void bf16_public(void **state)
{
    (void)state;
    cross(ATT_BF16, 0);
}

static void widths_to_256(void **state)
{
    (void)state;
    for (int64_t d = 1; d <= 256; d += d < 20 ? 1 : 59) {
        kase k = {"width", .b = 1, .h = 2, .t = 3, .s = 6, .d = d, .e = 257 - d};
        run(&k, ATT_F32, 0);
        run(&k, ATT_F32, 1);
        k.score = ATT_SCORE_ADDITIVE;
        run(&k, ATT_F32, 0);
    }
    kase w = {"width 256", .b = 1, .h = 1, .t = 9, .s = 20, .d = 256};
    run(&w, ATT_F32, 0);
    run(&w, ATT_F32, 1);
    w.score = ATT_SCORE_BILINEAR;
    w.scale =
        0.02f; /* 65,536 products: scores of size 100 would lose their own digits */
    run(&w, ATT_F32, 0);
}

static void paged_cache(void **state)
{
    (void)state;
    const kase all[] = {
        {"paged", .layout = PAGED, .b = 3, .h = 4, .g = 2, .t = 2, .s = 11, .d = 8,
         .causal = 1},
        {"paged, one query", .layout = PAGED, .b = 2, .h = 4, .g = 4, .t = 1, .s = 40,
         .d = 17, .e = 9},
        {"paged rope", .layout = PAGED, .b = 2, .h = 2, .t = 1, .s = 9, .d = 6,
         .rope = ATT_ROPE_HALF},
        {"paged, runs of queries", .layout = PAGED, .b = 3, .h = 4, .g = 2, .t = 21,
         .s = 40, .d = 8, .causal = 1, .rope = ATT_ROPE_HALF, .keys_rotated = 1},
        {"paged, groups of 16", .layout = PAGED, .b = 2, .h = 16, .g = 1, .t = 7,
         .s = 30, .d = 8, .causal = 1},
        {"paged, two waves", .layout = PAGED, .b = 3, .h = 2, .t = 190, .s = 200,
         .d = 8, .causal = 1, .left1 = 60},
        {"paged additive", .layout = PAGED, .b = 2, .h = 2, .t = 3, .s = 9, .d = 6,
         .score = ATT_SCORE_ADDITIVE},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        run(&all[i], ATT_F32, 0);
        run(&all[i], ATT_BF16, 0);
        run(&all[i], ATT_F32, 1);
    }
}

/* Long enough for chunks of keys to be joined, and for a node's edges to need several
 * blocks. */
static void long_caches_and_stars(void **state)
{
    (void)state;
    const kase all[] = {
        {"cache", .b = 1, .h = 4, .g = 2, .t = 2, .s = 700, .d = 20, .causal = 1},
        {"cache, one query", .b = 2, .h = 8, .g = 8, .t = 1, .s = 1025, .d = 16,
         .strided = 1},
        {"cache, window", .b = 1, .h = 2, .t = 8, .s = 1300, .d = 8, .causal = 1,
         .left1 = 301, .sinks = 3},
        {"cache, window left", .b = 1, .h = 2, .t = 1, .s = 640, .d = 8, .left1 = 2},
        {"cache, lengths", .layout = LENGTHS, .b = 4, .h = 4, .g = 1, .t = 3, .s = 600,
         .d = 9, .e = 5, .causal = 1},
        {"cache, cap, sink", .b = 1, .h = 2, .t = 3, .s = 513, .d = 8, .softcap = 2,
         .sink_logit = 1, .temperature = 0.7f},
        {"cache, rope", .b = 1, .h = 2, .t = 3, .s = 200, .d = 8, .rope = ATT_ROPE_HALF,
         .keys_rotated = 1},
        {"paged, long", .layout = PAGED, .b = 2, .h = 4, .g = 2, .t = 2, .s = 700,
         .d = 8, .causal = 1},
        {"star", .layout = EDGES, .b = 1, .h = 2, .t = 9, .s = 9, .d = 4, .star = 200,
         .edge_bias = 1},
        {"star of 8 by 8", .layout = EDGES, .b = 1, .h = 8, .t = 9, .s = 9, .d = 8,
         .star = 129, .edge_bias = 2, .sink_logit = 1},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        run(&all[i], ATT_F32, 0);
        run(&all[i], ATT_F32, 1);
        if (all[i].layout != EDGES) run(&all[i], ATT_BF16, 0);
    }
}

/* Sequences long enough for rows in blocks and queries in parts, and, of those, lengths
 * around the cuts. */
static const kase long_members[] = {
    {"long t5", .b = 1, .h = 2, .t = 200, .s = 150, .d = 6, .t5 = 8, .scale = 1},
    {"long t5, causal", .b = 1, .h = 1, .t = 300, .s = 300, .d = 3, .t5 = 32,
     .t5_uni = 1, .causal = 1},
    {"long shaw", .b = 1, .h = 2, .g = 1, .t = 130, .s = 140, .d = 5, .shaw = 4},
    {"long additive", .score = ATT_SCORE_ADDITIVE, .b = 2, .h = 1, .t = 129, .s = 65,
     .d = 7, .score_b = 1},
    {"long gat window", .score = ATT_SCORE_GAT, .b = 1, .h = 1, .t = 260, .s = 260,
     .d = 4, .left1 = 20, .right1 = 5, .dropout = 0.2f},
    {"long cosine, sinks", .score = ATT_SCORE_COSINE, .b = 1, .h = 2, .t = 190,
     .s = 200, .d = 9, .causal = 1, .left1 = 30, .sinks = 3},
    {"long bilinear, masks", .score = ATT_SCORE_BILINEAR, .b = 1, .h = 2, .t = 140,
     .s = 128, .d = 6, .dk = 4, .block_mask = 1},
    {"long sink, bias", .b = 1, .h = 1, .t = 256, .s = 200, .d = 8, .sink_logit = 1,
     .bias = 15},
    {"long ragged", .layout = RAGGED, .score = ATT_SCORE_ADDITIVE, .b = 3, .h = 1,
     .t = 150, .s = 140, .d = 5, .score_b = 1},
};

static void rows_in_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof long_members / sizeof long_members[0]; i++) {
        run(&long_members[i], ATT_F32, 0);
        run(&long_members[i], ATT_F32, 1);
    }
}

static void same_bits(const att_tensor *a, const att_tensor *b, const kase *k,
                      const char *what)
{
    for (int64_t i = 0, n = case_count(a); i < n; i++) {
        float x = (float)case_get(a, i), y = (float)case_get(b, i);
        if (memcmp(&x, &y, sizeof x) && !(x != x && y != y))
            fail_msg("%s: %s[%lld] is %.9g, then %.9g", k->name, what, (long long)i,
                     (double)x, (double)y);
    }
}

/* 1, 2 and 3 threads give the same bits, forward and backward, every gradient. */
static void any_thread_count(void **state)
{
    (void)state;
    for (int m = 0; m < N_MEMBERS; m++) {
        kase k = sized(&members[m],
                       members[m].t && members[m].s ? (size3){140, 40, 9} : sizes[0]);
        attn_case c[3];
        for (int i = 0; i < 3; i++) {
            att_set_threads(i + 1);
            case_make(&c[i], &k, ATT_F32);
            assert_ok(att_attention_forward(&c[i].desc, &c[i].args));
            assert_ok(att_attention_backward(&c[i].desc, &c[i].args, &c[i].grads));
        }
        for (int i = 1; i < 3; i++) {
            same_bits(&c[0].t[OUT], &c[i].t[OUT], &k, "out");
            for (int o = 0; o < N_OPS; o++)
                if (c[0].wants[o]) same_bits(&c[0].d[o], &c[i].d[o], &k, op_name[o]);
        }
        for (int i = 0; i < 3; i++) case_free(&c[i]);
    }
    att_set_threads(1);
}

/* The caller's workspace of exactly the bytes asked for is enough, and one byte less is
 * refused. */
static void callers_workspace(void **state)
{
    (void)state;
    for (int m = 0; m < N_MEMBERS; m++) {
        attn_case c;
        case_make(&c, &members[m], ATT_F32);
        for (int back = 0; back < 2; back++) {
            size_t need = 0;
            c.args.workspace = NULL;
            assert_ok(att_attention_workspace(&need, &c.desc, &c.args, back));
            void *w = support_guard_alloc(need, 0);
            memset(w, 0xff, need);
            c.args.workspace = w;
            c.args.workspace_bytes = need;
            assert_ok(back ? att_attention_backward(&c.desc, &c.args, &c.grads)
                           : att_attention_forward(&c.desc, &c.args));
            support_guard_free(w);
        }
        case_free(&c);
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
    att_set_threads(1); /* problems this small spend their time at barriers */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32_generic),           cmocka_unit_test(f32_public),
        cmocka_unit_test(bf16_public),           cmocka_unit_test(widths_to_256),
        cmocka_unit_test(paged_cache),           cmocka_unit_test(rows_in_parts),
        cmocka_unit_test(long_caches_and_stars), cmocka_unit_test(any_thread_count),
        cmocka_unit_test(callers_workspace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
