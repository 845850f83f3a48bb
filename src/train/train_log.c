/* train_log.c - what a training says: train.log for people, metrics.jsonl for programs,
 * reports for the caller. Nothing here decides anything. */
#include "base/file.h"
#include "base/json.h"
#include "train/trainer.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

/* Callers' progress bars move by the clock, whatever the display frequency is. */
static const double report_every_s = 0.2;

/* Lines of updates that a resumed training will do again are taken out. */
static att_status trim_metrics(const char *path, int64_t update)
{
    if (!atti_path_exists(path)) return ATT_OK;
    atti_lines *l = NULL;
    atti_out out = {0};
    const char *line = NULL;
    size_t n = 0;
    ATTI_TRY(atti_lines_open(&l, path, 0));
    att_status st = atti_out_open(&out, path);
    while (st == ATT_OK && (st = atti_lines_next(l, &line, &n)) == ATT_OK && line) {
        long long u = 0;
        char head[48];
        size_t k = n < sizeof head - 1 ? n : sizeof head - 1;
        memcpy(head, line, k);
        head[k] = '\0';
        if (sscanf(head, "{\"update\":%lld", &u) != 1 || u > update) continue;
        if (line[n - 1] != '}') continue; /* cut off by a full disk */
        fwrite(line, 1, n, out.f);
        fputc('\n', out.f);
    }
    if (st == ATT_OK) st = atti_out_commit(&out);
    atti_out_abort(&out);
    atti_lines_close(l);
    return st;
}

static att_status open_one(FILE **f, const char *path, int append)
{
    *f = fopen(path, append ? "a" : "w");
    if (!*f) return atti_fail_errno(ATT_EIO, errno, "%s: cannot write", path);
    return ATT_OK;
}

att_status atti_train_log_open(atti_trainer *t)
{
    char *text = NULL, *metrics = NULL;
    att_status st = atti_path_join(&text, t->dir, "train.log");
    if (st == ATT_OK) st = atti_path_join(&metrics, t->dir, "metrics.jsonl");
    if (st == ATT_OK && t->o.resume) st = trim_metrics(metrics, t->state.update);
    if (st == ATT_OK) st = open_one(&t->log.text, text, t->o.resume);
    if (st == ATT_OK) st = open_one(&t->log.metrics, metrics, t->o.resume);
    atti_free(text);
    atti_free(metrics);
    t->log.began = t->log.seconds_at = t->log.shown_at = atti_train_clock();
    return st;
}

void atti_train_log_close(atti_trainer *t)
{
    if (t->log.text) fclose(t->log.text);
    if (t->log.metrics) fclose(t->log.metrics);
    t->log.text = t->log.metrics = NULL;
}

static double remaining(const atti_trainer *t, double done)
{
    /* Vocabulary and corpus are not read again; validations so far tell of those to
     * come. */
    double spent = atti_train_clock() - t->log.began, gained = done - t->done0;
    if (gained <= 0.0 || spent < 0.5) return -1.0;
    return spent * (1.0 - done) / gained;
}

static att_train_report make_report(const atti_trainer *t, int32_t kind)
{
    att_train_report r = {0};
    double done = atti_trainer_done(t);
    atti_progress p = atti_trainer_progress(t);
    r.size = (uint32_t)sizeof r;
    r.kind = kind;
    r.update = t->state.update;
    r.epoch = p.epochs;
    r.fraction_done = done;
    r.elapsed_s = t->state.elapsed_s;
    r.remaining_s = remaining(t, done);
    r.lr = t->log.lr;
    r.grad_norm = t->log.norm;
    r.valid_nll = r.valid_bleu = r.valid_accuracy = -1.0;
    return r;
}

/* What has been written must be in the file now. A full disk does not end a training
 * whose checkpoints may still find room (a checkpoint without room does). */
