/* Bad arguments to attention.h, function by function. What a call with well-formed operands
 * refuses, combination by combination, is in attention/test_attn_check.c. */
#include "api_walk.h"
#include "attend/attention.h"

#include <math.h>

static float data[64];
static att_tensor q, out, lse;
static att_attention_desc desc;
static att_attention_args args;
static att_attention_grads grads;
static att_attention_observe observe;

/* One query head over four keys of width 4, all from one tensor. */
static void fresh(void)
{
    const int64_t shape[] = {1, 1, 4, 4}, rows[] = {1, 1, 4};
    assert_ok(att_tensor_view(&q, data, ATT_F32, 4, shape));
    assert_ok(att_tensor_view(&out, data + 16, ATT_F32, 4, shape));
    assert_ok(att_tensor_view(&lse, data + 32, ATT_F32, 3, rows));
    att_attention_desc_init(&desc);
    att_attention_args_init(&args);
    att_attention_grads_init(&grads);
    att_attention_observe_init(&observe);
    args.q = args.k = args.v = &q;
    args.out = &out;
    args.lse = &lse;
}

/* Every entry looks at descriptor and operands the same way. */
#define REFUSES_ALL(assignment, code, part)                                            \
    do {                                                                               \
        size_t bytes = 0;                                                              \
        fresh();                                                                       \
        assignment;                                                                    \
        REFUSES(att_attention_check, (&desc, &args), code, part);                      \
        REFUSES(att_attention_forward, (&desc, &args), code, part);                    \
        REFUSES(att_attention_workspace, (&bytes, &desc, &args, 0), code, part);       \
        REFUSES(att_attention_workspace, (&bytes, &desc, &args, 1), code, part);       \
        REFUSES(att_attention_backward, (&desc, &args, &grads), code, part);           \
        REFUSES(att_attention_weights, (&desc, &args, &observe), code, part);          \
    } while (0)

static void descriptors_and_operands(void **state)
{
    (void)state;
    REFUSES_ALL(desc.size = 1, ATT_EINVAL, "size");
    REFUSES_ALL(args.size = 1, ATT_EINVAL, "size");
    REFUSES_ALL(desc.score = 99, ATT_EINVAL, "99");
    REFUSES_ALL(desc.score = -1, ATT_EINVAL, "-1");
    REFUSES_ALL(desc.normalise = 99, ATT_EINVAL, "99");
    REFUSES_ALL(desc.scale = NAN, ATT_EINVAL, "scale");
    REFUSES_ALL(desc.temperature = 0.0f, ATT_EINVAL, "temperature");
    REFUSES_ALL(desc.temperature = NAN, ATT_EINVAL, "temperature");
    REFUSES_ALL(desc.softcap = -1.0f, ATT_EINVAL, "softcap");
    REFUSES_ALL(desc.dropout = 1.0f, ATT_EINVAL, "dropout");
    REFUSES_ALL(desc.dropout = NAN, ATT_EINVAL, "dropout");
    REFUSES_ALL(desc.left = -2, ATT_EINVAL, "left");
    REFUSES_ALL(desc.right = INT64_MIN, ATT_EINVAL, "right");
    REFUSES_ALL(desc.sinks = -1, ATT_EINVAL, "sinks");
    REFUSES_ALL(desc.block = -1, ATT_EINVAL, "block");
    REFUSES_ALL(desc.rope = 7, ATT_EINVAL, "rope");
    REFUSES_ALL((desc.rope = 1, desc.rope_dims = 3), ATT_EINVAL, "rope_dims");
    REFUSES_ALL((desc.rope = 1, desc.rope_theta = -1.0f), ATT_EINVAL, "rope_theta");
    REFUSES_ALL(desc.t5_buckets = -1, ATT_EINVAL, "t5_buckets");
    REFUSES_ALL(desc.shaw_clip = -1, ATT_EINVAL, "shaw_clip");
    REFUSES_ALL(args.q = NULL, ATT_EINVAL, "q");
    REFUSES_ALL(args.k = NULL, ATT_EINVAL, "k");
    REFUSES_ALL(args.v = NULL, ATT_EINVAL, "v");
    REFUSES_ALL(q.ndim = 9, ATT_ESHAPE, "9");
    REFUSES_ALL(q.shape[2] = -1, ATT_EINVAL, "-1");
    REFUSES_ALL(q.dtype = ATT_I8, ATT_ENOTSUP, "I8");
    REFUSES_ALL(q.dtype = 1000, ATT_ESHAPE, "1000");
    REFUSES_ALL(q.data = NULL, ATT_EINVAL, "NULL");
    assert_no_mismatch();
}

