/* Models that SentencePiece would trust and must never see (tests/golden/spm/bad, made
 * by tools/make_golden_spm.py), and damage at every byte of good ones. */
#include "attend/tokenizer.h"
#include "base/alloc.h"
#include "base/file.h"
#include "support.h"
#include "tokenize/spm_check.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct bad {
    const char *name, *part; /* what the message must say */
} bad;

static const bad list[] = {
    {"empty", "empty"},
    {"text", "model"},
    {"json", "JSON"},
    {"lfs", "Git LFS"},
    {"truncated", "bytes"},
    {"length_past_end", "are left"},
    {"length_huge", "are left"},
    {"varint_too_long", "64 bits"},
    {"group", "wire type 3"},
    {"wire_type_7", "wire type 7"},
    {"field_zero", "field number 0"},
    {"pieces_as_varint", "wire type 0, expected 2"},
    {"no_pieces", "no pieces"},
    {"no_unknown", "0 unknown"},
    {"two_unknowns", "2 unknown"},
    {"duplicate", "both 'b'"},
    {"empty_piece", "empty"},
    {"nul_piece", "NUL"},
    {"invalid_utf8", "UTF-8"},
    {"nan_score", "score"},
    {"inf_score", "score inf"},
    {"type_0", "type 0"},
    {"type_99", "not in 1..6"},
    {"long_piece", "at most 65536"},
    {"byte_without_fallback", "expected 0"},
    {"byte_bad_name", "<0xHH>"},
    {"byte_lower_case", "<0xHH>"},
    {"fallback_without_bytes", "expected 256"},
    {"fallback_255", "byte"},
    {"model_type_9", "model type 9"},
    {"unk_id_past_end", "unk_id is 4"},
    {"eos_id_minus_2", "eos_id is -2"},
    {"map_short", "3 bytes"},
    {"map_size_past_end", "multiple of 1024"},
    {"map_size_zero", "multiple of 1024"},
    {"map_size_odd", "multiple of 1024"},
    {"map_no_nul", "ended by NUL"},
    {"map_not_utf8", "UTF-8"},
    {"map_offset_past_end", "past its 256 units"},
    {"map_loop", "back to its own"},
    {"map_value_past_end", "replacement 5000"},
    {"map_chain", "prefixes"},
    {"denormalizer_map", "back to its own"},
    {"user_prefixes", "prefixes of piece"},
    {"no_trainer", "no trainer_spec"},
    {"no_normalizer", "no normalizer_spec"},
};

static void every_broken_model_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char name[100];
        att_tokenizer *t = NULL;
        snprintf(name, sizeof name, "spm/bad/%s.model", list[i].name);
        assert_fails(att_tokenizer_open(&t, support_golden(name), NULL), ATT_EFORMAT,
                     list[i].part);
        assert_non_null(strstr(att_error_message(), list[i].name)); /* the file */
        assert_null(t);
    }
}

static void good_models_pass(void **state)
{
    (void)state;
    static const char *const good[] = {"bpe", "unigram", "bytes", "identity",
                                       "good_by_hand"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char name[100];
        size_t n = 0;
        snprintf(name, sizeof name, "spm/%s.model", good[i]);
        char *data = support_read(support_golden(name), &n);
        assert_ok(atti_spm_check(data, n, name));
        free(data);
    }
}

/* Where the part that starts at `at` ends. */
static size_t part_end(const unsigned char *p, size_t at)
{
    size_t len = 0, shift = 0;
    at++; /* the tag: fields 1 to 5 have one byte */
    do {
        len |= (size_t)(p[at] & 0x7f) << shift;
        shift += 7;
    } while (p[at++] & 0x80);
    return at + len;
}

/* A model may bring samples and what they become. Where that is not so SentencePiece
 * refuses the model, and would tell the world on standard error. */
