# Three translators side by side: tables, an object, a picture.
"$ATTEND" demo --corpus corpus
head -n 60 corpus/train.en >a.en
head -n 60 corpus/train.zh >a.zh
head -n 8 corpus/unseen.en >b.en
head -n 8 corpus/unseen.zh >b.zh
compare() {
    "$ATTEND" compare rnn-transformer --train a.en a.zh --valid b.en b.zh --after 2u --dim 16 \
        --vocab-size 300 -q -j 1 "$@"
}
compare -m kept -o rnn.svg >page
for words in Transformer 'RNN with attention' parameters BLEU 'MFLOP a target token' \
    'by words of the source' 'Gradient norm' 'by the length of a sentence'; do
    grep -q -e "$words" page
done
grep -q 'recurrent steps between a target word and a source word' rnn.svg
test -s kept/rnn-none/model.safetensors
compare -m kept --overwrite --json >object
grep -q '^{"summary":\[{"name":"parameters","values":{"Transformer":[0-9]*,' object
# How far the turns of each system at each length were apart: 1 or more.
grep -o '"tokens_per_s_spread":\[[^]]*\]' object | sed 's/"x":[0-9]*,//g' |
    grep -o '":[0-9.]*[,}]' | tr -dc '0-9.\n' >spreads
test "$(wc -l <spreads)" = 18
awk '$1 < 1 { exit 1 }' spreads
grep -q '"gradient_by_distance":\[{"name":"[0-9]' object
"$ATTEND" compare rnn-transformer --train a.en 2>log && exit 9 || test $? = 2
grep -q 'take two files each' log
"$ATTEND" compare rnn-transformer -o x.gif 2>log && exit 9 || test $? = 2
"$ATTEND" help compare | grep -q '^attend compare rnn-transformer '
# A directory that holds models is not written into unasked.
mkdir -p used/rnn && echo '{}' >used/rnn/config.json
for dir in used used/rnn; do
    "$ATTEND" compare rnn-transformer -m $dir --after 1u 2>log && exit 9 || test $? = 1
    grep -q '^attend: used/rnn: holds a model .*--overwrite' log
done
