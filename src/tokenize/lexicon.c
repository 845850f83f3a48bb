/* lexicon.c - words and characters to ids; made from a corpus, kept as lexicon.json. */
#include "tokenize/lexicon.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "tokenize/unicode_classes.h"
#include <stdlib.h>
#include <string.h>

enum { CODES = 0x110000, MAX_WORDS = 1 << 23, MAX_FILE = 1 << 28 };

void atti_lexicon_deinit(atti_lexicon *x)
{
    atti_pieces_deinit(&x->words);
    atti_free(x->count);
    atti_free(x->code);
    atti_free(x->code_text);
    atti_free(x->seen);
    memset(x, 0, sizeof *x);
}

int64_t atti_lexicon_words(const atti_lexicon *x)
{
    return (int64_t)x->words.n + ATTI_LEXICON_FIRST;
}

int64_t atti_lexicon_chars(const atti_lexicon *x)
{
    return (int64_t)x->n_codes + 1;
}

enum { CODE_TEXT = 5 }; /* bytes of a character and its end */

const char *atti_lexicon_word(const atti_lexicon *x, int32_t id)
{
    static const char *const special[ATTI_LEXICON_FIRST] = {"<unk>", "<s>", "</s>"};
    if (id < 0 || id >= atti_lexicon_words(x)) return NULL;
    if (id < ATTI_LEXICON_FIRST) return special[id];
    return x->words.text + x->words.list[id - ATTI_LEXICON_FIRST].at;
}

const char *atti_lexicon_char(const atti_lexicon *x, int32_t id)
{
    if (id < 0 || id >= atti_lexicon_chars(x) || !x->code_text) return NULL;
    return id == ATTI_LEXICON_CHAR_UNK ? "<unk>" : x->code_text + (id - 1) * CODE_TEXT;
}

static void add_lower(atti_str *out, const char *s, size_t n)
{
    for (size_t at = 0; at < n;)
        atti_add_code(out, atti_to_lower(atti_next_code(s, n, &at)));
}

/* ---- looking up ------------------------------------------------------------------ */

