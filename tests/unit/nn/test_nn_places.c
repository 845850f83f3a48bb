/* test_nn_places.c - positions with worked numbers, each kind with its gradient; pooling by
 * attention; documents of sentences of words. */
#include "nn_net.h"

/* ---- positions ---- */

/* Position 2, width 4: sin 2, cos 2, sin 0.02, cos 0.02. */
static void sinusoids(void **state)
{
    (void)state;
    const float want[4] = {0.9093f, -0.4161f, 0.0200f, 0.9998f};
    const float halves[4] = {0.9093f, 0.0200f, -0.4161f, 0.9998f};
    float a[4 * 4], b[4 * 4], odd[2 * 5];
    assert_ok(att_nn_sinusoids(a, 4, 4, ATT_NN_POS_INTERLEAVED, 0, 0));
    assert_close(a + 2 * 4, want, 4, 5e-5, 0);
    assert_ok(att_nn_sinusoids(b, 4, 4, ATT_NN_POS_HALVES, 0, 0));
    assert_close(b + 2 * 4, halves, 4, 5e-5, 0);
    for (int p = 0; p < 4; p++) /* the same numbers in another order */
        for (int i = 0; i < 4; i++)
            assert_true(a[4 * p + i] == b[4 * p + i / 2 + 2 * (i % 2)]);
    /* Counted from 1, position 2 is the second row. */
    assert_ok(att_nn_sinusoids(b, 4, 4, ATT_NN_POS_INTERLEAVED, 1, 0));
    assert_same_bits(b + 4, a + 8, 8);
    const float first[4] = {0, 1, 0, 1};
    assert_close(a, first, 4, 0, 0);
    /* An odd width ends in a sin; another base. */
    assert_ok(att_nn_sinusoids(odd, 2, 5, ATT_NN_POS_INTERLEAVED, 0, 100));
    assert_true(fabs((double)odd[9] - sin(pow(100, -0.8))) < 1e-7);
    assert_ok(att_nn_sinusoids(odd, 2, 5, ATT_NN_POS_HALVES, 0, 100));
    assert_true(fabs((double)odd[7] - sin(pow(100, -0.8))) < 1e-7);
    assert_true(fabs((double)odd[8] - cos(1)) < 1e-7);
    /* A step along the sequence is a rotation of every pair, whatever the place. */
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < 4; i += 2) {
            double w = i ? 0.01 : 1, c = cos(w), s = sin(w);
            double sn = (double)a[4 * p + i], cs = (double)a[4 * p + i + 1];
            assert_true(fabs((double)a[4 * p + 4 + i] - (sn * c + cs * s)) < 1e-6);
        }
}

typedef struct embedded {
    net n;
    att_var pos, ids;
} embedded;

static void embed(embedded *e, const att_nn_position_opts *p)
{
    static const int32_t id[ROWS] = {2, 0, 1, 1, 3, 2, 0, 3, 1};
    open_net(&e->n, NULL);
    assert_ok(att_nn_positions(e->n.nn, &e->pos, p));
    assert_ok(att_tape_input(e->n.t, &e->ids, "ids", ATT_I32, ROWS, 1));
    assert_ok(att_nn_embedding(e->n.nn, &e->n.y, e->ids, e->n.off, e->pos, "emb", 4, C,
                               0, 0.0f));
    finish(&e->n, ROWS);
    assert_ok(att_tape_set(e->n.t, e->ids, id));
    loss_of(&e->n);
}

static const float *row(embedded *e, int r)
{
    att_tensor v;
    assert_ok(att_tape_value(e->n.t, &v, e->n.y));
    return (const float *)v.data + r * C;
}

