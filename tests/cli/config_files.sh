# A configuration file gives options by name; the environment wins over it, the command
# line over both. Mistakes in it are named with file and line.
try() { "$ATTEND" "$@" || echo "exit $?" >&2; }
printf 'the cat sat on the mat\n' >ref
printf 'The cat sat on a mat\n' >hyp
show() { "$@" | sed -n 's/.*\(case:[a-z]*\).*\(tok:[0-9a-z]*\).* = \([0-9.]*\) .*/\1 \2 \3/p'; }
echo '{"reference": ["ref"], "lowercase": true, "tokenize": "char", "width": 3}' >c.json
show "$ATTEND" evaluate --config c.json <hyp
ATTEND_TOKENIZE=none show "$ATTEND" evaluate -c c.json <hyp
ATTEND_TOKENIZE=none show "$ATTEND" evaluate -c c.json --tokenize 13a --no-lowercase <hyp
ATTEND_REFERENCE='ref ref' ATTEND_LOWERCASE=no "$ATTEND" evaluate --config c.json <hyp |
    grep -o 'nrefs:2|case:mixed' | head -n 1
echo '{"lowercase": true,' >bad1.json
echo '["lowercase"]' >bad2.json
printf '{"lowercase": true,\n "tokenise": "char"}' >bad3.json
printf '{"lowercase": {}}' >bad4.json
printf '{"width": "wide"}' >bad5.json
printf '{"a": "\\u12"}' >bad6.json
printf '{"reference": ["a" "b"]}' >bad7.json
printf '{} x' >bad8.json
for n in 1 2 3 4 5 6 7 8; do try evaluate --reference ref --config bad$n.json <hyp; done
try evaluate --config none.json <hyp
