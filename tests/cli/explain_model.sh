# A model's attention: every view in the terminal and as a file, the same on every run.
. "$TEST_DIR/small_model.lib.sh"
small_training model --after 20u -q
text='I am a student'
for view in alignment self overview links both-ways text rollout flow entropy distance \
    gradient integrated; do
    "$ATTEND" explain -m model "$text" --view $view >$view.txt
    grep -q '^tokens .* </s>$' $view.txt
    "$ATTEND" explain -m model "$text" --view $view -q -o a.svg
    "$ATTEND" explain -m model "$text" --view $view -q -o b.svg
    cmp a.svg b.svg
done
grep -q '^Strongest links$' alignment.txt
grep -q 'not an explanation by itself' gradient.txt
echo "$text" | "$ATTEND" explain -m model >piped.txt
"$ATTEND" explain -m model "$text" | cmp - piped.txt
# The output is the translation.
"$ATTEND" translate -m model <<END >said
$text
END
sed -n 's/^text  *//p' piped.txt | cmp - said
for name in a.html a.json a.npz; do
    "$ATTEND" explain -m model "$text" -q -o $name
    "$ATTEND" explain -m model "$text" -q -o b.${name#a.}
    cmp $name b.${name#a.}
done
# A token cannot end the page's script.
"$ATTEND" explain -m model 'I </script> am' -q -o script.html
test "$(grep -c '</script>' script.html)" = "$(grep -c '</script>' a.html)"
# Word by word, number by number, head by head.
"$ATTEND" explain -m model "$text" --decoding >decoding.txt
grep -q '^Step 1$' decoding.txt
test "$(grep -c 'said' decoding.txt)" = "$(grep -c '^Step' decoding.txt)"
"$ATTEND" explain -m model "$text" --steps --layer 1 --head 2 --of encoder >steps.txt
grep -q 'head 2 of 2: width 2 x 16 = 32' steps.txt
"$ATTEND" explain -m model "$text" --steps -o steps.svg
"$ATTEND" explain -m model "$text" --given 'I am' | grep -q '^text  *I am$'
"$ATTEND" explain -m model --ablate valid.en valid.zh >heads.txt
test "$(grep -c '^  \(encoder\|decoder\|cross\)' heads.txt)" = 6
"$ATTEND" explain model -m model -o arch.svg
grep -q 'Cross-attention' arch.svg
families=$SOURCE_DIR/tests/golden/families
drawn() { # family words that its diagram must hold
    "$ATTEND" explain model -m "$families/$1" -o $1.svg
    for word in $2; do grep -q ">$word<" $1.svg; done
}
drawn bert_sequence 'Pooler Classifier Softmax Self-attention'
drawn xlmr_token 'Classifier Feed-forward'
drawn bert_mlm 'Softmax W_O'
drawn bert_base 'Pooler Concatenate'
drawn llama 'Add Scores'
drawn gpt2 'Norm Feed-forward'
grep -q '>RMS norm<' llama.svg
grep -q '>4 heads x 6, 2 of keys and values<' llama.svg
"$ATTEND" plot model | grep -q '^loss$'
# Every line's weights beside the translations, from the same run.
printf 'I am a student\n\nMary has two cats\n' >in
"$ATTEND" translate -m model --attention weights.jsonl <in >with
"$ATTEND" translate -m model <in | cmp - with
test "$(grep -c '^{"line":[0-2]' weights.jsonl)" = 3
if command -v python3 >/dev/null; then
    "$ATTEND" translate -m model --json --alignment soft <in >soft.jsonl
    python3 - <<'END'
import json
for a, b in zip(open("weights.jsonl"), open("soft.jsonl")):
    a, b = json.loads(a), json.loads(b)
    if "cross" not in a:
        assert b["text"] == ""
        continue
    heads = [h for layer in a["cross"] for h in layer]
    for t in range(len(b["alignment"])):
        for s in range(len(a["source"])):
            mean = sum(h[t][s] for h in heads) / len(heads)
            assert abs(mean - b["alignment"][t][s]) < 1e-6
    for key in ("encoder", "decoder"):
        for layer in a[key]:
            for head in layer:
                assert all(abs(sum(row) - 1) < 1e-5 for row in head)
END
fi
# A recurrent translator has its one head inside of the loop.
for score in additive dot; do
    "$ATTEND" train translate --arch rnn --train source target -m rnn-$score \
        --vocab-size 500 --tokenizer-raw --dim 16 --dim-rnn 16 --attention $score \
        --mini-batch-words 256 --after 4u --average 0 -q
    "$ATTEND" translate -m rnn-$score --attention weights.jsonl <in >/dev/null
    "$ATTEND" translate -m rnn-$score --json --alignment soft <in >soft.jsonl
    "$ATTEND" explain -m rnn-$score 'I am' --steps --digits 9 >steps.txt
    "$ATTEND" explain -m rnn-$score "$text" --view integrated -q -o a.svg
    "$ATTEND" explain model -m rnn-$score -o arch.svg
    grep -q '>Attention<' arch.svg
    command -v python3 >/dev/null || continue
    python3 - <<'END'
import json, math, re
for a, b in zip(open("weights.jsonl"), open("soft.jsonl")):
    a, b = json.loads(a), json.loads(b)
    if "cross" not in a:
        continue
    assert len(a["cross"]) == len(a["cross"][0]) == 1 and "encoder" not in a
    for said, seen in zip(b["alignment"], a["cross"][0][0]):
        assert max(abs(x - y) for x, y in zip(said, seen)) < 1e-6

# The weights of the first query are the softmax of its scores.
lines = open("steps.txt").read().split("\n")
def numbers(begin):
    at = next(i for i, l in enumerate(lines) if l.startswith(begin))
    out = []
    for line in lines[at + 1:lines.index("", at + 1)]:
        out += [float(x) for x in re.findall(r"-?\d+\.\d{9}", line)]
    return out
score, weight = numbers("scores: q1"), numbers("weights: softmax")
assert len(score) == len(weight) > 1
total = sum(map(math.exp, score))
assert max(abs(math.exp(s) / total - w) for s, w in zip(score, weight)) < 1e-6
END
done
"$ATTEND" explain -m rnn-dot "$text" --view rollout 2>err && exit 9
grep -q 'need self-attention' err
"$ATTEND" explain -m rnn-dot "$text" --view gradient 2>err && exit 9
grep -q 'take integrated gradients' err
"$ATTEND" explain -m rnn-dot --ablate valid.en valid.zh 2>err && exit 9
grep -q 'none can be left out' err
# Refusals.
fails() {
    "$ATTEND" explain -m model "$@" 2>err && exit 9
    cat err >>errors
}
fails "$text" --layer 7
fails "$text" --head 3 --view self -o x.svg
fails "$text" --steps --layer 7
fails "$text" --steps --query 99
fails ''
fails "$(yes a | head -n 11000 | tr '\n' ' ')"
fails --ablate valid.en
"$ATTEND" translate -m model --attention /nonexistent/x.jsonl <in 2>err && exit 9
grep -q 'layers 1..1 and heads 1..2' errors
grep -q 'layers 1..1, heads 1..2' errors
grep -q 'queries 1..' errors
grep -q 'at most 10000' errors
