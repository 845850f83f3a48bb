#!/usr/bin/env python3
"""Golden files of the tokenizer: tests/golden/spm.

Small SentencePiece models of every kind and what SentencePiece itself makes of some
texts, and models that must be refused, each broken in one way. The corpus is made here by
a grammar with a fixed seed, so that nothing of others' data is in the repository.

    tools/make_golden_spm.py tests/golden/spm
"""
import io
import json
import pathlib
import random
import struct
import sys
import tempfile

import sentencepiece as spm

SEED = 20240607


def corpus():
    r = random.Random(SEED)
    who = ["a man", "a woman", "two dogs", "the child", "ein mann", "eine frau",
           "zwei hunde", "das kind", "学生", "老师"]
    does = ["is standing", "walks", "eats an apple", "steht", "läuft über die straße",
            "isst äpfel", "喜欢 读书", "在 学校"]
    where = ["in the street", "near the café", "im park", "vor dem haus", "on a bench",
             "&apos;s garden", "&quot; home &quot;"]
    lines = []
    for _ in range(400):
        end = r.choice([" .", " !", " ?", ""])
        lines.append(f"{r.choice(who)} {r.choice(does)} {r.choice(where)}{end}")
    lines.append("abcdefghijklmnopqrstuvwxyz 0123456789 , ; : - ( )")
    return lines


TEXTS = [
    "", " ", "a", "  a  b  ", "ein mann steht .", "a man walks in the street .",
    "zwei hunde läuft über die straße !", "学生喜欢读书", "老师 在 学校 ?",
    "a man &apos;s hat &quot; is red &quot; .", "ﬁne ½ Ⅷ ①", "ＡＢＣ　ｄｅｆ", "e\u0301te\u0301",
    "tab\there", "no\u00a0break", "emoji 😀 here", "zero\u200bwidth", "\u2581 lower",
    "a\u2581b", "<unk> </s> <s>", "unknownwordqqqzzzxxx", "ÄÖÜ ß ẞ", "1 234 567,89",
    "ﷺ", "\u202eright", "x" * 200, "가각", "각",
]


