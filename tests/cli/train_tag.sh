# attend train tag and attend tag: from CoNLL-U to labels and back.
sentence() { # word label word label ...
    echo "# text"
    n=0
    while [ $# -gt 0 ]; do
        n=$((n + 1))
        printf '%d\t%s\t_\t%s\tX%s\t_\t_\t_\t_\t_\n' $n "$1" "$2" "$2"
        shift 2
    done
    echo
}
for i in 1 2 3 4 5 6; do
    sentence I PRON saw VERB a DET saw NOUN
    sentence a DET dog NOUN saw VERB me PRON
    sentence the DET saw NOUN cuts VERB
done > train.conllu
{ printf '# a range and an empty node are legal\n1-2\tdont\t_\t_\t_\t_\t_\t_\t_\t_\n'
  printf '1\tI\t_\tPRON\t_\t_\t_\t_\t_\t_\n1.1\te\t_\t_\t_\t_\t_\t_\t_\t_\n'
  printf '2\tsaw\t_\t_\t_\t_\t_\t_\t_\tkept\n'; } > legal.conllu
cat legal.conllu >> train.conllu
t() { "$ATTEND" train tag --arch xlm-roberta --vocab-size 60 --dim 16 --ffn 32 --heads 2 --layers 1 \
    --dropout 0 --attention-dropout 0 --learn-rate 0.01 --lr-warmup 5 \
    --mini-batch-words 100 --valid-freq 50u --save-freq 50u "$@"; }
t --train train.conllu --valid train.conllu -m m --after 150u 2>log
grep -q 'accuracy 1.0000' log
grep -q XLMRobertaForTokenClassification m/config.json
echo 'I saw a saw' | "$ATTEND" tag -m m | cut -f2,4 | tr '\t\n' '/ ' > got
test "$(cat got)" = 'I/PRON saw/VERB a/DET saw/NOUN / ' ||
    test "$(cat got)" = 'I/PRON saw/VERB a/DET saw/NOUN  ' || { cat got; exit 1; }
# Everything but the column is kept.
"$ATTEND" tag -m m < legal.conllu > out
cut -f1-3,5- out | sed '/^$/d' > a; cut -f1-3,5- legal.conllu > b; cmp a b
grep -q '^2.saw._.VERB' out
grep -q '^1-2.dont._._' out
"$ATTEND" evaluate -m m train.conllu | grep -q '^accuracy = 1.0000  macro F1 = 1.0000  (67 items)$'
# A token a line.
awk -F'\t' '/^[0-9]+\t/ { print $2 "\t" $4; next } /^$/ { print "" }' train.conllu |
    sed '/\t_$/d' > train.tsv
t --train train.tsv --valid train.tsv -m m2 --after 150u -q
printf 'the\nsaw\n\nI\n' | "$ATTEND" tag -m m2 --format tsv > out
printf 'the\tDET\nsaw\tNOUN\n\nI\tPRON\n\n' | cmp - out
echo 'I saw' | "$ATTEND" tag -m m --json |
    grep -q '^\[{"entity": "PRON", "score": 0.*, "index": 1, "word": "I", "start": 0, "end": 1}, .*"start": 2, "end": 5}\]$'
# What is wrong is told with file and line.
fails() { # PATTERN command...
    pattern=$1; shift
    if "$@" 2>err; then echo "succeeded: $*"; exit 1; fi
    grep -q -e "$pattern" err || { echo "expected $pattern:"; cat err; exit 1; }
}
{ sentence a DET; printf '1\tx\n'; } > cols.conllu
fails 'cols.conllu:4: 2 columns, expected 10' t --train cols.conllu -m gone
{ sentence a DET; printf '2\tx\t_\tX\t_\t_\t_\t_\t_\t_\n'; } > number.conllu
fails 'number.conllu:4: word number 2, expected 1' t --train number.conllu -m gone
{ sentence a DET; printf '1x\tx\t_\tX\t_\t_\t_\t_\t_\t_\n'; } > id.conllu
fails "id.conllu:4: '1x' is no word number" t --train id.conllu -m gone
printf 'a\tX\nb\n' > bad.tsv
fails 'bad.tsv:2: 1 column' t --train bad.tsv -m gone
sentence a DET b DET > same.conllu
fails "every word has the label 'DET'" t --train same.conllu -m gone
test ! -e gone
{ cat train.conllu; echo; sentence odd SYM a DET; } > other.conllu
t --train train.conllu --valid other.conllu -m m3 --after 2u 2>log
grep -q "other.conllu:[0-9]*: label 'SYM' does not occur.* 1 words" log
printf '1\ta\n' > short.conllu
fails 'short.conllu:1: 2 columns' "$ATTEND" tag -m m --format conllu -i short.conllu
fails 'attend tag' "$ATTEND" classify -m m < train.tsv
# An interruption and the number of threads change no bit.
t --train train.conllu --valid train.conllu --after 12u --schedule constant -m whole -q
t --train train.conllu --valid train.conllu --after 7u --schedule constant -m parts -q
t --train train.conllu --valid train.conllu --after 12u --schedule constant -m parts --resume -q
t --train train.conllu --valid train.conllu --after 12u --schedule constant -m one --threads 1 -q
cmp whole/model.safetensors parts/model.safetensors
cmp whole/model.safetensors one/model.safetensors
