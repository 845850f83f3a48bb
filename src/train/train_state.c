/* train_state.c - the numbers of a training, and state.json that brings them back.
 *
 * Doubles are written in the shortest form that reads back as the same bits. */
#include "base/file.h"
#include "base/json.h"
#include "train/trainer.h"
#include <math.h>
#include <string.h>
#include <time.h>

double atti_train_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void atti_train_state_init(atti_train_state *s)
{
    memset(s, 0, sizeof *s);
    s->done_warm = -1.0;
    s->lr_scale = 1.0;
    s->best_nll = s->best_score = -1.0;
    s->best_update = -1;
}

atti_progress atti_trainer_progress(const atti_trainer *t)
{
    const atti_train_state *s = &t->state;
    double part = s->seen > 0 ? (double)s->seen / (double)t->train.n : 0.0;
    return (atti_progress){s->update, (double)s->pos.epoch + part, s->elapsed_s};
}

double atti_trainer_done(const atti_trainer *t)
{
    atti_progress p = atti_trainer_progress(t);
    double f = atti_span_fraction(&t->after, &p);
    return f < 1.0 ? f : 1.0;
}

/* Every number once: name, where, and whether it is a double. */
typedef struct state_field {
    const char *name;
    size_t at;
    int is_double;
} state_field;

#define INT(name, member)                                                              \
    {                                                                                  \
        name, offsetof(atti_train_state, member), 0                                    \
    }
#define NUM(name, member)                                                              \
    {                                                                                  \
        name, offsetof(atti_train_state, member), 1                                    \
    }
static const state_field fields[] = {
    INT("update", update),
    INT("epoch", pos.epoch),
    INT("batch", pos.batch),
    INT("seen", seen),
    INT("target_tokens", target_tokens),
    NUM("elapsed_s", elapsed_s),
    NUM("done_warm", done_warm),
    NUM("lr_scale", lr_scale),
    INT("rollbacks", rollbacks),
    NUM("best_nll", best_nll),
    NUM("best_bleu", best_score),
    INT("best_update", best_update),
    INT("bad", bad),
    INT("due_valid", due_valid),
    INT("due_save", due_save),
    NUM("since_loss", since.loss),
    NUM("since_nll", since.nll),
    NUM("since_count", since.count),
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

att_status atti_train_state_write(const atti_trainer *t, const char *dir, int regular)
{
    atti_jsonw w = {.indent = 2};
    atti_jsonw_object(&w, NULL);
    atti_jsonw_i64(&w, "format", 1);
    atti_jsonw_bool(&w, "regular", regular != 0);
    /* What must not change between a training and its continuation. */
    atti_train_same_write(t, &w);
    for (int i = 0; i < N_FIELDS; i++) {
        const char *p = (const char *)&t->state + fields[i].at;
        if (fields[i].is_double) {
            double x;
            memcpy(&x, p, sizeof x);
            atti_jsonw_f64(&w, fields[i].name, x);
        } else {
            int64_t x;
            memcpy(&x, p, sizeof x);
            atti_jsonw_i64(&w, fields[i].name, x);
        }
    }
    atti_jsonw_end(&w, '}');
    atti_str_add(&w.s, "\n");
    char *path = NULL;
    att_status st = w.s.status;
    if (st == ATT_OK) st = atti_path_join(&path, dir, "state.json");
    if (st == ATT_OK) st = atti_write_file(path, w.s.data, w.s.len);
    atti_free(path);
    atti_str_deinit(&w.s);
    return st;
}

static att_status load_state(atti_json **root, const char *dir)
{
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, dir, "state.json"));
    att_status st = atti_json_load(root, path, 1 << 20, ATTI_JSON_NO_DUPLICATES);
    atti_free(path);
    return st;
}

att_status atti_train_state_same(const atti_trainer *t, const char *dir)
{
    atti_json *root = NULL;
    ATTI_TRY(load_state(&root, dir));
    att_status st = atti_train_same_check(t, root, dir);
    atti_json_destroy(root);
    return st;
}

static att_status read_fields(atti_train_state *s, int *regular, const atti_json *root)
{
    bool b = true;
    ATTI_TRY(atti_json_get_bool(&b, root, "regular", true));
    *regular = b;
    for (int i = 0; i < N_FIELDS; i++) {
        char *p = (char *)s + fields[i].at;
        if (fields[i].is_double) {
            double x = 0.0;
            ATTI_TRY(atti_json_get_f64(&x, root, fields[i].name, 0.0));
            if (!isfinite(x))
                return atti_fail(ATT_EFORMAT, "state.json: %s is %g", fields[i].name,
                                 x);
            memcpy(p, &x, sizeof x);
        } else {
            int64_t x = 0;
            /* Only the best update may be none. */
            int64_t lo =
                fields[i].at == offsetof(atti_train_state, best_update) ? -1 : 0;
            ATTI_TRY(atti_json_get_i64(&x, root, fields[i].name, 0, lo, INT64_MAX));
            memcpy(p, &x, sizeof x);
        }
    }
    return ATT_OK;
}

att_status atti_train_state_read(atti_train_state *s, int *regular, const char *dir)
{
    atti_json *root = NULL;
    ATTI_TRY(load_state(&root, dir));
    atti_train_state_init(s);
    att_status st = read_fields(s, regular, root);
    atti_json_destroy(root);
    return st;
}
