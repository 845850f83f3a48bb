# kill -9 at many moments, the tokenizer's training and checkpoints among them: --resume
# ends with the bytes of a training that was never interrupted. While a training runs its
# directory is refused to others; a killed one leaves no lock behind.
. "$TEST_DIR/small_model.lib.sh"
small_training whole --after 40u -q
mkfifo reports
round=0 code=1
while [ $code != 0 ]; do
    round=$((round + 1))
    test $round -lt 60
    # exec: the program is the child itself.
    (exec "$ATTEND" train translate --config whole/config.train.json -m part \
        --after 40u -q --json --disp-freq 1u --resume >reports 2>err) &
    child=$!
    # More and more lines: a checkpoint lies in every seventh, so each round gets on.
    lines=0
    while read -r line; do
        lines=$((lines + 1))
        if [ $round = 3 ] && [ $lines = 2 ]; then
            "$ATTEND" train translate --config whole/config.train.json -m part --resume \
                -q >out 2>busy && exit 9 || test $? = 1
            grep -q '^attend: part.*in use' busy
        fi
        test $lines -lt $((1 + round * 4 % 23)) || kill -9 $child 2>/dev/null || true
    done <reports
    code=0
    wait $child || code=$?
    test $code = 0 || test $code = 137 || { cat err; exit 8; }
done
test $round -gt 2
cmp whole/model.safetensors part/model.safetensors
# A full disk: what was there stays, what is new is not begun.
cp whole/model.safetensors before
(ulimit -f 40; exec "$ATTEND" train translate --config whole/config.train.json -m whole \
    --after 60u -q --resume >out 2>err) && exit 9 || test $? = 1
grep -q '^attend: whole.*too large' err
cmp whole/model.safetensors before
test ! -e whole/checkpoints/u00000060
small_training whole --after 60u -q --resume