static void nulls(void **state)
{
    (void)state;
    size_t bytes = 0;
    fresh();
    REFUSES(att_attention_check, (NULL, &args), ATT_EINVAL, "NULL");
    REFUSES(att_attention_check, (&desc, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_attention_workspace, (NULL, &desc, &args, 0), ATT_EINVAL, "NULL");
    REFUSES(att_attention_workspace, (&bytes, NULL, &args, 0), ATT_EINVAL, "NULL");
    REFUSES(att_attention_workspace, (&bytes, &desc, NULL, 0), ATT_EINVAL, "NULL");
    REFUSES(att_attention_forward, (NULL, &args), ATT_EINVAL, "NULL");
    REFUSES(att_attention_forward, (&desc, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_attention_backward, (NULL, &args, &grads), ATT_EINVAL, "NULL");
    REFUSES(att_attention_backward, (&desc, NULL, &grads), ATT_EINVAL, "NULL");
    REFUSES(att_attention_backward, (&desc, &args, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_attention_weights, (NULL, &args, &observe), ATT_EINVAL, "NULL");
    REFUSES(att_attention_weights, (&desc, NULL, &observe), ATT_EINVAL, "NULL");
    REFUSES(att_attention_weights, (&desc, &args, NULL), ATT_EINVAL, "NULL");
    SURVIVES(att_attention_desc_init, (NULL));
    SURVIVES(att_attention_args_init, (NULL));
    SURVIVES(att_attention_grads_init, (NULL));
    SURVIVES(att_attention_observe_init, (NULL));
    assert_no_mismatch();
}

static void the_rest(void **state)
{
    (void)state;
    static const int32_t heads[] = {5};
    fresh();
    args.out = NULL;
    REFUSES(att_attention_forward, (&desc, &args), ATT_EINVAL, "out");
    fresh();
    args.out = &q;
    REFUSES(att_attention_forward, (&desc, &args), ATT_EINVAL, "overlap");
    fresh();
    args.workspace = data;
    args.workspace_bytes = 1;
    REFUSES(att_attention_forward, (&desc, &args), ATT_EINVAL, "workspace");
    fresh();
    grads.size = 4;
    REFUSES(att_attention_backward, (&desc, &args, &grads), ATT_EINVAL, "size");
    fresh();
    REFUSES(att_attention_backward, (&desc, &args, &grads), ATT_EINVAL, "dout");
    fresh();
    grads.dout = &q;
    grads.dq = &lse;
    REFUSES(att_attention_backward, (&desc, &args, &grads), ATT_ESHAPE, "dq");
    fresh();
    observe.size = 4;
    REFUSES(att_attention_weights, (&desc, &args, &observe), ATT_EINVAL, "size");
    fresh();
    observe.heads = heads;
    observe.n_heads = 1;
    REFUSES(att_attention_weights, (&desc, &args, &observe), ATT_EINVAL, "head 5");
    fresh();
    observe.heads = heads;
    observe.n_heads = -1;
    REFUSES(att_attention_weights, (&desc, &args, &observe), ATT_EINVAL, "n_heads");
    fresh();
    observe.row_begin = 3;
    observe.row_end = 2;
    REFUSES(att_attention_weights, (&desc, &args, &observe), ATT_EINVAL, "row");
    fresh();
    observe.top_weight = &lse;
    observe.top_k = -1;
    REFUSES(att_attention_weights, (&desc, &args, &observe), ATT_EINVAL, "top_k");
    fresh();
    observe.weights = &lse;
    REFUSES(att_attention_weights, (&desc, &args, &observe), ATT_ESHAPE, "weights");
    assert_no_mismatch();
    assert_walked("attention.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_and_operands),
        cmocka_unit_test(nulls),
        cmocka_unit_test(the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
