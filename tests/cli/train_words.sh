# attend train tag and classify with tokens that are words: what each architecture can see.
sentence() { # word label word label ...
    n=0
    while [ $# -gt 0 ]; do
        n=$((n + 1))
        printf '%d\t%s\t_\t%s\t_\t_\t_\t_\t_\t_\n' $n "$1" "$2"
        shift 2
    done
    echo
}
for i in 1 2 3 4 5 6; do
    sentence I PRON saw VERB a DET saw NOUN
    sentence a DET dog NOUN saw VERB me PRON
    sentence the DET saw NOUN cuts VERB
done > train.conllu
t() { "$ATTEND" train tag --min-count 1 --dim 16 --ffn 32 --heads 2 --layers 1 --dim-word 8 \
    --dim-char 8 --dim-char-state 8 --dropout 0 --attention-dropout 0 --word-dropout 0 \
    --learn-rate 0.01 --lr-warmup 5 --mini-batch-words 200 --valid-freq 75u --save-freq 75u \
    --after 150u --train train.conllu --valid train.conllu "$@"; }
tags() { echo "$2" | "$ATTEND" tag -m "$1" | cut -f2,4 | tr '\t\n' '/ '; }
# Scores of a sentence's first N words.
scores() { echo "$2" | "$ATTEND" tag -m "$1" --json | tr '{' '\n' |
    sed -n 's/.*"score": \([0-9.e-]*\),.*/\1/p' | head -n "$3"; }
differ() { if same "$@"; then echo "no difference: $*"; exit 1; fi; }
same() { test "$(scores "$@")" = "$(scores "$1" "$4" "$3")"; }

# The two `saw` of a sentence differ where their neighbours are seen, for every core.
for arch in words window rnn rnn-lstm; do
    t --arch $arch --window 2 -m $arch 2>log || { cat log; exit 1; }
    grep -q 'accuracy 1.0000' log || { echo $arch; cat log; exit 1; }
    grep -q '"AttendWordEncoderForTokenClassification"' $arch/config.json
    got=$(tags $arch 'I saw a saw')
    case $got in
    'I/PRON saw/VERB a/DET saw/NOUN '*) ;;
    *) echo "$arch: $got"; exit 1 ;;
    esac
    "$ATTEND" evaluate -m $arch train.conllu | grep -q '^accuracy = 1.0000'
done
# A network that reads one way does not know what comes; the others do.
t --arch rnn --one-way -m one -q
same one 'the saw cuts me' 2 'the saw dog me' || { echo "one-way sees ahead"; exit 1; }
differ one 'the saw cuts me' 3 'a saw cuts me'
differ rnn 'the saw cuts me' 2 'the saw dog me'
differ words 'the saw cuts me' 2 'the saw dog me'
# A window of two words sees two words.
same window 'I saw a dog cuts' 1 'I saw a dog me'
same window 'I saw a dog cuts' 2 'I saw a dog me'
differ window 'I saw a dog cuts' 3 'I saw a dog me'
# Unknown words and characters, and words without their own vectors, are read.
tags words 'Sawed ünbekannt 工 x' | grep -q 'Sawed/'
# A long sentence comes back whole, in parts.
awk 'BEGIN { for (i = 0; i < 1300; i++) printf "saw "; print "" }' > long
test "$("$ATTEND" tag -m words < long 2>/dev/null | grep -c saw)" -ge 1300

# Interrupted, resumed, with one thread: the same bytes.
t --arch words --schedule constant --word-dropout 0.2 --dropout 0.1 -m whole -q
t --arch words --schedule constant --word-dropout 0.2 --dropout 0.1 -m parts -q --after 75u
t --arch words --schedule constant --word-dropout 0.2 --dropout 0.1 -m parts -q --resume
t --arch words --schedule constant --word-dropout 0.2 --dropout 0.1 -m single -q --threads 1
cmp whole/model.safetensors parts/model.safetensors
cmp whole/model.safetensors single/model.safetensors

# Texts: a label, or a number.
for i in 1 2 3 4 5 6; do
    printf 'good\ta fine film\nbad\ta dull film\ngood\tnot dull at all\nbad\tnot fine\n'
done > texts.tsv
c() { "$ATTEND" train classify --columns label,text --arch words --min-count 1 --dim 16 \
    --ffn 32 --heads 2 --layers 1 --dim-word 8 --dim-char 8 --dim-char-state 0 --dropout 0 \
    --attention-dropout 0 --word-dropout 0 --learn-rate 0.01 --lr-warmup 5 \
    --mini-batch-words 100 --valid-freq 75u --save-freq 75u --after 150u "$@"; }
c --train texts.tsv --valid texts.tsv -m sense 2>log || { cat log; exit 1; }
grep -q 'accuracy 1.0000' log || { cat log; exit 1; }
printf 'not dull at all\nnot fine\n' | "$ATTEND" classify -m sense | cut -f1 > got
printf 'good\nbad\n' | cmp - got
sed 's/^good/1.5/;s/^bad/-0.5/' texts.tsv > numbers.tsv
c --regression --train numbers.tsv --valid numbers.tsv -m number 2>/dev/null
"$ATTEND" evaluate -m number numbers.tsv --columns label,text |
    grep -q '^mean squared error = [0-9.]*e-'

# A label with one example is told.
{ cat texts.tsv; printf 'odd\tquite something else\n'; } > odd.tsv
c --train odd.tsv -m odd --after 2u 2>log
grep -q "label 'odd' has one example only" log

# What is wrong is told.
fails() { # PATTERN command...
    pattern=$1; shift
    if "$@" 2>err; then echo "succeeded: $*"; exit 1; fi
    grep -q -e "$pattern" err || { echo "expected $pattern:"; cat err; exit 1; }
}
fails 'one-way is for --arch rnn' t --arch window --one-way -m gone
fails 'tokenizer' t --arch words --tokenizer train.conllu -m gone
printf 'a\tb\n' > pair
fails 'takes one text' "$ATTEND" classify -m sense -i pair
cp -r sense broken; printf '{"characters":"ba","words":[]}' > broken/lexicon.json
fails 'lexicon.json: characters are not in rising order' "$ATTEND" classify -m broken -i long
printf '{"characters":"ab","words":[]}' > broken/lexicon.json
fails 'lexicon.json: 3 words and 3 characters, config.json says' "$ATTEND" classify -m broken -i long
rm broken/lexicon.json
fails 'lexicon.json' "$ATTEND" classify -m broken -i long
test ! -e gone
# A width that leaves gaps between the parameters of query, key and value.
t --arch words --dim 8 -m narrow 2>log || { cat log; exit 1; }
grep -q 'accuracy 1.0000' log || { cat log; exit 1; }
