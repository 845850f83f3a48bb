# ^C and SIGTERM save first and exit 130 and 143; --resume ends with the bytes of a
# training that was never interrupted.
. "$TEST_DIR/small_model.lib.sh"
small_training whole --after 60u -q
for signal in INT:130 TERM:143; do
    # A background process of a script ignores SIGINT unless it is told not to.
    mkfifo reports
    (trap - INT; small_training part --after 60u -q --json >reports) &
    child=$!
    while read -r line; do
        case $line in
        *'"kind":"step","update":1'*|*'"kind":"step","update":2'*)
            # The program is the shell's only child.
            kill -${signal%:*} $(ps -o pid= --ppid $child) 2>/dev/null || true ;;
        esac
    done <reports
    code=0
    wait $child || code=$?
    rm reports
    test $code = ${signal#*:} || test $code = 0
    test $code = 0 || small_training part --after 60u -q --resume
    cmp whole/model.safetensors part/model.safetensors
    rm -r part
done
