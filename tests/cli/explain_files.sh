# What explain writes: the same bytes on every run, rows that sum to 1 in the arrays, words
# where it cannot be written. Ready models, no training.
translator=$SOURCE_DIR/tests/golden/marian_dir
families=$SOURCE_DIR/tests/golden/families
text='a dog sees a cat'
explain() { "$ATTEND" explain -q "$@"; }
# fontconfig loses 288 bytes once a process while it reads its own configuration; only
# builds with a leak detector read this.
printf 'leak:libfontconfig\n' >lsan.supp
export LSAN_OPTIONS="${LSAN_OPTIONS:+$LSAN_OPTIONS:}suppressions=$PWD/lsan.supp:print_suppressions=0"

formats='html svg json npz'
explain -m "$translator" "$text" -o probe.png 2>err && formats="$formats png pdf" ||
    grep -q 'libcairo2-dev' err
for end in $formats; do
    explain -m "$translator" "$text" -o a.$end
    explain -m "$translator" "$text" -o b.$end
    cmp a.$end b.$end
    explain -m "$translator" "$text" -o /nonexistent/a.$end 2>err && exit 9
    grep -q '/nonexistent/a.' err
done
for name in a.gif a .svg.; do
    explain -m "$translator" "$text" -o $name 2>err && exit 9
    grep -q 'the ending decides the format' err
    test ! -e $name
done

# A page says what its rows and columns are.
explain -m "$translator" "$text" --view integrated -o axes.html
grep -q '"rowAxis": *"output", *"colAxis": *"depends on"' axes.html

# Arrays: float32, [layers, heads, rows, columns], each row a distribution.
if command -v python3 >/dev/null; then
    python3 - <<'END'
import json, struct, zipfile

seen = 0
with zipfile.ZipFile("a.npz") as z:
    assert z.testzip() is None
    for name in z.namelist():
        if not name.startswith("attn_"):
            continue
        data = z.read(name)
        size, = struct.unpack("<H", data[8:10])
        head = eval(data[10:10 + size].decode())
        assert head["descr"] == "<f4" and not head["fortran_order"]
        layers, heads, rows, cols = head["shape"]
        w = struct.unpack("<%df" % (layers * heads * rows * cols), data[10 + size:])
        for i in range(0, len(w), cols):
            assert abs(sum(w[i:i + cols]) - 1) < 1e-5, (name, i)
            assert min(w[i:i + cols]) >= 0
        seen += 1
assert seen == 3, seen
# BertViz's shape.
maps = json.load(open("a.json"))["attention"]
assert [m["name"] for m in maps] and len(maps) == 3
for m in maps:
    attn = m["attn"]
    assert len(attn[0][0]) == len(m["left_text"])
    assert len(attn[0][0][0]) == len(m["right_text"])
END
fi

# A sentence that was cut at its length and got its </s> all the same has a row for it.
printf 'a dog sees a cat\ndog\n' >lines.txt
"$ATTEND" translate -m "$translator" -b 4 --attention w.jsonl <lines.txt >/dev/null
"$ATTEND" translate -m "$translator" -b 4 --json --alignment soft <lines.txt >soft.jsonl
if command -v python3 >/dev/null; then
    python3 - <<'END'
import json

for a, b in zip(open("w.jsonl"), open("soft.jsonl")):
    a, b = json.loads(a), json.loads(b)
    rows = [len(head) for layer in a["cross"] for head in layer]
    assert set(rows) == {len(b["alignment"])} and a["output"][-1] == "</s>", rows
END
fi

# A model that has none of what is asked for says what it has.
refused() { # words of the message, then the arguments
    words=$1
    shift
    explain "$@" >out 2>err && exit 9
    test ! -s out
    grep -q "$words" err
}
refused "no cross-attention: it has the encoder's" -m "$families/text_bert_tag" "$text" \
    --view alignment
refused "no cross-attention: it has the decoder's" -m "$families/text_gpt2" "$text" \
    --view alignment -o x.svg
refused "no encoder with self-attention: it has the decoder's" -m "$families/text_llama" "$text" --of encoder
refused 'layers 1..' -m "$families/text_gpt2" "$text" --layer 99
refused 'heads 1..' -m "$families/text_gpt2" "$text" --head 99
refused 'at most 10000' -m "$translator" "$(yes cat | head -n 11000 | tr '\n' ' ')"

# What is longer than a model's positions is cut as classify cuts it, or refused.
long=$(yes cat | head -n 600 | tr '\n' ' ')
explain -m "$families/text_bert_sequence" "$long" | sed -n 's/^text  *//p' >said
echo "$long" | "$ATTEND" classify -m "$families/text_bert_sequence" 2>/dev/null | cut -f1 | cmp - said
"$ATTEND" explain -m "$families/text_bert_tag" "$long" 2>err >/dev/null
grep -q 'the text was cut: [0-9]* tokens dropped' err
refused 'positions; take a part of it' -m "$families/text_gpt2" "$long"

# Each family in each view.
for model in text_gpt2 text_llama text_bert_sequence text_bert_tag text_xlmr_sequence; do
    for view in self overview links both-ways text rollout flow entropy distance \
        gradient integrated; do
        explain -m "$families/$model" 'a café 😀' --view $view >$view.txt
        explain -m "$families/$model" 'a café 😀' --view $view -o $view.svg
    done
    grep -q '>café<\|>cafe<\|>é<' self.svg
    explain -m "$families/$model" 'a café 😀' --steps >steps.txt
    grep -q "^A': softmax" steps.txt
    grep -q '^times W_O' steps.txt
    explain -m "$families/$model" 'a café 😀' --decoding | grep -q 'said'
    # A text is drawn as people read it, whatever signs the vocabulary has.
    if grep -q 'Ã©' text.svg; then exit 9; fi
    explain -m "$families/$model" 'a </script> 😀' -o page.html
    test "$(grep -c '</html>' page.html)" = 1
done

# Heads are measured on what a model is trained on.
printf 'text\tlabel\na cafe\tO\nO\ta dog\n' >labelled.tsv
explain -m "$families/text_bert_sequence" --ablate labelled.tsv | grep -q '^2 texts, loss'
printf 'a\tO\ncafe\tI-PER\n\na\tO\n' >tagged.tsv
explain -m "$families/text_bert_tag" --ablate tagged.tsv | grep -q '^2 texts, loss'
printf 'a cafe\na dog\n' >lines
explain -m "$families/text_gpt2" --ablate lines | grep -q '^  decoder '
printf 'a cafe\tO\nno\tlabel\n' >bad.tsv
refused 'bad.tsv:2: neither column is a label' -m "$families/text_bert_sequence" \
    --ablate bad.tsv
refused 'tagged.tsv has 4 lines, lines has 2' -m "$translator" --ablate tagged.tsv lines

# No font for Chinese: the picture is made and the package named.
dejavu=/usr/share/fonts/truetype/dejavu
case $formats in *png*) ;; *) exit 0 ;; esac
[ -d $dejavu ] || exit 0
cat >fonts.conf <<END
<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>$dejavu</dir><cachedir>$PWD</cachedir></fontconfig>
END
printf '我,1,0\na,0,1\n' >words.csv
FONTCONFIG_FILE=$PWD/fonts.conf "$ATTEND" explain --input words.csv --steps -o x.png 2>err
grep -q 'no installed font has: 我; .*fonts-noto-cjk' err
test -s x.png