def train(out, stem, **more):
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, vocab_size=more.pop("size"),
        hard_vocab_limit=False, minloglevel=2, num_threads=1, **more)
    data = model.getvalue()
    (out / f"{stem}.model").write_bytes(data)
    p = spm.SentencePieceProcessor(model_proto=data)
    cases = [{"text": t, "ids": p.encode(t), "decoded": p.decode(p.encode(t))}
             for t in TEXTS]
    note = f"sentencepiece {spm.__version__}, seed {SEED}"
    (out / f"{stem}.json").write_text(
        json.dumps({"made_by": note, "size": p.get_piece_size(), "cases": cases},
                   ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    return data


# --- protocol buffers by hand, to break them -------------------------------------------

def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while True:
        out += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            return out


def field(number, wire, payload):
    head = varint(number << 3 | wire)
    return head + (varint(len(payload)) if wire == 2 else b"") + payload


def piece(text, score=0.0, kind=None):
    body = field(1, 2, text if isinstance(text, bytes) else text.encode())
    body += field(2, 5, struct.pack("<f", score))
    if kind is not None:
        body += field(3, 0, varint(kind))
    return field(1, 2, body)


UNK = piece("<unk>", 0, 2)
GOOD = UNK + piece("</s>", 0, 3) + piece("\u2581a", -1) + piece("b", -2)


def trainer(**f):
    numbers = {"model_type": 3, "byte_fallback": 35, "unk_id": 40, "eos_id": 42}
    return field(2, 2, b"".join(field(numbers[k], 0, varint(v)) for k, v in f.items()))


def charsmap(units, blob=b"x\0", size=None):
    raw = b"".join(struct.pack("<I", u) for u in units)
    return struct.pack("<I", len(raw) if size is None else size) + raw + blob


def normalizer(m):
    return field(3, 2, field(2, 2, m))


def normalizer_of():
    return field(3, 2, field(1, 2, b"identity"))


def offset(unit, target):
    """An inner unit at index `unit` whose children start at `target`."""
    return (unit ^ target) << 10


def bad_models():
    blank = [0x80000000] * 256  # a value is nobody's child
    root = blank[:]
    root[0] = offset(0, 1 << 12)
    loop = blank[:]
    loop[0] = offset(0, 1)  # children at 1 ^ c
    loop[1 ^ 97] = offset(1 ^ 97, 1) | 97  # 'a' leads back to the same place
    value = blank[:]
    value[0] = offset(0, 1)
    value[1 ^ 97] = offset(1 ^ 97, 130) | 97 | 1 << 8
    value[130] = 0x80000000 | 5000
    chain = [0x80000000] * 1024
    at, base = 0, 1
    chain[0] = offset(0, 1)
    for k in range(40):  # a, aa, aaa, ...: 40 rules that are prefixes of one another
        unit = base ^ 97
        nxt = 256 + 2 * k if k else 256
        chain[unit] = offset(unit, nxt) | 97 | 1 << 8
        chain[nxt] = 0x80000000
        base = nxt
    all_bytes = b"".join(piece(f"<0x{i:02X}>", 0, 6) for i in range(256))
    yield "empty", b""
    yield "text", b"this is no model"
    yield "json", b'{"a": 1}'
    yield "lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    yield "truncated", GOOD[:-3]
    yield "length_past_end", UNK + b"\x0a\xff\x7f" + b"a"
    yield "length_huge", UNK + b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
    yield "varint_too_long", b"\x08" + b"\xff" * 11
    yield "group", GOOD + b"\x5b\x5c"
    yield "wire_type_7", GOOD + b"\x57"
    yield "field_zero", GOOD + b"\x02\x00"
    yield "pieces_as_varint", b"\x08\x01"
    yield "no_pieces", trainer(model_type=1)
    yield "no_unknown", piece("a", -1)
    yield "two_unknowns", GOOD + piece("<unk2>", 0, 2)
    yield "duplicate", GOOD + piece("b", -3)
    yield "empty_piece", GOOD + piece("", -3)
    yield "nul_piece", GOOD + piece(b"a\0b", -3)
    yield "invalid_utf8", GOOD + piece(b"\xff", -3)
    yield "nan_score", GOOD + piece("c", float("nan"))
    yield "inf_score", GOOD + piece("c", float("inf"))
    yield "type_0", GOOD + piece("c", -1, 0)
    yield "type_99", GOOD + piece("c", -1, 99)
    yield "long_piece", GOOD + piece("x" * 70000, -1)
    yield "byte_without_fallback", GOOD + piece("<0x41>", 0, 6)
    yield "byte_bad_name", GOOD + piece("<0xZZ>", 0, 6)
    yield "byte_lower_case", GOOD + piece("<0xab>", 0, 6)
    yield "fallback_without_bytes", GOOD + trainer(byte_fallback=1)
    yield "fallback_255", GOOD + all_bytes[:-14] + trainer(byte_fallback=1)
    yield "model_type_9", GOOD + trainer(model_type=9)
    yield "unk_id_past_end", GOOD + trainer(unk_id=4)
    yield "eos_id_minus_2", GOOD + trainer(eos_id=-2)
    yield "map_short", GOOD + normalizer(b"abc")
    yield "map_size_past_end", GOOD + normalizer(charsmap(blank, size=4096))
    yield "map_size_zero", GOOD + normalizer(charsmap([], size=0))
    yield "map_size_odd", GOOD + normalizer(charsmap(blank, size=1000))
    yield "map_no_nul", GOOD + normalizer(charsmap(blank, blob=b"xy"))
    yield "map_not_utf8", GOOD + normalizer(charsmap(blank, blob=b"\xff\0"))
    yield "map_offset_past_end", GOOD + normalizer(charsmap(root))
    yield "map_loop", GOOD + normalizer(charsmap(loop))
    yield "map_value_past_end", GOOD + normalizer(charsmap(value))
    yield "map_chain", GOOD + normalizer(charsmap(chain))
    yield "denormalizer_map", GOOD + field(5, 2, field(2, 2, charsmap(loop)))
    yield "no_trainer", GOOD
    yield "no_normalizer", GOOD + trainer(model_type=2)
    yield "user_prefixes", GOOD + b"".join(piece("z" * k, 0, 4) for k in range(1, 80))


def main():
    out = pathlib.Path(sys.argv[1])
    (out / "bad").mkdir(parents=True, exist_ok=True)
    (out / "corpus.txt").write_text("\n".join(corpus()) + "\n", encoding="utf-8")
    # A few rules instead of all of NFKC, whose map alone has 240 KB.
    rules = {"ﬁ": "fi", "½": "1/2", "Ⅷ": "VIII", "①": "1", "Ａ": "A", "Ｂ": "B", "\u3000": " ",
             "e\u0301": "é", "\u00a0": " ", "\u200b": "", "ﷺ": "صلى الله عليه وسلم", "aa": "a",
             "aaa": "b", "각": "x"}
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as f:
        for a, b in rules.items():
            f.write(" ".join(f"{ord(c):X}" for c in a) + "\t"
                    + " ".join(f"{ord(c):X}" for c in b) + "\n")
        f.flush()
        train(out, "bpe", size=200, model_type="bpe", normalization_rule_tsv=f.name,
              bos_id=-1, unk_id=0, eos_id=1, user_defined_symbols=["<sep>"])
    train(out, "unigram", size=150, model_type="unigram",
          normalization_rule_name="identity")
    train(out, "bytes", size=420, model_type="bpe", byte_fallback=True,
          character_coverage=0.98, normalization_rule_name="identity")
    train(out, "identity", size=200, model_type="bpe",
          normalization_rule_name="identity", remove_extra_whitespaces=False)
    for name, data in bad_models():
        (out / "bad" / f"{name}.model").write_bytes(data)
    whole = GOOD + trainer(model_type=2) + normalizer_of()
    (out / "good_by_hand.model").write_bytes(whole)


main()
