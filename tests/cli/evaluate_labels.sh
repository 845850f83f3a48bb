# attend evaluate of a tagger and a classifier: labels that the model does not have.
. "$TEST_DIR/small_kinds.lib.sh"
small_tagger tagger
small_classifier classifier
refused() { # words of the message, words of the hint, command...
    said=$1 hint=$2
    shift 2
    "$@" >out 2>err && { echo "accepted: $*"; cat out; exit 9; } || test $? = 1
    test ! -s out
    grep -q "^attend: $said" err || { echo "$*"; cat err; exit 8; }
    grep -q "^hint: .*$hint" err || { echo "$*"; cat err; exit 7; }
}
# None is the model's: the wrong column, the wrong file.
refused "tagged.conllu:1: 'PRP' is no label of the model (it has DET, NOUN, PRON, VERB), nor is any other" \
    '--column upos' "$ATTEND" evaluate -m tagger tagged.conllu --column xpos
refused "texts.tsv:1: 'a fine film number 1 indeed' is no label of the model (it has bad, good)" \
    '--columns' "$ATTEND" evaluate -m classifier texts.tsv --columns text,label
sed 's/^good/1/; s/^bad/0/' texts.tsv >numbers.tsv
refused "numbers.tsv:1: '1' is no label of the model" 'numbers.tsv' \
    "$ATTEND" evaluate -m classifier numbers.tsv
# A thousand of them are enough to see it.
awk 'BEGIN { for (i = 0; i < 70000; i++) print "word\tL" i "\n"; print "saw\tNOUN" }' >many.tsv
refused "many.tsv:1: 'L0' is no label of the model" 'many.tsv' "$ATTEND" evaluate -m tagger many.tsv
# Some are: they count as wrong, and that is said once.
{ cat tagged.conllu; printf '1\to\t_\tSYM\t_\t_\t_\t_\t_\t_\n2\tI\t_\tPRON\t_\t_\t_\t_\t_\t_\n'
    printf '3\ty\t_\tX\t_\t_\t_\t_\t_\t_\n'; } >some.conllu
"$ATTEND" evaluate -m tagger some.conllu >out 2>err
grep -q '(27 items)$' out
grep -q "^attend: warning: 2 labels of the files are none of the model's and count as wrong; the first is some.conllu:31: 'SYM'$" err ||
    { cat err; exit 8; }
"$ATTEND" evaluate -m tagger some.conllu --json 2>/dev/null | grep -q '"items":27,"unknown":2,'
# A validation during a training counts them alike: 2 of 3 words at most are right.
printf 'I\tPRON\nsaw\tVERB\no\tSYM\n\n' >held.tsv
"$ATTEND" train tag --arch words --train tagged.conllu --valid held.tsv -m held $small_words \
    --after 60u --valid-freq 60u --average 0 --learn-rate 0.02 >out 2>log
said=$(sed -n 's/.*"valid_accuracy": \([0-9.]*\).*/\1/p' held/metrics.jsonl | tail -n 1)
"$ATTEND" evaluate -m held held.tsv --json 2>err >out
found=$(sed -n 's/.*"accuracy":\([0-9.]*\).*/\1/p' out)
awk -v a="$said" -v b="$found" 'BEGIN { exit !(a - b < 1e-6 && b - a < 1e-6 && a > 0.3 && a < 0.7) }' ||
    { echo "$said and $found"; exit 8; }
"$ATTEND" evaluate -m tagger tagged.conllu >out 2>err
test ! -s err
{ cat texts.tsv; printf 'ugly\ta film\n'; } >more.tsv
"$ATTEND" evaluate -m classifier more.tsv --columns label,text 2>&1 >out |
    grep -q "^attend: warning: 1 label of the files is none of the model's and counts as wrong; the first is more.tsv:17: 'ugly'$"
# Bytes that are no text are told with file and line, in every file that is read.
printf 'a\nb \377\nc\n' >broken
printf 'a\nb\nc\n' >whole
"$ATTEND" evaluate -r whole -i broken >out 2>err
grep -q '^attend: warning: broken: line 2: not UTF-8; bad bytes are read as U+FFFD$' err
"$ATTEND" evaluate -r broken <whole >out 2>err
grep -q '^attend: warning: broken: line 2: not UTF-8' err
printf 'good\ta \377\n' >bytes.tsv
"$ATTEND" evaluate -m classifier bytes.tsv --columns label,text 2>err && exit 9 || test $? = 1
grep -q '^attend: bytes.tsv:1: not UTF-8$' err
printf 'a \377 b\n' | "$ATTEND" tag -m tagger 2>err >out
grep -q '^attend: warning: standard input: line 1: not UTF-8' err
printf 'a\nb\377\n' | "$ATTEND" classify -m classifier 2>err >out
grep -q '^attend: warning: standard input: line 2: not UTF-8' err
