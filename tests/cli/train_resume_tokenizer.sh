# A training that is resumed has its own copy of the tokenizer: the file that it was given may
# be gone.
. "$TEST_DIR/small_kinds.lib.sh"
"$ATTEND" vocab train -o own.spm --vocab-size 300 --tokenizer-raw -q source target
pairs() {
    "$ATTEND" train translate --train source target --dim 32 --ffn 64 --heads 2 --enc-depth 1 \
        --dec-depth 1 --mini-batch-words 256 --average 0 --lr-warmup 2 --schedule constant --save-freq 5u -q "$@"
}
tags() {
    "$ATTEND" train tag --arch bert --train tagged.conllu --dim 16 --ffn 32 --heads 2 --layers 1 \
        --average 0 --lr-warmup 2 --schedule constant --save-freq 5u -q "$@"
}
text() {
    "$ATTEND" train generate --train running.txt --dim 16 --ffn 32 --heads 2 --layers 1 --context 16 \
        --average 0 --lr-warmup 2 --schedule constant --save-freq 5u -q "$@"
}
tags -m made --vocab-size 40 --after 1u
cp made/tokenizer.json own.json
for run in pairs:own.spm tags:own.json text:own.spm; do
    kind=${run%%:*} file=${run#*:}
    $kind -m $kind.whole --tokenizer $file --after 10u
    $kind -m $kind.parts --tokenizer $file --after 5u
    mv $file elsewhere
    # With its settings said again, and with those that it stored.
    cp -r $kind.parts $kind.again
    $kind -m $kind.again --tokenizer $file --after 10u --resume
    "$ATTEND" train $(case $kind in pairs) echo translate ;; tags) echo tag ;; *) echo generate ;; esac) \
        -m $kind.parts --after 10u --resume -q
    cmp $kind.whole/model.safetensors $kind.parts/model.safetensors
    cmp $kind.whole/model.safetensors $kind.again/model.safetensors
    # Before it began there is no copy.
    $kind -m $kind.none --tokenizer $file --after 5u 2>err && exit 9 || test $? = 1
    grep -q "$file" err
    mv elsewhere $file
done
# Another task's training is not gone on with.
mkdir other
echo '{"command": "train tag", "column": "upos"}' >other/config.train.json
"$ATTEND" train translate -m other --resume 2>log && exit 9 || test $? = 2
grep -q "other/config.train.json: of 'attend train tag', not of 'attend train translate'" log
