/* pairs.c - reads, checks and tokenises a parallel corpus into its temporary file.
 *
 * Two passes over the text: the first counts lines (so that unequal files are refused
 * before minutes of work, and tables have their final size), the second tokenises
 * windows of lines on all threads and writes them in order. */
#include "data/text/pairs.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/threads.h"
#include "data/text/langs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WINDOW_LINES = 4096,
    WINDOW_BYTES = 4 << 20, /* a window ends behind the line that passes this */
    TASK_LINES = 32,
    HUGE_LINE = 1 << 20 /* not tokenised: certainly over any usable length */
};

typedef enum verdict { KEEP = 0, TOO_LONG, EMPTY, INVALID } verdict;

typedef struct side_text {
    char *text;
    size_t used, cap;
} side_text;

typedef struct task_ids {
    int32_t *ids;
    size_t n, cap;
} task_ids;

typedef struct window {
    const atti_pairs_opts *o;
    const char *prefix; /* of this file's source lines, or NULL */
    int64_t n;          /* lines */
    side_text side[2];
    size_t start[2][WINDOW_LINES + 1];
    unsigned char huge[WINDOW_LINES];
    uint16_t len[2][WINDOW_LINES];
    unsigned char verdict[WINDOW_LINES];
    task_ids out[WINDOW_LINES / TASK_LINES]; /* source and target ids by turns */
} window;

/* Text, and not blank. NUL is valid UTF-8, but a line that holds it is UTF-16 or no text
 * at all. */
static bool is_text(const char *s, size_t n)
{
    return atti_utf8_valid(s, n) && !memchr(s, '\0', n);
}

static bool blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] != ' ' && s[i] != '\t') return false;
    }
    return true;
}

/* Lines of two files side by side: how many each has, whether any pair holds text. */
static att_status count_two(atti_lines *const side[2], int64_t n[2],
                            atti_pairs_sum *sum)
{
    for (;;) {
        bool more[2], good = true, text = true;
        for (int i = 0; i < 2; i++) {
            const char *line = NULL;
            size_t len = 0;
            ATTI_TRY(atti_lines_next(side[i], &line, &len));
            more[i] = line != NULL;
            if (more[i]) n[i]++;
            if (sum->any) continue;
            text = text && line && is_text(line, len);
            good = good && text && !blank(line, len);
        }
        if (!more[0] && !more[1]) return ATT_OK;
        if (sum->any) continue;
        if (more[0] && more[1] && !text) sum->invalid++;
        sum->any = good;
    }
}

att_status atti_pairs_count(atti_pairs_sum *sum, const char *const *source,
                            const char *const *target, int32_t n_files)
{
    memset(sum, 0, sizeof *sum);
    for (int32_t k = 0; k < n_files; k++) {
        atti_lines *side[2] = {NULL, NULL};
        int64_t n[2] = {0, 0};
        att_status st = atti_lines_open(&side[0], source[k], 0);
        if (st == ATT_OK) st = atti_lines_open(&side[1], target[k], 0);
        if (st == ATT_OK) st = count_two(side, n, sum);
        atti_lines_close(side[0]);
        atti_lines_close(side[1]);
        if (st == ATT_OK && n[0] != n[1]) {
            st = atti_fail(ATT_EFORMAT, "%s has %lld lines, %s has %lld", source[k],
                           (long long)n[0], target[k], (long long)n[1]);
        }
        ATTI_TRY(st);
        sum->lines += n[0];
    }
    return ATT_OK;
}

static att_status count_all(atti_pairs *p, const atti_pairs_opts *o)
{
    atti_pairs_sum sum;
    ATTI_TRY(atti_pairs_count(&sum, o->source, o->target, o->n_files));
    p->lines = sum.lines;
    if (p->lines > (int64_t)UINT32_MAX - 1) {
        return atti_fail(ATT_ENOTSUP, "%lld sentence pairs, at most %u",
                         (long long)p->lines, UINT32_MAX - 1);
    }
    return ATT_OK;
}

