/* token_names.c - what an explanation's numbers are called: pieces of a vocabulary, words as
 * they were written, labels. */
#include "insight/insight.h"
#include "models/encoder/encoder_config.h"

#include <stdio.h>

bool atti_says_label(const att_explainer *x)
{
    const atti_encoder_config *c = x->model->cfg;
    if (!atti_model_labels(x->model)) return false;
    return c->head == ATTI_HEAD_TOKENS ||
           (c->head == ATTI_HEAD_SEQUENCE && c->problem == ATTI_ONE_LABEL);
}

static const char *word_of(const att_explainer *x, int side, int64_t i, int32_t id)
{
    /* Marian's first is <pad>, which would look like a mistake. */
    if (atti_translates(x) && side == ATT_SIDE_PREFIX && i == 0) return "<s>";
    if (atti_model_labels(x->model) && side == ATT_SIDE_OUTPUT && atti_says_label(x))
        return atti_encoder_label(x->model->cfg, id);
    return att_model_piece(x->model, side != ATT_SIDE_SOURCE, id);
}

/* Names of classes and the stand-in for a beginning are words already, as are the tokens
 * of models of words. */
static att_status name_label(const att_explainer *x, int side, int64_t i, int32_t id,
                             const char *word, char **out)
{
    bool said = atti_model_labels(x->model) && side == ATT_SIDE_OUTPUT;
    bool begins = atti_translates(x) && side == ATT_SIDE_PREFIX && i == 0;
    return said || begins || atti_is_worded(x->model)
               ? atti_strdup(out, word)
               : atti_label_make(x->model, side != ATT_SIDE_SOURCE, id, word, out);
}

static att_status name_side(const att_explainer *x, att_explanation *e, int side)
{
    size_t n = (size_t)e->n[side];
    char number[24];
    ATTI_TRY(atti_alloc(&e->tokens[side], n, sizeof *e->tokens[side], "tokens"));
    ATTI_TRY(atti_alloc(&e->labels[side], n, sizeof *e->labels[side], "labels"));
    for (size_t i = 0; i < n; i++) {
        int32_t id = e->ids[side][i];
        const char *piece = e->words.n && side == ATT_SIDE_SOURCE
                                ? e->words.text[i]
                                : word_of(x, side, (int64_t)i, id);
        snprintf(number, sizeof number, "#%d", (int)id);
        /* A text's last token says what nobody has asked for. */
        if (id < 0) number[0] = '\0';
        ATTI_TRY(atti_strdup(&e->tokens[side][i], piece ? piece : number));
        ATTI_TRY(name_label(x, side, (int64_t)i, id, e->tokens[side][i],
                            &e->labels[side][i]));
    }
    return ATT_OK;
}

att_status atti_name_tokens(const att_explainer *x, att_explanation *e)
{
    for (int i = 0; i < 3; i++) ATTI_TRY(name_side(x, e, i));
    return ATT_OK;
}

att_status atti_name_choices(const att_explainer *x, att_explanation *e)
{
    int64_t t = e->n[ATT_SIDE_OUTPUT], k = e->n_choices + 1;
    char number[24];
    ATTI_TRY(atti_alloc(&e->choice_label, (size_t)(t * k), sizeof *e->choice_label,
                        "choices"));
    for (int64_t i = 0; i < t * k; i++) {
        att_choice *c = &e->choice[i];
        if (c->id < 0) continue;
        c->token = word_of(x, ATT_SIDE_OUTPUT, i / k, c->id);
        snprintf(number, sizeof number, "#%d", (int)c->id);
        ATTI_TRY(name_label(x, ATT_SIDE_OUTPUT, i / k, c->id,
                            c->token ? c->token : number, &e->choice_label[i]));
        c->label = e->choice_label[i];
    }
    return ATT_OK;
}
