#!/usr/bin/env python3
"""Golden files of the Hugging Face side of the tokenizer: tests/golden/tokenizers.

Small tokenizers of every kind, trained here on a corpus made by a grammar with a fixed
seed, and what the `tokenizers` library makes of some texts; every normalizer,
pre-tokenizer and decoder by itself; directories in the older forms; and files that must be
refused, each broken in one way.

    tools/make_golden_tokenizers.py tests/golden/tokenizers
"""
import base64
import io
import json
import pathlib
import random
import sys
import tempfile

import sentencepiece as spm
import tokenizers
import transformers
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)

SEED = 20240611
NOTE = (f"tokenizers {tokenizers.__version__}, transformers {transformers.__version__}, "
        f"sentencepiece {spm.__version__}, seed {SEED}")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def corpus():
    r = random.Random(SEED)
    who = ["a man", "The woman", "two dogs", "the child's friend", "ein Mann", "eine Frau",
           "zwei Hunde", "das Kind", "学生", "老师", "المعلم", "мальчик"]
    does = ["is standing", "walks", "doesn't eat", "steht", "läuft über die Straße",
            "isst Äpfel", "喜欢 读书", "在 学校", "يقرأ", "читает"]
    where = ["in the street", "near the café", "im Park", "vor dem Haus", "on a bench",
             "at 12:30", "for 1,234 euros", "\U0001F600"]
    return [f"{r.choice(who)} {r.choice(does)} {r.choice(where)}"
            f"{r.choice([' .', '!', '?', '', ', it said.'])}" for _ in range(400)]


TEXTS = [
    "", " ", "a", "  a  b  ", "ein Mann steht .", "The woman walks in the street!",
    "I'm sure they'll say it's what we'd've done; he SAID 'S 'LL \u017f '\u017f",
    "zwei Hunde läuft über die Straße !", "学生喜欢读书", "老师 在 学校 ?",
    "ﬁne ½ Ⅷ ① ²", "ＡＢＣ　ｄｅｆ", "e\u0301te\u0301 a\u0308\u0323 \u1e69 \u0073\u0323\u0307",
    "tab\there\n\nnew\r\nlines \n \n x\n", "no\u00a0break\u2003wide\u3000cjk\u2028sep\u0085nel",
    "emoji 😀 👩‍👩‍👧‍👦 👍🏽 🇩🇪 here", "zero\u200bwidth\u200djoin\ufeffbom", "\u2581 lower \u2581\u2581x",
    "<unk> </s> <s>x<mask> y  <mask>  z[MASK]!", "unknownwordqqqzzzxxx", "ÄÖÜ ß ẞ İI ıi ΑΣ Σ",
    "1 234 567,89 12345678 3.14 ١٢٣", "المعلم يقرأ، مُعَلِّم؟", "\u202eright", "x" * 120,
    "가각 각 \u1100\u1161", "हिन्दी कक्षा", "ไทย ภาษา", "a,b.c!d?e-f_g(h)[i]{j}$k^l`m~n+o=p|q<r>s",
    "x   y    z     ", "   leading", "don't do not can't", "a\x00b\x01c\x7fd\x1b", "\u0378\ue000\U000e0041",
    "𐐀𝒳𠀀 豈 〇 々", "new\n  line\n\tind  ent", "Hello,world!!! ...", "<|endoftext|>a <|endoftext|>",
    "extra_tokenextra_token extra_token!", "ﷺ ǅ ŉ ΐ", "…—–“q”‘s’«»", "\u0301start", "a\u0903b\u20ddc",
]
RAW = [b"a \xff\xc3 b", b"\xe2\x96", b"\xe2\x28\xa1 \xf0\x9f\x98 x", b"\xed\xa0\x80\xc0\xaf",
       b"\xf4\x90\x80\x80\xf0\x9f\x98\x80"]


