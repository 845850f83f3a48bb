/* test_rnn_model.c - the recurrent encoder-decoder: loss and all gradients against PyTorch in
 * double precision, for every kind of attention; its directory, written and read; twenty
 * pairs learned by heart and translated without a fault.
 *
 * A gradient is compared as a tensor: the worst difference over the largest number. f32 sums
 * of some ten steps of products 8 to 24 wide leave about 50 units of 2^-24: 3e-6. Gradients of scores sum to zero over a source, so that what is left
 * of a key's bias is a difference of numbers of order 0.1: 1e-7 more is allowed. */
#include "attend/decode.h"
#include "attend/safetensors.h"
#include "base/alloc.h"
#include "decode/session_internal.h"
#include "models/rnn/rnn_build.h"
#include "models/save.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { V = 11, PAD = 10 };

typedef struct program {
    atti_rnn_config cfg;
    atti_params params;
    float *grads;
    att_tape *tape;
    atti_program_io io;
} program;

static void open_program(program *p, const atti_rnn_config *c, float smoothing)
{
    const atti_family *f = atti_family_find_arch("attend", "rnn-seq2seq");
    atti_program_opts po = {.training = 1, .label_smoothing = smoothing};
    const int64_t most[4] = {256, 256, 32, 0};
    memset(p, 0, sizeof *p);
    p->cfg = *c;
    assert_non_null(f);
    assert_ok(atti_rnn_config_check(c));
    assert_ok(f->declare(&p->cfg, &p->params));
    assert_ok(atti_params_alloc(&p->params));
    atti_params_init_values(&p->params, 3);
    assert_ok(atti_alloc(&p->grads, p->params.count, sizeof(float), "gradients"));
    assert_ok(att_tape_create(&p->tape));
    assert_ok(f->build(&p->cfg, &p->params, p->tape, &po, &p->io));
    att_tape_plan_opts o;
    att_tape_plan_opts_init(&o);
    o.training = 1;
    o.max_rows = most;
    o.n_max_rows = 4;
    assert_ok(att_tape_plan(p->tape, &o));
    assert_ok(atti_family_bind(p->tape, &p->params, p->grads));
}

static void close_program(program *p)
{
    att_tape_destroy(p->tape);
    atti_params_deinit(&p->params);
    atti_free(p->grads);
}

typedef struct batch {
    int32_t n_seqs;
    int32_t src_off[32], tgt_off[32];
    int32_t src[256], tgt[256], targets[256];
} batch;

static void add_pair(batch *b, const int32_t *src, int n, const int32_t *tgt, int m,
                     int32_t start)
{
    int32_t i = b->n_seqs++, s = b->src_off[i], t = b->tgt_off[i];
    memcpy(b->src + s, src, (size_t)n * sizeof *src);
    memcpy(b->targets + t, tgt, (size_t)m * sizeof *tgt);
    b->tgt[t] = start;
    memcpy(b->tgt + t + 1, tgt, (size_t)(m - 1) * sizeof *tgt);
    b->src_off[i + 1] = s + n;
    b->tgt_off[i + 1] = t + m;
}

static void set_batch(program *p, const batch *b)
{
    assert_ok(att_tape_bind(p->tape, p->io.src_rows, b->src_off[b->n_seqs]));
    assert_ok(att_tape_bind(p->tape, p->io.tgt_rows, b->tgt_off[b->n_seqs]));
    assert_ok(att_tape_bind(p->tape, p->io.seqs, b->n_seqs));
    assert_ok(att_tape_set(p->tape, p->io.src_ids, b->src));
    assert_ok(att_tape_set(p->tape, p->io.src_offsets, b->src_off));
    assert_ok(att_tape_set(p->tape, p->io.tgt_ids, b->tgt));
    assert_ok(att_tape_set(p->tape, p->io.tgt_offsets, b->tgt_off));
    assert_ok(att_tape_set(p->tape, p->io.targets, b->targets));
}

