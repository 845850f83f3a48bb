/* validate.c - how good are these weights on held-out text: loss always, BLEU when a
 * beam was asked for. Of several pairs of files each has its figures, and the mean over
 * the pairs, however long they are, is what decides. */
#include "attend/decode.h"
#include "attend/metrics.h"
#include "base/alloc.h"
#include "base/file.h"
#include "data/text/langs.h"
#include "train/trainer.h"
#include <string.h>

static att_status mean_loss(atti_trainer *t, int32_t i, atti_validation *v)
{
    const atti_pairs *p = &t->valid[i];
    atti_feed_opts fo = t->feed_opts;
    atti_feed *feed = NULL;
    atti_feed_item item = {0};
    atti_loss_sums sums = {0};
    fo.shuffle = 0;
    fo.vary = NULL;
    *v = (atti_validation){.score = -1.0};
    ATTI_TRY(atti_feed_open(&feed, p, &fo, (atti_feed_pos){0, 0}));
    att_status st = ATT_OK;
    do {
        st = atti_feed_next(feed, &item);
        if (st == ATT_OK) st = atti_step_eval(&t->step, item.batch, &sums);
    } while (st == ATT_OK && item.seen < p->n);
    atti_feed_close(feed);
    ATTI_TRY(st);
    if (!(sums.count > 0.0))
        return atti_fail(ATT_EFORMAT, "%s: nothing to validate with: no %s counts",
                         atti_train_valid_files(&t->o).source[i], t->task->items);
    v->nll = sums.nll / sums.count;
    /* Words of labels that no training file has are wrong, as an evaluation counts them. */
    v->accuracy = sums.correct / (sums.count + (double)t->unseen);
    /* Labels that are each right by themselves are compared by their loss. */
    if (t->labels.n > 0 && !t->o.multi_label) v->score = v->accuracy;
    return ATT_OK;
}

/* ---- BLEU ------------------------------------------------------------------------ */

typedef struct texts {
    char **line;
    size_t n, cap;
} texts;

static void free_texts(texts *x)
{
    for (size_t i = 0; i < x->n; i++) atti_free(x->line[i]);
    atti_free(x->line);
    memset(x, 0, sizeof *x);
}

/* lang: in front of the lines that name no language; NULL: nothing. */
static att_status read_texts(texts *x, const char *path, const char *lang)
{
    char token[ATTI_LANG_MAX + 1] = "";
    atti_lines *l = NULL;
    const char *line = NULL;
    size_t n = 0;
    if (lang) ATTI_TRY(atti_lang_of_word(token, lang));
    ATTI_TRY(atti_lines_open(&l, path, 0));
    att_status st = ATT_OK;
    while ((st = atti_lines_next(l, &line, &n)) == ATT_OK && line) {
        size_t first = lang && !atti_lang_token(line, n) ? strlen(token) + 1 : 0;
        st = atti_grow(&x->line, &x->cap, x->n + 1, sizeof *x->line, "text");
        if (st == ATT_OK) st = atti_alloc(&x->line[x->n], first + n + 1, 1, "text");
        if (st != ATT_OK) break;
        if (first > 0) {
            memcpy(x->line[x->n], token, first - 1);
            x->line[x->n][first - 1] = ' ';
        }
        memcpy(x->line[x->n] + first, line, n);
        n += first;
        /* A NUL inside would cut the sentence for whoever takes a C string. */
        for (size_t i = 0; i < n; i++) {
            if (x->line[x->n][i] == '\0') x->line[x->n][i] = ' ';
        }
        x->n++;
    }
    atti_lines_close(l);
    return st;
}

att_status atti_train_valid_tokenize(int32_t *out, const char *names, int32_t i,
                                     int32_t n)
{
    static const char *const known[] = {"13a", "zh", "char", "none", "intl"};
    if (!names) names = "";
    const char *s = names;
    int32_t given = 1;
    for (const char *c = s; *c; c++) given += *c == ',';
    if (given > 1 && given != n)
        return atti_fail(ATT_EINVAL,
                         "--valid-tokenize '%.40s' has %d names for %d pairs of files",
                         names, (int)given, (int)n);
    for (int32_t k = 0; given > 1 && k < i; k++) s = strchr(s, ',') + 1;
    size_t len = strcspn(s, ",");
    for (int32_t k = 0; k < 5; k++) {
        if (strlen(known[k]) == len && memcmp(s, known[k], len) == 0) {
            *out = k;
            return ATT_OK;
        }
    }
    return atti_fail(ATT_EINVAL,
                     "--valid-tokenize '%.40s' is not one of 13a, zh, char, none, intl",
                     names);
}

