/* test_attn_check.c - hostile and mistaken arguments: the right code and a message with
 * both values, before anything is written. */
#include "cases.h"

#define CASE(k)                                                                        \
    attn_case c;                                                                       \
    case_make(&c, &(k), ATT_F32)
#define CHECK_FAILS(code, part)                                                        \
    assert_fails(att_attention_forward(&c.desc, &c.args), code, part)

static const kase plain = {"plain", .b = 2, .h = 2, .t = 3, .s = 4, .d = 4};

static void nulls_and_sizes(void **state)
{
    (void)state;
    CASE(plain);
    assert_fails(att_attention_forward(NULL, &c.args), ATT_EINVAL, "desc is NULL");
    assert_fails(att_attention_forward(&c.desc, NULL), ATT_EINVAL, "args is NULL");
    assert_fails(att_attention_backward(&c.desc, &c.args, NULL), ATT_EINVAL,
                 "grads is NULL");
    assert_fails(att_attention_workspace(NULL, &c.desc, &c.args, 0), ATT_EINVAL,
                 "bytes is NULL");
    c.desc.size = 4;
    CHECK_FAILS(ATT_EINVAL, "desc.size is 4");
    att_attention_desc_init(&c.desc);
    c.args.size++;
    CHECK_FAILS(ATT_EINVAL, "args.size");
    c.args.size--;
    c.args.q = NULL;
    CHECK_FAILS(ATT_EINVAL, "q is missing");
    c.args.q = &c.t[Q];
    c.args.out = NULL;
    CHECK_FAILS(ATT_EINVAL, "out is missing");
    c.args.out = &c.t[OUT];
    c.args.lse = NULL;
    assert_fails(att_attention_backward(&c.desc, &c.args, &c.grads), ATT_EINVAL,
                 "backward needs lse");
    att_attention_desc_init(NULL);
    att_attention_args_init(NULL);
    case_free(&c);
}

static void widths_that_disagree(void **state)
{
    (void)state;
    kase k = {"13 and 14", .b = 1, .h = 1, .t = 2, .s = 2, .d = 13, .dk = 14, .e = 5};
    CASE(k);
    CHECK_FAILS(ATT_ESHAPE,
                "q width 13, k width 14: no inner product; ATT_SCORE_BILINEAR "
                "with W [13,14] is the remedy");
    /* And the remedy works. */
    case_free(&c);
    k.score = ATT_SCORE_BILINEAR;
    case_make(&c, &k, ATT_F32);
    assert_ok(att_attention_forward(&c.desc, &c.args));
    c.t[SCORE_W].shape[1] = 13;
    CHECK_FAILS(ATT_ESHAPE, "score_w is [13,13], expected [13,14]");
    case_free(&c);
    kase wide = {"wide", .b = 1, .h = 1, .t = 1, .s = 1, .d = 257};
    case_make(&c, &wide, ATT_F32);
    CHECK_FAILS(ATT_ENOTSUP, "width 257, not in 1..256");
    case_free(&c);
    kase heads = {"heads", .b = 1, .h = 3, .g = 2, .t = 1, .s = 1, .d = 4};
    case_make(&c, &heads, ATT_F32);
    CHECK_FAILS(ATT_ESHAPE, "3 query heads are no multiple of 2 key heads");
    case_free(&c);
}