static double step(program *p, uint64_t number)
{
    att_tensor t;
    assert_ok(att_tape_forward(p->tape, 1, number, 1));
    assert_ok(att_tape_value(p->tape, &t, p->io.loss));
    double loss = (double)((const float *)t.data)[0];
    assert_ok(att_tape_backward(p->tape, p->io.loss, 1.0f, 0));
    return loss;
}

static void tiny_config(atti_rnn_config *c, const char *score, const char *cell)
{
    atti_rnn_config_init(c);
    c->vocab_size = c->decoder_vocab_size = V;
    c->embed = c->readout = 5;
    c->encoder = 4;
    c->encoder_layers = 2;
    c->hidden = 8;
    c->attention = 7;
    c->max_positions = 24;
    c->dropout = 0.0f;
    c->pad_id = c->decoder_start_id = PAD;
    assert_ok(atti_rnn_set_score(c, score));
    assert_ok(atti_rnn_set_cell(c, cell));
}

/* ---- against PyTorch ---- */

static void load_params(const att_safetensors *f, const char *at, atti_params *ps)
{
    for (size_t i = 0; i < ps->n; i++) {
        char name[160];
        att_tensor t;
        (void)snprintf(name, sizeof name, "%s%s", at, ps->p[i].name);
        assert_ok(att_safetensors_get(f, &t, name));
        memcpy(ps->data + ps->p[i].offset, t.data,
               (size_t)ps->p[i].count * sizeof(float));
        att_tensor_deinit(&t);
    }
}

static void compare_grads(const att_safetensors *f, const char *at, const program *p)
{
    for (size_t i = 0; i < p->params.n; i++) {
        const atti_param *q = &p->params.p[i];
        char name[160];
        att_tensor t;
        double worst = 0.0, most = 0.0;
        (void)snprintf(name, sizeof name, "%sd.%s", at, q->name);
        assert_ok(att_safetensors_get(f, &t, name));
        const float *want = t.data, *got = p->grads + q->offset;
        for (int64_t k = 0; k < q->count; k++) {
            worst = fmax(worst, fabs((double)got[k] - (double)want[k]));
            most = fmax(most, fabs((double)want[k]));
        }
        if (!(worst <= 1e-5 * most + 1e-7))
            fail_msg("%s: off by %g of %g", name, worst, most);
        att_tensor_deinit(&t);
    }
}

static void gradients_agree_with_pytorch(void **state)
{
    (void)state;
    static const struct {
        const char *score, *cell;
    } kinds[] = {{"additive", "gru"},
                 {"additive", "lstm"},
                 {"general", "gru"},
                 {"dot", "lstm"},
                 {"none", "gru"}};
    batch b = {0};
    add_pair(&b, (int32_t[]){3, 4, 5, 6, 0}, 5, (int32_t[]){2, 8, 0}, 3, PAD);
    add_pair(&b, (int32_t[]){7, 0}, 2, (int32_t[]){5, 4, 3, 1, 9, 0}, 6, PAD);
    add_pair(&b, (int32_t[]){1, 2, 9, 0}, 4, (int32_t[]){6, 0}, 2, PAD);
    att_safetensors *f = NULL;
    assert_ok(att_safetensors_open(&f, support_golden("rnn.safetensors")));
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        program p;
        atti_rnn_config c;
        att_tensor t;
        char at[64], name[80];
        (void)snprintf(at, sizeof at, "%s/%s/", kinds[k].score, kinds[k].cell);
        tiny_config(&c, kinds[k].score, kinds[k].cell);
        open_program(&p, &c, 0.1f);
        load_params(f, at, &p.params);
        set_batch(&p, &b);
        double loss = step(&p, 1);
        (void)snprintf(name, sizeof name, "%sloss", at);
        assert_ok(att_safetensors_get(f, &t, name));
        double want = ((const double *)t.data)[0];
        if (!(fabs(loss - want) <= 1e-5 * want))
            fail_msg("%s: %.9g, PyTorch %.9g", name, loss, want);
        att_tensor_deinit(&t);
        compare_grads(f, at, &p);
        close_program(&p);
    }
    att_safetensors_close(f);
}

/* ---- learned by heart, written, read, translated ---- */

