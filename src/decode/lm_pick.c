/* lm_pick.c - the next token from a row of logits, by pick.c: the row is dressed as the
 * only row of a session that translates. What counts as said is the whole context, prompt
 * included, as in transformers; pick.c's start token is the context's first. */
#include "decode/lm_internal.h"

atti_lm_choice atti_lm_pick(att_lm *s, const int32_t *tokens, int32_t n, int64_t job,
                            int32_t n_said, float *logits, float *sums, int thread)
{
    const att_lm_opts *o = &s->o;
    int32_t early = n_said < o->min_new;
    atti_engine vocab = {.vocab = {.n_out = s->e->cfg->vocab_size}};
    atti_cand cand = {0.0f, -1};
    atti_row row = {
        .pos = n - 1,
        .mode = o->sampling && o->temperature > 0.0f ? ATTI_PICK_SAMPLE : ATTI_PICK_TOP,
        .draw = atti_key(o->seed, (uint64_t)(o->first_prompt + job), (uint64_t)n_said),
    };
    att_session one = {
        .e = &vocab,
        .beam = 1,
        .k = 1,
        .eos = -1,
        .pad = -1,
        .start = tokens[0],
        .banned = early ? s->banned_early : s->banned,
        .sums = sums,
        .row = &row,
        .cand = &cand,
        .pick_scratch = s->pick_scratch + thread * s->pick_stride,
        .pick_stride = s->pick_stride,
    };
    /* The table's tokens are only read. */
    one.table[0].said = (int32_t *)(uintptr_t)(tokens + 1);
    one.o.temperature = o->temperature;
    one.o.top_k = o->top_k;
    one.o.top_p = o->top_p;
    one.o.min_p = o->min_p;
    one.o.repetition_penalty = o->repetition_penalty;
    one.o.no_repeat_ngram = o->no_repeat_ngram;
    atti_pick_row(&one, 0, logits, 0);
    return (atti_lm_choice){cand.id, cand.v, row.diverged};
}
