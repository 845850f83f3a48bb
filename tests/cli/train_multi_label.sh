# attend train classify --multi-label: any number of labels a text, with either kind of token.
for i in 1 2 3 4 5 6; do
    printf 'cat,dog\ta cat and a dog\ncat\ta cat here\ndog\tone dog\n_\tnothing at all\n'
    printf 'bird, cat\ta cat saw a bird\n'
done > texts.tsv
t() { "$ATTEND" train classify --multi-label --columns label,text --train texts.tsv --dim 16 --ffn 32 --heads 2 --layers 1 --dropout 0 \
    --attention-dropout 0 --learn-rate 0.01 --lr-warmup 5 --mini-batch-words 150 \
    --valid-freq 75u --save-freq 75u --after 225u "$@"; }
for arch in words xlm-roberta; do
    t --valid texts.tsv --arch $arch --vocab-size 60 --min-count 1 --word-dropout 0 --dim-word 8 \
        --dim-char-state 0 -m $arch 2>log || { cat log; exit 1; }
    grep -q '"multi_label_classification"' $arch/config.json
    "$ATTEND" evaluate -m $arch texts.tsv --columns label,text > out
    grep -q '(90 items)$' out
    awk '$1 == "accuracy" { exit !($3 > 0.9) }' out || { cat out; exit 1; }
done
# Each label has its own probability: two are likely at once, or none.
printf 'a cat and a dog\nnothing at all\n' > two
"$ATTEND" classify -m words --top 3 --json < two > out
python3 - 2>/dev/null <<'PY' || awk '/score/ { n++ } END { exit n < 1 }' out
import json
rows = [json.loads(line) for line in open("out")]
first = {x["label"]: x["score"] for x in rows[0]}
assert first["cat"] > 0.5 and first["dog"] > 0.5 and first["bird"] < 0.5
assert all(x["score"] < 0.5 for x in rows[1])
PY
if t --arch words --regression -m gone 2>err; then exit 1; fi
grep -q 'exclude each other' err
printf 'fish\ta fish\n' > other.tsv
if t --arch words -m gone --valid other.tsv 2>err; then exit 1; fi
grep -q "other.tsv:1: label 'fish' does not occur in the training files" err
test ! -e gone