def cases(encode, decode, texts=TEXTS):
    out = []
    for t in texts:
        ids = encode(t)
        out.append({"text": t, "ids": ids, "decoded": decode(ids)})
    for raw in RAW:
        out.append({"hex": raw.hex(), "ids": encode(raw.decode("utf-8", "replace"))})
    return out


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n",
                    encoding="utf-8")


def pairs(t):
    out = []
    for a, b in (("a man walks", None), ("a man", "The woman 学生"), ("", None)):
        e = t.encode(a, b) if b is not None else t.encode(a)
        out.append({"a": a, "b": b, "ids": e.ids, "types": e.type_ids})
    return out


def save(out, name, t, old_merges=False):
    t = Tokenizer.from_str(t.to_str())
    j = json.loads(t.to_str())
    if old_merges:  # "a b" instead of ["a", "b"], and no type, as old files have it
        j["model"]["merges"] = [" ".join(m) for m in j["model"]["merges"]]
        del j["model"]["type"]
    write(out / f"{name}.json", j)
    t = Tokenizer.from_file(str(out / f"{name}.json"))
    write(out / f"{name}.cases.json", {
        "made_by": NOTE, "size": t.get_vocab_size(), "pairs": pairs(t),
        "cases": cases(lambda x: t.encode(x, add_special_tokens=False).ids, t.decode)})
    return t


def wordpiece(out):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t.train_from_iterator(corpus(), trainers.WordPieceTrainer(
        vocab_size=260, special_tokens=special, show_progress=False))
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    return save(out, "bert", t)


def bpe(name, out, size, pre, norm=None, special=(), post=None, old=False, **model):
    t = Tokenizer(models.BPE(**model))
    t.pre_tokenizer = pre
    if norm:
        t.normalizer = norm
    t.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(special), show_progress=False,
        **{k: v for k, v in model.items() if k.endswith(("_suffix", "_prefix"))},
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if size > 300 else []))
    t.decoder = decoders.ByteLevel()
    if "end_of_word_suffix" in model:
        t.decoder = decoders.BPEDecoder(suffix=model["end_of_word_suffix"])
    if post:
        t.post_processor = post
    if name == "gpt2":
        t.add_tokens([AddedToken("extra_token", single_word=True, normalized=True)])
    return save(out, name, t, old)


def llama2(out):
    """SentencePiece-like BPE with byte pieces, as Llama 2's tokenizer.json."""
    norm = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    t.train_from_iterator(corpus()[:300], trainers.BpeTrainer(
        vocab_size=160, limit_alphabet=60, show_progress=False))
    m = json.loads(t.to_str())["model"]
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    vocab = {p: i for i, p in enumerate(pieces + list(m["vocab"]))}
    t = Tokenizer(models.BPE(vocab=vocab, merges=[tuple(x) for x in m["merges"]],
                             unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = norm
    t.add_special_tokens(["<unk>", "<s>", "</s>"])
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(),
                                   decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return save(out, "llama2", t)


def charsmap():
    """A few rules instead of all of NFKC, whose map alone has 240 KB."""
    rules = {"ﬁ": "fi", "½": "1/2", "Ⅷ": "VIII", "①": "1", "Ａ": "A", "Ｂ": "B",
             "\u3000": " ", "e\u0301": "é", "\u00a0": " ", "\u200b": "", "aa": "a",
             "\t": " ", "\n": " ", "ﷺ": "صلى الله", "각": "x"}
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as f:
        for a, b in rules.items():
            f.write(" ".join(f"{ord(c):X}" for c in a) + "\t"
                    + " ".join(f"{ord(c):X}" for c in b) + "\n")
        f.flush()
        model = io.BytesIO()
        spm.SentencePieceTrainer.train(sentence_iterator=iter(corpus()), model_writer=model,
                                       vocab_size=120, hard_vocab_limit=False,
                                       minloglevel=2, normalization_rule_tsv=f.name)
    return field(field(model.getvalue(), 3), 2)


def field(message, number):
    """The bytes of one length-delimited field of a protocol buffer."""
    at = 0

    def varint():
        nonlocal at
        n = shift = 0
        while True:
            at += 1
            n |= (message[at - 1] & 127) << shift
            shift += 7
            if message[at - 1] < 128:
                return n

    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            varint()
            continue
        size = {1: 8, 5: 4}.get(tag & 7) or varint()
        if tag >> 3 == number:
            return message[at:at + size]
        at += size
    raise ValueError(f"no field {number}")


def unigram(out, name, pre, byte_fallback=False, post=None, unk=True):
    t = Tokenizer(models.Unigram())
    t.pre_tokenizer = pre
    t.train_from_iterator(corpus(), trainers.UnigramTrainer(
        vocab_size=180, special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        unk_token="<unk>", show_progress=False))
    vocab = [(a, round(b, 6)) for a, b in json.loads(t.to_str())["model"]["vocab"]]
    if byte_fallback:
        vocab += [(f"<0x{b:02X}>", -20.0) for b in range(256)]
    t = Tokenizer(models.Unigram(vocab, 3, byte_fallback))
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap()),
                                         normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre
    t.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=name == "t5")])
    t.post_processor = post
    t.decoder = decoders.Metaspace()
    return save(out, name, t)


