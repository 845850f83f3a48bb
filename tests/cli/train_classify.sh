# attend train classify and attend classify: from lines to labels and back.
for i in 1 2 3 4 5 6 7 8; do
    printf 'good\ta fine film number %s indeed\n' $i
    printf 'bad\ta dull film number %s alas\n' $i
done > train.tsv
head -4 train.tsv > valid.tsv
"$ATTEND" train classify --arch xlm-roberta --train train.tsv --valid valid.tsv -m m --vocab-size 60 \
    --dim 16 --ffn 32 --heads 2 --layers 1 --dropout 0 --after 60u --learn-rate 0.01 \
    --lr-warmup 5 --mini-batch-words 200 --valid-freq 20u --save-freq 30u 2>log
grep -q 'accuracy 1.0000  (best)' log
grep -q XLMRobertaForSequenceClassification m/config.json
grep -q '"id2label"' m/config.json
cut -f2 train.tsv | "$ATTEND" classify -m m > out
cut -f1 out | paste - train.tsv | awk '$1 != $2 { exit 1 }'
awk -F'\t' 'NF != 2 || $2 <= 0.5 || $2 > 1 { exit 1 }' out
echo 'a fine film' | "$ATTEND" classify -m m --json --top 5 |
    grep -q '^\[{"label": "good", "score": 0.9[0-9]*}, {"label": "bad", "score": 0.0[0-9]*}\]$'
# How good it is; a label that the model does not know is wrong.
"$ATTEND" evaluate -m m train.tsv > out
grep -q '^accuracy = 1.0000  macro F1 = 1.0000  (16 items)$' out
{ cat train.tsv; printf 'ugly\ta fine film\ngood\ta dull film number 3 alas\n'; } > mixed.tsv
"$ATTEND" evaluate -m m mixed.tsv --columns label,text --confusion > out
grep -q '^accuracy = 0.8889 .*(18 items)$' out
grep -q '^ugly  *1  *0.0000' out
grep -q '^good  *bad  *1$' out
"$ATTEND" evaluate -m m train.tsv --json | grep -q '"macro_f1":1,"items":16,.*"confusion":\[\[8,0\],\[0,8\]\]}'
# The order of the columns is seen, said by the first line, or given.
awk -F'\t' '{ print $2 "\t" $1 }' train.tsv > turned.tsv
{ printf 'id\tlabel\tsentence\n'; awk '{ print NR "\t" $0 }' train.tsv; } > named.tsv
for f in turned.tsv named.tsv; do
    "$ATTEND" train classify --arch xlm-roberta --train $f -m m2 --overwrite --vocab-size 60 --dim 16 \
        --ffn 32 --heads 2 --layers 1 --after 2u -q
    cut -f2 train.tsv | "$ATTEND" classify -m m2 | cut -f1 | sort -u | grep -qx 'bad\|good'
    cmp m/tokenizer.json m2/tokenizer.json
done
# Numbers.
for i in 1 2 3 4; do printf 'short\t0.5\nmuch longer text\t2.5\n'; done > numbers.tsv
"$ATTEND" train classify --arch xlm-roberta --regression --columns text,label --train numbers.tsv \
    --valid numbers.tsv -m r --vocab-size 40 --dim 16 --ffn 32 --heads 2 --layers 1 \
    --dropout 0 --attention-dropout 0 --after 200u --learn-rate 0.01 --lr-warmup 5 \
    --valid-freq 100u --save-freq 200u 2>log
grep -q 'mean squared error' log
echo 'much longer text' | "$ATTEND" classify -m r | awk '{ exit !($2 > 2 && $2 < 3) }'
"$ATTEND" evaluate -m r numbers.tsv --columns text,label | grep -q '^mean squared error = [0-9].*(8 items)$'
# By default an LSTM over words, and of a small corpus as many passes as it takes; the
# Transformer's recipe comes with its architecture.
"$ATTEND" train classify --train train.tsv --valid valid.tsv --columns label,text -m own 2>log
grep -q '^plan: a small corpus, so 100 passes in batches of 1024 words and characters, about 100 updates (--after 100e, --mini-batch-words 1024)$' log
grep -q '"arch": "rnn-lstm"' own/config.train.json
grep -q '"dim": 192' own/config.train.json
cut -f2 train.tsv | "$ATTEND" classify -m own | cut -f1 | paste - train.tsv | awk '$1 != $2 { exit 1 }'
"$ATTEND" train classify --arch words --dim 32 --train train.tsv --columns label,text -m attending -q
grep -q '"preset": "classify-transformer"' attending/config.train.json
grep -q '"dim-char-state": 0' attending/config.train.json
grep -q '"dim": 32' attending/config.train.json
"$ATTEND" train classify --arch window --preset classify --train train.tsv --columns label,text \
    --after 1u -m near -q
grep -q '"dim-char-state": 32' near/config.train.json
# A mean of models has its tokenizer too.
"$ATTEND" average -o mean m m -q
"$ATTEND" average -o mean m m -q --overwrite # again, over the old one
echo 'a fine film' | "$ATTEND" classify -m mean | grep -q good
# What is wrong is told with file and line, and nothing is left behind.
fails() { # PATTERN command...
    pattern=$1; shift
    if "$@" 2>err; then echo "succeeded: $*"; exit 1; fi
    grep -q -e "$pattern" err || { echo "expected $pattern:"; cat err; exit 1; }
}
t() { "$ATTEND" train classify --arch xlm-roberta -m gone --dim 16 --heads 2 --vocab-size 60 --after 1u "$@"; }
printf 'good\tx\nno tab here\n' > one.tsv
fails 'one.tsv:2: a column is missing' t --train one.tsv
printf 'good\tx\n\ty\n' > empty.tsv
fails 'empty.tsv:2: the label is empty' t --train empty.tsv --columns label,text
printf 'a\tx\na\ty y\n' > same.tsv
fails "every text has the label" t --train same.tsv --columns label,text
printf 'ugly\tz\n' > other.tsv
fails "other.tsv:1: label 'ugly' does not occur" \
    t --train train.tsv --valid other.tsv --columns label,text
printf 'good\t\377\nbad\tx\n' > bytes.tsv
fails 'bytes.tsv:1: not UTF-8' t --train bytes.tsv --columns label,text
fails 'train.tsv:1: .good. is no number' t --train train.tsv --regression --columns label,text
: > none.tsv
fails 'none.tsv: is empty' t --train none.tsv
fails 'columns' t --train train.tsv --columns a,b
test ! -e gone
fails 'attend classify' "$ATTEND" tag -m m < valid.tsv
# On after an interruption to the same bytes.
run() { "$ATTEND" train classify --arch xlm-roberta --train train.tsv --valid valid.tsv --vocab-size 60 \
    --dim 16 --ffn 32 --heads 2 --layers 1 --mini-batch-words 60 --lr-warmup 300 --valid-freq 5u \
    --save-freq 5u -q "$@"; }
run -m whole --after 12u
run -m parts --after 7u
run -m parts --after 12u --resume
run -m one --after 12u --threads 1
cmp whole/model.safetensors parts/model.safetensors
cmp whole/model.safetensors one/model.safetensors
