# Recurrent translators: from training to translation, resumed to the same bytes, looked at.
. "$TEST_DIR/small_model.lib.sh"
rnn() { # directory, further options
    directory=$1
    shift
    "$ATTEND" train translate --arch rnn --train source target --valid valid.en valid.zh \
        -m "$directory" --vocab-size 500 --tokenizer-raw --dim 16 --mini-batch-words 256 \
        --lr-warmup 5 --average 2 --save-freq 5u --valid-freq 10u --valid-beam 0 "$@"
}
rnn whole --after 20u >out 2>log
test ! -s out
grep -q '^GRU encoder-decoder, additive attention: 1 encoder layers of 16 in both' log
grep -q '"arch": "rnn"' whole/config.train.json
grep -q '"preset": "rnn"' whole/config.train.json
grep -q '"attend_score": "additive"' whole/config.json
# The recipe comes with the architecture, and what is said wins over it.
grep -q '"clip-norm": 1,' whole/config.train.json
grep -q '"dropout": 0.35' whole/config.train.json
"$ATTEND" train translate --config whole/config.train.json -m again -q -j 2
cmp whole/model.safetensors again/model.safetensors
# Interrupted after 10 of 20 updates.
rnn half --after 10u -q
"$ATTEND" train translate -m half --resume --after 20u -q 2>log
"$ATTEND" info -m whole | grep -q 'attend (rnn-seq2seq)'
"$ATTEND" translate -m whole -j 1 <valid.en >one
"$ATTEND" translate -m whole -j 2 --batch-size 1 <valid.en >two
cmp one two
test "$(wc -l <one)" = 20
"$ATTEND" translate -m whole --alignment soft --max-length 4 <valid.en | grep -q '||| [0-9.,e-]*'
"$ATTEND" evaluate -m whole --source valid.en --target valid.zh >page
"$ATTEND" explain -m whole 'I am' >page
grep -q '^Cross-attention' page
"$ATTEND" explain model -m whole -o rnn.svg
test -s rnn.svg
"$ATTEND" average -o mean whole again -q
cmp whole/model.safetensors mean/model.safetensors
# The others.
rnn lstm --arch rnn-lstm --attention dot --dim-rnn 24 --after 5u 2>log
grep -q '^LSTM encoder-decoder, dot attention: 1 encoder layers of 12 in both' log
rnn none --attention none --after 5u 2>log
grep -q 'no attention' log
"$ATTEND" train translate --config none/config.train.json -m none-again -q
cmp none/model.safetensors none-again/model.safetensors
"$ATTEND" train translate -m none --resume --after 6u -q
rnn plan --attention general --dry-run --after 5u -q | grep -q '^parameters'
"$ATTEND" explain -m none 'I am' >page
grep -q 'no attention: gradients say' page
# What makes no sense.
refused() { # words of the message, then options
    words=$1
    shift
    "$ATTEND" train translate --train source target -m no "$@" 2>log && exit 9 || test $? = 2
    grep -q -e "$words" log
}
refused 'attention is of --arch rnn' --attention additive
refused 'a recurrent decoder has one layer' --arch rnn --dec-depth 2
refused "'cosine' is none of" --arch rnn --attention cosine
refused '5 is odd' --arch rnn --dim-rnn 5
