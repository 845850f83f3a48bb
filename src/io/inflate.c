/* inflate.c - RFC 1951: stored, fixed and dynamic blocks; canonical Huffman codes decoded
 * bit by bit from the counts of each length. Small before fast: what it reads are tables
 * of a few megabytes. Every read and write is bounded; nothing is allocated. */
#include "io/inflate.h"

#include <stdbool.h>
#include <string.h>

enum { MAX_BITS = 15, MAX_LITERALS = 288, MAX_DISTANCES = 32 };

typedef struct stream {
    const unsigned char *in;
    size_t n_in, at;
    uint32_t bits;
    int n_bits;
    unsigned char *out;
    size_t n_out, made;
    const char *wrong; /* the first thing that was */
} stream;

typedef struct code {
    uint16_t count[MAX_BITS + 1]; /* codes of each length */
    uint16_t symbol[MAX_LITERALS];
} code;

static uint32_t take(stream *s, int n)
{
    while (s->n_bits < n) {
        if (s->at == s->n_in) {
            if (!s->wrong) s->wrong = "the compressed bytes end too early";
            return 0;
        }
        s->bits |= (uint32_t)s->in[s->at++] << s->n_bits;
        s->n_bits += 8;
    }
    uint32_t v = s->bits & ((1U << n) - 1);
    s->bits >>= n;
    s->n_bits -= n;
    return v;
}

static void emit(stream *s, unsigned char byte)
{
    if (s->made == s->n_out) {
        if (!s->wrong) s->wrong = "more bytes than the directory says";
        return;
    }
    s->out[s->made++] = byte;
}

/* Canonical codes: of one length they are consecutive, in the order of the symbols. */
static bool make_code(code *c, const unsigned char *length, int n)
{
    uint16_t start[MAX_BITS + 1];
    int left = 1;
    memset(c, 0, sizeof *c);
    for (int i = 0; i < n; i++) c->count[length[i]]++;
    for (int b = 1; b <= MAX_BITS; b++) {
        left = 2 * left - c->count[b];
        if (left < 0) return false; /* more codes than bits allow */
    }
    start[1] = 0;
    for (int b = 1; b < MAX_BITS; b++)
        start[b + 1] = (uint16_t)(start[b] + c->count[b]);
    for (int i = 0; i < n; i++)
        if (length[i]) c->symbol[start[length[i]]++] = (uint16_t)i;
    c->count[0] = 0;
    return true; /* an incomplete code fails where it is hit */
}

static int decode(stream *s, const code *c)
{
    int value = 0, first = 0, index = 0;
    for (int b = 1; b <= MAX_BITS && !s->wrong; b++) {
        value |= (int)take(s, 1);
        int n = c->count[b];
        if (value - n < first) return c->symbol[index + (value - first)];
        index += n;
        first = (first + n) << 1;
        value <<= 1;
    }
    if (!s->wrong) s->wrong = "a code that stands for nothing";
    return -1;
}

static void stored(stream *s)
{
    s->bits = 0;
    s->n_bits = 0; /* to the next byte; take() never holds a whole one */
    uint32_t n = take(s, 16), check = take(s, 16);
    if (!s->wrong && n != (~check & 0xffffU)) s->wrong = "a stored block's length";
    if (!s->wrong && n > s->n_in - s->at) s->wrong = "a stored block ends too early";
    if (!s->wrong && n > s->n_out - s->made)
        s->wrong = "more bytes than the directory says";
    if (s->wrong) return;
    if (n > 0) memcpy(s->out + s->made, s->in + s->at, n);
    s->made += n;
    s->at += n;
}