static att_status add_line(window *w, int side, const char *line, size_t n)
{
    side_text *s = &w->side[side];
    size_t first = 0;
    if (n > HUGE_LINE) {
        w->huge[w->n] = 1;
        n = 0;
    }
    if (side == 0 && w->prefix && !blank(line, n) && !atti_lang_token(line, n))
        first = strlen(w->prefix);
    ATTI_TRY(atti_grow(&s->text, &s->cap, s->used + first + n + 2, 1, "corpus window"));
    w->start[side][w->n] = s->used;
    if (first > 0) {
        memcpy(s->text + s->used, w->prefix, first);
        s->used += first;
        s->text[s->used++] = ' ';
    }
    memcpy(s->text + s->used, line, n);
    s->used += n;
    w->start[side][w->n + 1] = s->used;
    return ATT_OK;
}

/* Fills the window; fewer than WINDOW_LINES at the end of the files. */
static att_status read_window(window *w, atti_lines *src, atti_lines *tgt)
{
    w->n = 0;
    w->side[0].used = w->side[1].used = 0;
    while (w->n < WINDOW_LINES && w->side[0].used + w->side[1].used < WINDOW_BYTES) {
        const char *line = NULL;
        size_t n = 0;
        w->huge[w->n] = 0;
        ATTI_TRY(atti_lines_next(src, &line, &n));
        if (!line) break;
        ATTI_TRY(add_line(w, 0, line, n));
        ATTI_TRY(atti_lines_next(tgt, &line, &n));
        if (!line) break; /* counted equal before: the file is being changed */
        ATTI_TRY(add_line(w, 1, line, n));
        w->n++;
    }
    return ATT_OK;
}

static att_status encode_side(window *w, task_ids *out, int side, int64_t line,
                              unsigned char *v)
{
    const atti_pairs_opts *o = w->o;
    const char *text = w->side[side].text + w->start[side][line];
    size_t n = w->start[side][line + 1] - w->start[side][line], before = out->n;
    w->len[side][line] = 0;
    if (w->huge[line]) *v = TOO_LONG;
    if (*v == KEEP && blank(text, n)) *v = EMPTY;
    if (*v == KEEP && !is_text(text, n)) *v = INVALID;
    if (*v != KEEP) return ATT_OK;
    ATTI_TRY(o->encode(o->encode_ctx, side, text, n, &out->ids, &out->n, &out->cap));
    if (out->n == before) *v = EMPTY; /* nothing but what normalisation removes */
    if (o->eos[side] >= 0) {
        ATTI_TRY(
            atti_grow(&out->ids, &out->cap, out->n + 1, sizeof *out->ids, "token ids"));
        out->ids[out->n++] = o->eos[side];
    }
    size_t len = out->n - before;
    if (len > (size_t)o->max_length) {
        *v = TOO_LONG;
    } else {
        w->len[side][line] = (uint16_t)len;
    }
    return ATT_OK;
}

static att_status encode_task(void *ctx, int64_t task, int thread)
{
    window *w = ctx;
    (void)thread;
    task_ids *out = &w->out[task];
    out->n = 0;
    int64_t end = (task + 1) * TASK_LINES;
    for (int64_t i = task * TASK_LINES; i < end && i < w->n; i++) {
        size_t before = out->n;
        unsigned char v = KEEP;
        ATTI_TRY(encode_side(w, out, 0, i, &v));
        if (v == KEEP) ATTI_TRY(encode_side(w, out, 1, i, &v));
        if (v != KEEP) out->n = before;
        w->verdict[i] = v;
    }
    return ATT_OK;
}

typedef struct writer {
    atti_pairs *p;
    const atti_pairs_opts *o;
    FILE *f;
    uint64_t at; /* ids written */
    uint16_t narrow[2 * 65536];
} writer;

static att_status write_failed(const writer *wr)
{
    return atti_fail_errno(ATT_EIO, errno, "%s: cannot write the tokenised corpus",
                           wr->o->temp_dir ? wr->o->temp_dir : "temporary directory");
}