static void a_failed_self_test_is_an_error_and_nothing_else(void **state)
{
    (void)state;
    static const char sample[] = "\x22\x0e\x0a\x0c" /* self_test_data, a sample */
                                 "\x0a\x05hello\x12\x03x y";
    size_t n = 0, more = sizeof sample - 1;
    char *model = support_read(support_golden("spm/unigram.model"), &n);
    char *data = malloc(n + more);
    att_tokenizer *t = NULL;
    FILE *log = tmpfile();
    memcpy(data, model, n);
    memcpy(data + n, sample, more);
    (void)fflush(stderr);
    int err = dup(STDERR_FILENO);
    assert_true(err >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
    att_status st = att_tokenizer_open_memory(&t, data, n + more, "tested");
    (void)fflush(stderr);
    assert_true(dup2(err, STDERR_FILENO) >= 0);
    (void)close(err);
    assert_int_equal(st, ATT_EFORMAT);
    assert_null(t);
    assert_string_equal(att_error_message(),
                        "tested: SentencePiece: Internal: Self-test failures.");
    assert_int_equal(lseek(fileno(log), 0, SEEK_END), 0); /* bytes that were said */
    (void)fclose(log);
    free(data);
    free(model);
}

/* Every prefix that ends where a part ends is well-formed and still not the model. */
static void a_file_cut_between_two_parts_is_refused(void **state)
{
    (void)state;
    size_t n = 0, cuts = 0;
    char *data = support_read(support_golden("spm/bpe.model"), &n);
    for (size_t end = part_end((unsigned char *)data, 0); end < n;
         end = part_end((unsigned char *)data, end)) {
        assert_fails(atti_spm_check(data, end, "cut"), ATT_EFORMAT, "cut:");
        cuts++;
    }
    assert_true(cuts > 200); /* its pieces */
    free(data);
}

/* What is accepted after damage must also be safe to use. */
static void use(const unsigned char *data, size_t n)
{
    att_tokenizer *t = NULL;
    if (att_tokenizer_open_memory(&t, data, n, "damaged") != ATT_OK) return;
    static const char text[] = "\xef\xac\x81 aaaa \xe2\x85\xa7 <sep> \xff ein mann";
    int32_t *ids = NULL;
    size_t m = 0, cap = 0;
    if (att_tokenizer_encode(t, text, sizeof text - 1, &ids, &m, &cap) == ATT_OK) {
        char *back = NULL;
        if (att_tokenizer_decode(t, ids, m, &back) == ATT_OK) atti_free(back);
    }
    atti_free(ids);
    att_tokenizer_destroy(t);
}

static void damage_anywhere_is_refused_or_harmless(void **state)
{
    (void)state;
    size_t n = 0;
    unsigned char *data =
        (unsigned char *)support_read(support_golden("spm/bpe.model"), &n);
    static const unsigned char masks[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < n; i += 3) {
        unsigned char was = data[i];
        data[i] ^= masks[i / 3 % 3];
        use(data, n);
        data[i] = was;
    }
    for (size_t cut = 0; cut < n; cut += 37) {
        /* A copy of its own, so that a read past the end is seen by sanitizers. */
        unsigned char *part = malloc(cut ? cut : 1);
        memcpy(part, data, cut);
        use(part, cut);
        free(part);
    }
    free(data);
}

typedef struct open_ctx {
    const char *data;
    size_t n;
} open_ctx;

static att_status open_once(void *ctx)
{
    open_ctx *c = ctx;
    return atti_spm_check(c->data, c->n, "model");
}

static void no_memory_is_reported(void **state)
{
    (void)state;
    size_t n = 0;
    char *data = support_read(support_golden("spm/bpe.model"), &n);
    open_ctx c = {data, n};
    assert_true(support_fail_every_alloc(open_once, &c) > 1);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_broken_model_is_refused_by_name),
        cmocka_unit_test(a_failed_self_test_is_an_error_and_nothing_else),
        cmocka_unit_test(good_models_pass),
        cmocka_unit_test(a_file_cut_between_two_parts_is_refused),
        cmocka_unit_test(damage_anywhere_is_refused_or_harmless),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