enum { PAIRS = 20, TOKENS = 16, LONG = 6, STEPS = 300 };

typedef struct corpus {
    batch b;
    int32_t start;
} corpus;

static void make_corpus(corpus *k)
{
    atti_rng r = {atti_key(5, 0, 0), 0};
    memset(k, 0, sizeof *k);
    k->start = TOKENS - 1;
    for (int i = 0; i < PAIRS; i++) {
        int32_t src[LONG + 1] = {0}, tgt[LONG + 1] = {0};
        int n = 2 + (int)atti_rng_below(&r, LONG - 1), m = 1 + i % LONG;
        for (int t = 0; t < n; t++)
            src[t] = 1 + (int32_t)atti_rng_below(&r, TOKENS - 2);
        for (int t = 0; t < m; t++)
            tgt[t] = 1 + (int32_t)atti_rng_below(&r, TOKENS - 2);
        add_pair(&k->b, src, n + 1, tgt, m + 1, k->start);
    }
}

static void learn(program *p, const corpus *k)
{
    float *m = NULL, *v = NULL;
    double loss = 0.0;
    assert_ok(atti_alloc(&m, p->params.count, sizeof *m, "moments"));
    assert_ok(atti_alloc(&v, p->params.count, sizeof *v, "moments"));
    set_batch(p, &k->b);
    atti_adam_step a = {.lr = 0.01f, .beta1 = 0.9f, .beta2 = 0.98f, .eps = 1e-8f};
    for (int i = 1; i <= STEPS; i++) {
        loss = step(p, (uint64_t)i);
        a.c1 = 1.0f - powf(a.beta1, (float)i);
        a.c2 = 1.0f - powf(a.beta2, (float)i);
        a.grad_scale = 1.0f / (float)k->b.tgt_off[PAIRS];
        atti_k()->adam(p->params.data, m, v, NULL, NULL, p->grads, &a,
                       (int64_t)p->params.count);
    }
    assert_true(loss < 0.05 * k->b.tgt_off[PAIRS]);
    atti_free(m);
    atti_free(v);
}

static void write_model(const program *p)
{
    atti_save s = {.family = atti_family_find_arch("attend", "rnn-seq2seq"),
                   .cfg = &p->cfg,
                   .params = &p->params,
                   .seal_padding = 1};
    assert_ok(atti_model_save(support_temp("."), &s));
}

static att_result *translate(const att_model *m, const corpus *k,
                             const att_decode_opts *o)
{
    att_session *s = NULL;
    att_result *r = NULL;
    const int32_t *ids[PAIRS];
    int32_t n[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        ids[i] = k->b.src + k->b.src_off[i];
        n[i] = k->b.src_off[i + 1] - k->b.src_off[i];
    }
    assert_ok(att_session_create(&s, m, o));
    assert_ok(att_translate_ids(s, &r, ids, n, NULL, NULL, PAIRS));
    att_session_destroy(s);
    return r;
}

/* The first hypothesis is the target, and its alignment's rows sum to one. */
static void expect_targets(const att_result *r, const corpus *k, int aligned)
{
    for (int i = 0; i < PAIRS; i++) {
        const att_hypothesis *h = &att_result_sentence(r, i)->hypotheses[0];
        int32_t m = k->b.tgt_off[i + 1] - k->b.tgt_off[i] - 1;
        int32_t n = att_result_sentence(r, i)->n_source;
        assert_int_equal(h->n_ids, m);
        assert_memory_equal(h->ids, k->b.targets + k->b.tgt_off[i],
                            (size_t)m * sizeof *h->ids);
        for (int32_t t = 0; aligned && t < h->n_scores; t++) {
            double sum = 0.0;
            for (int32_t j = 0; j < n; j++) sum += (double)h->alignment[t * n + j];
            assert_true(fabs(sum - 1.0) < 1e-5);
        }
    }
}

static void same_scores(const att_result *a, const att_result *b)
{
    for (int i = 0; i < PAIRS; i++)
        assert_same_bits(&att_result_sentence(a, i)->hypotheses[0].logprob,
                         &att_result_sentence(b, i)->hypotheses[0].logprob, 1);
}