# --- every stage by itself -------------------------------------------------------------

def bytes_model():
    """Ids are bytes and a sign ends every word: what stages do is seen in the open."""
    vocab = {f"<0x{b:02X}>": b for b in range(256)}
    return {"type": "BPE", "dropout": None, "unk_token": None,
            "continuing_subword_prefix": None, "end_of_word_suffix": "⏎",
            "fuse_unk": False, "byte_fallback": True, "ignore_merges": False,
            "vocab": vocab, "merges": []}


def stages():
    N, P = normalizers, pre_tokenizers
    for kw in ({}, {"lowercase": False}, {"strip_accents": False}, {"clean_text": False},
               {"handle_chinese_chars": False}, {"lowercase": False, "strip_accents": True}):
        yield N.BertNormalizer(**kw), P.BertPreTokenizer()
    for n in (N.NFC(), N.NFD(), N.NFKC(), N.NFKD(), N.Lowercase(), N.Strip(),
              N.Strip(left=False), N.Strip(right=False), N.StripAccents(), N.Nmt(),
              N.ByteLevel(), N.Replace("a", "bb"), N.Replace(Regex(r"\s+"), "_"),
              N.Replace(Regex(" {2,}"), "▁"), N.Prepend("▁"), N.Precompiled(charsmap()),
              N.Sequence([N.NFD(), N.StripAccents(), N.Sequence([N.Lowercase()])])):
        yield n, None
    for p in (P.ByteLevel(add_prefix_space=False), P.ByteLevel(add_prefix_space=True),
              P.ByteLevel(use_regex=False), P.Whitespace(), P.WhitespaceSplit(),
              P.Digits(individual_digits=True), P.Digits(individual_digits=False),
              P.BertPreTokenizer(), P.Sequence([P.WhitespaceSplit(), P.Punctuation()])):
        yield None, p
    for s in ("first", "never", "always"):
        yield None, P.Metaspace(prepend_scheme=s)
        yield None, P.Metaspace(prepend_scheme=s, split=False)
        yield None, P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme=s)])
        yield N.Strip(), P.Metaspace(prepend_scheme=s)
    for b in ("removed", "isolated", "merged_with_previous", "merged_with_next",
              "contiguous"):
        yield None, P.Punctuation(behavior=b)
        yield None, P.Split("a", b)
        yield None, P.Split(" ", b, invert=True)
    for r in (LLAMA3, QWEN2, CLIP, r"\s+", r"\p{N}", r"\p{N}{1,3}", r"\w+|[^\w\s]+"):
        yield None, P.Split(Regex(r), "isolated")
        yield None, P.Split(Regex(r), "removed", invert=True)


