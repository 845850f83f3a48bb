# Output that cannot be written is an error, not silence.
test -e /dev/full || exit 77
for words in help 'help --man' 'info' 'version' 'demo --help'; do
    "$ATTEND" $words >/dev/full 2>err && exit 9 || test $? = 1
    grep -q 'standard output: cannot be written' err
done
printf 'a b\n' >ref
"$ATTEND" evaluate -r ref <ref >/dev/full 2>err && exit 9 || test $? = 1