static att_status write_pair(writer *wr, const int32_t *ids, size_t n0, size_t n1)
{
    atti_pairs *p = wr->p;
    size_t n = n0 + n1;
    for (size_t i = 0; i < n; i++) {
        int32_t limit = wr->o->vocab_size[i >= n0];
        if (ids[i] < 0 || ids[i] >= limit) {
            return atti_fail(ATT_EFORMAT, "token id %d, the vocabulary has %d", ids[i],
                             limit);
        }
        if (p->id_bytes == 2) wr->narrow[i] = (uint16_t)ids[i];
    }
    const void *data = p->id_bytes == 2 ? (const void *)wr->narrow : ids;
    if (fwrite(data, (size_t)p->id_bytes, n, wr->f) != n) return write_failed(wr);
    p->offset[p->n] = wr->at;
    p->len[0][p->n] = (uint16_t)n0;
    p->len[1][p->n] = (uint16_t)n1;
    p->n++;
    wr->at += n;
    for (int s = 0; s < 2; s++) {
        int64_t len = (int64_t)(s ? n1 : n0);
        p->tokens[s] += len;
        if (len > p->longest[s]) p->longest[s] = len;
    }
    return ATT_OK;
}

static att_status write_window(writer *wr, const window *w)
{
    const int32_t *ids = NULL;
    for (int64_t i = 0; i < w->n; i++) {
        if (i % TASK_LINES == 0) ids = w->out[i / TASK_LINES].ids;
        switch (w->verdict[i]) {
        case TOO_LONG: wr->p->too_long++; continue;
        case EMPTY: wr->p->empty++; continue;
        case INVALID: wr->p->invalid++; continue;
        default: break;
        }
        ATTI_TRY(write_pair(wr, ids, w->len[0][i], w->len[1][i]));
        ids += w->len[0][i] + w->len[1][i];
    }
    return ATT_OK;
}

static att_status read_file_pair(writer *wr, window *w, int32_t k)
{
    atti_lines *src = NULL, *tgt = NULL;
    w->prefix = wr->o->prefix ? wr->o->prefix[k] : NULL;
    att_status st = atti_lines_open(&src, wr->o->source[k], 0);
    if (st == ATT_OK) st = atti_lines_open(&tgt, wr->o->target[k], 0);
    while (st == ATT_OK) {
        st = read_window(w, src, tgt);
        if (st != ATT_OK || w->n == 0) break;
        if (wr->p->n + w->n > wr->p->lines) {
            st = atti_fail(ATT_EFORMAT, "%s: grew while it was read", wr->o->source[k]);
            break;
        }
        st = atti_parallel((w->n + TASK_LINES - 1) / TASK_LINES, encode_task, w);
        if (st == ATT_OK) st = write_window(wr, w);
    }
    atti_lines_close(src);
    atti_lines_close(tgt);
    return st;
}

att_status atti_pairs_temp(FILE **f, const char *dir)
{
    if (!dir) {
        *f = tmpfile();
        if (!*f) {
            return atti_fail_errno(ATT_EIO, errno, "cannot create a temporary file");
        }
        return ATT_OK;
    }
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, dir, ".attend-ids-XXXXXX"));
    att_status st = ATT_OK;
    int fd = mkstemp(path);
    *f = fd >= 0 ? fdopen(fd, "w+b") : NULL;
    if (!*f) st = atti_fail_errno(ATT_EIO, errno, "%s: cannot create", path);
    if (fd >= 0) unlink(path); /* gone however this process ends */
    if (fd >= 0 && !*f) close(fd);
    atti_free(path);
    return st;
}

static att_status tokenise(atti_pairs *p, const atti_pairs_opts *o, writer *wr)
{
    window *w = NULL;
    ATTI_TRY(atti_alloc(&w, 1, sizeof *w, "corpus window"));
    w->o = o;
    att_status st = ATT_OK;
    for (int32_t k = 0; k < o->n_files && st == ATT_OK; k++) {
        st = read_file_pair(wr, w, k);
    }
    for (size_t i = 0; i < sizeof w->out / sizeof *w->out; i++)
        atti_free(w->out[i].ids);
    atti_free(w->side[0].text);
    atti_free(w->side[1].text);
    atti_free(w);
    if (st == ATT_OK && fflush(wr->f) != 0) st = write_failed(wr);
    if (st == ATT_OK && p->n == 0) {
        st = atti_fail(
            ATT_EFORMAT,
            "%s: none of %lld pairs can be used (%lld empty, %lld longer than "
            "%lld tokens, %lld not UTF-8)",
            o->source[0], (long long)p->lines, (long long)p->empty,
            (long long)p->too_long, (long long)o->max_length, (long long)p->invalid);
    }
    return st;
}

