/* test_families_config.c - config.json of the one-sided families from a stranger: each
 * broken value is refused with file, key and value in the message. */
#include "base/alloc.h"
#include "base/json.h"
#include "models/decoder/decoder_config.h"
#include "models/encoder/encoder_config.h"
#include "models/family.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct broken {
    const char *dir, *find, *put; /* replaced in its config.json */
    att_status code;
    const char *part;
} broken;

static const broken cases[] = {
    {"llama", "\"hidden_size\": 24", "\"hidden_size\": -24", ATT_EFORMAT, "-24"},
    {"llama", "\"hidden_size\": 24", "\"hidden_size\": 1048577", ATT_EFORMAT,
     "hidden_size"},
    {"llama", "\"hidden_size\": 24", "\"hidden_size\": \"24\"", ATT_EFORMAT,
     "hidden_size"},
    {"llama", "\"head_dim\": 6", "\"head_dim\": 5", ATT_EFORMAT, "even"},
    {"llama", "\"head_dim\": 6", "\"head_dim\": 512", ATT_ENOTSUP, "256"},
    {"llama", "\"head_dim\": 6,", "\"num_key_value_headz\": 1,", ATT_OK, ""},
    {"llama", "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", ATT_EFORMAT,
     "num_key_value_heads 3"},
    {"llama", "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 8", ATT_EFORMAT,
     "num_key_value_heads"},
    {"llama", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 0", ATT_EFORMAT,
     "num_hidden_layers"},
    {"llama", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1e300", ATT_EFORMAT,
     "num_hidden_layers"},
    {"llama", "\"rope_type\": \"default\"", "\"rope_type\": \"yarn\"", ATT_ENOTSUP,
     "yarn"},
    {"llama", "\"rope_type\": \"default\"", "\"rope_type\": \"linear\"", ATT_EFORMAT,
     "without factor"},
    {"llama", "\"rope_theta\": 10000.0", "\"rope_theta\": 0", ATT_EFORMAT,
     "rope_theta"},
    {"llama", "\"rope_theta\": 10000.0", "\"rope_theta\": NaN", ATT_EFORMAT,
     "rope_theta"},
    {"llama_scaled", "\"high_freq_factor\": 4.0", "\"high_freq_factor\": 1.0",
     ATT_EFORMAT, "high_freq_factor"},
    {"llama_scaled", "\"low_freq_factor\": 1.0", "\"low_freq_factor\": 0", ATT_EFORMAT,
     "low_freq_factor"},
    {"llama", "\"hidden_act\": \"silu\"", "\"hidden_act\": \"maxout\"", ATT_ENOTSUP,
     "maxout"},
    {"llama", "\"hidden_act\": \"silu\"", "\"hidden_act\": \"tanh\"", ATT_ENOTSUP,
     "tanh"},
    {"llama", "LlamaForCausalLM", "LlamaForPoetry", ATT_ENOTSUP, "LlamaForPoetry"},
    {"llama", "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 0", ATT_EFORMAT,
     "rms_norm_eps"},
    {"llama", "\"vocab_size\": 96", "\"vocab_size\": 16777217", ATT_EFORMAT,
     "vocab_size"},
    {"llama", "\"eos_token_id\": 2", "\"eos_token_id\": [2, -7]", ATT_EFORMAT,
     "eos_token_id[1]"},
    {"llama", "\"eos_token_id\": 2", "\"eos_token_id\": 2.5", ATT_EFORMAT,
     "eos_token_id"},
    {"gpt2", "\"n_head\": 4", "\"n_head\": 5", ATT_EFORMAT, "n_head 5"},
    {"gpt2", "\"n_head\": 4", "\"n_head\": 17", ATT_EFORMAT, "n_head 17"},
    {"gpt2", "\"n_inner\": null", "\"n_inner\": -1", ATT_EFORMAT, "n_inner"},
    {"gpt2", "\"add_cross_attention\": false", "\"add_cross_attention\": true",
     ATT_ENOTSUP, "add_cross_attention"},
    {"gpt2", "\"resid_pdrop\": 0.1", "\"resid_pdrop\": 1", ATT_EFORMAT, "resid_pdrop"},
    {"bert_token", "\"num_attention_heads\": 4", "\"num_attention_heads\": 7",
     ATT_EFORMAT, "num_attention_heads 7"},
    {"bert_token", "\"architectures\": [", "\"architekturen\": [", ATT_EFORMAT,
     "architectures"},
    {"bert_token", "BertForTokenClassification", "BertForPreTraining", ATT_ENOTSUP,
     "BertForPreTraining"},
    {"bert_token", "\"1\": \"B-PER\"", "\"7\": \"B-PER\"", ATT_EFORMAT, "\"1\""},
    {"bert_token", "\"1\": \"B-PER\"", "\"1\": 5", ATT_EFORMAT, "\"1\""},
    {"bert_token", "\"is_decoder\": false", "\"is_decoder\": true", ATT_ENOTSUP,
     "is_decoder"},
    {"bert_token", "\"max_position_embeddings\": 32", "\"max_position_embeddings\": 0",
     ATT_EFORMAT, "max_position_embeddings"},
    {"bert_token", "\"pad_token_id\": 0", "\"pad_token_id\": 96", ATT_EFORMAT,
     "pad_token_id"},
    {"bert_token", "\"is_decoder\": false",
     "\"position_embedding_type\": \"relative_key\"", ATT_ENOTSUP, "relative_key"},
    {"bert_regression", "\"problem_type\": \"regression\"",
     "\"problem_type\": \"ranking\"", ATT_ENOTSUP, "ranking"},
    {"xlmr_token", "\"max_position_embeddings\": 32", "\"max_position_embeddings\": 2",
     ATT_EFORMAT, "max_position_embeddings"},
    {"xlmr_token", "\"pad_token_id\": 1", "\"pad_token_id\": null", ATT_EFORMAT,
     "pad_token_id"},
};

