# What trainings and uses of taggers and classifiers say of lengths: in words where those are
# the tokens, with the bound that was asked for; and what a tagger cannot read.
. "$TEST_DIR/small_kinds.lib.sh"
"$ATTEND" train tag --arch words --train tagged.conllu -m gone --max-length 3 $small_words 2>err &&
    exit 9 || test $? = 1
grep -q '^attend: tagged.conllu: none of 6 items can be used (0 empty, 6 longer than 3 words)$' err ||
    { cat err; exit 8; }
rm -rf gone
printf 'I\tPRON\n\nI\tPRON\nsaw\tVERB\na\tDET\n' >two.tsv
# -q is the last of small_words: the messages are what counts here.
said() { "$ATTEND" train "$@" ${small_words% -q} 2>log >out || { cat log; exit 8; }; }
said tag --arch words --train two.tsv -m tagger --max-length 2
grep -q '^ *training: 1 sentences, 1 words$' log || { cat log; exit 7; }
grep -q 'training: 1 of 2 sentences left out: 1 longer than 2 words, 0 empty' log || { cat log; exit 7; }
said tag --arch bert --vocab-size 40 --train two.tsv -m sub --max-length 4
grep -q 'left out: 1 longer than 4 tokens' log || { cat log; exit 7; }
said classify --arch words --train texts.tsv --columns label,text -m classifier --max-length 2
grep -q '^ *training: 16 texts, 32 words$' log || { cat log; exit 7; }
grep -q '^ *training: 16 texts cut to 2 words (--max-length)$' log || { cat log; exit 7; }
grep -q 65534 log && exit 6 || true
echo 'one two three four five' | "$ATTEND" classify -m classifier 2>err >out
grep -q '^attend: warning: line 1: 3 words dropped at its end: the model reads 2 of a text (--max-length of its training)$' err ||
    { cat err; exit 7; }
echo 'one two three four five' | "$ATTEND" tag -m tagger 2>err >out
grep -q '^attend: warning: sentence 1 is longer than the 2 words that the model sees at once: tagged in 3 parts$' err ||
    { cat err; exit 7; }
echo 'one two three four five' | "$ATTEND" tag -m sub 2>err >out
grep -q 'longer than the 4 tokens that' err || { cat err; exit 7; }
# Texts and their labels are no words with theirs.
for command in 'train tag -m gone' 'evaluate -m tagger'; do
    case $command in train*) set -- --train texts.tsv ;; *) set -- texts.tsv ;; esac
    "$ATTEND" $command "$@" >out 2>err && exit 9 || test $? = 1
    grep -q '^attend: texts.tsv:1: a text and its label, expected a token, a TAB and its label: texts are for train classify$' err ||
        { cat err; exit 7; }
done
test ! -e gone
"$ATTEND" tag -m tagger <texts.tsv 2>err >out
grep -q '^attend: warning: standard input: line 1: a TAB between texts is read as a space .* classify' err
# Names of two words are tokens like others.
printf 'New York\tLOC\n, \tPUNCT\nNew York City\tLOC\nis\tVERB\n' >names.tsv
said tag --arch words --train names.tsv -m names
