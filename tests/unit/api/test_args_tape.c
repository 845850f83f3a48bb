/* Bad arguments to tape.h: every operator with a tape, a result, operands and numbers that
 * it must refuse. A refused call leaves the tape as it was. */
#include "api_walk.h"
#include "attend/tape.h"

#include <math.h>

enum { ABSENT = ATT_NO_VAR, FOREIGN = 9999 };

static struct {
    att_tape *t;
    att_rows n, seqs, ends; /* rows, sequences, sequences + 1 */
    att_var x;              /* [n,8] */
    att_var wide;           /* [n,12] */
    att_var w;              /* [8,8] */
    att_var row;            /* [1,8] */
    att_var ids;            /* [n,1] i32 */
    att_var offsets;        /* [ends,1] i32 */
} f;

static void make_tape(void)
{
    assert_ok(att_tape_create(&f.t));
    assert_ok(att_tape_symbol(f.t, &f.n, "n"));
    assert_ok(att_tape_symbol(f.t, &f.seqs, "seqs"));
    assert_ok(att_tape_symbol_plus(f.t, &f.ends, f.seqs, 1));
    assert_ok(att_tape_input(f.t, &f.x, "x", ATT_F32, f.n, 8));
    assert_ok(att_tape_input(f.t, &f.wide, "wide", ATT_F32, f.n, 12));
    assert_ok(att_tape_param(f.t, &f.w, "w", 8, 8));
    assert_ok(att_tape_param(f.t, &f.row, "row", 1, 8));
    assert_ok(att_tape_input(f.t, &f.ids, "ids", ATT_I32, f.n, 1));
    assert_ok(att_tape_input(f.t, &f.offsets, "offsets", ATT_I32, f.ends, 1));
}

