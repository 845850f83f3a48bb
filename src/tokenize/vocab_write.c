/* vocab_write.c - vocab.json of Marian from SentencePiece models: </s> 0, <unk> 1, the
 * pieces, <pad> last. */
#include "tokenize/vocab_write.h"
#include "attend/tokenizer.h"
#include "base/file.h"
#include "base/json.h"
#include <stdio.h>
#include <string.h>

enum { MAX_MODELS = 64 };

static bool is_special(const char *piece)
{
    static const char *const names[] = {"<unk>", "</s>", "<s>", "<pad>"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(piece, names[i]) == 0) return true;
    }
    return false;
}

static bool in_earlier(att_tokenizer *const *t, int32_t n, const char *piece)
{
    for (int32_t i = 0; i < n; i++) {
        if (att_tokenizer_id(t[i], piece) != att_tokenizer_unk(t[i])) return true;
    }
    return false;
}

/* Every piece once, in order; the special ones have places of their own. w NULL: only
 * counts. Returns the number of ids. */
static int64_t list_pieces(atti_jsonw *w, att_tokenizer *const *t, int32_t n,
                           const atti_vocab_extra *extra, int64_t size)
{
    int64_t next = 2;
    for (int32_t i = 0; i < n; i++) {
        for (int32_t id = 0; id < att_tokenizer_size(t[i]); id++) {
            const char *piece = att_tokenizer_piece(t[i], id);
            if (id == att_tokenizer_unk(t[i]) || is_special(piece)) continue;
            if (in_earlier(t, i, piece)) continue;
            if (w) atti_jsonw_i64(w, piece, next);
            next++;
        }
    }
    for (size_t i = 0; extra && i < extra->n; i++) {
        if (in_earlier(t, n, extra->word[i])) continue;
        if (w) atti_jsonw_i64(w, extra->word[i], next);
        next++;
    }
    for (int64_t i = 0; w && next + 1 < size; i++) {
        char name[40];
        snprintf(name, sizeof name, "<unused%lld>", (long long)i);
        atti_jsonw_i64(w, name, next++);
    }
    if (w) atti_jsonw_i64(w, "<pad>", next);
    return next + 1;
}

static att_status open_all(att_tokenizer **t, const char *const *spm_paths, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        ATTI_TRY(att_tokenizer_open(&t[i], spm_paths[i], NULL));
    }
    return ATT_OK;
}

static void close_all(att_tokenizer **t, int32_t n)
{
    for (int32_t i = 0; i < n; i++) att_tokenizer_destroy(t[i]);
}

att_status atti_vocab_count(const char *const *spm_paths, int32_t n,
                            const atti_vocab_extra *extra, int64_t *count)
{
    att_tokenizer *t[MAX_MODELS] = {NULL};
    att_status st = open_all(t, spm_paths, n);
    if (st == ATT_OK) *count = list_pieces(NULL, t, n, extra, 0);
    close_all(t, n);
    return st;
}

att_status atti_vocab_write_sized(const char *vocab_path, const char *const *spm_paths,
                                  int32_t n, const atti_vocab_extra *extra,
                                  int64_t size)
{
    att_tokenizer *t[MAX_MODELS] = {NULL};
    att_status st = open_all(t, spm_paths, n);
    if (st == ATT_OK) {
        atti_jsonw w = {.indent = 2};
        atti_jsonw_object(&w, NULL);
        atti_jsonw_i64(&w, "</s>", 0);
        atti_jsonw_i64(&w, "<unk>", 1);
        list_pieces(&w, t, n, extra, size);
        atti_jsonw_end(&w, '}');
        atti_str_add(&w.s, "\n");
        st = w.s.status;
        if (st == ATT_OK) st = atti_write_file(vocab_path, w.s.data, w.s.len);
        atti_str_deinit(&w.s);
    }
    close_all(t, n);
    return st;
}

att_status att_tokenizer_write_vocab(const char *vocab_path,
                                     const char *const *spm_paths, int32_t n)
{
    if (!vocab_path || !spm_paths || n < 1 || n > MAX_MODELS) {
        return atti_fail(ATT_EINVAL, "att_tokenizer_write_vocab: %s",
                         !vocab_path ? "vocab_path is NULL" : "models not in 1..64");
    }
    for (int32_t i = 0; i < n; i++) {
        if (!spm_paths[i]) {
            return atti_fail(ATT_EINVAL, "att_tokenizer_write_vocab: model %d is NULL",
                             i);
        }
    }
    return atti_vocab_write_sized(vocab_path, spm_paths, n, NULL, 0);
}
