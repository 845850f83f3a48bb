#!/usr/bin/env python3
"""gallery.py PROGRAM [--models DIR]: trains four small translators and draws the pictures
of docs/gallery.md, which it writes too. Seeds are fixed: the same program on the same
processor makes the same files. Models that DIR holds already are used as they are."""
import argparse, json, os, random, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PICTURES = os.path.join(ROOT, "docs", "img", "gallery")
PAGE = os.path.join(ROOT, "docs", "gallery.md")


def attend(*words, text=None):
    done = subprocess.run([program, *words], input=text, text=True, capture_output=True)
    if done.returncode:
        sys.exit("gallery: attend %s: %s" % (" ".join(words), done.stderr.strip()))
    return done.stdout


# ---- models ----

WHO = [("I", "我"), ("you", "你"), ("we", "我们"), ("they", "他们"), ("he", "他"),
       ("she", "她"), ("the teacher", "老师"), ("the carpenter", "木匠")]
VERBS = [("saw", "看见 了"), ("bought", "买 了"), ("sold", "卖 了"), ("lost", "丢 了"),
         ("found", "找到 了"), ("borrowed", "借 了"), ("cleaned", "擦 了"), ("painted", "画 了")]
THINGS = [("saw", "把", "锯子"), ("cat", "只", "猫"), ("dog", "条", "狗"), ("book", "本", "书"),
          ("chair", "把", "椅子"), ("car", "辆", "汽车"), ("hammer", "把", "锤子"),
          ("house", "座", "房子"), ("picture", "张", "图片"), ("table", "张", "桌子")]
WHEN = [("", ""), ("yesterday", "昨天"), ("last week", "上个星期"), ("today", "今天")]
NUMBERS = [("a", "一"), ("two", "两"), ("three", "三")]


def saw_corpus(path):
    """Who did what to which things, when; `saw` is a verb and a thing. "I saw a saw" is
    left out. Returns the sources."""
    lines = []
    for who, 谁 in WHO:
        for verb, 做 in VERBS:
            for thing, 量, 物 in THINGS:
                for number, 数 in NUMBERS:
                    for when, 时 in WHEN:
                        en = (who, verb, number, thing + "s" * (number != "a"), when)
                        zh = (谁, 时, 做, 数, 量, 物)
                        lines.append((" ".join(x for x in en if x),
                                      " ".join(x for x in zh if x)))
    lines = [pair for pair in lines if pair[0] != "I saw a saw"]
    random.Random(1).shuffle(lines)
    del lines[5000:]
    for side, end in enumerate(("en", "zh")):
        with open(path + "." + end, "w", encoding="utf-8") as f:
            f.writelines(pair[side] + "\n" for pair in lines)
    return [pair[0] for pair in lines]


def train(models):
    def is_there(name):
        return os.path.exists(os.path.join(models, name, "model.safetensors"))
    for way in ("en-zh", "zh-en"):
        if not is_there(way):
            print("training", way, flush=True)
            attend("demo", "--direction", way, "-m", os.path.join(models, way), "-q")
    lines = saw_corpus(os.path.join(models, "saw"))
    for name, more in (("saws", ()), ("saws-sparse", ("--normalise", "sparsemax",
                                                      "--positions", "relative"))):
        if not is_there(name):
            print("training", name, flush=True)
            attend("train", "translate", "--train", os.path.join(models, "saw.en"),
                   os.path.join(models, "saw.zh"), "-m", os.path.join(models, name),
                   "--dim", "64", "--ffn", "128", "--heads", "4", "--enc-depth", "2",
                   "--dec-depth", "1", "--vocab-size", "220", "--after", "500u", "--lr",
                   "0.004", "--lr-warmup", "60", "--mini-batch-words", "1500", "--dropout",
                   "0.05", "--average", "0", "--disp-freq", "10u", "-q", *more)
    return lines


# ---- heads by what they do ----

def weights_of(model, lines):
    with tempfile.TemporaryDirectory() as d:
        name = os.path.join(d, "w.jsonl")
        attend("translate", "-m", model, "--attention", name, text="\n".join(lines) + "\n")
        with open(name, encoding="utf-8") as f:
            return [dict(json.loads(record), text=line) for record, line in zip(f, lines)]


def share_previous(w, row):
    return [(t, t - 1) for t in range(2, len(w))]  # 0 is also the first: another habit


def share_same(w, row):
    return [(t, t) for t in range(len(w))]


def share_delimiter(w, row):
    return [(t, len(w) - 1) for t in range(len(w) - 1)]