static void recording(void **state)
{
    (void)state;
    att_rows r = 0;
    att_var v = 77;
    const float zero[8] = {0};
    make_tape();
    REFUSES(att_tape_create, (NULL), ATT_EINVAL, "NULL");
    REFUSES(att_tape_symbol, (NULL, &r, "a"), ATT_EINVAL, "NULL");
    REFUSES(att_tape_symbol, (f.t, NULL, "a"), ATT_EINVAL, "NULL");
    REFUSES(att_tape_symbol, (f.t, &r, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_tape_symbol_plus, (NULL, &r, f.n, 1), ATT_EINVAL, "NULL");
    REFUSES(att_tape_symbol_plus, (f.t, NULL, f.n, 1), ATT_EINVAL, "");
    REFUSES(att_tape_symbol_plus, (f.t, &r, 5, 1), ATT_EINVAL, "symbol");
    REFUSES(att_tape_symbol_plus, (f.t, &r, -40, 1), ATT_EINVAL, "39");
    REFUSES(att_tape_symbol_plus, (f.t, &r, INT64_MIN, 1), ATT_EINVAL, "");
    REFUSES(att_tape_symbol_plus, (f.t, &r, f.n, -1), ATT_EINVAL, "-1");
    REFUSES(att_tape_input, (NULL, &v, "a", ATT_F32, 1, 1), ATT_EINVAL, "NULL");
    REFUSES(att_tape_input, (f.t, NULL, "a", ATT_F32, 1, 1), ATT_EINVAL, "");
    REFUSES(att_tape_input, (f.t, &v, NULL, ATT_F32, 1, 1), ATT_EINVAL, "name");
    REFUSES(att_tape_input, (f.t, &v, "", ATT_F32, 1, 1), ATT_EINVAL, "name");
    REFUSES(att_tape_input, (f.t, &v, "x", ATT_F32, 1, 1), ATT_EINVAL, "'x'");
    REFUSES(att_tape_input, (f.t, &v, "a", ATT_F64, 1, 1), ATT_ENOTSUP, "F64");
    REFUSES(att_tape_input, (f.t, &v, "a", (att_dtype)50, 1, 1), ATT_ENOTSUP, "");
    REFUSES(att_tape_input, (f.t, &v, "a", ATT_F32, -50, 1), ATT_EINVAL, "49");
    REFUSES(att_tape_input, (f.t, &v, "a", ATT_F32, 1, 0), ATT_EINVAL, "0");
    REFUSES(att_tape_input, (f.t, &v, "a", ATT_F32, 1 << 30, INT64_MAX / 4), ATT_EINVAL,
            "'a'");
    REFUSES(att_tape_param, (NULL, &v, "a", 1, 1), ATT_EINVAL, "NULL");
    REFUSES(att_tape_param, (f.t, &v, "a", -1, 1), ATT_EINVAL, "-1");
    REFUSES(att_tape_param, (f.t, &v, "a", 1, -1), ATT_EINVAL, "-1");
    REFUSES(att_tape_param, (f.t, &v, NULL, 1, 1), ATT_EINVAL, "name");
    REFUSES(att_tape_param, (f.t, &v, NULL, 0, 1), ATT_EINVAL, "0 rows");
    REFUSES(att_tape_param, (f.t, NULL, "a", 1, 1), ATT_EINVAL, "");
    REFUSES(att_tape_constant, (NULL, &v, "a", 1, 8, zero), ATT_EINVAL, "NULL");
    REFUSES(att_tape_constant, (f.t, NULL, "a", 1, 8, zero), ATT_EINVAL, "");
    REFUSES(att_tape_constant, (f.t, &v, NULL, 1, 8, zero), ATT_EINVAL, "");
    REFUSES(att_tape_constant, (f.t, &v, "a", 1, 8, NULL), ATT_EINVAL, "");
    REFUSES(att_tape_constant, (f.t, &v, "a", 0, 8, zero), ATT_EINVAL, "0");
    REFUSES(att_tape_constant, (f.t, &v, "a", INT64_MAX, INT64_MAX, zero), ATT_EINVAL,
            "");
    REFUSES(att_tape_keep, (NULL, f.x), ATT_EINVAL, "NULL");
    REFUSES(att_tape_keep, (f.t, FOREIGN), ATT_EINVAL, "9999");
    REFUSES(att_tape_keep, (f.t, ABSENT), ATT_EINVAL, "-1");
    assert_true(r == 0 && v == 77);
    BEARS(att_tape_var_count, att_tape_var_count(f.t) == 6);
    BEARS(att_tape_var_count, att_tape_var_count(NULL) == 0);
    BEARS(att_tape_find, att_tape_find(NULL, "x") == ATT_NO_VAR);
    BEARS(att_tape_find, att_tape_find(f.t, NULL) == ATT_NO_VAR);
    BEARS(att_tape_find, att_tape_find(f.t, "a") == ATT_NO_VAR);
    BEARS(att_tape_name, !att_tape_name(NULL, 0));
    BEARS(att_tape_name, !att_tape_name(f.t, FOREIGN));
    BEARS(att_tape_is_param, !att_tape_is_param(f.t, FOREIGN));
    BEARS(att_tape_is_param, !att_tape_is_param(NULL, 0));
    BEARS(att_tape_cols, att_tape_cols(f.t, FOREIGN) == -1);
    BEARS(att_tape_cols, att_tape_cols(NULL, 0) == -1);
    BEARS(att_tape_rows, att_tape_rows(NULL, 0) == 0);
    BEARS(att_tape_rows, att_tape_rows(f.t, FOREIGN) == 0);
    SURVIVES(att_tape_destroy, (NULL));
    SURVIVES(att_free, (NULL));
    att_tape_destroy(f.t);
    assert_no_mismatch();
}

/* What every operator refuses: no tape, nowhere to write, an operand that is not there,
 * one that is not of this tape. */
#define REFUSES_ALWAYS(fn, ...)                                                        \
    do {                                                                               \
        att_var x = f.x;                                                               \
        (void)x;                                                                       \
        REFUSES(fn, (NULL, &y, __VA_ARGS__), ATT_EINVAL, "NULL");                      \
        REFUSES(fn, (f.t, NULL, __VA_ARGS__), ATT_EINVAL, "NULL");                     \
        x = FOREIGN;                                                                   \
        REFUSES(fn, (f.t, &y, __VA_ARGS__), ATT_EINVAL, "9999");                       \
        x = -5;                                                                        \
        REFUSES(fn, (f.t, &y, __VA_ARGS__), ATT_EINVAL, "-5");                         \
        x = ABSENT;                                                                    \
        REFUSES(fn, (f.t, &y, __VA_ARGS__), ATT_EINVAL, "");                           \
    } while (0)
#define ACT(number) ((att_activation)(number))

static void layers(void **state)
{
    (void)state;
    att_var y = 77, h = 77;
    make_tape();
    REFUSES_ALWAYS(att_op_linear, x, f.w, ABSENT, ATT_ACT_NONE, 0.0f);
    REFUSES(att_op_linear, (f.t, &y, f.x, ABSENT, ABSENT, ATT_ACT_NONE, 0.0f),
            ATT_EINVAL, "");
    REFUSES(att_op_linear, (f.t, &y, f.wide, f.w, ABSENT, ATT_ACT_NONE, 0.0f),
            ATT_ESHAPE, "12");
    REFUSES(att_op_linear, (f.t, &y, f.x, f.w, f.w, ATT_ACT_NONE, 0.0f), ATT_ESHAPE,
            "[8,8]");
    REFUSES(att_op_linear, (f.t, &y, f.ids, f.w, ABSENT, ATT_ACT_NONE, 0.0f),
            ATT_ESHAPE, "I32");
    REFUSES(att_op_linear, (f.t, &y, f.x, f.w, ABSENT, ACT(99), 0.0f), ATT_EINVAL,
            "99");
    REFUSES(att_op_linear, (f.t, &y, f.x, f.w, ABSENT, ACT(-1), 0.0f), ATT_EINVAL,
            "-1");
    REFUSES(att_op_linear, (f.t, &y, f.x, f.w, ABSENT, ATT_ACT_RELU, 1.0f), ATT_EINVAL,
            "dropout");
    REFUSES(att_op_linear, (f.t, &y, f.x, f.w, ABSENT, ATT_ACT_RELU, NAN), ATT_EINVAL,
            "dropout");

    REFUSES_ALWAYS(att_op_add_norm, x, ABSENT, ABSENT, f.row, ABSENT, 0, 1e-5f, 0.0f);
#define NORM(b, res, gamma, kind, eps, drop)                                           \
    (f.t, &y, f.x, b, res, gamma, ABSENT, kind, eps, drop)
    REFUSES(att_op_add_norm, NORM(ABSENT, f.wide, f.row, 0, 1e-5f, 0.0f), ATT_ESHAPE,
            "12");
    REFUSES(att_op_add_norm, NORM(f.w, ABSENT, f.row, 0, 1e-5f, 0.0f), ATT_ESHAPE, "");
    REFUSES(att_op_add_norm, NORM(ABSENT, ABSENT, f.w, 0, 1e-5f, 0.0f), ATT_ESHAPE, "");
    REFUSES(att_op_add_norm, NORM(ABSENT, ABSENT, f.row, 2, 1e-5f, 0.0f), ATT_EINVAL,
            "2");
    REFUSES(att_op_add_norm, NORM(ABSENT, ABSENT, f.row, 0, -1.0f, 0.0f), ATT_EINVAL,
            "-1");
    REFUSES(att_op_add_norm, NORM(ABSENT, ABSENT, f.row, 0, 1e-5f, -0.5f), ATT_EINVAL,
            "dropout");
    REFUSES(att_op_add_norm_both,
            (NULL, &y, &h, f.x, ABSENT, ABSENT, f.row, ABSENT, 0, 1e-5f, 0.0f),
            ATT_EINVAL, "NULL");
    REFUSES(att_op_add_norm_both,
            (f.t, NULL, &h, f.x, ABSENT, ABSENT, f.row, ABSENT, 0, 1e-5f, 0.0f),
            ATT_EINVAL, "NULL");
    REFUSES(att_op_add_norm_both,
            (f.t, &y, NULL, f.x, ABSENT, ABSENT, f.row, ABSENT, 0, 1e-5f, 0.0f),
            ATT_EINVAL, "NULL");
    REFUSES(att_op_add_norm_both,
            (f.t, &y, &h, FOREIGN, ABSENT, ABSENT, f.row, ABSENT, 0, 1e-5f, 0.0f),
            ATT_EINVAL, "9999");
    REFUSES(att_op_add_norm_both,
            (f.t, &y, &h, f.x, ABSENT, f.wide, f.row, ABSENT, 0, 1e-5f, 0.0f),
            ATT_ESHAPE, "12");

    REFUSES_ALWAYS(att_op_embed, x, f.w, 1.0f, ABSENT, ABSENT, -1, 0.0f);
#define EMBED(ids, table, pos, off, drop)                                              \
    (f.t, &y, ids, table, 1.0f, pos, off, -1, drop)
    REFUSES(att_op_embed, EMBED(f.x, f.w, ABSENT, ABSENT, 0.0f), ATT_ESHAPE, "");
    REFUSES(att_op_embed, EMBED(f.ids, ABSENT, ABSENT, ABSENT, 0.0f), ATT_EINVAL, "");
    REFUSES(att_op_embed, EMBED(f.ids, f.w, f.w, ABSENT, 0.0f), ATT_EINVAL, "offsets");
    REFUSES(att_op_embed, EMBED(f.ids, f.w, f.w, f.x, 0.0f), ATT_ESHAPE, "offsets");
    REFUSES(att_op_embed, EMBED(f.ids, f.w, ABSENT, ABSENT, 2.0f), ATT_EINVAL,
            "dropout");

    REFUSES(att_op_attention, (f.t, &y, NULL), ATT_EINVAL, "options");
    att_op_attention_opts o;
    SURVIVES(att_op_attention_opts_init, (NULL));
    SURVIVES(att_op_rnn_opts_init, (NULL));
    att_op_rnn_opts rnn;
    att_var rnn_y = 77, rnn_last = 77;
    att_op_rnn_opts_init(&rnn);
    REFUSES(att_op_rnn, (f.t, &rnn_y, &rnn_last, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_op_rnn, (f.t, NULL, &rnn_last, &rnn), ATT_EINVAL, "NULL");
    REFUSES(att_op_rnn, (NULL, &rnn_y, &rnn_last, &rnn), ATT_EINVAL, "NULL");
    REFUSES(att_op_rnn, (f.t, &rnn_y, &rnn_last, &rnn), ATT_EINVAL, "");
    rnn.direction = 3;
    REFUSES(att_op_rnn, (f.t, &rnn_y, &rnn_last, &rnn), ATT_EINVAL, "direction 3");
    rnn.direction = 0;
    rnn.x = f.x, rnn.offsets = f.offsets, rnn.w_ih[0] = f.x, rnn.w_hh[0] = f.x;
    REFUSES(att_op_rnn, (f.t, &rnn_y, &rnn_last, &rnn), ATT_ESHAPE, "w_ih");
    att_op_rnn_attend_opts ra;
    SURVIVES(att_op_rnn_attend_opts_init, (NULL));
    att_op_rnn_attend_opts_init(&ra);
    REFUSES(att_op_rnn_attend, (f.t, &rnn_y, &rnn_last, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_op_rnn_attend, (f.t, NULL, &rnn_last, &ra), ATT_EINVAL, "NULL");
    REFUSES(att_op_rnn_attend, (NULL, &rnn_y, &rnn_last, &ra), ATT_EINVAL, "NULL");
    REFUSES(att_op_rnn_attend, (f.t, &rnn_y, &rnn_last, &ra), ATT_EINVAL, "");
    ra.max_source = 0;
    REFUSES(att_op_rnn_attend, (f.t, &rnn_y, &rnn_last, &ra), ATT_EINVAL, "max_source");
    assert_true(rnn_y == 77 && rnn_last == 77);
#define REFUSES_ATTENTION(assignment, code, part)                                      \
    do {                                                                               \
        att_op_attention_opts_init(&o);                                                \
        o.q = o.k = o.v = f.x;                                                         \
        o.d = 4;                                                                       \
        o.n_heads = 2;                                                                 \
        o.q_offsets = f.offsets;                                                       \
        assignment;                                                                    \
        REFUSES(att_op_attention, (f.t, &y, &o), code, part);                          \
    } while (0)
    REFUSES_ATTENTION(o.size = 3, ATT_EINVAL, "initialised");
    REFUSES_ATTENTION(o.q = ABSENT, ATT_EINVAL, "");
    REFUSES_ATTENTION(o.k = FOREIGN, ATT_EINVAL, "9999");
    REFUSES_ATTENTION(o.q_offsets = ABSENT, ATT_EINVAL, "");
    REFUSES_ATTENTION(o.q_offsets = f.x, ATT_ESHAPE, "offsets");
    REFUSES_ATTENTION(o.n_heads = 0, ATT_EINVAL, "heads");
    REFUSES_ATTENTION(o.n_heads = -2, ATT_EINVAL, "heads");
    REFUSES_ATTENTION(o.n_heads = 3, ATT_ESHAPE, "");
    REFUSES_ATTENTION(o.q_col = 6, ATT_ESHAPE, "");
    REFUSES_ATTENTION(o.q_col = -1, ATT_EINVAL, "negative");
    REFUSES_ATTENTION(o.d = 0, ATT_EINVAL, "");
    REFUSES_ATTENTION(o.desc.score = 77, ATT_EINVAL, "77");
    REFUSES_ATTENTION(o.desc.dropout = 1.0f, ATT_EINVAL, "dropout");
    REFUSES_ATTENTION(o.score_w = f.w, ATT_ESHAPE, "score_w");
    REFUSES_ATTENTION(o.bias = f.ids, ATT_ESHAPE, "bias is I32");
    REFUSES_ATTENTION((o.bias = f.row, o.bias_per_head = 1), ATT_ESHAPE, "2 heads");
    REFUSES_ATTENTION(o.bias = FOREIGN, ATT_EINVAL, "9999");
    REFUSES_ATTENTION(o.prior = f.w, ATT_EINVAL, "prior without prior_w");
    REFUSES_ATTENTION(o.prior_w = f.row, ATT_EINVAL, "prior_w without prior");
    REFUSES_ATTENTION((o.prior = f.w, o.prior_w = f.row), ATT_ESHAPE, "prior_w");
    REFUSES_ATTENTION(o.block_mask = f.x, ATT_ESHAPE, "block_mask");
    REFUSES_ATTENTION((o.block_mask = f.ids, o.desc.block = 3), ATT_ESHAPE,
                      "blocks are 3");
    REFUSES_ATTENTION(o.edge_col = f.ids, ATT_EINVAL, "edge_col without edge_row_ptr");
    REFUSES_ATTENTION(o.edge_row_ptr = f.ids, ATT_EINVAL, "edge_col is missing");
    REFUSES_ATTENTION((o.edge_row_ptr = f.x, o.edge_col = f.ids), ATT_ESHAPE,
                      "edge_row_ptr is F32");
    REFUSES_ATTENTION(o.advantage = f.x, ATT_EINVAL, "reinforce is 0");
    REFUSES_ATTENTION((o.desc.normalise = ATT_NORM_HARD_SAMPLE, o.desc.reinforce = 1),
                      ATT_EINVAL, "without advantage");
    REFUSES(att_op_attention, (NULL, &y, &o), ATT_EINVAL, "NULL");
    REFUSES(att_op_attention, (f.t, NULL, &o), ATT_EINVAL, "NULL");
    assert_true(y == 77 && h == 77);
    assert_int_equal(att_tape_var_count(f.t), 6);
    att_tape_destroy(f.t);
    assert_no_mismatch();
}

static void losses(void **state)
{
    (void)state;
    att_var y = 77, s = 77;
    make_tape();
#define LOSS(tape, loss, stats, x, table, bias, targets, smooth, mask)                 \
    (tape, loss, stats, x, table, bias, targets, smooth, mask)
    REFUSES(att_op_vocab_loss, LOSS(NULL, &y, &s, f.x, f.w, ABSENT, f.ids, 0.1f, -1),
            ATT_EINVAL, "NULL");
    REFUSES(att_op_vocab_loss, LOSS(f.t, NULL, &s, f.x, f.w, ABSENT, f.ids, 0.1f, -1),
            ATT_EINVAL, "NULL");
    REFUSES(att_op_vocab_loss, LOSS(f.t, &y, NULL, f.x, f.w, ABSENT, f.ids, 0.1f, -1),
            ATT_EINVAL, "NULL");
    REFUSES(att_op_vocab_loss, LOSS(f.t, &y, &s, FOREIGN, f.w, ABSENT, f.ids, 0.1f, -1),
            ATT_EINVAL, "9999");
    REFUSES(att_op_vocab_loss, LOSS(f.t, &y, &s, f.x, ABSENT, ABSENT, f.ids, 0.1f, -1),
            ATT_EINVAL, "");
    REFUSES(att_op_vocab_loss, LOSS(f.t, &y, &s, f.wide, f.w, ABSENT, f.ids, 0.1f, -1),
            ATT_ESHAPE, "12");
    REFUSES(att_op_vocab_loss, LOSS(f.t, &y, &s, f.x, f.w, f.w, f.ids, 0.1f, -1),
            ATT_ESHAPE, "");
    REFUSES(att_op_vocab_loss, LOSS(f.t, &y, &s, f.x, f.w, ABSENT, f.x, 0.1f, -1),
            ATT_ESHAPE, "");
    REFUSES(att_op_vocab_loss, LOSS(f.t, &y, &s, f.x, f.w, ABSENT, f.ids, 1.0f, -1),
            ATT_EINVAL, "smoothing");
    REFUSES(att_op_vocab_loss, LOSS(f.t, &y, &s, f.x, f.w, ABSENT, f.ids, NAN, -1),
            ATT_EINVAL, "smoothing");
    REFUSES(att_op_vocab_loss, LOSS(f.t, &y, &s, f.x, f.w, ABSENT, f.ids, 0.1f, 8),
            ATT_EINVAL, "8");
    REFUSES(att_op_pool_softmax, (NULL, &y, &s, f.x, f.row, f.offsets), ATT_EINVAL,
            "NULL");
    REFUSES(att_op_pool_softmax, (f.t, NULL, &s, f.x, f.x, f.offsets), ATT_EINVAL,
            "NULL");
    REFUSES(att_op_pool_softmax, (f.t, &y, NULL, f.x, f.x, f.offsets), ATT_EINVAL,
            "NULL");
    REFUSES(att_op_pool_softmax, (f.t, &y, &s, FOREIGN, f.x, f.offsets), ATT_EINVAL,
            "9999");
    REFUSES(att_op_pool_softmax, (f.t, &y, &s, f.x, f.wide, f.offsets), ATT_ESHAPE,
            "12");
    REFUSES(att_op_pool_softmax, (f.t, &y, &s, f.x, f.row, f.offsets), ATT_ESHAPE, "");
    REFUSES(att_op_pool_softmax, (f.t, &y, &s, f.x, f.x, f.ids), ATT_ESHAPE, "");
    REFUSES(att_op_cross_entropy, (NULL, &y, &s, f.x, f.ids, 0.0f), ATT_EINVAL, "NULL");
    REFUSES(att_op_cross_entropy, (f.t, NULL, &s, f.x, f.ids, 0.0f), ATT_EINVAL, "");
    REFUSES(att_op_cross_entropy, (f.t, &y, NULL, f.x, f.ids, 0.0f), ATT_EINVAL, "");
    REFUSES(att_op_cross_entropy, (f.t, &y, &s, FOREIGN, f.ids, 0.0f), ATT_EINVAL,
            "99");
    REFUSES(att_op_cross_entropy, (f.t, &y, &s, f.x, f.x, 0.0f), ATT_ESHAPE, "");
    REFUSES(att_op_cross_entropy, (f.t, &y, &s, f.x, f.ids, 2.0f), ATT_EINVAL, "2");
    REFUSES_ALWAYS(att_op_squared_error, x, f.x);
    REFUSES(att_op_squared_error, (f.t, &y, f.x, f.wide), ATT_ESHAPE, "12");
    REFUSES(att_op_squared_error, (f.t, &y, f.x, ABSENT), ATT_EINVAL, "");
    REFUSES_ALWAYS(att_op_sigmoid_loss, x, f.x);
    REFUSES(att_op_sigmoid_loss, (f.t, &y, f.x, f.wide), ATT_ESHAPE, "12");
    REFUSES(att_op_sigmoid_loss, (f.t, &y, f.x, ABSENT), ATT_EINVAL, "");
    assert_true(y == 77 && s == 77);
    assert_int_equal(att_tape_var_count(f.t), 6);
    att_tape_destroy(f.t);
    assert_no_mismatch();
}

static void pieces(void **state)
{
    (void)state;
    att_var y = 77;
    make_tape();
    REFUSES_ALWAYS(att_op_add, x, f.x);
    REFUSES(att_op_add, (f.t, &y, f.x, f.wide), ATT_ESHAPE, "12");
    REFUSES(att_op_add, (f.t, &y, f.x, f.w), ATT_ESHAPE, "");
    REFUSES(att_op_add, (f.t, &y, f.x, ABSENT), ATT_EINVAL, "");
    REFUSES_ALWAYS(att_op_mul, x, f.x);
    REFUSES(att_op_mul, (f.t, &y, f.x, f.wide), ATT_ESHAPE, "12");
    REFUSES_ALWAYS(att_op_scale, x, 2.0f);
    REFUSES(att_op_scale, (f.t, &y, f.ids, 2.0f), ATT_ESHAPE, "I32");
    REFUSES_ALWAYS(att_op_activation, x, ATT_ACT_RELU);
    REFUSES(att_op_activation, (f.t, &y, f.x, ACT(8)), ATT_EINVAL, "8");
    REFUSES_ALWAYS(att_op_dropout, x, 0.1f);
    REFUSES(att_op_dropout, (f.t, &y, f.x, -0.1f), ATT_EINVAL, "dropout");
    REFUSES(att_op_dropout, (f.t, &y, f.x, INFINITY), ATT_EINVAL, "dropout");
    REFUSES_ALWAYS(att_op_glu, x, f.x, ATT_ACT_SILU);
    REFUSES(att_op_glu, (f.t, &y, f.x, f.wide, ATT_ACT_SILU), ATT_ESHAPE, "12");
    REFUSES(att_op_glu, (f.t, &y, f.x, f.x, ATT_ACT_TANH), ATT_EINVAL, "");
    REFUSES(att_op_glu, (f.t, &y, f.x, f.x, ACT(50)), ATT_EINVAL, "50");
    REFUSES_ALWAYS(att_op_matmul, x, f.w, 0);
    REFUSES(att_op_matmul, (f.t, &y, f.wide, f.w, 0), ATT_ESHAPE, "12");
    REFUSES(att_op_matmul, (f.t, &y, f.x, f.wide, 1), ATT_ESHAPE, "12");
    REFUSES_ALWAYS(att_op_softmax, x);
    REFUSES(att_op_softmax, (f.t, &y, f.ids), ATT_ESHAPE, "I32");
    const att_var two[] = {f.x, FOREIGN}, mixed[] = {f.x, f.w}, many[25] = {0};
    REFUSES(att_op_concat, (NULL, &y, two, 1), ATT_EINVAL, "NULL");
    REFUSES(att_op_concat, (f.t, NULL, two, 1), ATT_EINVAL, "NULL");
    REFUSES(att_op_concat, (f.t, &y, NULL, 1), ATT_EINVAL, "NULL");
    REFUSES(att_op_concat, (f.t, &y, two, 0), ATT_EINVAL, "0");
    REFUSES(att_op_concat, (f.t, &y, two, -4), ATT_EINVAL, "-4");
    REFUSES(att_op_concat, (f.t, &y, two, 2), ATT_EINVAL, "9999");
    REFUSES(att_op_concat, (f.t, &y, many, 25), ATT_EINVAL, "25");
    REFUSES(att_op_concat, (f.t, &y, mixed, 2), ATT_ESHAPE, "");
    REFUSES_ALWAYS(att_op_slice_cols, x, 0, 4);
    REFUSES(att_op_slice_cols, (f.t, &y, f.x, 0, 9), ATT_ESHAPE, "9");
    REFUSES(att_op_slice_cols, (f.t, &y, f.x, 4, 4), ATT_EINVAL, "4");
    REFUSES(att_op_slice_cols, (f.t, &y, f.x, -1, 4), ATT_EINVAL, "-1");
    REFUSES(att_op_slice_cols, (f.t, &y, f.x, 0, 0), ATT_EINVAL, "0");
    REFUSES_ALWAYS(att_op_gather_rows, x, f.ids);
    REFUSES(att_op_gather_rows, (f.t, &y, f.x, f.x), ATT_ESHAPE, "");
    REFUSES_ALWAYS(att_op_pool, x, f.offsets, 0);
    REFUSES(att_op_pool, (f.t, &y, f.x, f.x, 0), ATT_ESHAPE, "");
    REFUSES(att_op_pool, (f.t, &y, f.x, ABSENT, 0), ATT_EINVAL, "");
    REFUSES(att_op_pool, (f.t, &y, f.x, f.offsets, 5), ATT_EINVAL, "5");
    REFUSES(att_op_pool, (f.t, &y, f.x, f.offsets, -1), ATT_EINVAL, "-1");
    assert_int_equal(y, 77);
    assert_int_equal(att_tape_var_count(f.t), 6);
    att_tape_destroy(f.t);
    assert_no_mismatch();
}

static void planning(void **state)
{
    (void)state;
    const int64_t rows[] = {4, 2, 0}, minus[] = {4, -2, 0};
    const int64_t huge[] = {INT64_MAX / 16, 2, 0};
    att_tape_plan_opts o;
    att_tape_memory m = {.size = sizeof m};
    att_var y;
    make_tape();
    assert_ok(att_op_softmax(f.t, &y, f.x));
    SURVIVES(att_tape_plan_opts_init, (NULL));
#define REFUSES_PLAN(assignment, code, part)                                           \
    do {                                                                               \
        att_tape_plan_opts_init(&o);                                                   \
        o.max_rows = rows;                                                             \
        o.n_max_rows = 3;                                                              \
        assignment;                                                                    \
        REFUSES(att_tape_measure, (f.t, &o, &m), code, part);                          \
        REFUSES(att_tape_plan, (f.t, &o), code, part);                                 \
    } while (0)
    REFUSES_PLAN(o.size = 2, ATT_EINVAL, "initialised");
    REFUSES_PLAN(o.n_max_rows = 1, ATT_EINVAL, "");
    REFUSES_PLAN(o.n_max_rows = -1, ATT_EINVAL, "");
    REFUSES_PLAN(o.max_rows = NULL, ATT_EINVAL, "");
    REFUSES_PLAN(o.max_rows = minus, ATT_EINVAL, "-2");
    REFUSES_PLAN(o.max_rows = huge, ATT_EINVAL, "0..2147483647");
    REFUSES_PLAN((o.training = 1, o.loss = FOREIGN), ATT_EINVAL, "9999");
    REFUSES_PLAN((o.training = 1, o.loss = f.x), ATT_EINVAL, "");
    att_tape_plan_opts_init(&o);
    REFUSES(att_tape_plan, (NULL, &o), ATT_EINVAL, "");
    REFUSES(att_tape_plan, (f.t, NULL), ATT_EINVAL, "options");
    REFUSES(att_tape_measure, (NULL, &o, &m), ATT_EINVAL, "");
    REFUSES(att_tape_measure, (f.t, NULL, &m), ATT_EINVAL, "options");
    REFUSES(att_tape_measure, (f.t, &o, NULL), ATT_EINVAL, "");
    o.max_rows = rows;
    o.n_max_rows = 3;
    m.size = (uint32_t)sizeof m - 8;
    REFUSES(att_tape_measure, (f.t, &o, &m), ATT_EINVAL, "bytes, expected");
    att_tape_destroy(f.t);
    assert_no_mismatch();
}

static void running(void **state)
{
    (void)state;
    const int64_t rows[] = {4, 2, 0};
    static const int32_t whole[] = {0, 4, 0, 0};
    _Alignas(64) float data[64] = {0}, grad[64] = {0};
    att_tape_plan_opts o;
    att_tensor view = {0};
    att_var y, e;
    char *text = NULL;
    make_tape();
    assert_ok(att_op_linear(f.t, &y, f.x, f.w, ABSENT, ATT_ACT_NONE, 0.0f));
    assert_ok(att_op_squared_error(f.t, &e, y, f.x));
    /* Before a plan there is nothing to run. */
    REFUSES(att_tape_forward, (f.t, 1, 1, 0), ATT_EINVAL, "plan");
    REFUSES(att_tape_backward, (f.t, e, 1.0f, 0), ATT_EINVAL, "");
    att_tape_plan_opts_init(&o);
    o.max_rows = rows;
    o.n_max_rows = 3;
    assert_ok(att_tape_plan(f.t, &o)); /* forward only */
    REFUSES(att_tape_symbol, (f.t, &f.n, "late"), ATT_EINVAL, "planned");
    REFUSES(att_op_softmax, (f.t, &y, f.x), ATT_EINVAL, "planned");
    REFUSES(att_tape_keep, (f.t, y), ATT_EINVAL, "planned");
    REFUSES(att_tape_forward, (NULL, 1, 1, 0), ATT_EINVAL, "NULL");
    REFUSES(att_tape_forward, (f.t, 1, 1, 0), ATT_EINVAL, "");
    REFUSES(att_tape_bind, (NULL, f.n, 1), ATT_EINVAL, "NULL");
    REFUSES(att_tape_bind, (f.t, 3, 1), ATT_EINVAL, "");
    REFUSES(att_tape_bind, (f.t, -77, 1), ATT_EINVAL, "");
    REFUSES(att_tape_bind, (f.t, f.n, -1), ATT_EINVAL, "-1");
    REFUSES(att_tape_bind, (f.t, f.n, 5), ATT_EINVAL, "5");
    REFUSES(att_tape_bind, (f.t, f.ends, 2), ATT_EINVAL, "");
    assert_ok(att_tape_bind(f.t, f.n, 4));
    assert_ok(att_tape_bind(f.t, f.seqs, 1));
    REFUSES(att_tape_set, (NULL, f.x, data), ATT_EINVAL, "NULL");
    REFUSES(att_tape_set, (f.t, FOREIGN, data), ATT_EINVAL, "9999");
    REFUSES(att_tape_set, (f.t, f.w, data), ATT_EINVAL, "input");
    REFUSES(att_tape_set_param, (NULL, f.w, data, grad), ATT_EINVAL, "NULL");
    REFUSES(att_tape_set_param, (f.t, FOREIGN, data, grad), ATT_EINVAL, "9999");
    REFUSES(att_tape_set_param, (f.t, f.x, data, grad), ATT_EINVAL, "parameter");
    REFUSES(att_tape_set_param, (f.t, f.w, NULL, grad), ATT_EINVAL, "w");
    float *odd = (float *)(void *)((char *)data + 2);
    REFUSES(att_tape_set_param, (f.t, f.w, odd, grad), ATT_EINVAL, "aligned");
    REFUSES(att_tape_set_param, (f.t, f.w, data, odd), ATT_EINVAL, "aligned");
    assert_ok(att_tape_set(f.t, f.x, data));
    assert_ok(att_tape_set(f.t, f.wide, data));
    assert_ok(att_tape_set(f.t, f.ids, whole));
    assert_ok(att_tape_set(f.t, f.offsets, whole));
    REFUSES(att_tape_forward, (f.t, 1, 1, 0), ATT_EINVAL, "'w'");
    assert_ok(att_tape_set_param(f.t, f.w, data, grad));
    assert_ok(att_tape_set_param(f.t, f.row, data, NULL));
    REFUSES(att_tape_forward, (f.t, 1, 1, 1), ATT_EINVAL, "training");
    assert_ok(att_tape_forward(f.t, 1, 1, 0));
    REFUSES(att_tape_backward, (NULL, e, 1.0f, 0), ATT_EINVAL, "NULL");
    REFUSES(att_tape_backward, (f.t, e, 1.0f, 0), ATT_EINVAL, "");
    REFUSES(att_tape_value, (NULL, &view, e), ATT_EINVAL, "NULL");
    REFUSES(att_tape_value, (f.t, NULL, e), ATT_EINVAL, "NULL");
    REFUSES(att_tape_value, (f.t, &view, FOREIGN), ATT_EINVAL, "9999");
    REFUSES(att_tape_value, (f.t, &view, y), ATT_EINVAL, "kept");
    REFUSES(att_tape_grad, (NULL, &view, f.w), ATT_EINVAL, "NULL");
    REFUSES(att_tape_grad, (f.t, NULL, f.w), ATT_EINVAL, "NULL");
    REFUSES(att_tape_grad, (f.t, &view, FOREIGN), ATT_EINVAL, "9999");
    REFUSES(att_tape_grad, (f.t, &view, y), ATT_EINVAL, "");
    REFUSES(att_tape_print, (NULL, &text), ATT_EINVAL, "NULL");
    REFUSES(att_tape_print, (f.t, NULL), ATT_EINVAL, "NULL");
    assert_null(text);
    o.training = 1;
    assert_ok(att_tape_plan(f.t, &o));
    assert_ok(att_tape_bind(f.t, f.n, 4));
    assert_ok(att_tape_bind(f.t, f.seqs, 1));
    REFUSES(att_tape_backward, (f.t, e, 1.0f, 0), ATT_EINVAL, "forward");
    assert_ok(att_tape_forward(f.t, 1, 1, 1));
    REFUSES(att_tape_backward, (f.t, FOREIGN, 1.0f, 0), ATT_EINVAL, "9999");
    REFUSES(att_tape_backward, (f.t, y, 1.0f, 0), ATT_EINVAL, "");
    assert_ok(att_tape_backward(f.t, e, 1.0f, 0));
    att_tape_destroy(f.t);
    assert_no_mismatch();
    assert_walked("tape.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recording), cmocka_unit_test(layers),
        cmocka_unit_test(losses),    cmocka_unit_test(pieces),
        cmocka_unit_test(planning),  cmocka_unit_test(running),
    };
    att_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
