/* finish.c - the end of a training: the mean of the last checkpoints against the best
 * one, and the winner becomes the model of the directory. Both stay, in DIR/average and
 * DIR/best. */
#include "base/alloc.h"
#include "base/file.h"
#include "models/model_internal.h"
#include "train/average.h"
#include "train/trainer.h"
#include <string.h>

typedef struct paths {
    char **p;
    size_t n, cap;
} paths;

static void free_paths(paths *x)
{
    for (size_t i = 0; i < x->n; i++) atti_free(x->p[i]);
    atti_free(x->p);
}

/* The last N of the regular checkpoints and the newest, oldest first. */
static att_status last_checkpoints(const atti_trainer *t, paths *out)
{
    int64_t *list = NULL;
    size_t n = 0, wanted = (size_t)t->o.average;
    ATTI_TRY(atti_checkpoint_list(t->checkpoints, &list, &n));
    att_status st = ATT_OK;
    size_t from = n > wanted ? n - wanted : 0;
    for (size_t i = from; i < n && st == ATT_OK; i++) {
        st = atti_grow(&out->p, &out->cap, out->n + 1, sizeof *out->p, "checkpoints");
        if (st != ATT_OK) break;
        st = atti_checkpoint_path(&out->p[out->n], t->checkpoints, list[i]);
        if (st == ATT_OK) out->n++;
    }
    atti_free(list);
    return st;
}

static att_status average(atti_trainer *t, atti_params *mean, size_t *n)
{
    paths list = {0};
    *n = 0;
    att_status st = ATT_OK;
    if (t->o.average > 1) st = last_checkpoints(t, &list);
    if (st == ATT_OK && list.n > 1) {
        *mean = t->params;
        mean->data = NULL;
        st = atti_alloc(&mean->data, t->params.count, sizeof *mean->data, "average");
        if (st == ATT_OK) {
            st = atti_average_weights(mean->data, t->params.count, t->family, t->cfg,
                                      list.p, list.n);
        }
        if (st == ATT_OK) *n = list.n;
    }
    free_paths(&list);
    return st;
}

static att_status save_in(atti_trainer *t, const atti_params *w, const char *name)
{
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, t->dir, name));
    att_status st = atti_trainer_save_model(t, w, path);
    atti_free(path);
    return st;
}

/* The best checkpoint's weights, from DIR/best. */
static att_status load_best(atti_trainer *t, atti_params *best)
{
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, t->dir, "best"));
    att_status st = t->family->declare(t->cfg, best);
    if (st == ATT_OK) st = atti_weights_load(best, path);
    atti_free(path);
    return st;
}

static void say_result(atti_trainer *t, const char *what, const atti_validation *v)
{
    if (v->score >= 0.0 && t->task->two_files) {
        atti_train_say(t, 4, "%s: nll %.4f, BLEU %.2f", what, v->nll, v->score);
    } else if (v->score >= 0.0) {
        atti_train_say(t, 4, "%s: nll %.4f, accuracy %.4f", what, v->nll, v->score);
    } else {
        atti_train_say(t, 4, "%s: nll %.4f", what, v->nll);
    }
}

/* The best checkpoint has the highest of many BLEUs, and neighbouring validations of the
 * same training differ by 1 % and more by chance: of a mean with the lower loss and a
 * BLEU within that, nothing says that it translates worse. (Multi30k en-de: best 41.98 at
 * nll 1.660, mean of the last ten 41.80 at 1.638, the validation after the best 41.34.) */
static int is_as_good(const atti_trainer *t, const atti_validation *mean,
                      const atti_validation *best)
{
    if (atti_validation_better(mean, best)) return 1;
    return t->task->two_files && mean->nll < best->nll &&
           mean->score >= 0.99 * best->score;
}

/* *winner: 'a'verage, 'b'est or 'l'ast. */
static att_status judge(atti_trainer *t, const atti_params *mean, size_t n,
                        char *winner)
{
    const atti_train_state *s = &t->state;
    atti_validation best = {.nll = s->best_nll, .score = s->best_score};
    *winner = n > 1 ? 'a' : 'l';
    if (t->n_valid == 0 || s->best_update < 0) return ATT_OK;
    char what[80];
    snprintf(what, sizeof what, "best checkpoint (update %lld, kept in best/)",
             (long long)s->best_update);
    say_result(t, what, &best);
    *winner = 'b';
    if (n <= 1) return ATT_OK;
    atti_validation v;
    ATTI_TRY(atti_trainer_validate(t, mean, &v));
    snprintf(what, sizeof what, "mean of the last %zu checkpoints (kept in average/)",
             n);
    say_result(t, what, &v);
    if (is_as_good(t, &v, &best)) *winner = 'a';
    return ATT_OK;
}

static att_status choose(atti_trainer *t, atti_params *mean, atti_params *best)
{
    size_t n = 0;
    char winner = 'l';
    ATTI_TRY(average(t, mean, &n));
    if (n > 1) ATTI_TRY(save_in(t, mean, "average"));
    ATTI_TRY(judge(t, mean, n, &winner));
    atti_params w = atti_trainer_weights(t);
    if (winner == 'a') w = *mean;
    if (winner == 'b') {
        ATTI_TRY(load_best(t, best));
        w = *best;
    }
    ATTI_TRY(atti_trainer_save_model_files(t, &w, t->dir));
    ATTI_TRY(atti_fsync_dir(t->dir));
    atti_train_say(t, 5, "%s: the model is the %s (%lld updates, %lld %s)", t->dir,
                   winner == 'a'   ? "average"
                   : winner == 'b' ? "best checkpoint"
                                   : "last checkpoint",
                   (long long)t->state.update, (long long)t->state.target_tokens,
                   t->task->counted);
    return ATT_OK;
}

att_status atti_trainer_finish(atti_trainer *t)
{
    atti_params mean = {0}, best = {0};
    att_status st = choose(t, &mean, &best);
    atti_free(mean.data); /* the names are the trainer's */
    atti_params_deinit(&best);
    return st;
}
