# Makes ./model: a small translator after a few updates on 200 sentences of the demo, so
# what it says is noise, but it says the same each time. Also ./source and ./target.
"$ATTEND" demo --corpus corpus
head -n 200 corpus/train.en >source
head -n 200 corpus/train.zh >target
head -n 20 corpus/unseen.en >valid.en
head -n 20 corpus/unseen.zh >valid.zh
small_training() { # directory, further options
    directory=$1
    shift
    "$ATTEND" train translate --train source target --valid valid.en valid.zh \
        -m "$directory" --vocab-size 500 --tokenizer-raw --dim 32 --ffn 64 --heads 2 \
        --enc-depth 1 --dec-depth 1 --mini-batch-words 256 --lr-warmup 10 \
        --learn-rate 0.005 --average 2 --save-freq 5u --valid-freq 10u --disp-freq 5u \
        "$@"
}
