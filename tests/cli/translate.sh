# As many lines out as in, in order, empty ones too; what a line becomes depends neither
# on batch nor threads nor neighbours.
. "$TEST_DIR/small_model.lib.sh"
small_training model --after 20u -q
printf 'I am a student\n\nHe is not a teacher\n   \nDid you read any books yesterday?' >in
"$ATTEND" translate -m model <in >out 2>err
test ! -s err
test "$(wc -l <out)" = 5
test -z "$(sed -n 2p out)"
test -z "$(sed -n 4p out)"
head -n 60 corpus/unseen.en >many
"$ATTEND" translate -m model --beam-size 3 <many >one
"$ATTEND" translate -m model --beam-size 3 --batch-size 1 -j 1 <many | cmp - one
"$ATTEND" translate -m model --beam-size 3 --batch-size 7 -j 2 --maxi-batch 1 <many | cmp - one
sort -r many | "$ATTEND" translate -m model -b 3 | sort >sorted
sort one | cmp - sorted
# Line ends of another system, and a BOM.
printf '\357\273\277I am a student\r\n\r\n' | "$ATTEND" translate -m model >crlf
head -n 2 out | cmp - crlf
# Files instead of streams; the output is there when it is complete.
"$ATTEND" translate -m model --beam-size 3 -i many -o result
cmp result one
ls | grep result.tmp && exit 9
"$ATTEND" translate -m model -i many -o nowhere/result 2>err && exit 9 || test $? = 1
grep -q '^attend: nowhere/result: cannot be written' err
"$ATTEND" translate -m model -i nowhere 2>err && exit 9 || test $? = 1
grep -q '^attend: nowhere: cannot be read' err
# Nothing in, nothing out.
"$ATTEND" translate -m model </dev/null >out
test ! -s out
# What is forced comes first.
printf '我是\n\n' >prefixes
printf 'I am a student\nI am a student\n' | "$ATTEND" translate -m model --prefix prefixes >out
sed -n 1p out | grep -q '^我是'
# Too few of them are a mistake that names both counts.
printf 'I am a student\nI am\nYou are\n' |
    "$ATTEND" translate -m model --prefix prefixes 2>err >out && exit 9 || test $? = 1
grep -q '^attend: prefixes: 2 lines, the input has 3' err
# One that is too long is named by its line, and the lines before it are there.
awk 'BEGIN { for (i = 0; i < 47; i++) print i % 9 ? "" : "我是"
             for (i = 0; i < 5000; i++) printf "我"
             for (i = 0; i < 13; i++) print "" }' >prefixes
"$ATTEND" translate -m model --prefix prefixes -i many >out 2>err && exit 9 || test $? = 1
test "$(wc -l <out)" = 47
grep -q '^attend: line 48: a prefix of [0-9]* tokens, the model has [0-9]* positions' err
grep -q ' (--prefix)$' err
"$ATTEND" translate -m model --prefix prefixes -i many --batch-size 4 --maxi-batch 1 2>err |
    cmp - out
grep -q '^attend: line 48: ' err
# The same draws for the same seed.
for seed in 1 1 2; do
    "$ATTEND" translate -m model --sampling --temperature 1.5 --top-k 50 --seed $seed <many >drawn.$seed.new
    test ! -e drawn.$seed || cmp drawn.$seed drawn.$seed.new
    mv drawn.$seed.new drawn.$seed
done
! cmp -s drawn.1 drawn.2
# However the lines are cut into calls: by options, or by when they come down a pipe.
drawing() {
    "$ATTEND" translate -m model --sampling --temperature 1.5 --top-k 50 --seed 1 "$@"
}
drawing --batch-size 1 --maxi-batch 1 <many | cmp - drawn.1
drawing --batch-size 7 --maxi-batch 2 <many | cmp - drawn.1
(head -n 5 many; sleep 0.5; tail -n +6 many) | drawing | cmp - drawn.1
# Too long a line is cut, with a warning.
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "I am a student "; print "" }' >long
"$ATTEND" translate -m model --max-source 20 <long 2>err >out
test "$(wc -l <out)" = 1
grep -q '^attend: warning: line 1: cut to 20 tokens, [0-9]* dropped' err
"$ATTEND" translate -m model --max-source 20 -q <long 2>err >out
test ! -s err
# Bytes that are no text do no harm.
printf 'I am\n\377\376 I am \300 a\000b\n' | "$ATTEND" translate -m model >out 2>err
test "$(wc -l <out)" = 2
test "$(grep -c '^attend: warning: standard input: line 2: not UTF-8' err)" = 1
test "$(grep -c '^attend: warning: .*line 2: NUL bytes' err)" = 1
test "$(wc -l <err)" = 2
# A file of them is not warned of line by line.
yes "$(printf '\377')" | head -n 500 | "$ATTEND" translate -m model >out 2>err
test "$(wc -l <out)" = 500
test "$(wc -l <err)" = 12
grep -q '^attend: warning: standard input: 500 lines were not UTF-8' err
# Stopped from outside.
mkfifo pipe
(code=0; "$ATTEND" translate -m model <pipe >/dev/null || code=$?; echo $code >code) &
exec 3>pipe
sleep 0.3
kill -TERM $(ps -o pid= --ppid $!) 2>/dev/null || true
exec 3>&-
wait
grep -q -x -E '143|0' code