def write_stages(out):
    model = bytes_model()
    variants = []
    for norm, pre in stages():
        t = Tokenizer(models.BPE())
        if norm:
            t.normalizer = norm
        if pre:
            t.pre_tokenizer = pre
        j = json.loads(t.to_str())
        parts = {k: j[k] for k in ("normalizer", "pre_tokenizer") if j[k]}
        t = Tokenizer.from_str(json.dumps(dict(j, model=model)))
        texts = [bytes(t.encode(x).ids).decode("utf-8") for x in TEXTS]
        variants.append({"parts": json.dumps(parts, ensure_ascii=False)[1:-1],
                         "out": texts})
    write(out / "stages.json", {"made_by": NOTE, "model": json.dumps(model),
                                "texts": TEXTS, "variants": variants})


def write_decoders(out):
    D = decoders
    pieces = ["<unk>", "▁a", "▁▁b", "##c", "d", "Ġe", "Ċ", "Ã", "¤", "<0xE5>", "<0xAD>", "<0xA6>",
              "<0xFF>", " f", "g</w>", ".", "'", "n't", " do not", "ñ\u0301", "学", "<s>", "  h  ",
              "'s", "#", "▁", "<0xe5>", "\n"]
    r = random.Random(SEED)
    lists = [list(range(len(pieces))), [], [9, 10, 11], [9, 10, 4], [12, 9, 10, 11, 12], [7, 8],
             [7, 4, 8], [1], [2], [3, 3], [13, 22, 22]]
    lists += [[r.randrange(len(pieces)) for _ in range(12)] for _ in range(12)]
    model = {"type": "WordLevel", "vocab": {p: i for i, p in enumerate(pieces)},
             "unk_token": "<unk>"}
    added = [{"id": 21, "content": "<s>", "single_word": False, "lstrip": False,
              "rstrip": False, "normalized": False, "special": True}]
    variants = []
    for d in (None, D.WordPiece("##", True), D.WordPiece("##", False), D.ByteLevel(),
              D.Metaspace(), D.Metaspace(prepend_scheme="never"), D.ByteFallback(), D.Fuse(),
              D.Strip(" ", 1, 1), D.Strip("▁", 2, 0), D.Replace("▁", " "),
              D.BPEDecoder("</w>"), D.Replace(Regex(" {2,}"), "_"),
              D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(),
                          D.Strip(" ", 1, 0)])):
        t = Tokenizer(models.WordLevel())
        if d:
            t.decoder = d
        j = json.loads(t.to_str())
        parts = {"added_tokens": added}
        if d:
            parts["decoder"] = j["decoder"]
        t = Tokenizer.from_str(json.dumps(dict(j, model=model, added_tokens=added)))
        variants.append({"parts": json.dumps(parts, ensure_ascii=False)[1:-1],
                         "out": [t.decode(x) for x in lists]})
    write(out / "decoders.json", {"made_by": NOTE, "model": json.dumps(model),
                                  "ids": lists, "variants": variants})


# --- directories without tokenizer.json ------------------------------------------------

def directories(out, bert, gpt2):
    for name, config in (("dir_bert", {"do_lower_case": True}),
                         ("dir_bert_cased", {"do_lower_case": False}),
                         ("dir_bert_accents", {"do_lower_case": True, "strip_accents": False,
                                               "tokenize_chinese_chars": False})):
        d = out / name
        d.mkdir(exist_ok=True)
        words = sorted(bert.get_vocab().items(), key=lambda x: x[1])
        (d / "vocab.txt").write_text("\n".join(w for w, _ in words) + "\r\n",
                                     encoding="utf-8")
        write(d / "tokenizer_config.json", dict(config, tokenizer_class="BertTokenizer"))
        t = transformers.BertTokenizer.from_pretrained(d)
        finish(d, t)
    m = json.loads(gpt2.to_str())["model"]
    for name, config in (("dir_gpt2", {"tokenizer_class": "GPT2Tokenizer"}),
                         ("dir_roberta", {"tokenizer_class": "RobertaTokenizer"})):
        d = out / name
        d.mkdir(exist_ok=True)
        vocab = dict(m["vocab"])
        if name == "dir_roberta":
            for s in ("<s>", "<pad>", "</s>", "<unk>", "<mask>"):
                vocab[s] = len(vocab)
        write(d / "vocab.json", vocab)
        (d / "merges.txt").write_text(
            "#version: 0.2\n" + "\n".join(" ".join(x) for x in m["merges"]) + "\n",
            encoding="utf-8")
        write(d / "tokenizer_config.json", config)
        cls = (transformers.RobertaTokenizer if name == "dir_roberta"
               else transformers.GPT2Tokenizer)
        finish(d, cls.from_pretrained(d))


