/* lr_schedule.c - when things happen in a training, and how fast it learns then. */
#include "train/schedule.h"
#include "base/str.h"
#include <math.h>
#include <string.h>

att_status atti_span_parse(atti_span *out, const char *text, atti_unit dflt,
                           const char *name)
{
    atti_span s = {0.0, dflt};
    char number[64];
    size_t n = text ? strlen(text) : 0;
    if (n == 0 || strcmp(text, "0") == 0) {
        *out = (atti_span){0.0, ATTI_UNIT_NONE};
        return ATT_OK;
    }
    if (n < sizeof number) {
        memcpy(number, text, n + 1);
        char last = number[n - 1];
        if (last == 'e' || last == 'u' || last == 'm') {
            s.unit = (atti_unit)last;
            number[--n] = '\0';
        }
        double scale = 1.0;
        last = n ? number[n - 1] : '\0';
        if (last == 'K' || last == 'M' || last == 'G') {
            scale = last == 'K' ? 1e3 : last == 'M' ? 1e6 : 1e9;
            number[--n] = '\0';
        }
        if (atti_parse_f64(&s.count, number) && s.count > 0.0 &&
            isfinite(s.count *= scale)) {
            *out = s;
            return ATT_OK;
        }
    }
    return atti_fail(
        ATT_EINVAL,
        "%s '%.40s': expected a positive number and e (epochs), u (updates) "
        "or m (minutes), as in 12e, 8Ku, 40m",
        name, text);
}

double atti_progress_in(const atti_progress *p, atti_unit unit)
{
    switch (unit) {
    case ATTI_UNIT_EPOCHS: return p->epochs;
    case ATTI_UNIT_UPDATES: return (double)p->update;
    case ATTI_UNIT_MINUTES: return p->elapsed_s / 60.0;
    default: return 0.0;
    }
}

double atti_span_fraction(const atti_span *s, const atti_progress *p)
{
    return s->unit == ATTI_UNIT_NONE ? 0.0 : atti_progress_in(p, s->unit) / s->count;
}

int atti_span_passed(const atti_span *s, const atti_progress *before,
                     const atti_progress *now)
{
    /* A hair of tolerance: 3 * (1/3) epochs are an epoch. */
    return floor(atti_span_fraction(s, now) + 1e-9) >
           floor(atti_span_fraction(s, before) + 1e-9);
}

att_status atti_decay_parse(atti_decay *out, const char *name)
{
    static const char *const names[] = {"inverse-sqrt", "noam", "cosine", "linear",
                                        "constant"};
    for (int i = 0; i < 5; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (atti_decay)i;
            return ATT_OK;
        }
    }
    return atti_fail(
        ATT_ENOTFOUND,
        "schedule '%.40s' is not one of inverse-sqrt, noam, cosine, linear, "
        "constant",
        name);
}

double atti_schedule_warm(const atti_schedule *s, int64_t u, double done,
                          double done_first)
{
    double warm = s->warmup > 0 ? (double)u / (double)s->warmup : 1.0;
    if (s->warm_share > 0.0 && u > 1)
        warm = fmax(warm, (done - done_first) / s->warm_share);
    return fmin(warm, 1.0);
}

double atti_schedule_rate(const atti_schedule *s, int64_t u, double warm, double done,
                          double done_warm)
{
    const double pi = 3.14159265358979323846;
    double w = (double)s->warmup, x = (double)u;
    if (s->decay == ATTI_DECAY_NOAM) {
        double rise = w > 0.0 ? x * pow(w, -1.5) : INFINITY;
        return s->lr / sqrt((double)s->d_model) * fmin(1.0 / sqrt(x), rise);
    }
    if (x < w && warm <= x / w) return s->lr * x / w;
    if (warm < 1.0) return s->lr * warm;
    if (s->decay == ATTI_DECAY_INV_SQRT)
        return x < w ? s->lr : s->lr * sqrt((w > 1.0 ? w : 1.0) / x);
    if (s->decay == ATTI_DECAY_CONSTANT) return s->lr;
    double left = done_warm < 1.0 ? (1.0 - done) / (1.0 - done_warm) : 0.0;
    if (left < 0.0) left = 0.0;
    if (left > 1.0) left = 1.0;
    if (s->decay == ATTI_DECAY_LINEAR) return s->lr * left;
    return s->lr * 0.5 * (1.0 - cos(pi * left));
}
