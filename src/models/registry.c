/* registry.c - the architectures there are, and how a program meets its parameters. */
#include "models/family.h"

#include "base/alloc.h"
#include "models/decoder/decoder_build.h"
#include "models/encoder/encoder_build.h"
#include "models/marian/marian_build.h"
#include "models/rnn/rnn_build.h"
#include "models/words/words_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t marian_eos(const void *cfg)
{
    return ((const atti_marian_config *)cfg)->eos_id;
}

static int64_t rnn_eos(const void *cfg)
{
    return ((const atti_rnn_config *)cfg)->eos_id;
}

/* "attend" holds what the class of model_type "marian" cannot; same room, same layout. */
#define MARIAN(type)                                                                   \
    {                                                                                  \
        .model_type = (type), .config_read = atti_marian_config_read,                  \
        .config_write = atti_marian_config_write, .declare = atti_marian_declare,      \
        .build = atti_marian_build, .shape = ATTI_SEQ2SEQ, .eos = marian_eos           \
    }
#define DECODER(type, read, is_gpt2)                                                   \
    {                                                                                  \
        .model_type = (type), .config_read = (read),                                   \
        .config_write = atti_decoder_config_write, .declare = atti_decoder_declare,    \
        .build = atti_decoder_build, .shape = ATTI_DECODER, .gpt2 = (is_gpt2)          \
    }
#define ENCODER(type, read)                                                            \
    {                                                                                  \
        .model_type = (type), .config_read = (read),                                   \
        .config_write = atti_encoder_config_write, .declare = atti_encoder_declare,    \
        .build = atti_encoder_build, .shape = ATTI_ENCODER, .head = atti_encoder_head  \
    }
static const atti_family families[] = {
    {.model_type = "attend",
     .architecture = "rnn-seq2seq",
     .config_read = atti_rnn_config_read,
     .config_write = atti_rnn_config_write,
     .declare = atti_rnn_declare,
     .build = atti_rnn_build,
     .shape = ATTI_SEQ2SEQ,
     .eos = rnn_eos},
    {.model_type = "attend",
     .architecture = "word-encoder",
     .config_read = atti_words_config_read,
     .config_write = atti_words_config_write,
     .declare = atti_words_declare,
     .build = atti_words_build,
     .shape = ATTI_WORDS,
     .head = atti_encoder_head},
    MARIAN("marian"),
    MARIAN("attend"),
    DECODER("llama", atti_llama_config_read, 0),
    DECODER("gpt2", atti_gpt2_config_read, 1),
    ENCODER("bert", atti_bert_config_read),
    ENCODER("roberta", atti_roberta_config_read),
    ENCODER("xlm-roberta", atti_xlmr_config_read),
};

const atti_family *atti_family_find_arch(const char *model_type, const char *arch)
{
    for (size_t i = 0; model_type && i < sizeof families / sizeof families[0]; i++) {
        const atti_family *f = &families[i];
        if (strcmp(f->model_type, model_type) != 0) continue;
        if (!f->architecture || (arch && strcmp(f->architecture, arch) == 0)) return f;
    }
    return NULL;
}

const atti_family *atti_family_find(const char *model_type)
{
    return atti_family_find_arch(model_type, NULL);
}

atti_head atti_family_head(const atti_family *f, const void *cfg)
{
    return f->head ? f->head(cfg) : ATTI_HEAD_LM;
}

void atti_program_io_init(atti_program_io *io)
{
    io->src_rows = io->tgt_rows = io->seqs = io->seqs1 = io->words1 = 0;
    io->reach = 0;
    for (int i = 0; i < ATTI_IO_NEAR; i++) io->near[i] = ATT_NO_VAR;
    att_var *const vars[] = {
        &io->src_ids,    &io->src_offsets, &io->tgt_ids,   &io->tgt_offsets,
        &io->targets,    &io->src_feats,   &io->src_types, &io->row_labels,
        &io->seq_labels, &io->seq_values,  &io->hidden,    &io->logits,
        &io->loss,       &io->stats,       &io->vectors,
    };
    for (size_t i = 0; i < sizeof vars / sizeof vars[0]; i++) *vars[i] = ATT_NO_VAR;
}

/* "name[k:]" -> "name", k; any other name stays whole with 0. */
static int64_t cut_rows(char *out, size_t cap, const char *name)
{
    const char *at = strrchr(name, '[');
    size_t n = strlen(name);
    if (!at || n < 4 || strcmp(name + n - 2, ":]") != 0) at = name + n;
    (void)snprintf(out, cap, "%.*s", (int)(at - name), name);
    return *at ? strtoll(at + 1, NULL, 10) : 0;
}

/* One value of the tape over one parameter or neighbours. */
static att_status bind_one(att_tape *tape, att_var v, const atti_params *ps,
                           float *grads, unsigned char *used)
{
    char name[256];
    int64_t skip = cut_rows(name, sizeof name, att_tape_name(tape, v));
    size_t first = 0, n = 0;
    int64_t cols = att_tape_cols(tape, v);
    int64_t count = 0, want = (att_tape_rows(tape, v) + skip) * cols;
    if (!atti_params_neighbours(ps, name, &first, &n))
        return atti_fail(ATT_EBUG, "parameter '%s' was not declared", name);
    int frozen = 0;
    for (size_t i = first; i < first + n; i++) {
        count += ps->p[i].count;
        frozen |= ps->p[i].flags & ATTI_PARAM_FROZEN;
        /* Two values over one parameter would both write its gradient. */
        if (used[i]++)
            return atti_fail(ATT_EBUG, "parameter '%s' is bound twice", ps->p[i].name);
    }
    if (count != want)
        return atti_fail(ATT_EBUG, "parameter '%s': %lld numbers, the program has %lld",
                         name, (long long)count, (long long)want);
    size_t at = ps->p[first].offset + (size_t)(skip * cols);
    return att_tape_set_param(tape, v, ps->data + at,
                              grads && !frozen ? grads + at : NULL);
}

att_status atti_family_bind(att_tape *tape, const atti_params *params, float *grads)
{
    unsigned char *used = NULL;
    if (!params->data) return atti_fail(ATT_EBUG, "parameters have no memory yet");
    ATTI_TRY(atti_alloc(&used, params->n, 1, "parameter list"));
    att_status st = ATT_OK;
    for (int32_t v = 0; st == ATT_OK && v < att_tape_var_count(tape); v++)
        if (att_tape_is_param(tape, v)) st = bind_one(tape, v, params, grads, used);
    atti_free(used);
    return st;
}
