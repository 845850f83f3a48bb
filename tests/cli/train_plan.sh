# What is not said about a training is decided by its preset and its text, told in words,
# and stored: the same training can be repeated from its configuration alone.
. "$TEST_DIR/small_model.lib.sh"
small() {
    "$ATTEND" train translate --vocab-size 500 --dim 16 --ffn 16 --heads 2 --enc-depth 1 \
        --dec-depth 1 "$@"
}
stored() { grep -q "^  \"$2\": $3,\$" "$1/config.train.json" || { echo "$2"; grep "$2" "$1/config.train.json"; exit 8; }; }
small --preset tiny --train source target --valid valid.en valid.zh -m a --after 60u 2>log
# The warm-up is a fifth of it, six validations, twenty checkpoints.
stored a lr-warmup 12
stored a valid-freq '"10u"'
stored a save-freq '"3u"'
stored a schedule '"linear"'
stored a mini-batch-words 3072
stored a average 10
stored a valid-beam 5
stored a valid-tokenize '"zh"'
grep -q '^plan: 60 updates, about [0-9.]* passes over 200 pairs (--after 60u), rate 0.005 after 12 updates; a checkpoint every 3u, validation every 10u$' log
grep -q '^valid.zh is Chinese: .*(--valid-tokenize zh)$' log
test "$(grep -c '^checkpoint at' log)" = 20
# The settings are no part of an error: they come when all was found right.
small --preset tiny --train source target -m b --after 60u --valid valid.en source 2>log &&
    exit 9 || test $? = 1
test "$(wc -l <log | tr -d ' ')" = 1
# Given values win, from wherever.
ATTEND_SAVE_FREQ=20u small --preset tiny --train source target -m c --after 20u \
    --lr-warmup 15 --valid-freq 7u -q
stored c lr-warmup 15
stored c save-freq '"20u"'
stored c valid-freq '"7u"'
stored c valid-beam 0
# A corpus of another size: by default no more than a hundred passes.
small --preset tiny --train source target --dry-run 2>log >out
grep -q '^plan: 100 passes over 200 pairs, about [0-9,]* updates (--after 100e)' log
grep -q '^expected time ' out
small --preset tiny --train source target --dry-run --mini-batch-words 64 --after 10Ku 2>log >out
grep -q '^plan: 10,000 updates' log
test ! -e out.d
# Text that was tokenised before: BLEU on its words as they stand.
sed 's/[.,?!]/ &/g; s/[^.?!]$/& ./' valid.en >valid.tok
small --train target source --valid valid.zh valid.tok --valid-beam 1 -m d --after 3u 2>log
stored d valid-tokenize '"none"'
grep -q '^valid.tok looks tokenised already: .*(--valid-tokenize none)$' log
# On by the directory alone; a preset that is not its own is refused.
"$ATTEND" train translate -m a --resume --after 66u -q
stored a after '"66u"'
stored a lr-warmup 12
"$ATTEND" train translate -m a --resume --preset base 2>log && exit 9 || test $? = 2
grep -q 'config.train.json began with tiny' log
# What a training leaves out is no part of its plan: a line far over --max-length, an
# empty one.
cp source long.src
cp target long.tgt
head -c 1000000 /dev/zero | tr '\0' 'x' >>long.src
printf '\n\n' >>long.src
printf 'x\nx\n' >>long.tgt
small --preset tiny --train long.src long.tgt --dry-run 2>log >out
grep -q '^plan: 100 passes over 200 pairs' log
# Punctuation that normalisation would take away stays; unless it was said otherwise.
sed 's/$/？/' target >wide
small --train source wide -m e --after 1u 2>log
stored e tokenizer-raw true
grep -q '^wide has full-width punctuation, .*(--tokenizer-raw)$' log
small --train wide source -m f --after 1u 2>log
stored f tokenizer-raw false
# A line in a hundred is enough, in any of the targets.
sed '150s/$/？/; 50s/$/，/' source >rare
small --train target source target rare -m g --after 1u 2>log
stored g tokenizer-raw true
grep -q '^rare has full-width punctuation' log