static void shapes_and_dtypes(void **state)
{
    (void)state;
    CASE(plain);
    c.t[V].shape[2] = 3;
    CHECK_FAILS(ATT_ESHAPE, "k is [2,2,4,4], v is [2,2,3,4]");
    c.t[V].shape[2] = 4;
    c.t[OUT].shape[3] = 5;
    CHECK_FAILS(ATT_ESHAPE, "out is [2,2,3,5], expected [2,2,3,4]");
    c.t[OUT].shape[3] = 4;
    c.t[K].dtype = ATT_BF16;
    CHECK_FAILS(ATT_ESHAPE, "q is F32, k is BF16");
    c.t[K].dtype = ATT_F32;
    c.t[Q].dtype = c.t[K].dtype = c.t[V].dtype = ATT_I32;
    CHECK_FAILS(ATT_ENOTSUP, "q is I32");
    c.t[Q].dtype = c.t[K].dtype = c.t[V].dtype = 99;
    CHECK_FAILS(ATT_ESHAPE, "unknown dtype 99");
    c.t[Q].dtype = c.t[K].dtype = c.t[V].dtype = ATT_F32;
    c.t[Q].ndim = 7;
    CHECK_FAILS(ATT_ESHAPE, "7 dimensions");
    c.t[Q].ndim = 4;
    c.t[Q].shape[2] = -1;
    CHECK_FAILS(ATT_EINVAL, "dimension 2 is -1, negative");
    c.t[Q].shape[2] = 3;
    c.t[Q].stride[3] = 2;
    CHECK_FAILS(ATT_EINVAL, "stride 2, not 1");
    c.t[Q].stride[3] = 1;
    void *data = c.t[Q].data;
    c.t[Q].data = NULL;
    CHECK_FAILS(ATT_EINVAL, "data is NULL");
    c.t[Q].data = data;
    c.t[Q].shape[0] = INT64_MAX / 2;
    CHECK_FAILS(ATT_ESHAPE, "2^63");
    c.t[Q].shape[0] = 2;
    c.t[Q].stride[0] = INT64_MIN;
    CHECK_FAILS(ATT_ESHAPE, "2^63");
    case_free(&c);
}

static void overlaps(void **state)
{
    (void)state;
    CASE(plain);
    att_tensor alias = c.t[Q];
    c.args.out = &alias;
    CHECK_FAILS(ATT_EINVAL, "out [2,2,3,4] overlaps q [2,2,3,4]");
    alias = c.t[V];
    alias.shape[2] = 3;
    alias.data = (float *)alias.data + 5;
    CHECK_FAILS(ATT_EINVAL, "overlaps v");
    alias = c.t[OUT];
    alias.stride[0] = alias.stride[1];
    CHECK_FAILS(ATT_EINVAL, "folds it onto itself");
    c.args.out = &c.t[OUT];
    att_tensor dk = c.d[K];
    dk.data = c.d[V].data;
    c.grads.dk = &dk;
    assert_ok(att_attention_forward(&c.desc, &c.args));
    assert_fails(att_attention_backward(&c.desc, &c.args, &c.grads), ATT_EINVAL,
                 "dv [2,2,4,4] overlaps dk");
    case_free(&c);
}

/* Scratch that holds an operand, and weights written over what they are made of. */
static void overlaps_of_scratch_and_weights(void **state)
{
    (void)state;
    CASE(plain);
    size_t need = 0;
    assert_ok(att_attention_workspace(&need, &c.desc, &c.args, 0));
    assert_true(need >= 64 * sizeof(float));
    size_t place = (need + 63) / 64 * 64 + 4096;
    float *room = aligned_alloc(64, place);
    memset(room, 0, place);
    att_tensor inside = c.t[V];
    inside.data = room + 16;
    c.args.v = &inside;
    c.args.workspace = room;
    c.args.workspace_bytes = place;
    assert_fails(att_attention_forward(&c.desc, &c.args), ATT_EINVAL, "overlaps v");
    inside.data = (char *)room + place - 4096; /* behind what is used */
    assert_ok(att_attention_forward(&c.desc, &c.args));
    c.args.v = &c.t[V];

    att_attention_observe o;
    att_attention_observe_init(&o);
    const int64_t all[4] = {2, 2, 3, 4};
    att_tensor weights, entropy;
    assert_ok(att_tensor_view(&weights, room, ATT_F32, 4, all));
    assert_ok(att_tensor_view(&entropy, room + 8, ATT_F32, 3, all));
    o.weights = &weights;
    assert_ok(att_attention_weights(&c.desc, &c.args, &o));
    o.entropy = &entropy;
    assert_fails(att_attention_weights(&c.desc, &c.args, &o), ATT_EINVAL,
                 "entropy [2,2,3] overlaps weights");
    att_tensor bias;
    assert_ok(att_tensor_view(&bias, room + 40, ATT_F32, 4, all));
    o.entropy = NULL;
    c.args.bias = &bias;
    assert_fails(att_attention_weights(&c.desc, &c.args, &o), ATT_EINVAL,
                 "weights [2,2,3,4] overlaps bias");
    c.args.bias = NULL;
    free(room);
    case_free(&c);
}

