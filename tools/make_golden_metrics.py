#!/usr/bin/env python3
"""Writes tests/golden/metrics.json: texts and the scores that sacreBLEU gives them.

Needs sacrebleu and regex (pip install sacrebleu regex). The texts are written for this
project or made by the seeded generator below; versions and seed are stored in the file.
Run from the repository's root: tools/make_golden_metrics.py
"""
import json
import platform
import random

import numpy
import regex
import sacrebleu
from sacrebleu.metrics import BLEU, CHRF

SEED = 20260117

ENGLISH = ["the", "a", "man", "woman", "dog", "runs", "sleeps", "in", "on", "grass", "3.14",
           "1,000", "U.S.", "it's", "well-known", "1990-95", "(maybe)", "\"quoted\"", "&amp;",
           "a/b", "end.", "Yes,", "no;", "50%", "$5.00", "e.g.", "x-", "-y", "...", "&lt;b&gt;"]
CHINESE = list("我是一个学生他们在北京看书昨天买了三本很有意思的") + ["，", "。", "“", "”", "——", "ABC", "2024年", "3.5", "！"]


def rng_lines(rng, words, n, joiner):
    return [joiner.join(rng.choice(words) for _ in range(rng.randint(0, 14))) for _ in range(n)]


def disturb(rng, line, words, joiner):
    parts = line.split(" ") if joiner == " " else list(line)
    out = []
    for p in parts:
        r = rng.random()
        if r < 0.08:
            continue
        out.append(rng.choice(words) if r < 0.2 else p)
        if r > 0.95:
            out.append(rng.choice(words))
    return joiner.join(out)


def cases():
    rng = random.Random(SEED)
    yield "one sentence", ["The cat sat on the mat."], [["The cat sat on a mat."]]
    yield "identical", ["Hello, world!", "A second line of text here."], [["Hello, world!", "A second line of text here."]]
    yield "nothing in common", ["alpha beta gamma delta"], [["one two three four five"]]
    yield "short hypotheses", ["yes", "no no", "a b c"], [["yes", "no", "a b c d"]]
    yield "empty hypotheses", ["", "the dog runs home now", ""], [["the dog", "the dog runs home now", "x"]]
    yield "all empty", ["", ""], [["a b c d", "e"]]
    yield "empty reference", ["a b c d e", "x y z w v"], [["a b c d e", ""]]
    yield "odd white space", ["  two  spaces\there ", "no\u00a0break\u2003em\u3000wide end  ", "form\x0cfeed\x1fhere"], \
        [["two spaces here", "no break em wide end", "form feed here"]]
    yield "unicode", ["naïve café – “quoted” … 3,5 €", "Привет, мир! Как дела?", "ÀÉÎ ÕÜ straße", "日本語のテキスト。", "emoji 😀 family 👨‍👩‍👧"], \
        [["naive café - “quoted” … 3.5 €", "Привет мир! Как твои дела?", "àéî õü STRASSE", "日本語の文章。", "emoji 😁 family 👨‍👩‍👦"]]
    yield "case", ["ΟΔΟΣ ΣΑΣ Σ ΑΣ' ΑΣ'Α", "İstanbul ILIK", "ÇA ÉTÉ Ǆ ẞ", "MIXED Case HERE now"], \
        [["οδος σας σ ας' ασ'α", "i̇stanbul ilik", "ça été ǆ ß", "mixed case here Now"]]
    yield "entities and marks", ["&quot;A&quot; &amp;lt; b <skipped> c-\nd\ne 5-3 a,b 1,2 .5 5. x.y ,,.. a--b"], \
        [["\"A\" < b c d e 5 - 3 a, b 1,2 .5 5 . x . y , , . . a - - b"]]
    yield "chinese", ["我是一个学生。", "他昨天在北京买了3.5本书，很有意思——真的！", "“你好”，ABC公司2024年成立", "𠀀𠀁 ㄅㄆ ⼀ ﹏", "  前后有空格  "], \
        [["我是学生。", "他昨天在北京买了三本书，很有意思——真的！", "“你好”，ABC公司于2024年成立", "𠀀𠀂 ㄅㄆ ⼀ ﹏", "前后有空格"]]
    yield "punctuation of many kinds", ["«guillemets» ¿qué? ¡hola! it’s 5′ 10″ ± × ÷ ½ ² ① ٣٫٥ १२", "price:£3,000.50;next(1)[2]{3}", "a_b~c`d^e|f\\g"], \
        [["« guillemets » ¿que? ¡hola! it's 5' 10\" ± x ÷ ½ 2 1 ٣٫٥ १२", "price: £3,000.50 ; next (1) [2] {3}", "a_b ~ c`d ^e |f \\ g"]]
    yield "two references", ["the dog runs on the grass today", "a man sleeps in the house", "x"], \
        [["a dog runs on grass today", "the man is sleeping in the house", "y"], ["the dog is running on the grass", "a man sleeps at home", "x x"]]
    yield "references that vary", ["the dog runs on the grass today", "a man sleeps in the house", "one two three four five"], \
        [["a dog runs on grass today", None, "one two three four six"], ["the dog is running on the grass", "a man sleeps at home", None]]
    ref = rng_lines(rng, ENGLISH, 60, " ")
    yield "random english", [disturb(rng, x, ENGLISH, " ") for x in ref], [ref, [disturb(rng, x, ENGLISH, " ") for x in ref]]
    ref = rng_lines(rng, CHINESE, 40, "")
    yield "random chinese", [disturb(rng, x, CHINESE, "") for x in ref], [ref]