static int32_t char_id(const atti_lexicon *x, uint32_t c)
{
    size_t lo = 0, hi = x->n_codes;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (x->code[mid] < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < x->n_codes && x->code[lo] == c ? (int32_t)lo + 1
                                               : ATTI_LEXICON_CHAR_UNK;
}

static att_status word_id(const atti_lexicon *x, const char *s, size_t n, int32_t *id)
{
    atti_str low = {0};
    add_lower(&low, s, n);
    att_status st = low.status;
    int32_t found =
        st == ATT_OK ? atti_pieces_find_any(&x->words, low.data, low.len) : -1;
    atti_str_deinit(&low);
    *id = ATTI_LEXICON_CHARS +
          (found < 0 ? ATTI_LEXICON_UNK : found + ATTI_LEXICON_FIRST);
    return st;
}

att_status atti_lexicon_encode(const atti_lexicon *x, const char *s, size_t n,
                               int32_t **ids, size_t *n_ids, size_t *cap)
{
    enum { MOST = ATTI_LEXICON_WORD_CHARS, HALF = MOST / 2 };
    int32_t id = 0, tail[HALF];
    size_t chars = 0, k = *n_ids + 1;
    if (n == 0) return atti_fail(ATT_EINVAL, "a word is empty");
    ATTI_TRY(word_id(x, s, n, &id));
    ATTI_TRY(atti_grow(ids, cap, k + MOST, sizeof **ids, "token ids"));
    (*ids)[k - 1] = id;
    for (size_t at = 0; at < n; chars++) {
        int32_t c = char_id(x, atti_next_code(s, n, &at));
        if (chars < MOST) (*ids)[k + chars] = c;
        tail[chars % HALF] = c;
    }
    if (chars > MOST)
        for (size_t i = 0; i < HALF; i++)
            (*ids)[k + HALF + i] = tail[(chars + i) % HALF];
    *n_ids = k + (chars < MOST ? chars : MOST);
    return ATT_OK;
}

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

const char *atti_lexicon_next_word(const char *text, size_t n, size_t *at, size_t *len)
{
    size_t i = *at, first;
    while (i < n && is_space(text[i])) i++;
    first = i;
    while (i < n && !is_space(text[i])) i++;
    *at = i;
    *len = i - first;
    return i > first ? text + first : NULL;
}

/* ---- making one ------------------------------------------------------------------ */

att_status atti_lexicon_see(atti_lexicon *x, const char *s, size_t n)
{
    atti_str low = {0};
    if (!x->seen) ATTI_TRY(atti_alloc(&x->seen, CODES, 1, "characters"));
    for (size_t at = 0; at < n;) {
        uint32_t c = atti_next_code(s, n, &at);
        if (c < CODES) x->seen[c] = 1;
    }
    add_lower(&low, s, n);
    att_status st = low.status;
    int32_t id = st == ATT_OK ? atti_pieces_find_any(&x->words, low.data, low.len) : -1;
    if (st == ATT_OK && id < 0 && low.len <= ATTI_MAX_PIECE_BYTES &&
        x->words.n < MAX_WORDS) {
        id = (int32_t)x->words.n;
        st = atti_grow(&x->count, &x->cap_count, x->words.n + 1, sizeof *x->count,
                       "words");
        if (st == ATT_OK)
            st = atti_pieces_add(&x->words, low.data, low.len, id, "the corpus");
        if (st == ATT_OK) x->count[id] = 0;
    }
    if (st == ATT_OK && id >= 0) x->count[id]++;
    atti_str_deinit(&low);
    return st;
}

typedef struct counted {
    const char *text;
    size_t n;
    int64_t count;
} counted;

static int by_count(const void *a, const void *b)
{
    const counted *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return strcmp(x->text, y->text);
}

static att_status keep_words(atti_pieces *out, const atti_lexicon *x, int64_t least,
                             int64_t most)
{
    counted *all = NULL;
    size_t n = 0;
    const atti_pieces *v = &x->words;
    ATTI_TRY(atti_alloc(&all, v->n, sizeof *all, "words"));
    for (size_t i = 0; i < v->n; i++)
        if (x->count[i] >= least)
            all[n++] = (counted){v->text + v->list[i].at, v->list[i].len, x->count[i]};
    qsort(all, n, sizeof *all, by_count);
    int64_t room = most - ATTI_LEXICON_FIRST;
    if ((int64_t)n > room) n = room > 0 ? (size_t)room : 0;
    att_status st = ATT_OK;
    for (size_t i = 0; i < n && st == ATT_OK; i++)
        st = atti_pieces_add(out, all[i].text, all[i].n, (int64_t)i, "the corpus");
    atti_free(all);
    return st;
}

att_status atti_lexicon_keep(atti_lexicon *x, int64_t least, int64_t most)
{
    atti_pieces kept = {0};
    att_status st = keep_words(&kept, x, least, most);
    for (uint32_t c = 1; c < CODES && st == ATT_OK && x->seen; c++) {
        if (!x->seen[c]) continue;
        if (x->n_codes + 2 >= ATTI_LEXICON_CHARS) break; /* the rest is unknown */
        st = atti_grow(&x->code, &x->cap_codes, x->n_codes + 1, sizeof *x->code,
                       "characters");
        if (st == ATT_OK) x->code[x->n_codes++] = c;
    }
    if (st != ATT_OK) {
        atti_pieces_deinit(&kept);
        return st;
    }
    atti_pieces_deinit(&x->words);
    x->words = kept;
    atti_free(x->count);
    atti_free(x->seen);
    x->count = NULL;
    x->seen = NULL;
    x->cap_count = 0;
    return ATT_OK;
}

/* ---- the file -------------------------------------------------------------------- */

att_status atti_lexicon_save(const atti_lexicon *x, const char *path)
{
    atti_jsonw w = {0};
    atti_str chars = {0};
    for (size_t i = 0; i < x->n_codes; i++) atti_add_code(&chars, x->code[i]);
    atti_jsonw_object(&w, NULL);
    atti_jsonw_str_n(&w, "characters", chars.data ? chars.data : "", chars.len);
    atti_jsonw_array(&w, "words");
    for (size_t i = 0; i < x->words.n; i++)
        atti_jsonw_str_n(&w, NULL, x->words.text + x->words.list[i].at,
                         x->words.list[i].len);
    atti_jsonw_end(&w, ']');
    atti_jsonw_end(&w, '}');
    atti_str_add(&w.s, "\n");
    att_status st = chars.status != ATT_OK ? chars.status : w.s.status;
    if (st == ATT_OK) st = atti_write_file(path, w.s.data, w.s.len);
    atti_str_deinit(&chars);
    atti_str_deinit(&w.s);
    return st;
}

static att_status read_chars(atti_lexicon *x, const char *s, size_t n, const char *path)
{
    for (size_t at = 0; at < n;) {
        uint32_t c = atti_next_code(s, n, &at);
        if (c == 0) return atti_fail(ATT_EFORMAT, "%s: a character is zero", path);
        if (x->n_codes > 0 && x->code[x->n_codes - 1] >= c)
            return atti_fail(ATT_EFORMAT,
                             "%s: characters are not in rising order, each once", path);
        if (x->n_codes + 2 > ATTI_LEXICON_CHARS)
            return atti_fail(ATT_EFORMAT, "%s: more than %d characters", path,
                             ATTI_LEXICON_CHARS - 1);
        ATTI_TRY(atti_grow(&x->code, &x->cap_codes, x->n_codes + 1, sizeof *x->code,
                           "characters"));
        x->code[x->n_codes++] = c;
    }
    return ATT_OK;
}

static att_status write_codes(atti_lexicon *x)
{
    ATTI_TRY(atti_alloc(&x->code_text, x->n_codes + 1, CODE_TEXT, "characters"));
    for (size_t i = 0; i < x->n_codes; i++)
        (void)atti_utf8_encode(x->code_text + i * CODE_TEXT, x->code[i]);
    return ATT_OK;
}

static att_status read_all(atti_lexicon *x, const atti_json *root, const char *path)
{
    size_t len = 0;
    const atti_json *chars = atti_json_get(root, "characters");
    const atti_json *words = atti_json_get(root, "words");
    if (!atti_json_is_string(chars) || !atti_json_is_array(words))
        return atti_fail(ATT_EFORMAT,
                         "%s: expected an object with 'characters', a text, and "
                         "'words', a list",
                         path);
    const char *s = atti_json_string(chars, &len);
    ATTI_TRY(read_chars(x, s, len, path));
    ATTI_TRY(write_codes(x));
    size_t n = atti_json_count(words);
    if (n > MAX_WORDS)
        return atti_fail(ATT_EFORMAT, "%s: more than %d words", path, MAX_WORDS);
    for (size_t i = 0; i < n; i++) {
        s = atti_json_string(atti_json_at(words, i), &len);
        if (!s) return atti_fail(ATT_EFORMAT, "%s: word %zu is no text", path, i);
        if (len == 0 || memchr(s, 0, len))
            return atti_fail(ATT_EFORMAT, "%s: word %zu is empty or has a zero byte",
                             path, i);
        ATTI_TRY(atti_pieces_add(&x->words, s, len, (int64_t)i, path));
    }
    return ATT_OK;
}

att_status atti_lexicon_load(atti_lexicon *x, const char *path)
{
    atti_json *root = NULL;
    memset(x, 0, sizeof *x);
    ATTI_TRY(atti_json_load(&root, path, MAX_FILE, 0));
    att_status st = read_all(x, root, path);
    atti_json_destroy(root);
    if (st != ATT_OK) atti_lexicon_deinit(x);
    return st;
}
