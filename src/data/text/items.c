/* items.c - a corpus of items that a task makes one by one (labelled sentences), and of one
 * running text cut into blocks. Ids go to the same temporary file as those of pairs.c. */
#include "base/alloc.h"
#include "data/text/pairs.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct maker {
    atti_pairs *p;
    const atti_items_opts *o;
    FILE *f;
    uint16_t *narrow;
    size_t cap_narrow, cap_offset, cap_len[2];
} maker;

static att_status put_ids(maker *m, const int32_t *ids, size_t n, int64_t limit)
{
    atti_pairs *p = m->p;
    for (size_t i = 0; limit > 0 && i < n; i++) {
        if (ids[i] >= 0 && ids[i] < limit) continue;
        return atti_fail(ATT_EFORMAT, "token id %d, the vocabulary has %lld",
                         (int)ids[i], (long long)limit);
    }
    const void *data = ids;
    if (n == 0) return ATT_OK;
    if (p->id_bytes == 2) {
        ATTI_TRY(
            atti_grow(&m->narrow, &m->cap_narrow, n, sizeof *m->narrow, "token ids"));
        for (size_t i = 0; i < n; i++) m->narrow[i] = (uint16_t)ids[i];
        data = m->narrow;
    }
    if (fwrite(data, (size_t)p->id_bytes, n, m->f) != n) {
        return atti_fail_errno(ATT_EIO, errno, "%s: cannot write the tokenised corpus",
                               m->o->temp_dir ? m->o->temp_dir : "temporary directory");
    }
    p->stored += (int64_t)n;
    return ATT_OK;
}

/* Item number p->n: its place and its lengths. */
static att_status put_entry(maker *m, uint64_t at, size_t n0, size_t n1)
{
    atti_pairs *p = m->p;
    size_t need = (size_t)p->n + 1;
    const size_t n[2] = {n0, n1};
    if (p->n >= (int64_t)UINT32_MAX - 1) {
        return atti_fail(ATT_ENOTSUP, "%s: more than %u items", m->o->name,
                         UINT32_MAX - 1);
    }
    ATTI_TRY(
        atti_grow(&p->offset, &m->cap_offset, need, sizeof *p->offset, "corpus index"));
    p->offset[p->n] = at;
    for (int s = 0; s < 2; s++) {
        ATTI_TRY(atti_grow(&p->len[s], &m->cap_len[s], need, sizeof *p->len[s],
                           "corpus index"));
        p->len[s][p->n] = (uint16_t)n[s];
        p->tokens[s] += (int64_t)n[s];
        if ((int64_t)n[s] > p->longest[s]) p->longest[s] = (int64_t)n[s];
    }
    p->n++;
    return ATT_OK;
}

static att_status take_items(maker *m)
{
    atti_pairs *p = m->p;
    const atti_items_opts *o = m->o;
    for (;;) {
        atti_item x = {0};
        ATTI_TRY(o->next(o->ctx, &x));
        if (x.end) return ATT_OK;
        p->lines++;
        if (x.skip || x.n[0] == 0) {
            p->empty++;
            continue;
        }
        if (x.n[0] > (size_t)o->max_length || x.n[1] > (size_t)o->max_length) {
            p->too_long++;
            continue;
        }
        uint64_t at = (uint64_t)p->stored;
        for (int s = 0; s < 2; s++) ATTI_TRY(put_ids(m, x.ids[s], x.n[s], o->limit[s]));
        ATTI_TRY(put_entry(m, at, x.n[0], x.n[1]));
    }
}

static att_status take_stream(maker *m, int may_shift)
{
    atti_pairs *p = m->p;
    const atti_items_opts *o = m->o;
    for (;;) {
        atti_item x = {0};
        ATTI_TRY(o->next(o->ctx, &x));
        if (x.end) break;
        ATTI_TRY(put_ids(m, x.ids[0], x.n[0], o->limit[0]));
    }
    int64_t rows = p->stored - 1, at = 0, whole = rows / o->max_length;
    if (rows < 1) {
        return atti_fail(ATT_EFORMAT,
                         "%s: %lld tokens: a language model needs at least two",
                         o->name, (long long)p->stored);
    }
    if (may_shift && whole > 0) {
        /* One block less, so that the cuts can lie elsewhere in each epoch. */
        int64_t n = whole > 1 ? whole - 1 : 1;
        p->slack = rows - n * o->max_length;
        rows = n * o->max_length;
    }
    p->overlap = o->stride > 0 ? o->max_length - o->stride : 0;
    for (int64_t done = 0; done < rows; at = done - p->overlap) {
        int64_t n = rows - at < o->max_length ? rows - at : o->max_length;
        ATTI_TRY(put_entry(m, (uint64_t)at, 0, (size_t)n));
        done = at + n;
    }
    p->is_stream = 1;
    p->lines = p->n;
    return ATT_OK;
}

static att_status check(atti_pairs *p, const atti_items_opts *o)
{
    memset(p, 0, sizeof *p);
    p->fd = -1;
    /* A running text is read one id past a block. */
    if (o->max_length < 1 || o->max_length >= UINT16_MAX) {
        return atti_fail(ATT_EINVAL, "maximum length %lld, expected 1..%d",
                         (long long)o->max_length, UINT16_MAX - 1);
    }
    int narrow = 1;
    for (int s = 0; s < 2; s++) narrow &= o->limit[s] > 0 && o->limit[s] <= 65536;
    p->id_bytes = narrow ? 2 : 4;
    p->max_length = (int)o->max_length;
    p->most = o->most ? o->most : o->max_length;
    return ATT_OK;
}

static att_status make(atti_pairs *p, const atti_items_opts *o, int stream,
                       int may_shift)
{
    maker m = {.p = p, .o = o};
    ATTI_TRY(check(p, o));
    att_status st = atti_pairs_temp(&m.f, o->temp_dir);
    if (st == ATT_OK) st = stream ? take_stream(&m, may_shift) : take_items(&m);
    if (st == ATT_OK && p->n == 0) {
        st = atti_fail(ATT_EFORMAT,
                       "%s: none of %lld items can be used (%lld empty, %lld longer "
                       "than %lld %s)",
                       o->name, (long long)p->lines, (long long)p->empty,
                       (long long)p->too_long, (long long)p->most,
                       o->most ? "words" : "tokens");
    }
    if (st == ATT_OK && fflush(m.f) != 0) {
        st = atti_fail_errno(ATT_EIO, errno, "cannot write the tokenised corpus");
    }
    if (st == ATT_OK) {
        p->fd = dup(fileno(m.f));
        if (p->fd < 0) st = atti_fail_errno(ATT_EIO, errno, "cannot keep the corpus");
    }
    if (m.f) fclose(m.f);
    atti_free(m.narrow);
    if (st != ATT_OK) atti_pairs_close(p);
    return st;
}

att_status atti_pairs_from_items(atti_pairs *p, const atti_items_opts *o)
{
    return make(p, o, 0, 0);
}

att_status atti_pairs_from_stream(atti_pairs *p, const atti_items_opts *o,
                                  int may_shift)
{
    return make(p, o, 1, may_shift);
}
