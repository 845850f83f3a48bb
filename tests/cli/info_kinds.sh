# attend info and vocab show of every kind of model: sizes, vocabulary, labels.
. "$TEST_DIR/small_kinds.lib.sh"
small_tagger tagger
small_tagger window --arch window --window 2 -q 2>/dev/null
small_tagger rnn --arch rnn-lstm -q 2>/dev/null
small_classifier classifier
small_lm llama
small_lm gpt2 --arch gpt2 --vocab subword --vocab-size 300
"$ATTEND" train tag --arch bert --train tagged.conllu -m bert --vocab-size 40 --dim 16 --ffn 32 \
    --heads 2 --layers 1 --after 1u -q
"$ATTEND" train translate --arch rnn --train source target -m recurrent --vocab-size 400 --dim 16 \
    --after 1u -q
has() { # model, row, pattern
    "$ATTEND" info -m $1 >page
    grep -q "^$2  *$3$" page || { echo "$1: $2 $3"; sed -n 1,12p page; exit 9; }
}
has tagger for 'attend tag'
has tagger sizes 'transformer: 1 layers, width 16, 2 heads, feed-forward 32'
grep -q '^  *words of width 8, characters of width 8 read by states of 8 each way$' page
has tagger vocabulary '6 words, 5 characters'
has tagger labels '4: DET, NOUN, PRON, VERB'
has window sizes 'window of 2 words to either side: 1 layers, width 16'
has rnn sizes 'rnn-lstm: 1 layers, width 16'
has classifier for 'attend classify'
has classifier labels '2: bad, good'
has llama for 'attend generate'
has llama sizes '1 layers, width 16, 2 heads (2 of keys and values), feed-forward 32, context 16'
has llama vocabulary '[0-9]* tokens'
has gpt2 sizes '1 layers, width 16, 2 heads, feed-forward 32, context 16'
has gpt2 vocabulary '300 tokens'
has bert sizes '1 layers, width 16, 2 heads, feed-forward 32, [0-9]* positions'
has bert labels '4: DET, NOUN, PRON, VERB'
has recurrent for 'attend translate'
has recurrent sizes '1+1 layers of gru cells, width 16, states of 32, attention: additive'
has recurrent vocabulary '400 source, 400 target'
for model in tagger window rnn classifier llama gpt2 bert recurrent; do
    "$ATTEND" info -m $model --json >object
    grep -q '"parameters":[1-9]' object
    <object python3 -c 'import json, sys; json.load(sys.stdin)'
done
"$ATTEND" info -m tagger --json |
    grep -q '"task":"tag",.*"sizes":{"core":"transformer","layers":1,"width":16,.*"vocabulary":\[6,5\],"labels":\["DET","NOUN","PRON","VERB"\],'
# A label may be called as the configuration's keys are.
printf 'vocab_size\ta\nd_model\tb c\nvocab_size\td\n' >odd.tsv
"$ATTEND" train classify --arch words --train odd.tsv --columns label,text -m odd $small_words
has odd vocabulary '[0-9]* words, [0-9]* characters'
has odd labels '2: d_model, vocab_size'
# The pieces behind the numbers.
"$ATTEND" vocab show tagger >words
head -n 3 words >first
printf '0\t<unk>\n1\t<s>\n2\t</s>\n' | cmp - first
test "$(wc -l <words)" = 6
tail -n 3 words | cut -f2 | sort | tr '\n' ' ' | grep -q -x 'a i saw '
"$ATTEND" vocab show tagger --characters | cut -f2 | tr '\n' ' ' | grep -q -x '<unk> I a s w '
"$ATTEND" vocab show tagger --json | grep -q -x '{"<unk>":0,"<s>":1,"</s>":2,".*":5}'
"$ATTEND" vocab show llama | cut -f2 | grep -q -x q
"$ATTEND" vocab show llama >of.dir
"$ATTEND" vocab show llama/tokenizer.json | cmp - of.dir
test "$("$ATTEND" vocab show gpt2 | wc -l)" = 300
"$ATTEND" vocab show bert | sed -n 3p | grep -q '</s>$'
test "$("$ATTEND" vocab show recurrent | wc -l)" = 400
mkdir empty
"$ATTEND" vocab show empty 2>err && exit 9 || test $? = 1
grep -q '^attend: empty: no source.spm, tokenizer.json,' err
"$ATTEND" vocab show llama --characters 2>err && exit 9 || test $? = 1
grep -q 'its pieces are no words with characters inside' err