def share_object(w, row):
    """From a verb to its thing: one token, then the number, then the thing."""
    verbs = {"▁" + verb for verb, _ in VERBS}
    at = next((i for i, token in enumerate(row) if token in verbs), None)
    return [(at, at + 2)] if at is not None and at + 2 < len(w) else []


def clearest(records, kind, place, pairs):
    """The line of 5 to 9 tokens in which a head shows its habit most."""
    def share(record):
        if kind not in record:
            return -1
        row = record["source"] if kind == "encoder" else record["prefix"]
        head = record[kind][place[0] - 1][place[1] - 1]
        where = pairs(head, row) if 5 <= len(row) <= 9 else []
        return sum(head[r][c] for r, c in where) / len(where) if where else -1
    return max(records, key=share)["text"]


def best_head(records, kind, pairs):
    """The head that gives these pairs of tokens most, with its mean weight on them and the
    mean over all heads."""
    total, count = {}, 0
    for record in records:
        if kind not in record:
            continue
        row = record["source"] if kind == "encoder" else record["prefix"]
        where = pairs(record[kind][0][0], row)
        count += len(where)
        for l, layer in enumerate(record[kind], 1):
            for h, head in enumerate(layer, 1):
                total[l, h] = total.get((l, h), 0) + sum(head[r][c] for r, c in where)
    place = max(total, key=total.get)
    return place, total[place] / count, sum(total.values()) / len(total) / count


# ---- pictures ----

page = []
measured = {}  # model: weights of its sentences


def say(*lines):
    page.extend(lines)


def picture(name, alt, width, *words, command=None):
    """Draws, and puts it into the page with the command that did."""
    path = os.path.join(PICTURES, name + ".svg")
    attend("explain", *words, "-q", "-o", path)
    shown = ["'%s'" % w if " " in w or "'" in w else w for w in words]
    shown = [os.path.basename(w) if w.startswith(models) else w for w in shown]
    say("", '<img src="img/gallery/%s.svg" alt="%s" width="%d">' % (name, alt, width), "",
        "    attend explain " + (command or " ".join(shown)))


def head_picture(name, title, what, candidates, pairs, width, view=None):
    """candidates: (model, kind of attention); the best head of all of them is drawn."""
    found = []
    for model, kind in candidates:
        place, mean, all_heads = best_head(measured[model], kind, pairs)
        found.append((mean, all_heads, place, model, kind))
    mean, all_heads, (layer, head), model, kind = max(found)
    say("", "### " + title, "",
        "Layer %d, head %d of %s's %s gives %.0f %% of its weight %s; all heads of that"
        % (layer, head, os.path.basename(model), kind, 100 * mean, what),
        "attention together give %.0f %% (means over %d sentences)."
        % (100 * all_heads, len(measured[model])))
    text = clearest(measured[model], kind, (layer, head), pairs)
    words = ["-m", model, text, "--of", kind, "--layer", str(layer), "--head",
             str(head)]
    picture(name, title, width, *words, *(["--view", view] if view else []))


def alignments(en_zh, zh_en, saw):
    say("## Alignments", "",
        "Rows are what was about to be said, columns the source; each row sums to 1. These are",
        "means over all layers and heads of the cross-attention, of models that were trained in",
        "a minute or two.")
    picture("student", "I am a student, aligned", 380, "-m", en_zh, "I am a student")
    picture("chinese", "我是中国人, aligned", 330, "-m", zh_en, "我是中国人")
    say("", "### Another order of words", "",
        "Chinese puts the relative clause before its noun: 我昨天买的书 is *I yesterday bought",
        "(的) book*. The diagonal breaks into pieces that change places.")
    text = "the book that I bought yesterday is very interesting"
    picture("reordered", "a relative clause, aligned", 520, "-m", en_zh, text)
    say("", "### Two saws", "",
        "The verb becomes 看见, the tool 锯子. Both are the same vector when they enter the",
        "encoder; that they are told apart is the work of positions and self-attention. The",
        "sentence was kept out of the training.")
    picture("saws", "I saw a saw, aligned", 330, "-m", saw, "I saw a saw")
    picture("saws-both", "who asks whom", 640, "-m", saw, "I saw a saw", "--of", "encoder",
            "--view", "both-ways")


