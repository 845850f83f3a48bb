/* split_scan.c - hand-written scanners for the split patterns of GPT-2, Llama 3 and kin.
 *
 * Each alternative is tried in the order of the expression, as a leftmost-first engine
 * would; "\s+(?!\S)" is a run of spaces without its last one when a word follows. */
#include "tokenize/split_scan.h"
#include "tokenize/unicode_classes.h"
#include <string.h>

enum { LETTER, NUMBER, SPACE, OTHER };

static int class_of(uint32_t c)
{
    if (atti_is_letter(c)) return LETTER;
    if (atti_is_number(c)) return NUMBER;
    return atti_unicode_is_space(c) ? SPACE : OTHER;
}

/* The end of the run of one class that starts at `at`, at most max characters. */
static size_t run_end(const char *s, size_t n, size_t at, int class, size_t max)
{
    while (at < n && max-- > 0) {
        size_t next = at;
        if (class_of(atti_next_code(s, n, &next)) != class) break;
        at = next;
    }
    return at;
}

/* 's 't 're 've 'm 'll 'd; folded: in any case, and U+017F is an s as well. */
static size_t contraction(const char *s, size_t n, size_t at, bool fold)
{
    static const char *const ends[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    if (s[at] != '\'') return 0;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t len = strlen(ends[i]), k = 0;
        while (k < len && at + 1 + k < n) {
            char c = s[at + 1 + k];
            if (fold && c >= 'A' && c <= 'Z') c = (char)(c + 32);
            if (c != ends[i][k]) break;
            k++;
        }
        if (k == len) return len + 1;
    }
    if (fold && n - at >= 3 && memcmp(s + at + 1, "\xc5\xbf", 2) == 0) return 3;
    return 0;
}

/* \s+(?!\S)|\s+ at a space. */
static size_t spaces(const char *s, size_t n, size_t at)
{
    size_t last = at, end = at;
    while (end < n) {
        size_t next = end;
        if (!atti_unicode_is_space(atti_next_code(s, n, &next))) break;
        last = end;
        end = next;
    }
    return (end < n && last > at ? last : end) - at;
}

size_t atti_scan_gpt2(const char *s, size_t n, size_t at)
{
    size_t len = contraction(s, n, at, false);
    if (len > 0) return len;
    size_t from = at + (s[at] == ' ' && at + 1 < n), next = from;
    int class = class_of(atti_next_code(s, n, &next));
    if (class != SPACE) return run_end(s, n, from, class, SIZE_MAX) - at;
    return spaces(s, n, at);
}

static bool is_newline(uint32_t c)
{
    return c == '\r' || c == '\n';
}

/* ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+` */
static size_t signs_or_spaces(const char *s, size_t n, size_t at)
{
    size_t from = at + (s[at] == ' ' && at + 1 < n), next = from;
    if (class_of(atti_next_code(s, n, &next)) == OTHER) {
        size_t end = run_end(s, n, from, OTHER, SIZE_MAX);
        while (end < n && is_newline((unsigned char)s[end])) end++;
        return end - at;
    }
    size_t end = run_end(s, n, at, SPACE, SIZE_MAX), line = end;
    while (line > at && !is_newline((unsigned char)s[line - 1])) line--;
    if (line > at) return line - at;
    return end > at ? spaces(s, n, at) : 0;
}

static size_t scan_llama(const char *s, size_t n, size_t at, size_t digits)
{
    size_t len = contraction(s, n, at, true);
    if (len > 0) return len;
    size_t next = at;
    uint32_t c = atti_next_code(s, n, &next);
    int class = class_of(c);
    if (class == LETTER) return run_end(s, n, at, LETTER, SIZE_MAX) - at;
    if (class == NUMBER) return run_end(s, n, at, NUMBER, digits) - at;
    if (!is_newline(c)) {
        size_t end = run_end(s, n, next, LETTER, SIZE_MAX);
        if (end > next) return end - at;
    }
    return signs_or_spaces(s, n, at);
}

static size_t scan_llama3(const char *s, size_t n, size_t at)
{
    return scan_llama(s, n, at, 3);
}