static void every_kind_of_position(void **state)
{
    (void)state;
    float table[6 * C], wave[6 * C], plain[C], moved[C];
    const int64_t shape[2] = {6, C};
    att_tensor given;
    support_fill(table, 6 * C, 8, -1, 1);
    assert_ok(att_tensor_view(&given, table, ATT_F32, 2, shape));
    assert_ok(att_nn_sinusoids(wave, 6, C, ATT_NN_POS_HALVES, 1, 0));
    for (int kind = 0; kind <= ATT_NN_POS_GIVEN; kind++)
        for (int trainable = 0; trainable < 2; trainable++) {
            embedded e;
            att_nn_position_opts p;
            att_nn_position_opts_init(&p);
            p.kind = (att_nn_position_kind)kind;
            p.rows = kind == ATT_NN_POS_GIVEN ? 0 : 6;
            p.cols = kind == ATT_NN_POS_GIVEN ? 0 : C;
            p.first = 1;
            p.table = &given;
            p.trainable = trainable;
            embed(&e, &p);
            /* Ids 2 at rows 0 (place 0) and 5 (place 1 of the third sequence). */
            memcpy(plain, row(&e, 0), sizeof plain);
            memcpy(moved, row(&e, 5), sizeof moved);
            int learned =
                kind == ATT_NN_POS_LEARNED || (kind != ATT_NN_POS_NONE && trainable);
            assert_true((att_nn_find(e.n.nn, "positions") >= 0) == learned);
            if (kind == ATT_NN_POS_NONE) assert_same_bits(plain, moved, C);
            if (kind == ATT_NN_POS_HALVES || kind == ATT_NN_POS_GIVEN) {
                const float *t = kind == ATT_NN_POS_GIVEN ? table : wave;
                float want[C];
                for (int i = 0; i < C; i++) want[i] = plain[i] - t[i] + t[C + i];
                assert_close(moved, want, C, 1e-6, 0);
            }
            check_gradients(&e.n);
            close_net(&e.n);
        }
}

static void positions_of_vectors(void **state)
{
    (void)state;
    static const int32_t place[ROWS] = {0, 1, 2, 3, 0, 1, 2, 3, -1};
    net n;
    att_var pos, places;
    att_nn_position_opts p;
    float wave[4 * C];
    open_net(&n, NULL);
    att_nn_position_opts_init(&p);
    p.kind = ATT_NN_POS_INTERLEAVED;
    p.rows = 4, p.cols = C;
    assert_ok(att_nn_positions(n.nn, &pos, &p));
    assert_ok(att_tape_input(n.t, &places, "places", ATT_I32, ROWS, 1));
    assert_ok(att_nn_add_positions(n.nn, &n.y, n.x, pos, places));
    finish(&n, ROWS);
    assert_ok(att_tape_set(n.t, places, place));
    loss_of(&n);
    assert_ok(att_nn_sinusoids(wave, 4, C, ATT_NN_POS_INTERLEAVED, 0, 0));
    att_tensor v;
    assert_ok(att_tape_value(n.t, &v, n.y));
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < C; i++) {
            float want = rows_of_x()[r * C + i];
            if (place[r] >= 0) want += wave[place[r] * C + i];
            assert_true(((const float *)v.data)[r * C + i] == want);
        }
    close_net(&n);
}

/* ---- documents ---- */

