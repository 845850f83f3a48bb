/* The sequence of batches: every pair once an epoch, budgets kept, the same again from
 * any place. */
#include "data/feed.h"
#include "support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A corpus made in memory: lengths from a generator, ids that tell pair and place. */
static atti_pairs make_pairs(int64_t n)
{
    atti_pairs p = {.n = n, .lines = n, .fd = -1, .id_bytes = 4, .max_length = 60};
    FILE *f = tmpfile();
    p.offset = calloc((size_t)n, sizeof *p.offset);
    p.len[0] = calloc((size_t)n, sizeof *p.len[0]);
    p.len[1] = calloc((size_t)n, sizeof *p.len[1]);
    uint64_t at = 0, x = 1;
    for (int64_t i = 0; i < n; i++) {
        p.offset[i] = at;
        for (int s = 0; s < 2; s++) {
            x = x * 6364136223846793005ULL + 1442695040888963407ULL;
            p.len[s][i] = (uint16_t)(1 + (x >> 40) % 50);
            p.tokens[s] += p.len[s][i];
            if (p.len[s][i] > p.longest[s]) p.longest[s] = p.len[s][i];
            for (int k = 0; k < p.len[s][i]; k++) {
                int32_t id = (int32_t)(i * 4 + s * 2 + (k == 0));
                fwrite(&id, 4, 1, f);
                at++;
            }
        }
    }
    fflush(f);
    p.fd = dup(fileno(f));
    fclose(f);
    return p;
}

static void free_pairs(atti_pairs *p)
{
    close(p->fd);
    free(p->offset);
    free(p->len[0]);
    free(p->len[1]);
}

static atti_feed_opts options(void)
{
    return (atti_feed_opts){
        .budget = 400, .decoder_start = 77, .shuffle = 1, .by_length = 1, .seed = 5};
}

static void check_batch(const atti_pairs *p, const atti_feed_opts *o,
                        const atti_batch *b, unsigned char *seen)
{
    assert_true(b->n_seqs > 0);
    assert_true(b->source.rows <= o->budget && b->target.rows <= o->budget);
    for (int64_t i = 0; i < b->n_seqs; i++) {
        int64_t k = b->line[i];
        assert_int_equal(seen[k]++, 0);
        const int32_t *so = b->source.offsets, *to = b->target.offsets;
        assert_int_equal(so[i + 1] - so[i], p->len[0][k]);
        assert_int_equal(to[i + 1] - to[i], p->len[1][k]);
        assert_int_equal(b->source.ids[so[i]], k * 4 + 1);
        assert_int_equal(b->targets[to[i]], k * 4 + 3);
        /* Shifted right: the start, then the targets without their last. */
        assert_int_equal(b->target.ids[to[i]], 77);
        for (int32_t r = to[i] + 1; r < to[i + 1]; r++) {
            assert_int_equal(b->target.ids[r], b->targets[r - 1]);
        }
    }
    assert_int_equal(b->source.offsets[b->n_seqs], b->source.rows);
    assert_int_equal(b->target.offsets[b->n_seqs], b->target.rows);
}

static void every_pair_comes_once_an_epoch(void **state)
{
    (void)state;
    atti_pairs p = make_pairs(3000);
    atti_feed_opts o = options();
    for (int variant = 0; variant < 3; variant++) {
        atti_feed *f = NULL;
        atti_feed_item item = {0};
        o.shuffle = variant > 0;
        o.by_length = variant > 1;
        assert_ok(atti_feed_open(&f, &p, &o, (atti_feed_pos){0, 0}));
        for (int epoch = 0; epoch < 2; epoch++) {
            unsigned char *seen = calloc(3000, 1);
            int64_t least = INT64_MAX, count = 0;
            do {
                assert_ok(atti_feed_next(f, &item));
                check_batch(&p, &o, item.batch, seen);
                const atti_batch *b = item.batch;
                int64_t rows = b->source.rows;
                if (b->target.rows > rows) rows = b->target.rows;
                if (rows < least) least = rows;
                count += item.batch->n_seqs;
                assert_int_equal(item.seen, count);
            } while (item.seen < p.n);
            for (int i = 0; i < 3000; i++) assert_int_equal(seen[i], 1);
            /* Balanced cuts: no batch of a handful of tokens (the corpus is two windows). */
            if (o.shuffle && least <= o.budget / 5)
                fail_msg("variant %d: a batch of %d tokens", variant, (int)least);
            free(seen);
        }
        atti_feed_close(f);
    }
    free_pairs(&p);
}

/* A number that stands for what a batch holds. */
static uint64_t digest(const atti_batch *b)
{
    uint64_t h = (uint64_t)b->n_seqs;
    for (int64_t i = 0; i < b->n_seqs; i++) {
        h = h * 1099511628211ULL ^ (uint64_t)b->line[i];
    }
    for (int64_t i = 0; i < b->target.rows; i++) {
        h = h * 1099511628211ULL ^ (uint64_t)b->targets[i];
    }
    return h;
}

/* Stands for other segmentations: every id up to four times, as the key says. Counts how
 * often it had no room. */
static int64_t repeat(const void *ctx, int side, uint64_t key, const int32_t *ids,
                      int64_t n, int32_t *out, int64_t room)
{
    int *full = *(int *const *)ctx;
    int64_t m = 0, times = 1 + (int64_t)(key % 4);
    assert_in_range(side, 0, 1);
    assert_true(room >= n);
    if (n * times > room) {
        ++*full;
        times = 1;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < times; k++) out[m++] = ids[i];
    return m;
}

