/* Bad arguments to nn.h and npy.h. */
#include "api_walk.h"
#include "attend/nn.h"
#include "attend/npy.h"

#include <math.h>

enum { ABSENT = ATT_NO_VAR, FOREIGN = 9999 };

static struct {
    att_tape *t;
    att_nn *nn;
    att_var x, ids, off;
} f;

static int make_nn(void **state)
{
    (void)state;
    assert_ok(att_tape_create(&f.t));
    assert_ok(att_nn_create(&f.nn, f.t, NULL));
    assert_ok(att_tape_input(f.t, &f.x, "x", ATT_F32, 6, 8));
    assert_ok(att_tape_input(f.t, &f.ids, "ids", ATT_I32, 6, 1));
    assert_ok(att_tape_input(f.t, &f.off, "off", ATT_I32, 3, 1));
    return 0;
}

static int free_nn(void **state)
{
    (void)state;
    att_nn_destroy(f.nn);
    att_tape_destroy(f.t);
    return 0;
}

static void parameters(void **state)
{
    (void)state;
    att_nn *nn = NULL;
    att_nn_source source;
    att_var v = 77;
    att_nn_param_view view = {.size = sizeof view};
    char longest[400];
    memset(longest, 'a', sizeof longest);
    longest[399] = 0;
    SURVIVES(att_nn_source_init, (NULL));
    SURVIVES(att_nn_names_init, (NULL));
    SURVIVES(att_nn_destroy, (NULL));
    att_nn_source_init(&source);
    REFUSES(att_nn_create, (NULL, f.t, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_nn_create, (&nn, NULL, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_nn_create, (&nn, f.t, &source), ATT_EINVAL, "get");
    source.size = 3;
    REFUSES(att_nn_create, (&nn, f.t, &source), ATT_EINVAL, "initialised");
    REFUSES(att_nn_param, (NULL, &v, "p", 2, 2, ATT_NN_ZERO), ATT_EINVAL, "NULL");
    REFUSES(att_nn_param, (f.nn, NULL, "p", 2, 2, ATT_NN_ZERO), ATT_EINVAL, "NULL");
    REFUSES(att_nn_param, (f.nn, &v, NULL, 2, 2, ATT_NN_ZERO), ATT_EINVAL, "name");
    REFUSES(att_nn_param, (f.nn, &v, "", 2, 2, ATT_NN_ZERO), ATT_EINVAL, "name");
    REFUSES(att_nn_param, (f.nn, &v, longest, 2, 2, ATT_NN_ZERO), ATT_EINVAL, "399");
    REFUSES(att_nn_param, (f.nn, &v, "p", 2, 2, (att_nn_first)9), ATT_EINVAL, "9");
    REFUSES(att_nn_param, (f.nn, &v, "p", 0, 2, ATT_NN_ZERO), ATT_EINVAL, "0");
    REFUSES(att_nn_param, (f.nn, &v, "p", INT64_MAX, INT64_MAX, ATT_NN_ZERO),
            ATT_EINVAL, "");
    assert_ok(att_nn_param(f.nn, &v, "p", 2, 3, ATT_NN_ONE));
    REFUSES(att_nn_param, (f.nn, &v, "p", 3, 2, ATT_NN_ONE), ATT_ESHAPE, "[3,2]");
    BEARS(att_nn_count, att_nn_count(NULL) == 0 && att_nn_count(f.nn) == 1);
    BEARS(att_nn_find, att_nn_find(NULL, "p") == -1 && att_nn_find(f.nn, NULL) == -1);
    REFUSES(att_nn_at, (NULL, &view, 0), ATT_EINVAL, "NULL");
    REFUSES(att_nn_at, (f.nn, NULL, 0), ATT_EINVAL, "NULL");
    REFUSES(att_nn_at, (f.nn, &view, 1), ATT_EINVAL, "1 of 1");
    REFUSES(att_nn_at, (f.nn, &view, -1), ATT_EINVAL, "-1");
    view.size = 1;
    REFUSES(att_nn_at, (f.nn, &view, 0), ATT_EINVAL, "size");
    REFUSES(att_nn_adam, (NULL, 0.1f), ATT_EINVAL, "NULL");
    REFUSES(att_nn_adam, (f.nn, 0.1f), ATT_EINVAL, "training");
    REFUSES(att_nn_start, (NULL, 0, 1), ATT_EINVAL, "NULL");
    assert_ok(att_nn_start(f.nn, 0, 1));
    REFUSES(att_nn_start, (f.nn, 0, 1), ATT_EINVAL, "already");
    REFUSES(att_nn_adam, (f.nn, NAN), ATT_EINVAL, "rate");
    REFUSES(att_nn_adam, (f.nn, -1.0f), ATT_EINVAL, "-1");
    REFUSES(att_nn_param, (f.nn, &v, "late", 2, 2, ATT_NN_ZERO), ATT_EINVAL, "late");
    assert_no_mismatch();
}

static void layers(void **state)
{
    (void)state;
    att_var y = 77;
    SURVIVES(att_nn_attention_opts_init, (NULL));
    SURVIVES(att_nn_ffn_opts_init, (NULL));
    SURVIVES(att_nn_block_opts_init, (NULL));
    SURVIVES(att_nn_hierarchy_opts_init, (NULL));
    att_nn_attention_opts a;
    att_nn_attention_opts_init(&a);
    a.q_offsets = f.off;
    REFUSES(att_nn_attention, (NULL, &y, f.x, ABSENT, &a), ATT_EINVAL, "NULL");
    REFUSES(att_nn_attention, (f.nn, NULL, f.x, ABSENT, &a), ATT_EINVAL, "NULL");
    REFUSES(att_nn_attention, (f.nn, &y, f.x, ABSENT, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_nn_attention, (f.nn, &y, FOREIGN, ABSENT, &a), ATT_EINVAL, "tape");
    REFUSES(att_nn_attention, (f.nn, &y, f.x, f.x, &a), ATT_EINVAL, "k_offsets");
#define REFUSES_A(assignment, code, part)                                              \
    do {                                                                               \
        att_nn_attention_opts_init(&a);                                                \
        a.q_offsets = f.off;                                                           \
        assignment;                                                                    \
        REFUSES(att_nn_attention, (f.nn, &y, f.x, ABSENT, &a), code, part);            \
    } while (0)
    att_nn_names names = {.size = 1};
    REFUSES_A(a.size = 0, ATT_EINVAL, "initialised");
    REFUSES_A(a.name = NULL, ATT_EINVAL, "name");
    REFUSES_A(a.names = &names, ATT_EINVAL, "names");
    REFUSES_A(a.n_heads = 0, ATT_EINVAL, "0 heads");
    REFUSES_A(a.n_heads = -1, ATT_EINVAL, "-1");
    REFUSES_A((a.n_heads = 4, a.n_kv_heads = 3), ATT_EINVAL, "3 key heads");
    REFUSES_A(a.n_heads = 3, ATT_ESHAPE, "3 heads");
    REFUSES_A(a.d = 257, ATT_EINVAL, "257");
    REFUSES_A(a.d = -1, ATT_EINVAL, "-1");
    REFUSES_A(a.dk = 5, ATT_ESHAPE, "bilinear");
    REFUSES_A((a.projections = 0, a.n_heads = 2, a.d = 3), ATT_ESHAPE, "6");
    REFUSES_A((a.name = "o.", a.projections = ATT_NN_V, a.out = 5), ATT_ESHAPE, "5");
    REFUSES_A((a.name = "s.", a.desc.score = 17), ATT_EINVAL, "17");
    REFUSES_A((a.name = "q.", a.q_offsets = f.x), ATT_ESHAPE, "offsets");

    REFUSES(att_nn_linear, (NULL, &y, f.x, "l", 3, 1, ATT_ACT_NONE, 0), ATT_EINVAL, "");
    REFUSES(att_nn_linear, (f.nn, &y, f.x, NULL, 3, 1, ATT_ACT_NONE, 0), ATT_EINVAL,
            "");
    REFUSES(att_nn_linear, (f.nn, &y, FOREIGN, "l", 3, 1, ATT_ACT_NONE, 0), ATT_EINVAL,
            "");
    REFUSES(att_nn_linear, (f.nn, &y, f.x, "l", 0, 1, ATT_ACT_NONE, 0), ATT_EINVAL,
            "0");
    att_nn_ffn_opts g;
    att_nn_ffn_opts_init(&g);
    g.name = "f.";
    REFUSES(att_nn_feed_forward, (NULL, &y, f.x, &g), ATT_EINVAL, "NULL");
    REFUSES(att_nn_feed_forward, (f.nn, NULL, f.x, &g), ATT_EINVAL, "NULL");
    g.hidden = -4;
    REFUSES(att_nn_feed_forward, (f.nn, &y, f.x, &g), ATT_EINVAL, "");
    g.hidden = 4, g.gated = 1, g.activation = ATT_ACT_TANH;
    REFUSES(att_nn_feed_forward, (f.nn, &y, f.x, &g), ATT_EINVAL, "");
    g.size = 0;
    REFUSES(att_nn_feed_forward, (f.nn, &y, f.x, &g), ATT_EINVAL, "initialised");
    att_nn_block_opts b;
    att_nn_block_opts_init(&b);
    REFUSES(att_nn_encoder, (NULL, &y, f.x, f.off, &b), ATT_EINVAL, "NULL");
    REFUSES(att_nn_encoder, (f.nn, &y, f.x, f.off, NULL), ATT_EINVAL, "NULL");
    b.layers = 0;
    REFUSES(att_nn_encoder, (f.nn, &y, f.x, f.off, &b), ATT_EINVAL, "0 layers");
    b.layers = 2, b.name = "same.";
    REFUSES(att_nn_encoder, (f.nn, &y, f.x, f.off, &b), ATT_EINVAL, "'#'");
    b.name = NULL;
    REFUSES(att_nn_encoder, (f.nn, &y, f.x, f.off, &b), ATT_EINVAL, "name");
    att_nn_block_opts_init(&b);
    b.dropout = 1;
    REFUSES(att_nn_encoder, (f.nn, &y, f.x, f.off, &b), ATT_EINVAL, "dropout");
    att_nn_block_opts_init(&b);
    REFUSES(att_nn_decoder, (NULL, &y, f.x, f.off, f.x, f.off, &b), ATT_EINVAL, "NULL");
    REFUSES(att_nn_decoder, (f.nn, &y, f.x, f.off, ABSENT, f.off, &b), ATT_EINVAL,
            "memory");
    REFUSES(att_nn_decoder, (f.nn, &y, f.x, f.off, f.x, ABSENT, &b), ATT_EINVAL,
            "offsets");
    REFUSES(att_nn_attention_pool, (NULL, &y, NULL, f.x, f.off, "p.", 0), ATT_EINVAL,
            "NULL");
    REFUSES(att_nn_attention_pool, (f.nn, &y, NULL, f.x, f.off, NULL, 0), ATT_EINVAL,
            "NULL");
    REFUSES(att_nn_attention_pool, (f.nn, &y, NULL, f.x, f.off, "p.", -1), ATT_EINVAL,
            "-1");
    REFUSES(att_nn_attention_pool, (f.nn, &y, NULL, f.x, f.x, "p.", 0), ATT_ESHAPE, "");
    att_nn_hierarchy_opts h;
    att_nn_hierarchy_opts_init(&h);
    REFUSES(att_nn_hierarchy, (NULL, &y, f.x, f.off, f.off, &h), ATT_EINVAL, "NULL");
    REFUSES(att_nn_hierarchy, (f.nn, &y, f.x, f.off, f.off, NULL), ATT_EINVAL, "NULL");
    h.name = NULL;
    REFUSES(att_nn_hierarchy, (f.nn, &y, f.x, f.off, f.off, &h), ATT_EINVAL, "name");
    assert_int_equal(y, 77);
    assert_no_mismatch();
}

static void positions(void **state)
{
    (void)state;
    att_var y = 77;
    float table[8] = {0};
    att_nn_position_opts p;
    SURVIVES(att_nn_position_opts_init, (NULL));
    REFUSES(att_nn_sinusoids, (NULL, 2, 4, ATT_NN_POS_HALVES, 0, 0), ATT_EINVAL,
            "NULL");
    REFUSES(att_nn_sinusoids, (table, 0, 4, ATT_NN_POS_HALVES, 0, 0), ATT_EINVAL, "0");
    REFUSES(att_nn_sinusoids, (table, 2, INT64_MAX, ATT_NN_POS_HALVES, 0, 0),
            ATT_EINVAL, "2");
    REFUSES(att_nn_sinusoids, (table, 2, 4, ATT_NN_POS_LEARNED, 0, 0), ATT_EINVAL, "3");
    REFUSES(att_nn_sinusoids, (table, 2, 4, ATT_NN_POS_HALVES, 0, -1), ATT_EINVAL,
            "-1");
    REFUSES(att_nn_sinusoids, (table, 2, 4, ATT_NN_POS_HALVES, 0, (double)NAN),
            ATT_EINVAL, "base");
    att_nn_position_opts_init(&p);
    REFUSES(att_nn_positions, (NULL, &y, &p), ATT_EINVAL, "NULL");
    REFUSES(att_nn_positions, (f.nn, NULL, &p), ATT_EINVAL, "NULL");
    REFUSES(att_nn_positions, (f.nn, &y, NULL), ATT_EINVAL, "NULL");
    p.kind = (att_nn_position_kind)5;
    REFUSES(att_nn_positions, (f.nn, &y, &p), ATT_EINVAL, "5");
    p.kind = ATT_NN_POS_LEARNED;
    REFUSES(att_nn_positions, (f.nn, &y, &p), ATT_EINVAL, "[0,0]");
    p.kind = ATT_NN_POS_GIVEN;
    REFUSES(att_nn_positions, (f.nn, &y, &p), ATT_ESHAPE, "0 dim");
    att_tensor t;
    const int64_t shape[2] = {2, 4};
    assert_ok(att_tensor_view(&t, table, ATT_F32, 2, shape));
    p.table = &t;
    p.cols = 5;
    REFUSES(att_nn_positions, (f.nn, &y, &p), ATT_ESHAPE, "[2,4]");
    p.size = 0;
    REFUSES(att_nn_positions, (f.nn, &y, &p), ATT_EINVAL, "initialised");
    REFUSES(att_nn_embedding, (NULL, &y, f.ids, f.off, ABSENT, "e", 4, 8, 1, 0),
            ATT_EINVAL, "NULL");
    REFUSES(att_nn_embedding, (f.nn, &y, f.ids, f.off, ABSENT, NULL, 4, 8, 1, 0),
            ATT_EINVAL, "NULL");
    REFUSES(att_nn_embedding, (f.nn, &y, f.ids, f.off, ABSENT, "e", 0, 8, 1, 0),
            ATT_EINVAL, "0");
    REFUSES(att_nn_embedding, (f.nn, &y, f.x, f.off, ABSENT, "e", 4, 8, 1, 0),
            ATT_ESHAPE, "");
    REFUSES(att_nn_add_positions, (NULL, &y, f.x, f.x, f.ids), ATT_EINVAL, "NULL");
    REFUSES(att_nn_add_positions, (f.nn, &y, f.x, ABSENT, f.ids), ATT_EINVAL, "");
    assert_int_equal(y, 77);
    assert_no_mismatch();
    assert_walked("nn.h");
}

static void arrays(void **state)
{
    (void)state;
    att_tensor t = {.ndim = 77};
    att_npz *z = NULL;
    REFUSES(att_npy_load, (NULL, "a.npy"), ATT_EINVAL, "NULL");
    REFUSES(att_npy_load, (&t, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_npy_load, (&t, "no such file.npy"), ATT_ENOTFOUND, "no such file");
    REFUSES(att_npy_load_memory, (NULL, "", 0, "m"), ATT_EINVAL, "NULL");
    REFUSES(att_npy_load_memory, (&t, NULL, 4, "m"), ATT_EINVAL, "NULL");
    REFUSES(att_npy_load_memory, (&t, NULL, 0, "m"), ATT_EFORMAT, "m: not a .npy");
    REFUSES(att_npy_write, (NULL, &t), ATT_EINVAL, "NULL");
    REFUSES(att_npy_write, ("a.npy", NULL), ATT_EINVAL, "NULL");
    REFUSES(att_npz_open, (NULL, "a.npz"), ATT_EINVAL, "NULL");
    REFUSES(att_npz_open, (&z, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_npz_open, (&z, "no such file.npz"), ATT_ENOTFOUND, "no such file");
    REFUSES(att_npz_open_memory, (NULL, "", 0, "m"), ATT_EINVAL, "NULL");
    REFUSES(att_npz_open_memory, (&z, NULL, 4, "m"), ATT_EINVAL, "NULL");
    REFUSES(att_npz_open_memory, (&z, NULL, 0, NULL), ATT_EFORMAT, "not a zip");
    SURVIVES(att_npz_close, (NULL));
    BEARS(att_npz_count, att_npz_count(NULL) == 0);
    BEARS(att_npz_name, att_npz_name(NULL, 0) == NULL);
    BEARS(att_npz_find, att_npz_find(NULL, "a") == -1);
    REFUSES(att_npz_get, (NULL, &t, "a"), ATT_EINVAL, "NULL");
    REFUSES(att_array_load, (NULL, "a.csv", NULL), ATT_EINVAL, "NULL");
    REFUSES(att_array_load, (&t, NULL, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_array_load, (&t, "a.xls", NULL), ATT_ENOTSUP, "a.xls");
    REFUSES(att_array_load, (&t, "no such file.csv", NULL), ATT_ENOTFOUND, "no such");
    assert_int_equal(t.ndim, 77);
    assert_no_mismatch();
    assert_walked("npy.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parameters, make_nn, free_nn),
        cmocka_unit_test_setup_teardown(layers, make_nn, free_nn),
        cmocka_unit_test_setup_teardown(positions, make_nn, free_nn),
        cmocka_unit_test(arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