/* q, k, v, out as columns of one row buffer are no overlap. */
static void fused_rows(void **state)
{
    (void)state;
    enum { B = 2, T = 3, H = 2, D = 4, C = 4 * H * D };
    float *buffer = calloc(B * T * C, sizeof *buffer);
    att_tensor t[4];
    for (int i = 0; i < 4; i++) {
        int64_t shape[4] = {B, H, T, D};
        assert_ok(att_tensor_view(&t[i], buffer, ATT_F32, 4, shape));
        t[i].data = buffer + i * H * D;
        t[i].stride[0] = T * C;
        t[i].stride[1] = D;
        t[i].stride[2] = C;
    }
    att_attention_desc d;
    att_attention_args a;
    att_attention_desc_init(&d);
    att_attention_args_init(&a);
    a.q = &t[0];
    a.k = &t[1];
    a.v = &t[2];
    a.out = &t[3];
    assert_ok(att_attention_forward(&d, &a));
    t[3].data = buffer + 3 * H * D - 1;
    assert_fails(att_attention_forward(&d, &a), ATT_EINVAL, "overlaps v");
    free(buffer);
}

static void numbers_of_the_descriptor(void **state)
{
    (void)state;
    CASE(plain);
    const att_attention_desc good = c.desc;
#define BAD(field, value, code, part)                                                  \
    c.desc = good;                                                                     \
    c.desc.field = value;                                                              \
    CHECK_FAILS(code, part)
    BAD(score, 5, ATT_EINVAL, "score is 5, not in 0..4");
    BAD(normalise, -1, ATT_EINVAL, "normalise is -1");
    BAD(temperature, 0, ATT_EINVAL, "temperature is 0");
    BAD(temperature, NAN, ATT_EINVAL, "temperature is");
    BAD(scale, INFINITY, ATT_EINVAL, "scale is inf");
    BAD(softcap, -1, ATT_EINVAL, "softcap is -1");
    BAD(left, -2, ATT_EINVAL, "left is -2");
    BAD(dropout, 1, ATT_EINVAL, "dropout is 1, not below 1");
    BAD(dropout, -0.1f, ATT_EINVAL, "dropout is -0.1");
    BAD(rope, 3, ATT_EINVAL, "rope is 3");
    BAD(rope_dims, 3, ATT_EINVAL, "rope_dims is 3, odd");
    BAD(t5_buckets, 1, ATT_EINVAL, "t5_buckets is 1");
    BAD(reinforce, 1, ATT_EINVAL, "reinforce with normalise softmax");
    BAD(shaw_clip, 2, ATT_EINVAL, "rel_k is missing");
    c.desc = good;
    c.desc.rope = ATT_ROPE_HALF;
    c.desc.rope_dims = 6;
    CHECK_FAILS(ATT_EINVAL, "rope_dims is 6, the width is 4");
    c.desc = good;
    c.desc.block = 2;
    c.desc.sinks = 1;
    CHECK_FAILS(ATT_EINVAL, "sinks 1 with block 2");
    c.desc = good;
    c.desc.score = ATT_SCORE_COSINE;
    c.desc.shaw_clip = 2;
    CHECK_FAILS(ATT_EINVAL, "shaw_clip 2 with score cosine");
    c.desc = good;
    c.args.score_w = &c.t[Q];
    CHECK_FAILS(ATT_EINVAL, "score_w is given but this score has no parameter");
    case_free(&c);
}

