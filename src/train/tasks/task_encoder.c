/* task_encoder.c - the model of tasks that label: configuration, binding, files. */
#include "models/save.h"
#include "train/tasks/task_encoder.h"
#include "base/alloc.h"
#include "base/file.h"
#include "models/encoder/encoder_config.h"
#include <string.h>

/* <s> 0, <pad> 1, </s> 2, <unk> 3, as XLM-R's. */
enum { BOS = 0, PAD = 1, EOS = 2 };

static att_status kind_of(atti_encoder_kind *kind, const char *arch)
{
    static const char *const names[] = {"bert", "roberta", "xlm-roberta"};
    if (!arch) arch = "xlm-roberta";
    for (int i = 0; i < 3; i += 2) {
        if (strcmp(arch, names[i]) != 0) continue;
        *kind = (atti_encoder_kind)i;
        return ATT_OK;
    }
    return atti_fail(ATT_EINVAL, "--arch '%.40s' is not one of xlm-roberta, bert",
                     arch);
}

static att_status make_config(atti_encoder_config *c, const att_train_opts *o,
                              atti_head head, int64_t vocab)
{
    atti_encoder_kind kind = ATTI_XLMR;
    ATTI_TRY(kind_of(&kind, o->arch));
    atti_encoder_config_init(c, kind);
    c->head = head;
    c->problem = o->regression    ? ATTI_REGRESSION
                 : o->multi_label ? ATTI_MANY_LABELS
                                  : ATTI_ONE_LABEL;
    c->problem_is_given = head == ATTI_HEAD_SEQUENCE;
    c->vocab_size = vocab;
    c->hidden = o->d_model;
    c->ffn = o->ffn;
    c->layers = o->encoder_layers;
    c->heads = o->heads;
    c->types = 1;
    c->bos_id = BOS;
    c->eos_id = EOS;
    c->pad_id = PAD;
    c->max_positions = o->max_length + (kind == ATTI_BERT ? 0 : PAD + 1);
    c->activation = (atti_act)o->activation;
    c->norm_eps = 1e-5f;
    c->hidden_dropout = o->dropout;
    c->attention_dropout = o->attention_dropout;
    return atti_encoder_config_check(c);
}

att_status atti_encoder_task_check(atti_trainer *t, atti_head head)
{
    atti_encoder_config c;
    if (t->o.tokenizer_target)
        return atti_fail(ATT_EINVAL, "a second --tokenizer: texts have one side");
    return make_config(&c, &t->o, head, 100);
}

att_status atti_encoder_task_model(atti_trainer *t, atti_head head)
{
    static const char *const types[] = {"bert", "roberta", "xlm-roberta"};
    atti_encoder_config proto, *c = NULL;
    ATTI_TRY(make_config(&proto, &t->o, head, att_tokenizer_size(t->tok[0])));
    const char *const *labels = (const char *const *)t->labels.text;
    int64_t n = (int64_t)t->labels.n;
    ATTI_TRY(atti_encoder_config_create(&c, &proto, t->o.regression ? NULL : labels,
                                        t->o.regression ? 1 : n));
    t->cfg = t->owned_cfg = c;
    t->family = atti_family_find(types[proto.kind]);
    if (!t->family) return atti_fail(ATT_EBUG, "no family '%s'", types[proto.kind]);
    return ATT_OK;
}

att_status atti_encoder_task_set(att_tape *tape, const atti_program_io *io,
                                 const atti_batch *b)
{
    ATTI_TRY(att_tape_bind(tape, io->src_rows, b->source.rows));
    ATTI_TRY(att_tape_bind(tape, io->seqs, b->n_seqs));
    ATTI_TRY(att_tape_set(tape, io->src_ids, b->source.ids));
    return att_tape_set(tape, io->src_offsets, b->source.offsets);
}

att_status atti_encoder_task_files(const atti_trainer *t, atti_save *s, char *paths[4])
{
    (void)paths;
    s->tokenizer_dir = t->dir;
    return ATT_OK;
}

void atti_encoder_task_describe(atti_trainer *t)
{
    const atti_encoder_config *c = t->cfg;
    atti_train_say(
        t, 0,
        "%s encoder: %lld layers, width %lld, %lld heads, feed-forward %lld, "
        "vocabulary %lld, %lld %s, %.2f M parameters",
        c->kind == ATTI_BERT ? "BERT" : "XLM-R", (long long)c->layers,
        (long long)c->hidden, (long long)c->heads, (long long)c->ffn,
        (long long)c->vocab_size, (long long)c->n_labels,
        t->o.regression ? "number" : "labels",
        (double)atti_params_total(&t->params) / 1e6);
}
