# ^C and SIGTERM save first and exit 130 and 143; --resume ends with the bytes of a
# training that was never interrupted.
. "$TEST_DIR/small_model.lib.sh"
small_training whole --after 200u -q
for signal in INT:130 TERM:143; do
    # A background process of a script ignores SIGINT unless it is told not to. exec: the
    # program is the child itself.
    mkfifo reports
    (trap - INT; exec "$ATTEND" train translate --config whole/config.train.json \
        -m part -q --json >reports) &
    child=$!
    sent=0
    while read -r line; do
        case $line in
        *'"kind":"checkpoint"'*)
            # Some 195 updates are left to notice it in.
            test $sent = 1 || kill -${signal%:*} $child
            sent=1 ;;
        esac
    done <reports
    code=0
    wait $child || code=$?
    rm reports
    test $sent = 1
    test $code = ${signal#*:}
    test ! -e part/model.safetensors
    small_training part --after 200u -q --resume
    cmp whole/model.safetensors part/model.safetensors
    rm -r part
done