/* Pooling by hand in double: u . tanh(x W^T + b), softmax, weighted mean. */
static void pooling(void **state)
{
    (void)state;
    net n;
    att_var alpha;
    open_net(&n, NULL);
    assert_ok(att_nn_attention_pool(n.nn, &n.y, &alpha, n.x, n.off, "p.", 5));
    assert_ok(att_tape_keep(n.t, alpha));
    finish(&n, 3);
    loss_of(&n);
    att_nn_param_view w = {.size = sizeof w}, b = w, u = w;
    assert_ok(att_nn_at(n.nn, &w, att_nn_find(n.nn, "p.proj.weight")));
    assert_ok(att_nn_at(n.nn, &b, att_nn_find(n.nn, "p.proj.bias")));
    assert_ok(att_nn_at(n.nn, &u, att_nn_find(n.nn, "p.context")));
    for (int i = 0; i < 5; i++) b.value[i] = 0.1f * (float)i;
    loss_of(&n);
    att_tensor y, a;
    assert_ok(att_tape_value(n.t, &y, n.y));
    assert_ok(att_tape_value(n.t, &a, alpha));
    const float *x = rows_of_x();
    for (int s = 0; s < 3; s++) {
        double e[ROWS], sum = 0, mean[C] = {0};
        for (int r = off3[s]; r < off3[s + 1]; r++) {
            e[r] = 0;
            for (int k = 0; k < 5; k++) {
                double z = (double)b.value[k];
                for (int i = 0; i < C; i++)
                    z += (double)x[r * C + i] * (double)w.value[k * C + i];
                e[r] += (double)u.value[k] * tanh(z);
            }
            sum += exp(e[r]);
        }
        for (int r = off3[s]; r < off3[s + 1]; r++) {
            double alpha_r = exp(e[r]) / sum;
            assert_true(fabs((double)((float *)a.data)[r] - alpha_r) < 1e-6);
            for (int i = 0; i < C; i++) mean[i] += alpha_r * (double)x[r * C + i];
        }
        for (int i = 0; i < C; i++) /* the empty sequence: zeros */
            assert_true(fabs((double)((float *)y.data)[s * C + i] - mean[i]) < 1e-6);
    }
    check_gradients(&n);
    close_net(&n);
}

/* Words -> sentences -> documents at two levels of offsets, gradients of everything; a
 * document's result does not depend on its neighbours. */
static void documents(void **state)
{
    (void)state;
    static const int32_t docs[4] = {0, 2, 2, 3};
    for (int encoders = 0; encoders < 2; encoders++) {
        net n;
        att_var doc, words, sentences;
        att_nn_hierarchy_opts o;
        att_nn_block_opts word, sentence;
        open_net(&n, NULL);
        assert_ok(att_tape_input(n.t, &doc, "docs", ATT_I32, 4, 1));
        att_nn_block_opts_init(&word);
        word.name = "word.#.";
        word.self.n_heads = 2;
        word.ffn.hidden = 8;
        sentence = word;
        sentence.name = "sentence.#.";
        att_nn_hierarchy_opts_init(&o);
        o.hidden = 4;
        o.word_weights = &words;
        o.sentence_weights = &sentences;
        if (encoders) o.words = &word, o.sentences = &sentence;
        assert_ok(att_nn_hierarchy(n.nn, &n.y, n.x, n.off, doc, &o));
        assert_ok(att_tape_keep(n.t, words));
        assert_ok(att_tape_keep(n.t, sentences));
        finish(&n, 3);
        assert_ok(att_tape_set(n.t, doc, docs));
        loss_of(&n);
        att_tensor v;
        assert_ok(att_tape_value(n.t, &v, words));
        const float *a = v.data;
        assert_true(fabs((double)(a[0] + a[1] + a[2] + a[3]) - 1) < 1e-6);
        assert_ok(att_tape_value(n.t, &v, sentences));
        a = v.data;
        assert_true(fabs((double)(a[0] + a[1]) - 1) < 1e-6 && a[2] == 1.0f);
        assert_ok(att_tape_value(n.t, &v, n.y));
        for (int i = 0; i < C; i++) assert_true(((float *)v.data)[C + i] == 0.0f);
        check_gradients(&n);
        float before[C], x[ROWS * C];
        loss_of(&n);
        assert_ok(att_tape_value(n.t, &v, n.y));
        memcpy(before, (float *)v.data + 2 * C, sizeof before);
        memcpy(x, rows_of_x(), sizeof x);
        for (int i = 0; i < 4 * C; i++) x[i] *= -3; /* words of document 0 */
        assert_ok(att_tape_set(n.t, n.x, x));
        loss_of(&n);
        assert_ok(att_tape_value(n.t, &v, n.y));
        assert_same_bits((float *)v.data + 2 * C, before, C);
        close_net(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sinusoids),
        cmocka_unit_test(every_kind_of_position),
        cmocka_unit_test(positions_of_vectors),
        cmocka_unit_test(pooling),
        cmocka_unit_test(documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