static void one_kind(const char *score, const char *cell)
{
    corpus k;
    program p;
    atti_rnn_config c;
    att_model *m = NULL;
    att_decode_opts o;
    int attends = strcmp(score, "none") != 0;
    make_corpus(&k);
    tiny_config(&c, score, cell);
    c.vocab_size = c.decoder_vocab_size = TOKENS;
    c.pad_id = c.decoder_start_id = k.start;
    c.embed = c.readout = 16;
    c.encoder = 12;
    c.encoder_layers = 1;
    c.hidden = 24;
    open_program(&p, &c, 0.0f);
    learn(&p, &k);
    write_model(&p);
    assert_ok(att_model_load(&m, support_temp(".")));
    att_decode_opts_init(&o, m);
    o.batch_size = 7;
    o.want_alignment = attends;
    att_result *greedy = translate(m, &k, &o);
    expect_targets(greedy, &k, attends);
    o.batch_size = 1;
    o.want_alignment = 0;
    att_result *alone = translate(m, &k, &o);
    same_scores(greedy, alone);
    o.batch_size = 32;
    o.beam_size = 4;
    att_result *beam = translate(m, &k, &o);
    expect_targets(beam, &k, 0);
    att_result_destroy(greedy);
    att_result_destroy(alone);
    att_result_destroy(beam);
    att_model_destroy(m);
    close_program(&p);
}

static void twenty_pairs_are_learned_and_translated(void **state)
{
    (void)state;
    one_kind("additive", "gru");
    one_kind("general", "lstm");
    one_kind("dot", "gru");
    one_kind("none", "lstm");
}

/* What a session says of a target is what training said of it. */
static void sessions_and_training_agree(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {
        {"additive", "lstm"}, {"general", "gru"}, {"dot", "lstm"}, {"none", "gru"}};
    for (int i = 0; i < 4; i++) {
        corpus k;
        program p;
        atti_rnn_config c;
        att_model *m = NULL;
        att_session *s = NULL;
        att_result *r = NULL;
        att_decode_opts o;
        make_corpus(&k);
        tiny_config(&c, kinds[i][0], kinds[i][1]);
        c.vocab_size = c.decoder_vocab_size = TOKENS;
        c.pad_id = c.decoder_start_id = k.start;
        open_program(&p, &c, 0.0f);
        set_batch(&p, &k.b);
        double loss = step(&p, 1), sum = 0.0;
        write_model(&p);
        assert_ok(att_model_load(&m, support_temp(".")));
        att_decode_opts_init(&o, m);
        o.want_scores = 1;
        o.max_length = LONG + 2;
        o.max_length_factor = 0.0f;
        assert_ok(att_session_create(&s, m, &o));
        for (int j = 0; j < PAIRS; j++) {
            const int32_t *src = k.b.src + k.b.src_off[j];
            const int32_t *tgt = k.b.targets + k.b.tgt_off[j];
            int32_t n = k.b.src_off[j + 1] - k.b.src_off[j];
            int32_t given = k.b.tgt_off[j + 1] - k.b.tgt_off[j];
            assert_ok(att_translate_ids(s, &r, &src, &n, &tgt, &given, 1));
            const att_hypothesis *h = &att_result_sentence(r, 0)->hypotheses[0];
            for (int32_t t = 0; t < given; t++) sum -= (double)h->token_logprobs[t];
            att_result_destroy(r);
        }
        /* Some 90 tokens' log-probabilities of two to three, each off by a few 2^-24. */
        if (!(fabs(sum - loss) <= 2e-6 * loss))
            fail_msg("%s: %.9g in sessions, %.9g in training", kinds[i][0], sum, loss);
        att_session_destroy(s);
        att_model_destroy(m);
        close_program(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_agree_with_pytorch),
        cmocka_unit_test_setup_teardown(twenty_pairs_are_learned_and_translated,
                                        support_temp_setup, support_temp_teardown),
        cmocka_unit_test_setup_teardown(sessions_and_training_agree, support_temp_setup,
                                        support_temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
