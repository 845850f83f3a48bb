# One model, several target languages: tokens from the options, from the data, in the model.
. "$TEST_DIR/small_model.lib.sh"
tr a-z A-Z <source >upper
mixture() { # directory, further options
    directory=$1
    shift
    "$ATTEND" train translate -m "$directory" --vocab-size 500 --dim 16 --ffn 16 --heads 2 \
        --enc-depth 1 --dec-depth 1 --mini-batch-words 256 --after 4u --average 0 "$@"
}
mixture many --train source target source upper --target-langs zh up \
    --valid valid.en valid.zh --valid-lang '>>zh<<' --valid-beam 2 -q
grep -q '^  ">>zh<<": 2,$' many/vocab.json
grep -q '^  ">>up<<": 3,$' many/vocab.json
echo 'I am' | "$ATTEND" translate -m many --to up --max-length 2 --json >out
grep -q '"source_tokens":\[">>up<<","▁I",' out
echo '>>zh<< I am' | "$ATTEND" translate -m many --max-length 2 --json >data
grep -q '"source_tokens":\[">>zh<<","▁I",' data
echo '>>zh<< I am' | "$ATTEND" translate -m many --to up --max-length 2 --json | cmp - data
test -z "$(echo | "$ATTEND" translate -m many --to up)"
# What asks for none of its languages is told, once each; what asks for one is not.
printf '\nI am\nyou are\n>>fr<< I am\n>>z<< I am\n' | "$ATTEND" translate -m many --max-length 2 >out 2>log
test "$(wc -l <log)" = 2
grep -q "^attend: warning: line 2 names no target language (--to LANG): the model's are zh, up; " log
grep -q "^attend: warning: line 4: '>>fr<<' is no target language of the model: they are zh, up; " log
printf 'I am\n>>zh<< I am\n\n' | "$ATTEND" translate -m many --to up --max-length 2 2>&1 >out | grep warn && exit 9
# The same from data that has the tokens: the same bytes.
sed 's/^/>>zh<< /' source >source.zh
sed 's/^/>>up<< /' source >source.up
sed 's/^/>>zh<< /' valid.en >valid.in
mixture same --train source.zh target source.up upper --tokenizer many/source.spm \
    --valid valid.in valid.zh -q
mixture other --train source target source upper --target-langs zh up \
    --tokenizer many/source.spm --valid valid.en valid.zh --valid-lang zh -q
cmp same/model.safetensors other/model.safetensors
cmp same/vocab.json many/vocab.json
# A ready tokenizer without them: they come behind its pieces, as OPUS-MT has them.
"$ATTEND" vocab train -o plain.spm --vocab-size 400 source target -q
mixture behind --train source target source upper --target-langs zh up \
    --tokenizer plain.spm -q
tail -n 4 behind/vocab.json | tr -d ' \n' | grep -q '">>zh<<":[0-9]*,">>up<<":[0-9]*,"<pad>"'
echo 'I am' | "$ATTEND" translate -m behind --to zh --max-length 2 --json |
    grep -q '"source_tokens":\[">>zh<<","▁I"'
# A validation a pair: each with the figures that it has alone, their means in between.
tr a-z A-Z <valid.en >valid.up
mixture two --train source target source upper --target-langs zh up --valid-freq 2u \
    --valid valid.en valid.zh valid.en valid.up --valid-beam 2 2>log
grep -q '^valid.zh is Chinese: ' log
grep -q '^validation at update 4: nll .*  BLEU .*  (mean of the pairs)' log
grep -q '  zh: nll .*  BLEU ' two/train.log
grep -q '  up: nll .*  BLEU ' two/train.log
grep -q '"valid-tokenize": "zh,13a"' two/config.train.json
mixture alone --train source target source upper --target-langs zh up --valid-freq 2u \
    --valid valid.en valid.zh --valid-lang zh -q
nll() { sed -n "s/.*\"update\": 4,.*$1\([0-9.e-]*\),.*/\1/p" $2/metrics.jsonl; }
zh=$(nll '"lang": "zh", "valid_nll": ' two)
test "$zh" = "$(nll '"epoch": [^,]*, "valid_nll": ' alone)"
awk -v m="$(nll '"epoch": [^,]*, "valid_nll": ' two)" -v a="$zh" \
    -v b="$(nll '"lang": "up", "valid_nll": ' two)" 'BEGIN { d = m - (a + b) / 2; exit d * d > 1e-12 }'
"$ATTEND" train translate -m two --resume --after 6u -q
test "$(grep -c '"valid_pairs"' two/metrics.jsonl)" = 3
# An evaluation that asks for a language; lines that name one keep theirs.
evaluate() { "$ATTEND" evaluate -m two --target valid.zh --beam-size 1 --max-length 4 --json -q "$@"; }
evaluate --source valid.en --to zh >asked
evaluate --source valid.in | cmp - asked
evaluate --source valid.in --to up | cmp - asked
evaluate --source valid.en | cmp -s - asked && exit 9
# What makes no sense.
evaluate --source valid.en --to fr 2>log && exit 9 || test $? = 2
grep -q "evaluate: --to fr: the model's target languages are zh, up" log
"$ATTEND" evaluate --reference valid.zh --to zh <valid.zh 2>log && exit 9 || test $? = 2
grep -q -e '--to zh is for translators' log
no() { # what is said, options
    said=$1
    shift
    mixture gone --train source target source upper -q "$@" 2>log && exit 9 || test $? = 2 || test $? = 1
    grep -q -e "$said" log || { cat log; exit 8; }
    test ! -e gone
}
no 'valid takes pairs' --valid valid.en valid.zh valid.en
no 'valid has 3 pairs of files, --train 2: one for each, or one only' \
    --valid valid.en valid.zh valid.en valid.zh valid.en valid.zh
no 'valid-lang is for one pair' --target-langs zh up --valid-lang zh \
    --valid valid.en valid.zh valid.en valid.up
no "target language 'fr' is none of the training's" --target-langs zh up --valid-lang fr \
    --valid valid.en valid.zh
no "has 3 names for 2 pairs" --valid valid.en valid.zh valid.en valid.up --valid-tokenize zh,13a,none
no "'latin' is not one of 13a, zh" --valid valid.en valid.zh --valid-tokenize latin
"$ATTEND" translate -m many --to fr </dev/null 2>log && exit 9 || test $? = 2
grep -q "the model's target languages are zh, up" log
small_training one --after 2u -q
"$ATTEND" translate -m one --to fr </dev/null 2>log && exit 9 || test $? = 2
grep -q 'the model has one target language' log
mixture no --train source target source upper --target-langs zh -q 2>log && exit 9 || test $? = 2
grep -q -e '--target-langs has 1 words for 2 pairs' log
mixture no --train source target --target-langs 'z h' -q 2>log && exit 9 || test $? = 2
grep -q "'z h' is no target language" log
