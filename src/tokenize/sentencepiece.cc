/* sentencepiece.cc - the one C++ file: SentencePiece (Kudo and Richardson 2018) behind
 * spm_shim.h. It owns nothing but the calls; checking, ids and vocabularies are C. */
#include "tokenize/spm_shim.h"

#include <cstdio>
#include <locale>
#include <new>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

struct atti_spm {
    sentencepiece::SentencePieceProcessor processor;
};

namespace {

/* Messages of the library may have several lines, end in a newline, and point to a log
 * that is off. */
int failed(char *err, size_t err_size, const std::string &why)
{
    std::string line;
    for (char c : why.substr(0, why.find(" See LOG("))) {
        line += c == '\n' || c == '\r' ? ' ' : c;
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    std::snprintf(err, err_size, "%s", line.c_str());
    return ATTI_SPM_FAILED;
}

template <typename F> int guarded(char *err, size_t err_size, F body)
{
    try {
        return body();
    } catch (const std::bad_alloc &) {
        std::snprintf(err, err_size, "out of memory");
        return ATTI_SPM_NO_MEMORY;
    } catch (const std::exception &e) {
        return failed(err, err_size, e.what());
    } catch (...) {
        return failed(err, err_size, "unknown exception");
    }
}

/* The library logs to standard error, as it does when a model's self-test fails; nobody
 * asked it to. The level is a switch of its trainer and of nothing else that is public:
 * this training is refused for its size, after the switch was read. */
void be_quiet()
{
    static const bool once = [] {
        const std::unordered_map<std::string, std::string> args = {
            {"minloglevel", "3"},
            {"vocab_size", "0"},
            {"normalization_rule_name", "identity"},
        };
        std::string nothing;
        (void)sentencepiece::SentencePieceTrainer::Train(args, nullptr, &nothing);
        return true;
    }();
    (void)once;
}

class Lines : public sentencepiece::SentenceIterator {
  public:
    Lines(atti_spm_next_fn *next, void *ctx) : next_(next), ctx_(ctx) { Next(); }
    bool done() const override { return done_; }
    void Next() override
    {
        const char *line = nullptr;
        size_t n = 0;
        done_ = next_(ctx_, &line, &n) != 0;
        if (!done_) value_.assign(line, n);
    }
    const std::string &value() const override { return value_; }
    sentencepiece::util::Status status() const override
    {
        return sentencepiece::util::Status();
    }

  private:
    atti_spm_next_fn *next_;
    void *ctx_;
    bool done_ = false;
    std::string value_;
};

} // namespace

extern "C" {

int atti_spm_open(atti_spm **out, const void *data, size_t n, char *err,
                  size_t err_size)
{
    atti_spm *s = nullptr;
    int rc = guarded(err, err_size, [&]() {
        be_quiet();
        s = new atti_spm;
        const auto st = s->processor.LoadFromSerializedProto(
            absl::string_view(static_cast<const char *>(data), n));
        if (!st.ok()) return failed(err, err_size, st.ToString());
        return static_cast<int>(ATTI_SPM_OK);
    });
    if (rc == ATTI_SPM_OK) {
        *out = s;
    } else {
        delete s;
    }
    return rc;
}

void atti_spm_close(atti_spm *s)
{
    delete s;
}

int32_t atti_spm_size(const atti_spm *s)
{
    return s->processor.GetPieceSize();
}

const char *atti_spm_piece(const atti_spm *s, int32_t id)
{
    return s->processor.IdToPiece(id).c_str();
}

int32_t atti_spm_find(const atti_spm *s, const char *piece)
{
    return s->processor.PieceToId(piece);
}

int32_t atti_spm_unk(const atti_spm *s)
{
    return s->processor.unk_id();
}
int32_t atti_spm_eos(const atti_spm *s)
{
    return s->processor.eos_id();
}
int32_t atti_spm_pad(const atti_spm *s)
{
    return s->processor.pad_id();
}

int atti_spm_is_control(const atti_spm *s, int32_t id)
{
    return s->processor.IsControl(id);
}

int atti_spm_is_unused(const atti_spm *s, int32_t id)
{
    return s->processor.IsUnused(id);
}

int atti_spm_encode(const atti_spm *s, const char *text, size_t n,
                    atti_spm_ids_fn *sink, void *ctx, char *err, size_t err_size)
{
    return guarded(err, err_size, [&]() {
        /* One vector a thread: encoding a corpus then allocates only what grows. */
        static thread_local std::vector<int> ids;
        const auto st = s->processor.Encode(absl::string_view(text, n), &ids);
        if (!st.ok()) return failed(err, err_size, st.ToString());
        return sink(ctx, ids.data(), ids.size()) ? static_cast<int>(ATTI_SPM_NO_MEMORY)
                                                 : static_cast<int>(ATTI_SPM_OK);
    });
}

int atti_spm_decode(const atti_spm *s, const char *const *pieces, size_t n,
                    atti_spm_text_fn *sink, void *ctx, char *err, size_t err_size)
{
    return guarded(err, err_size, [&]() {
        std::vector<absl::string_view> views;
        views.reserve(n);
        for (size_t i = 0; i < n; i++) views.emplace_back(pieces[i]);
        std::string text;
        const auto st = s->processor.Decode(views, &text);
        if (!st.ok()) return failed(err, err_size, st.ToString());
        return sink(ctx, text.data(), text.size())
                   ? static_cast<int>(ATTI_SPM_NO_MEMORY)
                   : static_cast<int>(ATTI_SPM_OK);
    });
}

int atti_spm_train_run(const atti_spm_train *t, atti_spm_next_fn *next, void *next_ctx,
                       atti_spm_text_fn *sink, void *sink_ctx, char *err,
                       size_t err_size)
{
    return guarded(err, err_size, [&]() {
        Lines lines(next, next_ctx);
        /* Not snprintf: its decimal point follows the program's locale. */
        std::ostringstream coverage;
        coverage.imbue(std::locale::classic());
        coverage.precision(17);
        coverage << t->character_coverage;
        /* The trainer adds up expected counts thread by thread, so the number of its
         * threads changes the last bits of a unigram model: it is fixed here. No <s>:
         * a translation model starts from its padding. hard_vocab_limit off: a small
         * corpus gives a smaller vocabulary instead of an error. */
        const std::unordered_map<std::string, std::string> args = {
            {"vocab_size", std::to_string(t->vocab_size)},
            {"model_type", t->unigram ? "unigram" : "bpe"},
            {"byte_fallback", t->byte_fallback ? "true" : "false"},
            {"normalization_rule_name", t->normalise ? "nmt_nfkc" : "identity"},
            {"character_coverage", coverage.str()},
            {"user_defined_symbols", t->symbols ? t->symbols : ""},
            {"unk_id", "0"},
            {"eos_id", "1"},
            {"bos_id", "-1"},
            {"pad_id", "-1"},
            {"hard_vocab_limit", "false"},
            {"num_threads", "2"},
            {"max_sentence_length", "16384"},
            {"minloglevel", "3"},
        };
        std::string model;
        const auto st =
            sentencepiece::SentencePieceTrainer::Train(args, &lines, &model);
        if (!st.ok()) return failed(err, err_size, st.ToString());
        return sink(sink_ctx, model.data(), model.size())
                   ? static_cast<int>(ATTI_SPM_NO_MEMORY)
                   : static_cast<int>(ATTI_SPM_OK);
    });
}
}