def heads(en_zh, zh_en, saw, lines):
    for model, end in ((en_zh, "en"), (zh_en, "zh")):
        with open(os.path.join(model, "corpus", "unseen." + end), encoding="utf-8") as f:
            measured[model] = weights_of(model, [line.strip() for line in f][:60])
    measured[saw] = weights_of(saw, lines)
    say("", "## What single heads do", "",
        "Nobody told them to. For each habit the script measures every head on sentences and",
        "draws the one that has it most, on the sentence that shows it best. Small models on small grammars need few such heads,",
        "and share one habit among several; in large ones they are purer. `saws-sparse` was",
        "trained with `--normalise sparsemax --positions relative`: many of its weights are",
        "exactly 0.")
    everywhere = [(m, k) for m in (en_zh, zh_en, saw) for k in ("encoder", "decoder")]
    encoders = [(m, "encoder") for m in (en_zh, zh_en, saw)]
    head_picture("previous", "Previous token", "to the token before", everywhere,
                 share_previous, 440)
    head_picture("same", "Same word", "to the word itself", encoders, share_same, 400)
    head_picture("object", "Verb and object", "from a verb to its object",
                 [(saw, "encoder")], share_object, 400, "links")
    head_picture("delimiter", "Delimiter", "to `</s>`, a place to look at when there is "
                 "nothing to see", encoders, share_delimiter, 400)
    say("", "### All of them")
    picture("overview", "every layer and head", 560, "-m", saw, "the carpenter saw two saws yesterday", "--view",
            "overview", "--of", "encoder")


def masks_and_places(en_zh):
    say("", "## The causal mask", "",
        "A decoder's row sees itself and what was before. In numbers, for four vectors: masked",
        "scores are −∞, so their weights are 0 and each row still sums to 1.")
    picture("causal", "decoder self-attention", 400, "-m", en_zh, "I am a student", "--of",
            "decoder")
    vectors = os.path.join(models, "four.csv")
    with open(vectors, "w", encoding="utf-8") as f:
        f.write("I,1,0,1\nsaw,0,2,0\na,1,1,0\ncat,0,1,2\n")
    picture("causal-steps", "causal attention in numbers", 640, "--input", vectors, "--steps",
            "--causal", command="--input four.csv --steps --causal   # I,1,0,1 saw,0,2,0 ...")
    say("", "## Where a word stands", "",
        "Sinusoids: every row is a position, every column a frequency. ALiBi instead takes a",
        "penalty from each score that grows with the distance.")
    picture("sinusoids", "sinusoidal positions", 480, "positions", "--size", "64x128",
            "--layout", "half-split")
    picture("alibi", "ALiBi", 420, "positions", "--kind", "alibi", "--size", "16x16")


def beyond(en_zh):
    text = "My mother bought two books in the library yesterday"
    say("", "## Attention is not an explanation", "",
        "A weight says what was read. What the output hangs on is measured by integrated",
        "gradients: each row sums to how much likelier the source made the word.")
    picture("weights", "weights", 520, "-m", en_zh, text)
    picture("integrated", "integrated gradients", 520, "-m", en_zh, text, "--view",
            "integrated")
    say("", "## The model")
    picture("model", "the model as a diagram", 860, "model", "-m", en_zh)
    say("", "## How it learned", "",
        '<img src="img/gallery/curves.svg" alt="loss" width="520">', "",
        "    attend plot saws --metrics loss -o curves.svg")
    attend("plot", os.path.join(models, "saws"), "--metrics", "loss", "-q", "-o",
           os.path.join(PICTURES, "curves.svg"))


def draw(lines):
    en_zh, zh_en, saw, sparse = (os.path.join(models, m)
                                 for m in ("en-zh", "zh-en", "saws", "saws-sparse"))
    say("# Gallery", "",
        "`make gallery` trains four small translators (two by `attend demo`, two on a grammar",
        "with two meanings of *saw*), draws these pictures and writes this page, numbers",
        "included (`tools/gallery.py`). Every command works on your own models too;",
        "`-o x.html` gives the page to explore. [insight.md](insight.md) says what is measured.",
        "")
    alignments(en_zh, zh_en, saw)
    heads(en_zh, zh_en, sparse, lines[:60])
    masks_and_places(en_zh)
    beyond(en_zh)
    with open(PAGE, "w", encoding="utf-8") as f:
        f.write("\n".join(page) + "\n")


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("program")
parser.add_argument("--models", help="keep the models here (default: a temporary directory)")
options = parser.parse_args()
program = os.path.abspath(options.program)
os.makedirs(PICTURES, exist_ok=True)
with tempfile.TemporaryDirectory() as temporary:
    models = os.path.abspath(options.models or temporary)
    os.makedirs(models, exist_ok=True)
    draw(train(models))
size = sum(os.path.getsize(os.path.join(PICTURES, f)) for f in os.listdir(PICTURES))
print("%d pictures, %d KB: docs/gallery.md" % (len(os.listdir(PICTURES)), size // 1024))
