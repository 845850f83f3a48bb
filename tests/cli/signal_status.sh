# A signal ends the program with a status of its own, 128 + signal, whatever it is doing;
# a shell that sees its child killed would say so.
. "$TEST_DIR/small_model.lib.sh"
mkfifo pipe
for signal in TERM INT; do
    rm -f pid code
    (trap - INT; exec sh -c 'sh -c "echo \$\$ >pid.new; mv pid.new pid
        exec \"$ATTEND\" evaluate --reference source <pipe"; echo $? >code' 2>said) &
    shell=$!
    exec 3>pipe # both ends are open: the program waits for lines
    while [ ! -s pid ]; do sleep 0.05; done
    sleep 0.3
    kill -$signal "$(cat pid)"
    if [ $signal = TERM ]; then
        wait $shell
        test "$(cat code)" = 143
        if grep -i terminated said; then exit 9; fi
    else
        # Where a shell's child in the background ignores ^C, so does the program.
        sleep 0.3
        exec 3>&-
        wait $shell
        case $(cat code) in 1 | 130) ;; *) exit 9 ;; esac
    fi
    exec 3>&-
done
