/* families_case.h - a directory of tests/golden/families opened: the model, what
 * transformers made of it, and its program recorded and planned. */
#ifndef ATTEND_TESTS_FAMILIES_CASE_H
#define ATTEND_TESTS_FAMILIES_CASE_H

#include "attend/model.h"
#include "attend/tape.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "models/model_internal.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASE_ROWS = 128, CASE_SEQS = 8 };

typedef struct family_case {
    char dir[512];
    att_model *model;
    atti_json *want;
    int64_t n_seqs, n_rows;
    int32_t ids[CASE_ROWS], types[CASE_ROWS], labels[CASE_ROWS], offsets[CASE_SEQS + 1];
    int32_t seq_labels[CASE_SEQS];
    float seq_values[CASE_SEQS];
    att_tape *tape;
    atti_program_io io;
    float *grads;
} family_case;

static inline int32_t case_int(const atti_json *list, size_t i)
{
    return (int32_t)atti_json_number(atti_json_at(list, i));
}

static inline const char *case_path(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "families/%s", name);
    return support_golden(path);
}

/* Rows first .. first + n - 1 of the file's sequences become the batch. */
static inline void case_batch(family_case *c, int64_t first, int64_t n)
{
    const atti_json *ids = atti_json_get(c->want, "ids");
    const atti_json *types = atti_json_get(c->want, "types");
    const atti_json *rows = atti_json_get(c->want, "row_labels");
    const atti_json *seqs = atti_json_get(c->want, "seq_labels");
    c->n_seqs = n;
    c->n_rows = c->offsets[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        const atti_json *s = atti_json_at(ids, (size_t)(first + i));
        const atti_json *t = atti_json_at(types, (size_t)(first + i));
        const atti_json *r = atti_json_at(rows, (size_t)(first + i));
        const atti_json *q = atti_json_at(seqs, (size_t)(first + i));
        size_t len = atti_json_count(s);
        for (size_t k = 0; k < len; k++, c->n_rows++) {
            c->ids[c->n_rows] = case_int(s, k);
            c->types[c->n_rows] = t ? case_int(t, k) : 0;
            c->labels[c->n_rows] = r             ? case_int(r, k)
                                   : k + 1 < len ? case_int(s, k + 1)
                                                 : -1;
        }
        c->offsets[i + 1] = (int32_t)c->n_rows;
        if (q && atti_json_is_number(q))
            c->seq_labels[i] = (int32_t)atti_json_number(q);
        if (atti_json_is_array(q))
            c->seq_values[i] = (float)atti_json_number(atti_json_at(q, 0));
    }
}

static inline void case_set(const family_case *c, att_var v, const void *data)
{
    if (v != ATT_NO_VAR) assert_ok(att_tape_set(c->tape, v, data));
}

/* Binds the batch and runs forward. */
static inline void case_run(family_case *c, int training)
{
    const atti_program_io *io = &c->io;
    if (io->src_rows) assert_ok(att_tape_bind(c->tape, io->src_rows, c->n_rows));
    if (io->tgt_rows) assert_ok(att_tape_bind(c->tape, io->tgt_rows, c->n_rows));
    assert_ok(att_tape_bind(c->tape, io->seqs, c->n_seqs));
    case_set(c, io->src_ids, c->ids);
    case_set(c, io->src_offsets, c->offsets);
    case_set(c, io->src_types, c->types);
    case_set(c, io->tgt_ids, c->ids);
    case_set(c, io->tgt_offsets, c->offsets);
    case_set(c, io->targets, c->labels);
    case_set(c, io->row_labels, c->labels);
    case_set(c, io->seq_labels, c->seq_labels);
    case_set(c, io->seq_values, c->seq_values);
    assert_ok(att_tape_forward(c->tape, 1, 1, training));
}

/* A program of the model: for inference, or for training without dropout. */
static inline void case_record(family_case *c, int inference)
{
    const att_model *m = c->model;
    atti_program_opts po = {.training = 0, .inference = inference};
    const int64_t most[3] = {CASE_ROWS, CASE_SEQS, 0};
    att_tape_plan_opts o;
    att_tape_plan_opts_init(&o);
    o.training = !inference;
    o.max_rows = most;
    o.n_max_rows = 3;
    att_tape_destroy(c->tape);
    c->tape = NULL;
    assert_ok(att_tape_create(&c->tape));
    assert_ok(m->family->build(m->cfg, &m->params, c->tape, &po, &c->io));
    if (inference) assert_ok(att_tape_keep(c->tape, c->io.logits));
    if (inference) assert_ok(att_tape_keep(c->tape, c->io.hidden));
    assert_ok(att_tape_plan(c->tape, &o));
    if (!inference && !c->grads)
        assert_ok(atti_alloc(&c->grads, m->params.count, sizeof(float), "gradients"));
    assert_ok(atti_family_bind(c->tape, &m->params, inference ? NULL : c->grads));
}

static inline void case_open_dir(family_case *c, const char *dir, const char *expected)
{
    memset(c, 0, sizeof *c);
    snprintf(c->dir, sizeof c->dir, "%s", dir);
    assert_ok(att_model_load(&c->model, c->dir));
    char path[600];
    snprintf(path, sizeof path, "%s/expected.json", expected);
    assert_ok(atti_json_load(&c->want, path, 0, 0));
    case_batch(c, 0, (int64_t)atti_json_count(atti_json_get(c->want, "ids")));
}

static inline void case_open(family_case *c, const char *name)
{
    char dir[512];
    snprintf(dir, sizeof dir, "%s", case_path(name));
    case_open_dir(c, dir, dir);
}

static inline void case_close(family_case *c)
{
    att_tape_destroy(c->tape);
    att_model_destroy(c->model);
    atti_json_destroy(c->want);
    atti_free(c->grads);
}

#endif
