# What is no text, no directory or no model: one line that names it, and a status.
. "$TEST_DIR/small_model.lib.sh"
small_training m --after 3u -q
: >empty
head -c 3000 "$ATTEND" >binary
mkdir directory
printf '\357\273\277I am a student\r\nMary has two cats\r\n' >crlf
printf 'I am\0a student\n' >nul
printf 'I am\nbad \377\376 end\n' >broken
fails() { # status, what stderr must say, command
    want=$1 text=$2
    shift 2
    "$@" >out 2>err </dev/null && exit 9 || test $? = "$want" || { echo "$*"; cat err; exit 8; }
    test "$(grep -v '^hint: ' err | wc -l | tr -d ' ')" = 1
    grep -q "^attend: .*$text" err || { echo "$*"; cat err; exit 7; }
}
for command in 'translate -i valid.en' 'info' 'tokenize -i valid.en' \
    'evaluate --source valid.en --target valid.zh' 'bench translate --input valid.en'; do
    fails 1 'source: a file, not a directory' "$ATTEND" $command -m source
    fails 1 'nowhere: no such directory' "$ATTEND" $command -m nowhere
    fails 1 'name of the directory is empty' "$ATTEND" $command -m ''
done
fails 1 'directory: cannot be read: Is a directory' "$ATTEND" translate -m m -i directory
fails 1 'directory: cannot be read: Is a directory' "$ATTEND" tokenize -m m -i directory
fails 1 'directory: cannot be read: Is a directory' "$ATTEND" vocab train -o x.spm directory
fails 1 'directory: cannot be read: Is a directory' \
    "$ATTEND" train translate --train directory target -m x
fails 1 'a file, not a directory' "$ATTEND" train translate --train source target -m crlf
fails 1 'empty: no line of text' "$ATTEND" vocab train -o x.spm empty
fails 1 'binary: no line of text' "$ATTEND" vocab train -o x.spm binary
fails 1 'no line to evaluate' "$ATTEND" evaluate -m m --source empty --target empty
fails 1 'no sentence' "$ATTEND" bench translate -m m --input empty
test ! -e x -a ! -e x.spm
# No line in, no line out; CRs, a mark at the beginning and NULs are no part of a line.
test "$("$ATTEND" translate -m m -i empty | wc -c | tr -d ' ')" = 0
printf 'I am a student\nMary has two cats\n' | "$ATTEND" translate -m m >want
"$ATTEND" translate -m m -i crlf | cmp - want
test "$("$ATTEND" translate -m m -i nul 2>err | wc -l)" -eq 1
grep -q 'warning: nul: line 1: NUL bytes are read as spaces' err
test "$("$ATTEND" translate -m m -i broken 2>err | wc -l)" -eq 2
grep -q 'warning: broken: line 2: not UTF-8' err
# A reader that has enough, a disk that is full, no output at all.
"$ATTEND" translate -m m -i source 2>err | head -n 1 >out
test "$(wc -l <out)" -eq 1
if test -w /dev/full; then
    for command in 'translate -m m -i valid.en' 'tokenize -m m -i valid.en' 'info' \
        'vocab show m' 'evaluate --reference valid.zh -i valid.zh'; do
        "$ATTEND" $command >/dev/full 2>err && exit 9 || test $? = 1
        grep -q 'standard output: cannot be written: No space left on device' err
    done
fi
# Fewer pieces than were asked for are said.
"$ATTEND" vocab train -o x.spm --vocab-size 100000 source 2>err
grep -q '^attend: warning: x.spm: [0-9,]* pieces, not 100,000' err
# An interrupted file is no file.
cat source source source source source source source source >long
for signal in INT:130 TERM:143; do
    (trap - INT; exec "$ATTEND" translate -m m -i long -o late -b 20 --batch-size 1) &
    child=$!
    # It has begun when its file is there under the other name.
    until ls late.tmp* >/dev/null 2>&1 || ! kill -0 $child 2>/dev/null; do sleep 0.05; done
    kill -${signal%:*} $child 2>/dev/null || true
    code=0
    wait $child || code=$?
    test $code = ${signal#*:} || { test $code = 0 && rm late; }
    test -z "$(ls | grep '^late' || true)"
done
