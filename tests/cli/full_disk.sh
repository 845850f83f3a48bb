# Output that cannot be written is an error, not silence.
test -e /dev/full || exit 77
for words in help 'help --man' 'info' 'version' 'demo --help'; do
    "$ATTEND" $words >/dev/full 2>err && exit 9 || test $? = 1
    grep -q 'standard output: cannot be written' err
done
printf 'a b\n' >ref
"$ATTEND" evaluate -r ref <ref >/dev/full 2>err && exit 9 || test $? = 1
# The same of what is written as it comes: the output, and why not.
. "$TEST_DIR/small_kinds.lib.sh"
small_training translator --after 1u -q
small_tagger tagger
small_classifier classifier
small_lm lm
cut -f2 texts.tsv >lines
i=0
while [ $i -lt 9 ]; do
    cat lines lines >more
    mv more lines
    i=$((i + 1))
done
full() { # name of the output, command...
    name=$1
    shift
    "$@" 2>err && { echo "accepted: $*"; exit 9; } || test $? = 1
    grep -q "^attend: $name: cannot be written: No space left on device$" err ||
        { echo "$*"; cat err; exit 8; }
    test "$(grep -c cannot err)" = 1
    grep -q cancelled err && exit 7 || true
}
head -n 3 lines >few
for input in few lines; do
    full 'standard output' "$ATTEND" classify -m classifier -i $input >/dev/full
    full /dev/full "$ATTEND" classify -m classifier -i $input --top 2 --json -o /dev/full
    full 'standard output' "$ATTEND" tag -m tagger -i $input >/dev/full
    full /dev/full "$ATTEND" tag -m tagger -i $input -o /dev/full
done
full 'standard output' "$ATTEND" generate -m lm -p to -n 5 -q >/dev/full
echo to >prompts
full /dev/full "$ATTEND" generate -m lm -i prompts -n 5 -q --json -o /dev/full
full 'standard output' "$ATTEND" translate -m translator -i few -q >/dev/full
full 'standard output' "$ATTEND" tokenize -m translator -i few >/dev/full
full /dev/full "$ATTEND" classify -m classifier -i few --attention /dev/full >out
full /dev/full "$ATTEND" tag -m tagger -i few --attention /dev/full >out
full /dev/full "$ATTEND" generate -m lm -p 'to be' -n 2 -q --attention /dev/full >out
full /dev/full "$ATTEND" translate -m translator -i few -q --attention /dev/full >out