/* The text with the first find replaced. */
static char *replaced(const char *text, const char *find, const char *put)
{
    const char *at = strstr(text, find);
    if (!at) fail_msg("no %s in the file", find);
    size_t n = strlen(text) + strlen(put) + 1;
    char *out = malloc(n);
    snprintf(out, n, "%.*s%s%s", (int)(at - text), text, put, at + strlen(find));
    return out;
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const broken *b = &cases[i];
        char path[300];
        snprintf(path, sizeof path, "families/%s/config.json", b->dir);
        size_t n;
        char *text = support_read(support_golden(path), &n);
        char *bad = replaced(text, b->find, b->put);
        atti_json *root = NULL;
        const char *type;
        void *cfg = NULL;
        assert_ok(atti_json_parse(&root, bad, strlen(bad), 0, "x"));
        assert_ok(atti_json_get_str(&type, root, "model_type", NULL));
        const atti_family *f = atti_family_find(type);
        support_before();
        att_status st = f->config_read(&cfg, root, "the/config.json");
        const char *message = att_error_message();
        if (st != b->code)
            fail_msg("%s: %s gave %s: %s", b->dir, b->put, att_status_name(st),
                     message);
        if (st != ATT_OK &&
            (!strstr(message, b->part) || !strstr(message, "the/config.json")))
            fail_msg("%s: %s: '%s' lacks '%s' or the file", b->dir, b->put, message,
                     b->part);
        assert_true((st == ATT_OK) == (cfg != NULL));
        atti_free(cfg);
        atti_json_destroy(root);
        free(bad);
        free(text);
    }
}

/* Old spellings of rotary scaling mean the same as the new one. */
static void test_old_rope(void **state)
{
    (void)state;
    static const char old[] =
        "{\"model_type\": \"llama\", \"hidden_size\": 64, \"num_attention_heads\": 4, "
        "\"max_position_embeddings\": 64, \"rope_theta\": 5e5, \"rope_scaling\": "
        "{\"type\": \"linear\", \"factor\": 4}}";
    static const char none[] = "{\"hidden_size\": 64, \"num_attention_heads\": 4, "
                               "\"rope_theta\": 5e5, \"rope_scaling\": null}";
    atti_json *root = NULL;
    void *cfg = NULL;
    float freqs[8], plain[8];
    assert_ok(atti_json_parse(&root, old, strlen(old), 0, "x"));
    assert_ok(atti_llama_config_read(&cfg, root, "x"));
    const atti_decoder_config *c = cfg;
    assert_int_equal(c->rope, ATTI_ROPE_LINEAR);
    assert_true(c->rope_theta == 5e5f && c->rope_factor == 4.0f);
    assert_int_equal(c->head_dim, 16);
    atti_decoder_rope_freqs(c, freqs);
    atti_free(cfg);
    atti_json_destroy(root);
    assert_ok(atti_json_parse(&root, none, strlen(none), 0, "x"));
    assert_ok(atti_llama_config_read(&cfg, root, "x"));
    atti_decoder_rope_freqs(cfg, plain);
    for (int i = 0; i < 8; i++) assert_true(freqs[i] * 4.0f == plain[i]);
    atti_free(cfg);
    atti_json_destroy(root);
}

static void test_labels(void **state)
{
    (void)state;
    static const char *const labels[] = {"N\xc3\xb6", "", "\"\n"};
    atti_encoder_config proto, *c = NULL;
    atti_encoder_config_init(&proto, ATTI_BERT);
    proto.head = ATTI_HEAD_SEQUENCE;
    assert_ok(atti_encoder_config_create(&c, &proto, labels, 3));
    for (int64_t i = 0; i < 3; i++)
        assert_string_equal(atti_encoder_label(c, i), labels[i]);
    assert_null(atti_encoder_label(c, 3));
    assert_null(atti_encoder_label(c, -1));
    atti_free(c);
    assert_fails(atti_encoder_config_create(&c, &proto, NULL, (1 << 20) + 1),
                 ATT_EFORMAT, "labels");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_old_rope),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
