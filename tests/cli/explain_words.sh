# attend explain on models whose tokens are words: what each word looks at, what pools a text,
# what the output depends on, in every form; what has no attention says so.
sentence() { # word label word label ...
    n=0
    while [ $# -gt 0 ]; do
        n=$((n + 1))
        printf '%d\t%s\t_\t%s\t_\t_\t_\t_\t_\t_\n' $n "$1" "$2"
        shift 2
    done
    echo
}
{
    sentence I PRON saw VERB a DET saw NOUN
    sentence a DET dog NOUN saw VERB me PRON
} >train.conllu
printf '%s\t%s\n' good 'a fine film' bad 'a dull film' good 'not dull' bad 'not fine' >texts.tsv
small='--min-count 1 --dim 16 --ffn 32 --heads 2 --layers 2 --dim-word 8 --dim-char 8
    --dim-char-state 8 --learn-rate 0.01 --lr-warmup 5 --mini-batch-words 200 --after 20u
    --save-freq 20u --average 0 -q'
# shellcheck disable=SC2086 # the options are words
for arch in words window rnn rnn-lstm; do
    "$ATTEND" train tag --arch $arch $small --train train.conllu -m tag-$arch
    "$ATTEND" train classify --arch $arch $small --columns label,text --train texts.tsv \
        -m text-$arch
done
text='I saw </script> 我 😀'
explain() { "$ATTEND" explain -q "$@"; }

# Tokens are the words as they were written, between the two that frame them.
explain -m tag-words "$text" >out
grep -qx 'tokens   <s> I saw </script> 我 😀 </s>' out
grep -q '^Encoder self-attention, all layers, mean of all heads$' out
test "$(sed -n 's/^text  *//p' out | wc -w)" = 5
echo "$text" | "$ATTEND" tag -m tag-words | cut -f4 | tr '\n' ' ' | sed 's/ *$//' >want
sed -n 's/^text  *//p' out | tr -d '\n' | cmp - want
# A classifier's words are pooled by attention: its label looked there.
explain -m text-words "$text" >out
grep -q '^Pooling attention, mean of all heads$' out
grep -q '^<s>([0-9.]*) I([0-9.]*) saw(' out
for view in self overview links both-ways text rollout flow entropy distance gradient \
    integrated; do
    for m in tag-words text-words; do
        explain -m $m "$text" --view $view >$view.txt
        explain -m $m "$text" --view $view -o a.svg
        explain -m $m "$text" --view $view -o b.svg
        cmp a.svg b.svg
    done
done
for of in encoder pooling; do
    explain -m text-words "$text" --of $of --steps --head 2 >steps.txt
    grep -q "^A': softmax" steps.txt
    explain -m text-words "$text" --of $of --view gradient | grep -q 'not an explanation'
    explain -m text-words "$text" --of $of --view overview | grep -q '^  *1  *2  '
done
explain -m text-words "$text" --decoding | grep -q 'said'
explain -m text-words "$text" --given bad | grep -qx 'text     bad'
explain -m tag-words "$text" --decoding | grep -qx '我'

# Nothing looks at the words around: gradients say what an output depends on.
for arch in window rnn rnn-lstm; do
    explain -m tag-$arch "$text" >out
    grep -q '^Integrated gradients$' out
    grep -q '^This model has no attention' out
    explain -m tag-$arch "$text" --view self 2>err && exit 9
    grep -q 'no attention: integrated gradients say' err
    explain -m tag-$arch "$text" --view rollout 2>err && exit 9
    grep -q 'need self-attention' err
    echo "$text" | "$ATTEND" tag -m tag-$arch --attention x.jsonl >out 2>err && exit 9
    grep -q 'no attention, so no weights' err
    test ! -e x.jsonl
    explain -m text-$arch "$text" | grep -q '^Pooling attention, '
    explain -m text-$arch "$text" --of encoder 2>err && exit 9
    grep -q 'it has the attention that pools the words' err
done

# Files, the same on every run; rows that sum to 1.
for m in tag-words text-words tag-rnn text-window; do
    for end in html svg json npz; do
        explain -m $m "$text" -o $m.$end
        explain -m $m "$text" -o again.$end
        cmp $m.$end again.$end
    done
    test "$(grep -c '</html>' $m.html)" = 1
    "$ATTEND" explain model -m $m -o arch-$m.svg
done
explain -m text-words "$text" --view integrated -o ig.npz
grep -q '>Self-attention<' arch-tag-words.svg
grep -q '>Pooling attention<' arch-text-words.svg
grep -q '>GRU, both directions<' arch-tag-rnn.svg
grep -q '>A word and its neighbours<' arch-text-window.svg
printf 'I saw a saw\n\nnot fine\n' >in
"$ATTEND" tag -m tag-words --attention tag.jsonl <in >with
"$ATTEND" tag -m tag-words <in | cmp - with
grep -q '^{"line":1,"skipped":"no words"}$' tag.jsonl
printf 'a fine film\nnot fine\n' >in
for m in text-words text-rnn; do
    "$ATTEND" classify -m $m --attention $m.jsonl <in >with
    "$ATTEND" classify -m $m <in | cmp - with
    "$ATTEND" classify -m $m --attention three.jsonl --threads 3 <in >/dev/null
    cmp three.jsonl $m.jsonl
    test "$(grep -c '"other":\[\[\[\[' $m.jsonl)" = 2
done
if command -v python3 >/dev/null; then
    python3 - <<'END'
import json, struct, zipfile

def rows(x):
    return [x] if not isinstance(x[0], list) else [r for y in x for r in rows(y)]

for name in ("tag.jsonl", "text-words.jsonl", "text-rnn.jsonl"):
    for line in open(name):
        line = json.loads(line)
        for key in ("encoder", "other"):
            for row in rows(line[key]) if key in line else []:
                assert len(row) == len(line["source"])
                assert abs(sum(row) - 1) < 1e-5, (name, row)
seen = []
for name in ("tag-words.npz", "text-words.npz", "ig.npz"):
    with zipfile.ZipFile(name) as z:
        assert z.testzip() is None
        for member in z.namelist():
            if not member.startswith("attn_"):
                continue
            data = z.read(member)
            size, = struct.unpack("<H", data[8:10])
            shape = eval(data[10:10 + size].decode())["shape"]
            w = struct.unpack("<%df" % ((len(data) - 10 - size) // 4), data[10 + size:])
            for i in range(0, len(w), shape[3]):
                assert abs(sum(w[i:i + shape[3]]) - 1) < 1e-5
            seen.append((member, shape))
assert seen == [("attn_encoder.npy", (2, 2, 7, 7)), ("attn_encoder.npy", (2, 2, 7, 7)),
                ("attn_other.npy", (1, 2, 1, 7))] + seen[1:3], seen
members = zipfile.ZipFile("ig.npz").namelist()
assert "integrated_gradients.npy" in members and members.count("attn_other.npy") == 1
names = [m["name"] for m in json.load(open("text-words.json"))["attention"]]
assert names == ["Encoder", "Pooling attention"], names
END
fi
# Heads are measured on what was trained on.
explain -m tag-words --ablate train.conllu | grep -q '^2 texts, loss'
explain -m text-words --ablate texts.tsv >heads.txt
test "$(grep -c '^  \(encoder\|pooling\) ' heads.txt)" = 6
explain -m tag-rnn --ablate train.conllu 2>err && exit 9
grep -q 'no attention, so no heads' err
explain -m text-words "$text" --of pooling --steps --query 2 2>err && exit 9
grep -q 'there are queries 1..1$' err
explain -m tag-words "$text" --of pooling 2>err && exit 9
grep -q 'no other attention, as for pooling: it has the encoder' err
explain -m tag-words "$text" --layer 9 2>err && exit 9
grep -q 'layers 1..2' err