static void offsets_lengths_edges_pages(void **state)
{
    (void)state;
    kase k = {"ragged", .layout = RAGGED, .b = 3, .h = 1, .t = 4, .s = 4, .d = 4};
    CASE(k);
    c.q_off[0] = 1;
    CHECK_FAILS(ATT_EINVAL, "q_offsets[0] is 1, not 0");
    c.q_off[0] = 0;
    c.k_off[1] = 99;
    CHECK_FAILS(ATT_EINVAL, "below 99 before it");
    c.k_off[1] = 4;
    c.k_off[3]++;
    CHECK_FAILS(ATT_EINVAL, "k_offsets ends at");
    case_free(&c);
    kase l = {"lengths", .layout = LENGTHS, .b = 2, .h = 1, .t = 3, .s = 4, .d = 4};
    case_make(&c, &l, ATT_F32);
    c.k_len[1] = 5;
    CHECK_FAILS(ATT_EINVAL, "k_lengths[1] is 5, not in 0..4");
    c.k_len[1] = -1;
    CHECK_FAILS(ATT_EINVAL, "k_lengths[1] is -1");
    case_free(&c);
    kase e = {"edges", .layout = EDGES, .b = 1, .h = 1, .t = 5, .s = 5, .d = 4};
    case_make(&c, &e, ATT_F32);
    c.col[2] = 5;
    CHECK_FAILS(ATT_EINVAL, "edge_col holds 5, not in 0..4");
    c.col[2] = -1;
    CHECK_FAILS(ATT_EINVAL, "edge_col holds -1");
    c.col[2] = 0;
    c.row_ptr[2] = 100;
    CHECK_FAILS(ATT_EINVAL, "edge_row_ptr[2] is 100");
    c.row_ptr[2] = 1;
    c.desc.causal = 1;
    CHECK_FAILS(ATT_EINVAL, "a graph's nodes have no order");
    case_free(&c);
    kase p = {"paged", .layout = PAGED, .b = 2, .h = 1, .t = 1, .s = 7, .d = 4};
    case_make(&c, &p, ATT_F32);
    c.pages[0] = 6;
    CHECK_FAILS(ATT_EINVAL, "page_table[0,0] is 6, not in 0..5");
    c.pages[0] = -1;
    CHECK_FAILS(ATT_EINVAL, "page_table[0,0] is -1");
    c.pages[0] = 1;
    assert_ok(att_attention_forward(&c.desc, &c.args));
    assert_fails(att_attention_backward(&c.desc, &c.args, &c.grads), ATT_ENOTSUP,
                 "paged");
    case_free(&c);
}

static void biases_and_workspaces(void **state)
{
    (void)state;
    kase k = {"bias", .b = 2, .h = 2, .t = 3, .s = 4, .d = 4, .bias = 15};
    CASE(k);
    c.t[BIAS].shape[3] = 3;
    CHECK_FAILS(ATT_ESHAPE, "bias is [2,2,3,3], does not broadcast to [2,2,3,4]");
    c.t[BIAS].shape[3] = 4;
    c.t[BIAS].dtype = ATT_F64;
    CHECK_FAILS(ATT_ESHAPE, "bias is F64, expected F32");
    c.t[BIAS].dtype = ATT_F32;
    c.args.workspace = (char *)NULL + 64;
    c.args.workspace_bytes = 1;
    CHECK_FAILS(ATT_EINVAL, "workspace of 1 bytes");
    c.args.workspace = (char *)NULL + 65;
    CHECK_FAILS(ATT_EINVAL, "not 64-byte aligned");
    case_free(&c);
}

/* Each allocation of a call fails in turn: ATT_ENOMEM, nothing leaks. */
static att_status both_ways(void *ctx)
{
    attn_case *c = ctx;
    att_status st = att_attention_forward(&c->desc, &c->args);
    return st ? st : att_attention_backward(&c->desc, &c->args, &c->grads);
}
static void out_of_memory(void **state)
{
    (void)state;
    for (int f64 = 0; f64 < 2; f64++) {
        kase k = {
            "memory", .b = 1, .h = 2, .t = 3, .s = 4, .d = 4, .rope = ATT_ROPE_HALF,
            .bias = 8};
        attn_case c;
        case_make(&c, &k, f64 ? ATT_F64 : ATT_F32);
        assert_true(support_fail_every_alloc(both_ways, &c) >= 2);
        case_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nulls_and_sizes),
        cmocka_unit_test(widths_that_disagree),
        cmocka_unit_test(shapes_and_dtypes),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(overlaps_of_scratch_and_weights),
        cmocka_unit_test(fused_rows),
        cmocka_unit_test(numbers_of_the_descriptor),
        cmocka_unit_test(offsets_lengths_edges_pages),
        cmocka_unit_test(biases_and_workspaces),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
