# attend explain --given of models that label: a text's label, or a label for each word.
. "$TEST_DIR/small_kinds.lib.sh"
small_tagger words
small_classifier classifier
"$ATTEND" train tag --arch bert --train tagged.conllu -m bert --vocab-size 40 --dim 16 --ffn 32 \
    --heads 2 --layers 1 --after 2u -q
own() { "$ATTEND" explain -q -m "$@" | sed -n 's/^text  *//p'; }
set -- $(own words 'I saw a saw')
test $# = 4
test "$(own words 'I saw a saw' --given "VERB PRON _ DET")" = "VERB PRON $3 DET"
# What the choice depends on is another thing then.
"$ATTEND" explain -q -m words 'I saw a saw' --view gradient >of.own
"$ATTEND" explain -q -m words 'I saw a saw' --given 'VERB PRON VERB DET' --view gradient >of.given
cmp -s of.own of.given && exit 9 || true
# Sub-words: a word's first token carries its label.
own bert 'I saw a saw' --given 'VERB VERB VERB VERB' >given
test "$(tr ' ' '\n' <given | grep -c VERB)" -ge 4
test "$(own classifier 'a film' --given bad)" = bad
test "$(own classifier 'a film' --given good)" = good
fails() {
    said=$1
    shift
    "$ATTEND" explain "$@" 2>err && exit 9 || test $? = 1
    grep -q "$said" err || { cat err; exit 8; }
}
fails '2 labels are given for 4 words' -m words 'I saw a saw' --given 'VERB DET'
fails '2 labels are given for 4 words' -m bert 'I saw a saw' --given 'VERB DET'
fails "'ADJ' is no label: the model has 4 from 'DET' to 'VERB'" -m words 'I saw' --given 'ADJ _'
fails "'so so' is no label: the model has 2" -m classifier 'a film' --given 'so so'
