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
# What makes no sense.
"$ATTEND" translate -m many --to fr </dev/null 2>log && exit 9 || test $? = 2
grep -q "the model's target languages are zh, up" log
small_training one --after 2u -q
"$ATTEND" translate -m one --to fr </dev/null 2>log && exit 9 || test $? = 2
grep -q 'the model has one target language' log
mixture no --train source target source upper --target-langs zh -q 2>log && exit 9 || test $? = 2
grep -q -e '--target-langs has 1 words for 2 pairs' log
mixture no --train source target --target-langs 'z h' -q 2>log && exit 9 || test $? = 2
grep -q "'z h' is no target language" log
