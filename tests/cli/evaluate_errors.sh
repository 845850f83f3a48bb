try() { "$ATTEND" "$@" || echo "exit $?" >&2; }
printf 'a\nb\n' >two
printf 'a\n' | try evaluate --reference two
try evaluate --reference none <two
try evaluate --reference /dev/null </dev/null
try evaluate -m none --source two --target two 2>&1 | sed 's/: no such.*/: .../'