/* A match: length and distance with their extra bits. */
static void repeat(stream *s, int symbol, const code *distance)
{
    static const uint16_t base[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                      15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                      67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const unsigned char more[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                           2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t far[30] = {1,    2,    3,    4,     5,     7,    9,    13,
                                     17,   25,   33,   49,    65,    97,   129,  193,
                                     257,  385,  513,  769,   1025,  1537, 2049, 3073,
                                     4097, 6145, 8193, 12289, 16385, 24577};
    if (symbol - 257 >= 29) {
        s->wrong = "a length that does not exist";
        return;
    }
    size_t n = base[symbol - 257] + take(s, more[symbol - 257]);
    int d = decode(s, distance);
    if (s->wrong) return;
    if (d >= 30) {
        s->wrong = "a distance that does not exist";
        return;
    }
    size_t back = far[d] + take(s, d < 2 ? 0 : d / 2 - 1);
    if (!s->wrong && back > s->made) s->wrong = "a distance before the beginning";
    for (; n > 0 && !s->wrong; n--) emit(s, s->out[s->made - back]);
}

static void coded(stream *s, const code *literal, const code *distance)
{
    while (!s->wrong) {
        int symbol = decode(s, literal);
        if (s->wrong || symbol == 256) return;
        if (symbol < 256)
            emit(s, (unsigned char)symbol);
        else
            repeat(s, symbol, distance);
    }
}

static void fixed(stream *s)
{
    unsigned char length[MAX_LITERALS];
    code literal, distance;
    for (int i = 0; i < MAX_LITERALS; i++)
        length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    (void)make_code(&literal, length, MAX_LITERALS);
    memset(length, 5, 30);
    (void)make_code(&distance, length, 30);
    coded(s, &literal, &distance);
}

static void dynamic(stream *s)
{
    static const unsigned char order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                            11, 4,  12, 3, 13, 2, 14, 1, 15};
    unsigned char length[MAX_LITERALS + MAX_DISTANCES] = {0};
    code lengths, literal, distance;
    int n_literal = (int)take(s, 5) + 257, n_distance = (int)take(s, 5) + 1;
    int n_lengths = (int)take(s, 4) + 4, n = 0;
    for (int i = 0; i < n_lengths; i++) length[order[i]] = (unsigned char)take(s, 3);
    if (!s->wrong &&
        (n_literal > 286 || n_distance > 30 || !make_code(&lengths, length, 19)))
        s->wrong = "the code of codes";
    memset(length, 0, sizeof length);
    while (!s->wrong && n < n_literal + n_distance) {
        int symbol = decode(s, &lengths), times = 1;
        unsigned char what = (unsigned char)symbol;
        if (s->wrong) return;
        if (symbol >= 16) {
            if (symbol == 16 && n == 0) {
                s->wrong = "a repetition of nothing";
                return;
            }
            what = symbol == 16 ? length[n - 1] : 0;
            times = symbol == 16   ? 3 + (int)take(s, 2)
                    : symbol == 17 ? 3 + (int)take(s, 3)
                                   : 11 + (int)take(s, 7);
        }
        if (!s->wrong && times > n_literal + n_distance - n)
            s->wrong = "more code lengths than codes";
        for (; times > 0 && !s->wrong; times--) length[n++] = what;
    }
    if (!s->wrong && length[256] == 0) s->wrong = "a block without an end";
    if (!s->wrong && (!make_code(&literal, length, n_literal) ||
                      !make_code(&distance, length + n_literal, n_distance)))
        s->wrong = "a code that cannot be";
    if (!s->wrong) coded(s, &literal, &distance);
}

att_status atti_inflate(unsigned char *out, size_t n_out, const unsigned char *in,
                        size_t n_in, const char *name)
{
    stream s = {.in = in, .n_in = n_in, .out = out, .n_out = n_out};
    uint32_t last = 0;
    while (!last && !s.wrong) {
        last = take(&s, 1);
        switch (take(&s, 2)) {
        case 0: stored(&s); break;
        case 1: fixed(&s); break;
        case 2: dynamic(&s); break;
        default: s.wrong = s.wrong ? s.wrong : "a block of no kind";
        }
    }
    if (!s.wrong && s.made != n_out) s.wrong = "fewer bytes than the directory says";
    return s.wrong ? atti_fail(ATT_EFORMAT, "%s: deflate: %s", name, s.wrong) : ATT_OK;
}
