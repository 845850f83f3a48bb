# A model's loss, perplexity, BLEU and chrF; the kept translations score the same.
. "$TEST_DIR/small_model.lib.sh"
small_training model --after 20u -q
"$ATTEND" evaluate -m model --source source --target target --tokenize char -o hyp >out
sed -n 1p out | grep -q '^loss = [0-9.]*  perplexity = [0-9.]*  accuracy = 0\.[0-9]*  (per target token'
sed -n 2p out | grep -q '^BLEU|nrefs:1|case:mixed|eff:no|tok:char'
"$ATTEND" evaluate --reference target --tokenize char <hyp >again
sed 1d out | cmp - again
"$ATTEND" translate -m model <source | cmp - hyp
"$ATTEND" evaluate -m model --source source --target target --json | grep -q '^{"loss":[0-9.]*,"perplexity":[0-9.]*,"accuracy":'
head -n 3 target >three
"$ATTEND" evaluate -m model --source source --target three 2>err && exit 9 || test $? = 1
grep -q '^attend: source has 200 lines, three has 3$' err
# Loss and translation read the files in turn: what can be read once only is refused.
"$ATTEND" evaluate -m model --source - --target target <source 2>err && exit 9 || test $? = 1
grep -q '^attend: -: is read more than once' err
mkfifo fifo
"$ATTEND" evaluate -m model --source source --target fifo 2>err && exit 9 || test $? = 1
grep -q '^attend: fifo: is read more than once' err
"$ATTEND" evaluate -m model fifo 2>err && exit 9 || test $? = 1
grep -q '^attend: fifo: is read more than once' err
