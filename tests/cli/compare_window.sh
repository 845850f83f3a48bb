# attend compare window-attention: what is beyond a window is beyond it, whatever is learnt.
"$ATTEND" compare window-attention -m out -o window.svg --after 200u --dim 32 -q > table
grep -q '^parameters ' table
grep -q '<svg' window.svg
"$ATTEND" compare window-attention -m out --overwrite --after 200u --dim 32 -q --json > json
grep -q '"distances":\[{"name":"1 word","x":1,"values":{"window 1":' json
# Columns of the table: windows of 1, 2, 5, 10, attention. Chance is 50 %.
far() { grep "^$1 word" table | awk -v k="$2" '{ print ($(k + 2) < 65) }'; }
test "$(far 16 1)$(far 16 2)$(far 16 3)$(far 16 4)" = 1111
test "$(far 6 3)$(far 11 4)" = 11
awk '/^accuracy, %/ { exit !($7 > $3) }' table
if "$ATTEND" compare window-attention --train x 2>err; then exit 1; fi
grep -q 'one file of --train and one of --valid' err
# Refused before anything is trained.
"$ATTEND" compare window-attention -o x.foo 2>log && exit 9 || test $? = 2
grep -q 'the ending decides the format' log
"$ATTEND" compare window-attention --dim 13 2>log && exit 9 || test $? = 2
grep -q -e '--dim 13 is odd' log