static void flush(atti_trainer *t, FILE **f, const char *name)
{
    errno = 0;
    if (fflush(*f) == 0 && !ferror(*f)) return;
    atti_error e;
    att_status st = atti_fail_errno(ATT_EIO, errno ? errno : EIO,
                                    "%s/%s: cannot be written", t->dir, name);
    atti_error_take(&e, st);
    fclose(*f);
    *f = NULL; /* before anything is said: saying writes */
    if (!t->o.report) atti_log(ATT_LOG_WARN, "%s; the training goes on", e.text);
    atti_train_say(t, 4, "%s; the training goes on", e.text);
}

static void put_line(atti_trainer *t, const char *line)
{
    if (!t->log.text) return;
    double s = t->state.elapsed_s;
    long h = (long)(s / 3600.0), m = (long)(s / 60.0) % 60;
    fprintf(t->log.text, "%ld:%02ld:%02ld %s\n", h, m, (long)s % 60, line);
    flush(t, &t->log.text, "train.log");
}

void atti_train_say(atti_trainer *t, int32_t kind, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    put_line(t, line);
    if (!t->o.report) return;
    att_train_report r = make_report(t, kind);
    r.text = line;
    t->o.report(t->o.user, &r);
}

static void add(atti_loss_sums *to, const atti_loss_sums *x)
{
    to->loss += x->loss;
    to->nll += x->nll;
    to->count += x->count;
    to->correct += x->correct;
}

/* Of several pairs, each with its own figures behind the means; under the same names, so
 * that whoever looks for one in a line finds the mean first. */
static void put_by_pair(atti_jsonw *w, const atti_trainer *t)
{
    atti_valid_files f = atti_train_valid_files(&t->o);
    atti_jsonw_array(w, "valid_pairs");
    for (int32_t i = 0; i < t->n_valid; i++) {
        atti_jsonw_object(w, NULL);
        atti_jsonw_str(w, "source", f.source[i]);
        atti_jsonw_str(w, "target", f.target[i]);
        if (f.lang) atti_jsonw_str(w, "lang", f.lang[i]);
        atti_jsonw_f64(w, "valid_nll", t->by_pair[i].nll);
        if (t->by_pair[i].score >= 0.0)
            atti_jsonw_f64(w, "valid_bleu", t->by_pair[i].score);
        atti_jsonw_end(w, '}');
    }
    atti_jsonw_end(w, ']');
}

static void write_metrics(atti_trainer *t, const att_train_report *r)
{
    if (!t->log.metrics) return;
    atti_jsonw w = {0};
    atti_jsonw_object(&w, NULL);
    atti_jsonw_i64(&w, "update", r->update);
    atti_jsonw_f64(&w, "epoch", r->epoch);
    if (r->kind == 2) {
        atti_jsonw_f64(&w, "valid_nll", r->valid_nll);
        if (r->valid_bleu >= 0.0) atti_jsonw_f64(&w, "valid_bleu", r->valid_bleu);
        if (r->valid_accuracy >= 0.0)
            atti_jsonw_f64(&w, "valid_accuracy", r->valid_accuracy);
        atti_jsonw_bool(&w, "best", r->best != 0);
        if (t->n_valid > 1) put_by_pair(&w, t);
    } else {
        atti_jsonw_f64(&w, "loss", r->loss);
        atti_jsonw_f64(&w, "nll", r->nll);
        atti_jsonw_f64(&w, "lr", r->lr);
        atti_jsonw_f64(&w, "grad_norm", r->grad_norm);
        atti_jsonw_f64(&w, "target_tokens_per_s", floor(r->target_tokens_per_s));
    }
    atti_jsonw_i64(&w, "target_tokens", t->state.target_tokens);
    atti_jsonw_f64(&w, "elapsed_s", floor(r->elapsed_s * 1000.0) / 1000.0);
    atti_jsonw_end(&w, '}');
    if (w.s.status == ATT_OK) {
        fprintf(t->log.metrics, "%s\n", w.s.data);
        flush(t, &t->log.metrics, "metrics.jsonl");
    }
    atti_str_deinit(&w.s);
}