static att_status open_pairs(atti_pairs *p, const atti_pairs_opts *o)
{
    ATTI_TRY(count_all(p, o));
    size_t n = (size_t)p->lines;
    ATTI_TRY(atti_alloc(&p->offset, n, sizeof *p->offset, "corpus index"));
    ATTI_TRY(atti_alloc(&p->len[0], n, sizeof *p->len[0], "corpus index"));
    ATTI_TRY(atti_alloc(&p->len[1], n, sizeof *p->len[1], "corpus index"));
    writer *wr = NULL;
    ATTI_TRY(atti_alloc(&wr, 1, sizeof *wr, "corpus writer"));
    wr->p = p;
    wr->o = o;
    att_status st = atti_pairs_temp(&wr->f, o->temp_dir);
    if (st == ATT_OK) st = tokenise(p, o, wr);
    if (st == ATT_OK) {
        p->fd = dup(fileno(wr->f));
        if (p->fd < 0) st = atti_fail_errno(ATT_EIO, errno, "cannot keep the corpus");
    }
    if (wr->f) fclose(wr->f);
    atti_free(wr);
    return st;
}

att_status atti_pairs_open(atti_pairs *p, const atti_pairs_opts *o)
{
    memset(p, 0, sizeof *p);
    p->fd = -1;
    if (o->max_length < 1 || o->max_length > UINT16_MAX) {
        return atti_fail(ATT_EINVAL, "maximum length %lld, expected 1..%d",
                         (long long)o->max_length, UINT16_MAX);
    }
    int32_t v =
        o->vocab_size[0] > o->vocab_size[1] ? o->vocab_size[0] : o->vocab_size[1];
    p->id_bytes = v <= 65536 ? 2 : 4;
    p->max_length = (int)o->max_length;
    p->most = o->max_length;
    att_status st = open_pairs(p, o);
    p->stored = p->tokens[0] + p->tokens[1];
    if (st != ATT_OK) atti_pairs_close(p);
    return st;
}

void atti_pairs_close(atti_pairs *p)
{
    if (p->fd > 0) close(p->fd);
    atti_free(p->offset);
    atti_free(p->len[0]);
    atti_free(p->len[1]);
    memset(p, 0, sizeof *p);
    p->fd = -1;
}

/* n ids from the at-th of the file. */
static att_status read_ids(const atti_pairs *p, uint64_t first, size_t n, void *to)
{
    size_t bytes = n * (size_t)p->id_bytes, got = 0;
    off_t at = (off_t)(first * (uint64_t)p->id_bytes);
    while (got < bytes) {
        ssize_t r = pread(p->fd, (char *)to + got, bytes - got, at + (off_t)got);
        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) {
            return atti_fail_errno(ATT_EIO, errno, "cannot read the tokenised corpus");
        }
        got += (size_t)r;
    }
    return ATT_OK;
}

att_status atti_pairs_read_block(const atti_pairs *p, int64_t i, int64_t shift,
                                 int32_t *ids, void *scratch)
{
    size_t n = (size_t)p->len[1][i] + 1;
    uint64_t first = p->offset[i] + (uint64_t)shift;
    if (p->id_bytes == 4) return read_ids(p, first, n, ids);
    ATTI_TRY(read_ids(p, first, n, scratch));
    const uint16_t *narrow = scratch;
    for (size_t k = 0; k < n; k++) ids[k] = narrow[k];
    return ATT_OK;
}

att_status atti_pairs_read(const atti_pairs *p, int64_t i, int32_t *source,
                           int32_t *target, void *scratch)
{
    size_t n0 = p->len[0][i], n1 = p->len[1][i];
    ATTI_TRY(read_ids(p, p->offset[i], n0 + n1, scratch));
    if (p->id_bytes == 4) {
        memcpy(source, scratch, n0 * 4);
        memcpy(target, (const int32_t *)scratch + n0, n1 * 4);
        return ATT_OK;
    }
    const uint16_t *ids = scratch;
    for (size_t k = 0; k < n0; k++) source[k] = ids[k];
    for (size_t k = 0; k < n1; k++) target[k] = ids[n0 + k];
    return ATT_OK;
}
