/* Labelled words: what is legal is read, what is not is refused with file and line. */
#include "data/text/conllu.h"
#include "support.h"
#include <stdio.h>

static const char *file_of(const char *text)
{
    static char path[600];
    snprintf(path, sizeof path, "%s", support_temp("words"));
    support_write_text(path, text);
    return path;
}

/* Words and labels of all sentences as "a/X b/_ | ...". */
static att_status show(char *out, size_t cap, const char *text, atti_tag_format format,
                       int column)
{
    atti_tag_reader *r = NULL;
    atti_tagged s;
    size_t n = 0;
    out[0] = '\0';
    ATTI_TRY(atti_tags_open(&r, file_of(text), format, column));
    att_status st;
    while ((st = atti_tags_next(r, &s)) == ATT_OK && s.n > 0) {
        for (int32_t i = 0; i < s.n; i++)
            n += (size_t)snprintf(out + n, cap - n, "%s/%s ", s.word[i],
                                  s.label[i] ? s.label[i] : "_");
        n += (size_t)snprintf(out + n, cap - n, "| ");
    }
    atti_tags_close(r);
    return st;
}

#define ROW(id, form, upos, xpos)                                                      \
    id "\t" form "\tl\t" upos "\t" xpos "\t_\t0\troot\t_\t_\n"

static void legal_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
        atti_tag_format format;
        int column;
    } cases[] = {
        {ROW("1", "I", "PRON", "PRP") ROW("2", "saw", "VERB", "VBD") "\n",
         "I/PRON saw/VERB | ", ATTI_TAGS_SEEN, 4},
        {ROW("1", "I", "PRON", "PRP"), "I/PRP | ", ATTI_TAGS_SEEN, 5},
        {"# c\n" ROW("1-2", "dont", "_", "_") ROW("1", "do", "AUX", "X")
             ROW("1.1", "gone", "_", "_")
                 ROW("2", "nt", "_", "X") "\n\n\n# c\n\n" ROW("1", "a b", "X", "X"),
         "do/AUX nt/_ | a b/X | ", ATTI_TAGS_SEEN, 4},
        {ROW("0.1", "e", "_", "_") ROW("1", "a", "X", "X"), "a/X | ", ATTI_TAGS_CONLLU,
         4},
        {"\xef\xbb\xbf#\r\n" ROW("1", "a", "X", "X") "\r\n", "a/X | ", ATTI_TAGS_SEEN,
         4},
        {"#\tSYM\na\tDET\n\nb\tx\tNOUN\n", "#/SYM a/DET | b/NOUN | ", ATTI_TAGS_TSV, 4},
        {"a\t_\n", "a/_ | ", ATTI_TAGS_SEEN, 4},
        /* Tokens of several words, as long as they are few. */
        {"New York City\tX\na\tY\nb c\tZ\n", "New York City/X a/Y b c/Z | ",
         ATTI_TAGS_SEEN, 4},
        {"", "", ATTI_TAGS_SEEN, 4},
        {"\n \n\t\n", "", ATTI_TAGS_SEEN, 4},
    };
    char got[1000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(
            show(got, sizeof got, cases[i].text, cases[i].format, cases[i].column));
        assert_string_equal(got, cases[i].want);
    }
}

static void broken_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
        atti_tag_format format;
    } cases[] = {
        {"1\ta\n", ":1: 2 columns, expected 10", ATTI_TAGS_CONLLU},
        {ROW("1", "a", "X", "X") "2\ta\t_\tX\t_\t_\t_\t_\t_\t_\t_\n", ":2: 11 columns",
         ATTI_TAGS_CONLLU},
        {ROW("2", "a", "X", "X"), ":1: word number 2, expected 1", ATTI_TAGS_CONLLU},
        {ROW("1", "a", "X", "X") ROW("1", "b", "X", "X"),
         ":2: word number 1, expected 2", ATTI_TAGS_CONLLU},
        {ROW("x", "a", "X", "X"), ":1: 'x' is no word number", ATTI_TAGS_CONLLU},
        {ROW("", "a", "X", "X"), ":1: '' is no word number", ATTI_TAGS_CONLLU},
        {ROW("-1", "a", "X", "X"), ":1: '-1' is no word number", ATTI_TAGS_CONLLU},
        {ROW("01", "a", "X", "X"), ":1: '01' is no", ATTI_TAGS_CONLLU},
        {ROW("99999999999999999999", "a", "X", "X"), ":1: '9999999999",
         ATTI_TAGS_CONLLU},
        {ROW("3-4", "a", "_", "_"), ":1: range '3-4' does not fit", ATTI_TAGS_CONLLU},
        {ROW("1-0", "a", "_", "_"), ":1: range '1-0' does not fit", ATTI_TAGS_CONLLU},
        {ROW("5.1", "a", "_", "_"), ":1: empty node '5.1' does not fit",
         ATTI_TAGS_CONLLU},
        {ROW("1", "", "X", "X"), ":1: the word is empty", ATTI_TAGS_CONLLU},
        {ROW("1", "a", "", "X"), ":1: the label is empty", ATTI_TAGS_CONLLU},
        {"# \xff\n", ":1: not UTF-8", ATTI_TAGS_CONLLU},
        {"a\tX\nb\n", ":2: 1 column", ATTI_TAGS_TSV},
        {"a\tX\n\tY\n", ":2: the token is empty", ATTI_TAGS_TSV},
        {"a\tX\nb\t\n", ":2: the label is empty", ATTI_TAGS_TSV},
        {"a\tX\ngood\ta fine film\nnot a film\tbad\n", ":2: a text and its label",
         ATTI_TAGS_SEEN},
    };
    char got[1000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fails(show(got, sizeof got, cases[i].text, cases[i].format, 4),
                     ATT_EFORMAT, cases[i].said);
    }
    atti_tag_reader *r = NULL;
    assert_fails(atti_tags_open(&r, file_of("a\tX\n"), ATTI_TAGS_SEEN, 0), ATT_EINVAL,
                 "column");
    assert_fails(atti_tags_open(&r, "/nowhere", ATTI_TAGS_SEEN, 4), ATT_ENOTFOUND,
                 "nowhere");
    assert_null(r);
}

/* The sentences and words that the treebank's README counts. */
static void treebank(void **state)
{
    (void)state;
    const char *path = support_data("tagging-ud-english-ewt/en_ewt-ud-dev.conllu");
    atti_tag_reader *r = NULL;
    atti_tagged s;
    int64_t sentences = 0, words = 0;
    assert_ok(atti_tags_open(&r, path, ATTI_TAGS_SEEN, 4));
    for (;;) {
        assert_ok(atti_tags_next(r, &s));
        if (s.n == 0) break;
        sentences++;
        words += s.n;
    }
    atti_tags_close(r);
    assert_int_equal(sentences, 2001);
    assert_int_equal(words, 25147);
}

static att_status read_one(void *ctx)
{
    char got[1000];
    return show(got, sizeof got, ctx, ATTI_TAGS_SEEN, 4);
}

static void failing_memory(void **state)
{
    (void)state;
    static char text[] = ROW("1", "a", "X", "X");
    support_fail_every_alloc(read_one, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_files),
        cmocka_unit_test(broken_files),
        cmocka_unit_test(treebank),
        cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