static size_t scan_qwen2(const char *s, size_t n, size_t at)
{
    return scan_llama(s, n, at, 1);
}

/* 's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+ */
static size_t scan_clip(const char *s, size_t n, size_t at)
{
    size_t len = contraction(s, n, at, false), next = at;
    if (len > 0) return len;
    int class = class_of(atti_next_code(s, n, &next));
    if (class == SPACE) return 0;
    return run_end(s, n, at, class, class == NUMBER ? 1 : SIZE_MAX) - at;
}

/* Zero-width joiners are word characters for one regular expression engine (the one that
 * the Whitespace pre-tokenizer is made with) and none for the other (Split's). */
static bool in_word(uint32_t c, bool joiners)
{
    return atti_is_word(c) && (joiners || (c != 0x200c && c != 0x200d));
}

static size_t words(const char *s, size_t n, size_t at, bool joiners)
{
    size_t next = at, end = at;
    uint32_t c = atti_next_code(s, n, &next);
    if (atti_unicode_is_space(c)) return 0;
    for (bool word = in_word(c, joiners);;) {
        end = next;
        if (end == n) break;
        c = atti_next_code(s, n, &next);
        if (in_word(c, joiners) != word || (!word && atti_unicode_is_space(c))) break;
    }
    return end - at;
}

size_t atti_scan_words(const char *s, size_t n, size_t at)
{
    return words(s, n, at, true);
}

static size_t scan_split_words(const char *s, size_t n, size_t at)
{
    return words(s, n, at, false);
}

static size_t scan_space_run(const char *s, size_t n, size_t at)
{
    return run_end(s, n, at, SPACE, SIZE_MAX) - at;
}
static size_t scan_space(const char *s, size_t n, size_t at)
{
    return run_end(s, n, at, SPACE, 1) - at;
}

static size_t blanks(const char *s, size_t n, size_t at)
{
    size_t end = at;
    while (end < n && s[end] == ' ') end++;
    return end - at;
}
static size_t scan_blanks(const char *s, size_t n, size_t at)
{
    return blanks(s, n, at);
}
static size_t scan_two_blanks(const char *s, size_t n, size_t at)
{
    size_t len = blanks(s, n, at);
    return len >= 2 ? len : 0;
}

static size_t scan_number(const char *s, size_t n, size_t at)
{
    return run_end(s, n, at, NUMBER, 1) - at;
}
static size_t scan_numbers(const char *s, size_t n, size_t at)
{
    return run_end(s, n, at, NUMBER, SIZE_MAX) - at;
}
static size_t scan_numbers3(const char *s, size_t n, size_t at)
{
    return run_end(s, n, at, NUMBER, 3) - at;
}

static size_t scan_newline(const char *s, size_t n, size_t at)
{
    (void)n;
    return s[at] == '\n';
}
static size_t scan_newlines(const char *s, size_t n, size_t at)
{
    size_t end = at;
    while (end < n && is_newline((unsigned char)s[end])) end++;
    return end - at;
}

#define LLAMA_TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define LLAMA_HEAD "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"

atti_scan *atti_scan_find(const char *pattern)
{
    static const struct {
        const char *pattern;
        atti_scan *scan;
    } known[] = {
        {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
         "\\s+(?!\\S)|\\s+",
         atti_scan_gpt2},
        {LLAMA_HEAD "\\p{N}{1,3}" LLAMA_TAIL, scan_llama3},
        {LLAMA_HEAD "\\p{N}" LLAMA_TAIL, scan_qwen2},
        {"'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+", scan_clip},
        {"\\w+|[^\\w\\s]+", scan_split_words},
        {"\\s+", scan_space_run},
        {"\\s", scan_space},
        {" +", scan_blanks},
        {" {2,}", scan_two_blanks},
        {"\\p{N}", scan_number},
        {"\\p{N}+", scan_numbers},
        {"\\p{N}{1,3}", scan_numbers3},
        {"\\n", scan_newline},
        {"[\\r\\n]+", scan_newlines},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].pattern, pattern) == 0) return known[i].scan;
    }
    return NULL;
}
