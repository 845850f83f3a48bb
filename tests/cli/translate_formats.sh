# Marian's n-best and alignments, and JSON.
. "$TEST_DIR/small_model.lib.sh"
small_training model --after 20u -q
printf 'I am a student\n\nMary has two cats\n' >in
number='-\{0,1\}[0-9.e+-]*'
"$ATTEND" translate -m model --n-best 3 <in >out
test "$(grep -c '^0 ||| ' out)" = 3
test "$(grep -c '^2 ||| ' out)" = 3
! grep -v "^[0-9] ||| .*||| F0= $number ||| $number\$" out
# Best first.
grep '^0' out | sed 's/.* ||| //' | sort -g -r | cmp - <<END
$(grep '^0' out | sed 's/.* ||| //')
END
"$ATTEND" translate -m model --n-best 2 --alignment hard --word-scores <in >out
! grep '^[02]' out | grep -v "^[0-9] ||| .* ||| [0-9]*-[0-9]*\( [0-9]*-[0-9]*\)* ||| WordScores=\( $number\)* ||| F0= $number ||| $number\$"
"$ATTEND" translate -m model --alignment hard <in | sed -n 1p | grep -q ' ||| [0-9]*-[0-9]*\( [0-9]*-[0-9]*\)*$'
"$ATTEND" translate -m model --alignment 0.01 <in | sed -n 3p | grep -q ' ||| [0-9]*-[0-9]*\( [0-9]*-[0-9]*\)*$'
# Soft: the weights of a target token sum to one.
"$ATTEND" translate -m model --alignment soft <in | sed -n '1s/.* ||| //p' | tr ' ' '\n' | awk -F, '
    { s = 0; for (i = 1; i <= NF; i++) s += $i; if (s < 0.999 || s > 1.001) exit 1 }'
"$ATTEND" translate -m model --alignment soft --align-layer 0 --align-head 1 <in >head
"$ATTEND" translate -m model --alignment soft --align-layer 7 <in 2>err && exit 9 || test $? = 2
grep -q '^attend: translate: --align-layer is 7, expected ' err
# A beam is as wide as the list that is asked for, unless the two were said to differ.
test "$("$ATTEND" translate -m model --n-best 7 <in | grep -c '^0 ')" = 7
"$ATTEND" translate -m model --json <in >out
test "$(grep -c '^{"line":[0-2],"source_tokens":\[.*"text":".*}$' out)" = 3
"$ATTEND" translate -m model --json --word-scores --alignment soft <in | grep -q '"token_logprobs":\[.*"alignment":\[\['
"$ATTEND" translate -m model --json --n-best 2 <in | grep -q '"hypotheses":\[{"text":.*},{"text":'
if command -v python3 >/dev/null; then
    "$ATTEND" translate -m model --json --n-best 2 --word-scores --alignment soft <in |
        python3 -c 'import json, sys
for line in sys.stdin:
    o = json.loads(line)
    for h in o["hypotheses"]:
        if h["tokens"]:
            assert abs(sum(h["token_logprobs"]) - h["logprob"]) < 1e-3, h
            assert len(h["alignment"]) == len(h["token_logprobs"])
            assert all(len(row) == len(o["source_tokens"]) for row in h["alignment"])'
fi
# One file cannot be both the translation and its attention.
"$ATTEND" translate -m model -o same --attention same <valid.en 2>err && exit 9 || test $? = 2
grep -q -- '--output and --attention are one file' err
test ! -e same
"$ATTEND" translate -m model -o /dev/null --attention /dev/null <valid.en
