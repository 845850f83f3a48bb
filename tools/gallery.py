#!/usr/bin/env python3
"""gallery.py PROGRAM [--models DIR]: trains four small models and draws the pictures
of docs/gallery.md, which it writes too. Seeds are fixed: the same program on the same
processor makes the same files. Models that DIR holds already are used as they are."""
import argparse, json, os, random, subprocess, sys, tempfile, textwrap

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


# Words whose label lies elsewhere in the sentence: a verb's in its object, that of a word
# which is a verb or a noun in the word before, an animal's in another mention of it, and
# whether something is said or asked in the mark at the end.
SENSES = {
    "play": {"MUSIC": "piano violin guitar", "SPORT": "football tennis basketball",
             "BOARD": "chess cards"},
    "draw": {"PAINT": "picture house sheep", "PULL": "curtain cart sledge"},
    "run": {"LEAD": "shop school company", "GO": "race mile marathon"},
    "catch": {"GRAB": "ball fish bird", "REACH": "train bus plane"},
    "break": {"SMASH": "cup window plate", "IGNORE": "rule law promise"}}
OBJECT = {verb: {noun: sense for sense, nouns in senses.items() for noun in nouns.split()}
          for verb, senses in SENSES.items()}
BARE = "football tennis basketball chess cards".split()
BOTH = "saw watch duck fish walk cook drink work dance guess match fight".split()
ANIMALS = "cat dog horse bird cow pig goat sheep hen mouse fox bear".split()
PEOPLE = "teacher carpenter farmer student sailor king".split()
MOOD = ("DET", "PRON", "CONJ", "ADV")


def noun_phrase(r, noun, adjective=0.35):
    words = [(r.choice(["a", "the", "the", "this"]), "DET")]
    if r.random() < adjective:
        words.append((r.choice(["old", "red", "small", "new"]), "ADJ"))
    return words + [(noun, "NOUN")]


def somebody(r):
    if r.random() < 0.5:
        return [(r.choice(["I", "you", "we", "they"]), "PRON")]
    return noun_phrase(r, r.choice(PEOPLE), 0.2)


def clause(r):
    kind = r.random()
    if kind < 0.35:
        verb = r.choice(list(OBJECT))
        thing = r.choice(list(OBJECT[verb]))
        what = [(thing, "NOUN")] if thing in BARE else noun_phrase(r, thing)
        return somebody(r) + [(verb, OBJECT[verb][thing])] + what
    if kind < 0.75:
        words = somebody(r) if r.random() < 0.4 else noun_phrase(r, r.choice(BOTH), 0.3)
        if r.random() < 0.25:
            words.append((r.choice(["often", "never", "soon"]), "ADV"))
        words.append((r.choice(BOTH), "VERB"))
        return words + (noun_phrase(r, r.choice(BOTH), 0.5) if r.random() < 0.7 else [])
    return (noun_phrase(r, r.choice(ANIMALS), 0.2) + [(r.choice(BOTH), "VERB")]
            + noun_phrase(r, r.choice(ANIMALS)))


def tagged_sentence(r):
    words = clause(r)
    if r.random() < 0.4:
        words.append((r.choice(["today", "yesterday", "often", "now"]), "ADV"))
    for _ in range(r.choice([0, 1, 1, 2])):
        more, known = clause(r), [w for w, _ in words if w in ANIMALS]
        if known and r.random() < 0.6:  # somebody comes back
            more = [(r.choice(known), tag) if w in ANIMALS and r.random() < 0.7
                    else (w, tag) for w, tag in more]
        words += [("and", "CONJ")] + more
    mentions = [w for w, tag in words if w in ANIMALS and tag == "NOUN"]
    words = [(w, "AGAIN" if tag == "NOUN" and mentions.count(w) > 1 else tag)
             for w, tag in words]
    asked = r.random() < 0.5
    return ([(w, ("ASKED" if asked else "TOLD") if tag in MOOD else tag)
             for w, tag in words] + [("?" if asked else ".", "PUNCT")])