def finish(d, t):
    b = t.backend_tokenizer
    write(d / "cases.json", {
        "made_by": NOTE, "size": b.get_vocab_size(), "pairs": pairs(b),
        "cases": cases(lambda x: b.encode(x, add_special_tokens=False).ids, b.decode)})


# --- what must be refused --------------------------------------------------------------

def bad(out):
    d = out / "bad"
    d.mkdir(exist_ok=True)
    wl = {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1}, "unk_token": "<unk>"}
    bp = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
    uni = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.0]]}

    def file(name, **parts):
        parts.setdefault("model", wl)
        write(d / f"{name}.json", parts)

    def model(name, base, **change):
        m = dict(base, **change)
        write(d / f"{name}.json", {"model": {k: v for k, v in m.items() if v is not None}})

    (d / "empty.json").write_bytes(b"")
    (d / "cut.json").write_bytes(b'{"model": {"type": "BPE"')
    (d / "deep.json").write_bytes(b"[" * 1000 + b"]" * 1000)
    (d / "array.json").write_bytes(b"[]\n")
    (d / "duplicate_key.json").write_bytes(
        b'{"model":{"type":"WordLevel","vocab":{"<unk>":0,"a":1,"a":2},"unk_token":"<unk>"}}')
    write(d / "no_model.json", {"version": "1.0"})
    model("model_type", wl, type="CharBPE")
    model("id_twice", wl, vocab={"<unk>": 0, "a": 0})
    model("id_negative", wl, vocab={"<unk>": 0, "a": -1})
    model("id_fraction", wl, vocab={"<unk>": 0, "a": 1.5})
    model("id_huge", wl, vocab={"<unk>": 0, "a": 1 << 30})
    model("id_desert", wl, vocab={"<unk>": 0, "a": 1 << 23})
    model("id_text", wl, vocab={"<unk>": 0, "a": "1"})
    model("vocab_empty", bp, vocab={}, merges=[])
    model("vocab_array", wl, vocab=["a"])
    model("long_piece", wl, vocab={"<unk>": 0, "x" * 65537: 1})
    model("no_unk", wl, unk_token="[UNK]")
    model("wordpiece_no_unk", dict(wl, type="WordPiece", unk_token=None))
    model("merge_left", bp, merges=["c b"])
    model("merge_right", bp, merges=[["a", "c"]])
    model("merge_both", bp, merges=["b a"])
    model("merge_one", bp, merges=["a"])
    model("merge_three", bp, merges=["a b c"])
    model("merge_number", bp, merges=[1])
    model("merge_triple", bp, merges=[["a", "b", "ab"]])
    model("merges_missing", bp, merges=None)
    model("dropout", bp, dropout=0.1)
    model("flag_type", bp, byte_fallback="yes")
    model("unigram_unk", uni, unk_id=2)
    model("unigram_score", uni, vocab=[["<unk>", 0.0], ["a", "x"]])
    (d / "unigram_nan.json").write_bytes(
        b'{"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",NaN]]}}')
    model("unigram_pair", uni, vocab=[["<unk>", 0.0], ["a"]])
    model("unigram_twice", uni, vocab=[["<unk>", 0.0], ["a", 0.0], ["a", -1.0]])
    token = {"id": 2, "content": "<x>", "special": True}
    file("added_id", added_tokens=[dict(token, id=7, content="a")])
    file("added_same_id", added_tokens=[dict(token, id=1)])
    file("added_twice", added_tokens=[token, token])
    file("added_empty", added_tokens=[dict(token, content="")])
    file("added_no_id", added_tokens=[{"content": "<x>"}])
    file("added_desert", added_tokens=[dict(token, id=1 << 22)])
    file("normalizer_type", normalizer={"type": "Unidecode"})
    file("normalizer_untyped", normalizer={"lowercase": True})
    file("sequence_empty", normalizer={"type": "Sequence"})
    file("steps", normalizer={"type": "Sequence",
                              "normalizers": [{"type": "NFC"}] * 65})
    file("replace_regex", normalizer={"type": "Replace", "pattern": {"Regex": "(a*)*b"},
                                      "content": ""})
    file("charsmap_base64", normalizer={"type": "Precompiled",
                                        "precompiled_charsmap": "AA*A"})
    loop = [0x80000000] * 256
    loop[0] = 1 << 10
    loop[1 ^ 97] = ((1 ^ 97) ^ 1) << 10 | 97
    raw = b"".join(u.to_bytes(4, "little") for u in [1024] + loop) + b"x\0"
    file("charsmap_loop", normalizer={"type": "Precompiled", "precompiled_charsmap":
                                      base64.b64encode(raw).decode()})
    file("pre_type", pre_tokenizer={"type": "UnicodeScripts"})
    file("pre_regex", pre_tokenizer={"type": "Split", "pattern": {"Regex": "[aeiou]+"},
                                     "behavior": "Isolated", "invert": False})
    file("pre_behavior", pre_tokenizer={"type": "Punctuation", "behavior": "Sideways"})
    file("pre_scheme", pre_tokenizer={"type": "Metaspace", "replacement": "_",
                                      "prepend_scheme": "last"})
    file("pre_replacement", pre_tokenizer={"type": "Metaspace", "replacement": ""})
    file("decoder_type", decoder={"type": "CTC"})
    file("post_type", post_processor={"type": "Other"})
    file("post_id", post_processor={"type": "BertProcessing", "sep": ["a", 9],
                                    "cls": ["a", 1]})
    file("template_token", post_processor={
        "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[X]"}}],
        "pair": [], "special_tokens": {}})
    file("template_sequence", post_processor={
        "type": "TemplateProcessing", "single": [{"Sequence": {"id": "C"}}], "pair": [],
        "special_tokens": {}})


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    P = pre_tokenizers
    bert = wordpiece(out)
    gpt2 = bpe("gpt2", out, 380, P.ByteLevel(add_prefix_space=False),
               special=["<|endoftext|>"], old=True)
    bpe("llama3", out, 380,
        P.Sequence([P.Split(Regex(LLAMA3), "isolated"),
                    P.ByteLevel(add_prefix_space=False, use_regex=False)]),
        special=["<|begin_of_text|>"], ignore_merges=True,
        post=processors.Sequence([processors.ByteLevel(), processors.TemplateProcessing(
            single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B:1",
            special_tokens=[("<|begin_of_text|>", 0)])]))
    bpe("clip", out, 300, P.Split(Regex(CLIP), "removed", invert=True), unk_token="<unk>",
        norm=normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()]),
        special=["<unk>"], end_of_word_suffix="</w>")
    bpe("prefixed", out, 250, P.Whitespace(), unk_token="<unk>", special=["<unk>"],
        continuing_subword_prefix="##")
    llama2(out)
    roberta = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    unigram(out, "xlmr", P.Metaspace(prepend_scheme="first"), post=roberta)
    unigram(out, "t5", P.Sequence([P.WhitespaceSplit(), P.Metaspace()]), byte_fallback=True,
            post=processors.BertProcessing(("</s>", 2), ("<s>", 0)))
    write_stages(out)
    write_decoders(out)
    directories(out, bert, gpt2)
    bad(out)


main()