static void fill_loss(att_train_report *r, const atti_loss_sums *s, double tokens,
                      double seconds)
{
    double n = s->count > 0.0 ? s->count : 1.0;
    r->loss = s->loss / n;
    r->nll = s->nll / n;
    r->target_tokens_per_s = seconds > 0.0 ? tokens / seconds : 0.0;
}

void atti_train_log_update(atti_trainer *t, const atti_loss_sums *sums, double norm,
                           double lr, int write_line)
{
    double now = atti_train_clock();
    t->log.norm = norm;
    t->log.lr = lr;
    add(&t->state.since, sums);
    t->log.line_tokens += sums->count;
    add(&t->log.shown, sums);
    char line[256];
    att_train_report r = {0};
    if (write_line) {
        r = make_report(t, 1);
        fill_loss(&r, &t->state.since, t->log.line_tokens, now - t->log.seconds_at);
        snprintf(line, sizeof line,
                 "update %lld  epoch %.2f  loss %.4f  nll %.4f  rate %.3g  norm %.3f  "
                 "%.0f %s/s",
                 (long long)r.update, r.epoch, r.loss, r.nll, r.lr, r.grad_norm,
                 r.target_tokens_per_s, t->task->speed);
        r.text = line;
        put_line(t, line);
        write_metrics(t, &r);
        memset(&t->state.since, 0, sizeof t->state.since);
        t->log.line_tokens = 0.0;
        t->log.seconds_at = now;
    }
    if (t->o.report && (write_line || now - t->log.shown_at >= report_every_s)) {
        /* A line's report has the line's numbers, which cover more than a moment. */
        if (!write_line) {
            r = make_report(t, 1);
            fill_loss(&r, &t->log.shown, t->log.shown.count, now - t->log.shown_at);
        }
        t->o.report(t->o.user, &r);
        memset(&t->log.shown, 0, sizeof t->log.shown);
        t->log.shown_at = now;
    }
}

/* "nll 1.2345  perplexity 3.437  accuracy 0.7000  BLEU 12.34" */
static void translator_figures(char *out, size_t size, const atti_validation *v)
{
    int n = snprintf(out, size, "nll %.4f  perplexity %.3f  accuracy %.4f", v->nll,
                     exp(v->nll), v->accuracy);
    if (v->score >= 0.0 && n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, "  BLEU %.2f", v->score);
}

static void say_by_pair(atti_trainer *t)
{
    char figures[120];
    for (int32_t i = 0; i < t->n_valid; i++) {
        translator_figures(figures, sizeof figures, &t->by_pair[i]);
        atti_train_say(t, 4, "  %s: %s", atti_train_valid_name(&t->o, i), figures);
    }
}

void atti_train_log_valid(atti_trainer *t, const atti_validation *v, int best)
{
    att_train_report r = make_report(t, 2);
    char line[256], figures[120];
    r.valid_nll = v->nll;
    r.best = best;
    if (t->task->two_files) {
        r.valid_bleu = v->score;
    } else {
        r.valid_accuracy = v->score;
    }
    if (t->o.regression) {
        snprintf(figures, sizeof figures, "mean squared error %.5f", v->nll);
    } else if (t->labels.n > 0) {
        snprintf(figures, sizeof figures, "nll %.4f  accuracy %.4f", v->nll,
                 v->accuracy);
    } else {
        translator_figures(figures, sizeof figures, v);
    }
    snprintf(line, sizeof line, "validation at update %lld: %s%s%s",
             (long long)r.update, figures,
             t->n_valid > 1 ? "  (mean of the pairs)" : "", best ? "  (best)" : "");
    put_line(t, line);
    write_metrics(t, &r);
    r.text = line;
    if (t->o.report) t->o.report(t->o.user, &r);
    if (t->n_valid > 1) say_by_pair(t);
}

void atti_train_log_pause(atti_trainer *t, double seconds)
{
    t->log.seconds_at += seconds;
    t->log.shown_at += seconds;
}