def whole_words(path, words):
    """A tokenizer.json for which every word is a token."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    sign = lambda t, i: {"SpecialToken": {"id": t, "type_id": i}}
    one = [sign("[CLS]", 0), {"Sequence": {"id": "A", "type_id": 0}}, sign("[SEP]", 0)]
    two = [{"Sequence": {"id": "B", "type_id": 1}}, sign("[SEP]", 1)]
    added = [{"id": i, "content": t, "special": True, "single_word": False,
              "lstrip": False, "rstrip": False, "normalized": False}
             for i, t in enumerate(special)]
    ends = {t: {"id": t, "ids": [special.index(t)], "tokens": [t]}
            for t in ("[CLS]", "[SEP]")}
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"version": "1.0", "added_tokens": added, "normalizer": None,
                   "pre_tokenizer": {"type": "BertPreTokenizer"},
                   "post_processor": {"type": "TemplateProcessing", "single": one,
                                      "pair": one + two, "special_tokens": ends},
                   "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
                   "model": {"type": "WordPiece", "unk_token": "[UNK]",
                             "continuing_subword_prefix": "##",
                             "max_input_chars_per_word": 100,
                             "vocab": {w: i for i, w in enumerate(special + words)}}}, f)


def senses_corpus(path):
    """Tagged sentences and a tokenizer; returns those that are kept from training."""
    r, seen, kept = random.Random(1), set(), []
    with open(path + ".conllu", "w", encoding="utf-8") as train_file, \
            open(path + ".valid.conllu", "w", encoding="utf-8") as valid_file:
        while len(seen) < 6300:
            words = tagged_sentence(r)
            text = " ".join(w for w, _ in words)
            if text in seen:
                continue
            seen.add(text)
            f = train_file if len(seen) <= 6000 else valid_file
            if f is valid_file:
                kept.append(words)
            for i, (word, tag) in enumerate(words, 1):
                f.write("%d\t%s\t_\t%s%s\n" % (i, word, tag, "\t_" * 6))
            f.write("\n")
    whole_words(path + ".json", sorted({w for text in seen for w in text.split()}))
    return kept


def train(models):
    def is_there(name):
        return os.path.exists(os.path.join(models, name, "model.safetensors"))
    for way in ("en-zh", "zh-en"):
        if not is_there(way):
            print("training", way, flush=True)
            attend("demo", "--direction", way, "-m", os.path.join(models, way), "-q")
    saw_corpus(os.path.join(models, "saw"))
    if not is_there("saws"):
        print("training saws", flush=True)
        attend("train", "translate", "--train", os.path.join(models, "saw.en"),
               os.path.join(models, "saw.zh"), "-m", os.path.join(models, "saws"),
               "--dim", "64", "--ffn", "128", "--heads", "4", "--enc-depth", "2",
               "--dec-depth", "1", "--vocab-size", "220", "--after", "500u", "--lr",
               "0.004", "--lr-warmup", "60", "--mini-batch-words", "1500", "--dropout",
               "0.05", "--average", "0", "--disp-freq", "10u", "-q")
    senses = os.path.join(models, "senses-words")
    kept = senses_corpus(senses)
    if not is_there("senses"):
        print("training senses", flush=True)
        attend("train", "tag", "--train", senses + ".conllu", "--valid",
               senses + ".valid.conllu", "-v", senses + ".json", "--arch", "bert", "-m",
               os.path.join(models, "senses"), "--dim", "96", "--ffn", "128", "--heads",
               "6", "--enc-depth", "1", "--dropout", "0", "--attention-dropout", "0",
               "--after", "30e", "--lr", "0.004", "--lr-warmup", "50",
               "--mini-batch-words", "1500", "-q")
    return kept


# ---- heads by what they do ----

def weights_of(model, sentences):
    """(words with their labels, tokens, weights [layer][head][row][column]) of each."""
    found = []
    with tempfile.TemporaryDirectory() as d:
        name = os.path.join(d, "w.json")
        for words in sentences:
            attend("explain", "-m", model, " ".join(w for w, _ in words), "-q", "-o", name)
            with open(name, encoding="utf-8") as f:
                one = json.load(f)["attention"][0]
            assert one["left_text"][1:-1] == [w for w, _ in words], one["left_text"]
            found.append((words, one["left_text"], one["attn"]))
    return found


# Each: the (row, column)s of a sentence that would show the habit. Token t is word t - 1.

def previous(words):
    return [(t, t - 1) for t, (w, _) in enumerate(words, 1) if w in BOTH and t > 1]


def same(words):
    return [(t, u) for t, (w, tag) in enumerate(words, 1) for u, (v, _) in
            enumerate(words, 1) if tag == "AGAIN" and v == w and u != t]


def verb_object(words):
    found = []
    for t, (verb, _) in enumerate(words, 1):
        nouns = [u for u, (w, _) in enumerate(words, 1)
                 if u > t and w in OBJECT.get(verb, ())]
        found += [(t, nouns[0])] if nouns else []
    return found


def delimiter(words):
    return [(t, len(words)) for t, (_, tag) in enumerate(words, 1)
            if tag in ("ASKED", "TOLD")]


def share(head, pairs):
    """The mean over rows of what a row gives to its columns of pairs."""
    rows = {}
    for r, c in pairs:
        rows[r] = rows.get(r, 0) + head[r][c]
    return sum(rows.values()) / len(rows)


def best_head(habit):
    """The head that gives a habit's pairs most: its place and share, the mean share of the
    others, and the short sentence in which it is clearest."""
    shares, place = {}, None
    for words, tokens, attn in measured:
        pairs = habit(words)
        for l, layer in enumerate(attn if pairs else [], 1):
            for h, head in enumerate(layer, 1):
                shares.setdefault((l, h), []).append((share(head, pairs), words))
    mean = {k: sum(x for x, _ in v) / len(v) for k, v in shares.items()}
    place = max(mean, key=mean.get)
    others = [x for k, x in mean.items() if k != place]
    short = [(len(habit(words)) > 1, x, words) for x, words in shares[place]
             if 6 <= len(words) <= 9]
    clearest = max(short, key=lambda x: x[:2])[2]
    return place, mean[place], sum(others) / len(others), clearest


# ---- pictures ----

page = []
measured = []  # weights of the sentences that the tagger never saw


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


def head_picture(model, name, title, what, habit, width, view=()):
    (layer, head), mean, others, words = best_head(habit)
    text = ("Head %d gives %.0f %% of its weight %s; the other heads give %.0f %%."
            % (head, 100 * mean, what, 100 * others))
    say("", "### " + title, "", *textwrap.wrap(text, 88))
    picture(name, title, width, "-m", model, " ".join(w for w, _ in words), "--head",
            str(head), *view)


def alignments(en_zh, zh_en, saw):
    say("## Alignments", "",
        "Rows are what was about to be said, columns the source; each row sums to 1. These are",
        "means over the heads of the last layer's cross-attention, of models that were trained",
        "in a minute or two.")
    picture("student", "I am a student, aligned", 380, "-m", en_zh, "I am a student",
            "--layer", "2")
    picture("chinese", "我是中国人, aligned", 330, "-m", zh_en, "我是中国人", "--layer", "2")
    say("", "For *am*, 我 and 是 weigh most: who it is decides its form.")
    say("", "### Another order of words", "",
        "Chinese puts the relative clause before its noun: 我昨天买的书 is *I yesterday bought",
        "(的) book*. The diagonal breaks into pieces that change places.")
    text = "the book that I bought yesterday is very interesting"
    picture("reordered", "a relative clause, aligned", 520, "-m", en_zh, text, "--layer", "2")
    say("", "### Two saws", "",
        "The verb becomes 看见, the tool 锯子. Both are the same vector when they enter the",
        "encoder; that they are told apart is the work of positions and self-attention. The",
        "sentence was kept out of the training.")
    picture("saws", "I saw a saw, aligned", 330, "-m", saw, "I saw a saw")
    picture("saws-both", "who asks whom", 640, "-m", saw, "I saw a saw", "--of", "encoder",
            "--view", "both-ways")


def heads(senses, kept):
    measured.extend(weights_of(senses, kept[:80]))
    say("", "## What single heads do", "",
        "A tagger of one layer with six heads was trained to say which sense a word has where",
        "the answer lies elsewhere: that of *play* in its object, whether *saw* is a verb or a",
        "noun in the word before, whether an animal is mentioned again in its other mention,",
        "whether *the* is told or asked in the mark at the end. Nobody told the heads who does",
        "what. The script measures every head on 80 sentences that the training never saw and",
        "draws, for each habit, the head that has it most (means over the words concerned; the",
        "words of this grammar are not inflected).")
    own = ("--view", "self")
    head_picture(senses, "previous", "Previous token",
                 "to the word before, where a word may be a verb or a noun", previous, 440,
                 own)
    head_picture(senses, "same", "Same word", "to the other mention of the same animal",
                 same, 440, own)
    head_picture(senses, "object", "Verb and object", "from a verb to its object",
                 verb_object, 400, ("--view", "links"))
    head_picture(senses, "delimiter", "Delimiter",
                 "from articles, pronouns and adverbs to the mark at the end", delimiter, 440,
                 own)
    say("", "### All of them")
    picture("overview", "every head", 800, "-m", senses,
            "the cat saw the bird and the bird saw the cat ?", "--view", "overview")


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
    picture("alibi", "ALiBi", 480, "positions", "--kind", "alibi", "--size", "16x16")


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


def check(en_zh, zh_en, saw):
    """What the page says about its pictures must be so."""
    with tempfile.TemporaryDirectory() as d:
        name = os.path.join(d, "w.json")
        attend("explain", "-m", zh_en, "我是中国人", "-q", "-o", name)
        with open(name, encoding="utf-8") as f:
            maps = json.load(f)["attention"]
    cross = next(m for m in maps if m["left_text"] != m["right_text"])
    row = [sum(h[1][c] for h in cross["attn"][1]) for c in range(len(cross["right_text"]))]
    two = sorted(zip(row, cross["right_text"]))[-2:]
    assert {t for _, t in two} == {"我", "是"}, two
    for model, text, want in ((en_zh, "I am a student", "我是一个学生"),
                              (zh_en, "我是中国人", "I am Chinese"),
                              (saw, "I saw a saw", "我 看见 了 一 把 锯子")):
        said = attend("translate", "-m", model, text=text + "\n").strip()
        assert said == want, (text, said)


def draw(kept):
    en_zh, zh_en, saw, senses = (os.path.join(models, m)
                                 for m in ("en-zh", "zh-en", "saws", "senses"))
    check(en_zh, zh_en, saw)
    say("# Gallery", "",
        "`make gallery` trains four small models (two translators by `attend demo`, one on a",
        "grammar with two meanings of *saw*, a tagger of senses), draws these pictures and",
        "writes this page, numbers included (`tools/gallery.py`). Every command works on your",
        "own models too; `-o x.html` gives the page to explore. [insight.md](insight.md) says",
        "what is measured.", "")
    alignments(en_zh, zh_en, saw)
    heads(senses, kept)
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