def bleu_entry(hyps, refs, bootstrap=0, **o):
    m = BLEU(force=True, **o)
    s = m.corpus_score(hyps, refs, n_bootstrap=bootstrap or 1)
    e = {"tokenize": o.get("tokenize", "13a"), "lowercase": o.get("lowercase", False), "smooth": o.get("smooth_method", "exp"),
         "smooth_value": o.get("smooth_value", -1) if o.get("smooth_value") is not None else -1,
         "effective_order": o.get("effective_order", False), "bootstrap": bootstrap, "score": s.score, "precisions": s.precisions,
         "penalty": s.bp, "hyp_len": s.sys_len, "ref_len": s.ref_len, "signature": str(m.get_signature())}
    if bootstrap:
        e["mean"], e["interval"] = float(s._mean), float(s._ci)
    return e


def chrf_entry(hyps, refs, bootstrap=0, **o):
    m = CHRF(**o)
    s = m.corpus_score(hyps, refs, n_bootstrap=bootstrap or 1)
    e = {"char_order": o.get("char_order", 6), "word_order": o.get("word_order", 0), "beta": o.get("beta", 2),
         "lowercase": o.get("lowercase", False), "whitespace": o.get("whitespace", False), "bootstrap": bootstrap,
         "score": s.score, "name": s.name, "signature": str(m.get_signature())}
    if bootstrap:
        e["mean"], e["interval"] = float(s._mean), float(s._ci)
    return e


def main():
    out = {"versions": {"python": platform.python_version(), "sacrebleu": sacrebleu.__version__, "regex": regex.__version__,
                        "numpy": numpy.__version__}, "seed": SEED, "cases": []}
    for name, hyps, refs in cases():
        b = [bleu_entry(hyps, refs, tokenize=t, lowercase=lc) for t in ("13a", "zh", "char", "none", "intl") for lc in (False, True)]
        b += [bleu_entry(hyps, refs, smooth_method=s, smooth_value=v) for s, v in (("none", None), ("floor", None), ("floor", 0.5), ("add-k", None), ("add-k", 2))]
        b += [bleu_entry(hyps, refs, effective_order=True)]
        c = [chrf_entry(hyps, refs), chrf_entry(hyps, refs, word_order=2), chrf_entry(hyps, refs, lowercase=True),
             chrf_entry(hyps, refs, word_order=1, beta=3, char_order=4), chrf_entry(hyps, refs, whitespace=True)]
        if name.startswith("random"):
            b += [bleu_entry(hyps, refs, bootstrap=300)]
            c += [chrf_entry(hyps, refs, bootstrap=300)]
        out["cases"].append({"name": name, "hyps": hyps, "refs": refs, "bleu": b, "chrf": c})
    with open("tests/golden/metrics.json", "w", encoding="utf-8") as f:
        cases_ = out.pop("cases")
        dump = lambda x: json.dumps(x, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        f.write(dump(out)[:-1] + ',"cases":[\n' + ",\n".join(map(dump, cases_)) + "\n]}\n")


main()
