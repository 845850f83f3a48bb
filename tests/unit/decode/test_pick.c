/* test_pick.c - the best tokens of a row of logits, against sorting all of them; and rows
 * that hold no numbers. */
#include "base/alloc.h"
#include "base/rng.h"
#include "decode/session_internal.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>

enum { V = 1500 };

static int best_first(const void *a, const void *b)
{
    const atti_cand *x = a, *y = b;
    if (x->v != y->v) return x->v > y->v ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

typedef struct picked {
    atti_cand cand[V];
    atti_row row;
} picked;

static void pick(picked *p, float *logits, int64_t k)
{
    atti_engine engine = {.vocab = {.n_out = V}};
    float *scratch = calloc((size_t)atti_pick_scratch(V), sizeof *scratch);
    p->row = (atti_row){.mode = ATTI_PICK_TOP};
    att_session s = {
        .e = &engine,
        .beam = 2,
        .k = k,
        .eos = -1,
        .pad = 7,
        .row = &p->row,
        .cand = p->cand,
        .pick_scratch = scratch,
    };
    s.o.repetition_penalty = 1.0f;
    atti_pick_row(&s, 0, logits, 0);
    free(scratch);
}

static void short_and_long_lists_are_those_of_a_sort(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 10, 63, 64, 65, 100, 511, 1024, V - 1, V};
    static const int kinds[] = {3, 50, 100000}; /* different values: many ties or few */
    static float logits[V];
    static atti_cand all[V];
    static picked p;
    atti_rng r = {atti_key(1, 2, 3), 0};
    for (size_t c = 0; c < sizeof kinds / sizeof *kinds; c++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            int64_t k = sizes[i], n = 0;
            for (int32_t j = 0; j < V; j++) {
                logits[j] =
                    (float)atti_rng_below(&r, (uint64_t)kinds[c]) / (float)kinds[c];
                if (j != 7) all[n++] = (atti_cand){logits[j], j}; /* the padding */
            }
            qsort(all, (size_t)n, sizeof *all, best_first);
            pick(&p, logits, k);
            assert_false(p.row.diverged);
            for (int64_t j = 0; j < k && j < n; j++)
                assert_int_equal(p.cand[j].id, all[j].id);
            if (k > n) assert_int_equal(p.cand[n].id, -1);
        }
    }
}

static void rows_without_numbers_are_marked(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY};
    static float logits[V];
    static picked p;
    for (size_t i = 0; i < 2; i++) {
        for (int32_t j = 0; j < V; j++) logits[j] = (float)(j % 11);
        logits[V / 2] = bad[i];
        pick(&p, logits, 4);
        assert_true(p.row.diverged);
    }
    /* What is impossible is no accident. */
    for (int32_t j = 0; j < V; j++) logits[j] = j % 3 ? -INFINITY : 1.0f;
    pick(&p, logits, 4);
    assert_false(p.row.diverged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_and_long_lists_are_those_of_a_sort),
        cmocka_unit_test(rows_without_numbers_are_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