static void varied_items_stay_within_what_is_planned(void **state)
{
    (void)state;
    atti_pairs p = make_pairs(1500);
    atti_feed_opts o = options();
    int full = 0, *counter = &full;
    int64_t s = 0, t = 0, n = 0, rows = 0, more = 0;
    uint64_t first[2] = {0};
    o.vary = repeat;
    o.vary_ctx = &counter;
    atti_feed_max_rows(&p, &o, &s, &t, &n);
    assert_true(s == 600 && t == 600);
    atti_feed *f = NULL;
    atti_feed_item item = {0};
    assert_ok(atti_feed_open(&f, &p, &o, (atti_feed_pos){0, 0}));
    for (int epoch = 0; epoch < 2; epoch++) {
        do {
            assert_ok(atti_feed_next(f, &item));
            const atti_batch *b = item.batch;
            if (!first[epoch]) first[epoch] = digest(b);
            assert_true(b->source.rows <= s && b->target.rows <= t);
            rows += b->target.rows;
            more += b->target.rows > o.budget;
            for (int64_t i = 0; i < b->n_seqs; i++) {
                int32_t at = b->target.offsets[i], end = b->target.offsets[i + 1];
                assert_true(end - at <= p.max_length);
                assert_int_equal(b->target.ids[at], 77);
                assert_int_equal(b->targets[at], b->line[i] * 4 + 3);
                for (int32_t r = at + 1; r < end; r++)
                    assert_int_equal(b->target.ids[r], b->targets[r - 1]);
            }
        } while (item.seen < p.n);
    }
    atti_feed_close(f);
    /* It did vary, it did fill batches up, and it was another draw in the second epoch. */
    assert_true(rows > 2 * p.tokens[1] && more > 10 && full > 10);
    assert_true(first[0] != first[1]);
    free_pairs(&p);
}

static void a_resumed_feed_gives_what_would_have_come(void **state)
{
    (void)state;
    enum { N = 150 };
    atti_pairs p = make_pairs(1500);
    atti_feed_opts o = options();
    int full = 0, *counter = &full;
    o.vary = repeat;
    o.vary_ctx = &counter;
    uint64_t want[N];
    atti_feed_pos pos[N];
    atti_feed *f = NULL;
    atti_feed_item item = {0};
    assert_ok(atti_feed_open(&f, &p, &o, (atti_feed_pos){0, 0}));
    for (int i = 0; i < N; i++) {
        assert_ok(atti_feed_next(f, &item));
        want[i] = digest(item.batch);
        pos[i] = item.next;
        if (item.seen == p.n) pos[i] = (atti_feed_pos){item.next.epoch + 1, 0};
    }
    atti_feed_close(f);
    assert_true(pos[N - 1].epoch >= 1);
    for (int i = 0; i < N - 2; i += 7) {
        memset(&item, 0, sizeof item);
        assert_ok(atti_feed_open(&f, &p, &o, pos[i]));
        for (int k = i + 1; k < N && k < i + 4; k++) {
            assert_ok(atti_feed_next(f, &item));
            assert_true(digest(item.batch) == want[k]);
        }
        atti_feed_close(f);
    }
    free_pairs(&p);
}

static void seed_and_epoch_change_the_order(void **state)
{
    (void)state;
    atti_pairs p = make_pairs(1000);
    atti_feed_opts o = options();
    uint64_t first[3];
    for (int i = 0; i < 3; i++) {
        atti_feed *f = NULL;
        atti_feed_item item = {0};
        o.seed = i == 2 ? 6 : 5;
        assert_ok(atti_feed_open(&f, &p, &o, (atti_feed_pos){i == 1, 0}));
        assert_ok(atti_feed_next(f, &item));
        first[i] = digest(item.batch);
        atti_feed_close(f);
    }
    assert_true(first[0] != first[1]);
    assert_true(first[0] != first[2]);
    free_pairs(&p);
}

static void a_pair_over_the_budget_is_a_batch_of_its_own(void **state)
{
    (void)state;
    atti_pairs p = make_pairs(40);
    atti_feed_opts o = options();
    o.budget = 8;
    int64_t s = 0, t = 0, n = 0, count = 0;
    atti_feed *f = NULL;
    atti_feed_item item = {0};
    atti_feed_max_rows(&p, &o, &s, &t, &n);
    assert_ok(atti_feed_open(&f, &p, &o, (atti_feed_pos){0, 0}));
    do {
        assert_ok(atti_feed_next(f, &item));
        assert_true(item.batch->source.rows <= s && item.batch->target.rows <= t);
        assert_true(item.batch->n_seqs <= n);
        count += item.batch->n_seqs;
    } while (item.seen < p.n);
    assert_int_equal(count, 40);
    atti_feed_close(f);
    free_pairs(&p);
}

static void a_failing_read_is_reported_by_next(void **state)
{
    (void)state;
    atti_pairs p = make_pairs(100);
    atti_feed_opts o = options();
    atti_feed *f = NULL;
    atti_feed_item item = {0};
    p.offset[3] = 1u << 30; /* past the end of the file */
    assert_ok(atti_feed_open(&f, &p, &o, (atti_feed_pos){0, 0}));
    att_status st = ATT_OK;
    for (int i = 0; i < 50 && st == ATT_OK; i++) st = atti_feed_next(f, &item);
    assert_int_equal(st, ATT_EIO);
    assert_non_null(strstr(att_error_message(), "tokenised corpus"));
    atti_feed_close(f);
    free_pairs(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_comes_once_an_epoch),
        cmocka_unit_test(a_resumed_feed_gives_what_would_have_come),
        cmocka_unit_test(seed_and_epoch_change_the_order),
        cmocka_unit_test(a_pair_over_the_budget_is_a_batch_of_its_own),
        cmocka_unit_test(varied_items_stay_within_what_is_planned),
        cmocka_unit_test(a_failing_read_is_reported_by_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
