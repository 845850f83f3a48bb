# SIGTERM and SIGINT at many moments (reading, vocabulary, first updates, validation,
# checkpoints, the average): one line of explanation and the signal's status, or a
# finished training; never another death, and --resume ends with the same bytes.
. "$TEST_DIR/small_model.lib.sh"
small_training whole --after 30u -q
signal=TERM want=143 stops=0 i=0
while [ $i -lt 14 ]; do
    i=$((i + 1))
    (trap - INT; exec "$ATTEND" train translate --config whole/config.train.json -m part \
        -j $((1 + i % 2)) --resume >out 2>err) &
    child=$!
    sleep 0.0$((i * 7 % 10))$((i * 3 % 10))
    [ $((i % 4)) != 0 ] || sleep 0.$((i % 3))
    kill -$signal $child 2>/dev/null || true
    code=0
    wait $child || code=$?
    # Before its handlers stand there is nothing to save: the same status, no word.
    case $code in
    0) ;;
    $want) stops=$((stops + 1)) ;;
    *) echo "round $i: exit status $code" >&2; cat err >&2; exit 9 ;;
    esac
    ! grep -i 'free()\|corrupt\|sanitizer\|runtime error' err
    if [ $signal = TERM ]; then signal=INT want=130; else signal=TERM want=143; fi
    [ $code != 0 ] || { cmp whole/model.safetensors part/model.safetensors; rm -r part; }
done
test $stops -gt 4
[ ! -d part ] || "$ATTEND" train translate --config whole/config.train.json -m part -q --resume
[ ! -d part ] || cmp whole/model.safetensors part/model.safetensors
