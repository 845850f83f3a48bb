# A sentence as long as --max-length allows is learnt and measured, however long that is.
. "$TEST_DIR/small_model.lib.sh"
words() { i=0; while [ $i -lt "$1" ]; do i=$((i + 1)); printf 'I am '; done; echo; }
(words 2500; cat source) >long.en
(words 2400; cat target) >long.tgt
"$ATTEND" train translate --train long.en long.tgt --valid long.en long.tgt --valid-beam 0 \
    -m model --vocab-size 500 --dim 8 --ffn 8 --heads 2 --enc-depth 1 --dec-depth 1 \
    --max-length 12000 --mini-batch-words 1000 --after 1e --valid-freq 1e --average 0 2>err
if grep 'left out' err; then exit 9; fi
"$ATTEND" evaluate -m model --source long.en --target long.tgt --max-length 2 >out
grep -q '201 sentences, 0 skipped' out
# Variants of a sentence have room too.
"$ATTEND" train translate --train long.en long.tgt -m varied --vocab-size 500 --dim 8 \
    --ffn 8 --heads 2 --enc-depth 1 --dec-depth 1 --max-length 12000 --bpe-dropout 0.1 \
    --mini-batch-words 1000 --after 1e --average 0 -q