static att_status score(const atti_trainer *t, int32_t pair, const att_result *r,
                        const texts *refs, double *bleu)
{
    const char **hyps = NULL;
    const char *const *streams[1] = {(const char *const *)refs->line};
    att_bleu_opts bo;
    att_bleu b;
    att_bleu_opts_init(&bo);
    ATTI_TRY(
        atti_train_valid_tokenize(&bo.tokenize, t->o.valid_tokenize, pair, t->n_valid));
    ATTI_TRY(atti_alloc(&hyps, refs->n, sizeof *hyps, "hypotheses"));
    for (size_t i = 0; i < refs->n; i++) {
        const att_sentence *s = att_result_sentence(r, (int32_t)i);
        hyps[i] = s && s->n_hypotheses > 0 ? s->hypotheses[0].text : "";
    }
    att_status st = att_bleu_corpus(&b, hyps, streams, 1, (int64_t)refs->n, &bo);
    if (st == ATT_OK) *bleu = b.score;
    atti_free(hyps);
    return st;
}

static att_status translate_all(const atti_trainer *t, const att_model *model,
                                int32_t pair, double *bleu)
{
    atti_valid_files f = atti_train_valid_files(&t->o);
    att_decode_opts o;
    att_session *s = NULL;
    att_result *r = NULL;
    texts src = {0}, ref = {0};
    att_decode_opts_init(&o, model);
    o.beam_size = t->o.valid_beam;
    o.n_best = 1;
    o.cancel = t->o.stop;
    o.user = t->o.user;
    att_status st = read_texts(&src, f.source[pair], f.lang ? f.lang[pair] : NULL);
    if (st == ATT_OK) st = read_texts(&ref, f.target[pair], NULL);
    if (st == ATT_OK) st = att_session_create(&s, model, &o);
    if (st == ATT_OK) {
        st = att_translate(s, &r, (const char *const *)src.line, NULL, (int32_t)src.n);
    }
    if (st == ATT_OK) st = score(t, pair, r, &ref, bleu);
    att_result_destroy(r);
    att_session_destroy(s);
    free_texts(&src);
    free_texts(&ref);
    return st;
}

/* Decoding takes a model as any user has one: from a directory. */
att_status atti_trainer_bleu(atti_trainer *t, const atti_params *weights)
{
    char *path = NULL;
    att_model *model = NULL;
    if (t->o.valid_beam <= 0) return ATT_OK;
    ATTI_TRY(atti_path_join(&path, t->checkpoints, "validating.tmp"));
    att_status st = atti_trainer_save_model(t, weights, path);
    if (st == ATT_OK) st = att_model_load(&model, path);
    for (int32_t i = 0; i < t->n_valid && st == ATT_OK; i++)
        st = translate_all(t, model, i, &t->by_pair[i].score);
    att_model_destroy(model);
    /* Stopped in the middle: there is no figure. What cannot be removed now is removed
     * when the directory is next opened. */
    if (st == ATT_ECANCELLED) (void)!atti_remove_tree(path);
    if (st == ATT_OK) st = atti_remove_tree(path);
    atti_free(path);
    return st;
}

static atti_validation mean_of(const atti_validation *by_pair, int32_t n)
{
    atti_validation v = {0};
    for (int32_t i = 0; i < n; i++) {
        v.nll += by_pair[i].nll / n;
        v.accuracy += by_pair[i].accuracy / n;
        v.score += by_pair[i].score / n; /* -1 for all, or for none */
    }
    return v;
}

att_status atti_trainer_validate(atti_trainer *t, const atti_params *weights,
                                 atti_validation *v)
{
    int other = weights->data != t->params.data;
    if (other) ATTI_TRY(atti_family_bind(t->tape, weights, t->grads));
    att_status st = ATT_OK;
    for (int32_t i = 0; i < t->n_valid && st == ATT_OK; i++)
        st = mean_loss(t, i, &t->by_pair[i]);
    if (other) {
        att_status back = atti_family_bind(t->tape, &t->params, t->grads);
        if (st == ATT_OK) st = back;
    }
    if (st == ATT_OK && t->task->measure) st = t->task->measure(t, weights);
    *v = mean_of(t->by_pair, t->n_valid);
    return st;
}

int atti_validation_better(const atti_validation *a, const atti_validation *b)
{
    if (a->score >= 0.0 && b->score >= 0.0 && a->score != b->score) {
        return a->score > b->score;
    }
    return a->nll < b->nll;
}
