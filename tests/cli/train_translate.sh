# A training writes a model directory, says how it goes, and can be replayed from the
# settings it stored: the same bytes.
. "$TEST_DIR/small_model.lib.sh"
small_training model --after 20u >out 2>log
test ! -s out
grep -q '^settings:' log
grep -q '^update 10  epoch' log
grep -q '^validation at update 10: nll' log
for file in config.json model.safetensors source.spm vocab.json config.train.json; do
    test -s model/$file
done
grep -q '"dim": 32' model/config.train.json
grep -q '"vocab-size": 500' model/config.train.json
"$ATTEND" train translate --config model/config.train.json -m again --quiet -j 1 2>log
test ! -s log
cmp model/model.safetensors again/model.safetensors
# A directory that holds a training is not overwritten unasked.
small_training model --after 20u >out 2>log && exit 9 || test $? = 1
grep -q '^attend: .*model' log
small_training model --after 5u --overwrite -q
# Reports as objects.
small_training json --after 10u --json -q >out 2>log
test ! -s log
grep -q '^{"kind":"start",' out
grep -q '^{"kind":"step","update":5,"epoch":[0-9.e+-]*,"loss":[0-9.]*,"nll":' out
grep -q '^{"kind":"validation","update":10,.*"valid_nll":[0-9.]*,' out
grep -q '"kind":"end"' out
! grep -v '^{.*}$' out
# What it would take.
small_training none --after 20u --dry-run -q >plan
for row in parameters memory weights gradients optimiser activations updates; do
    grep -q "$row" plan
done
small_training none --after 20u --dry-run --json -q | grep -q '^{"parameters":[0-9]*,"memory":{'
test ! -e none/model.safetensors
# What it is.
"$ATTEND" info -m model >page
grep -q '^type  *marian (MarianMTModel)' page
grep -q '^parameters  *[0-9,]*$' page
grep -q '^trained with ' page
"$ATTEND" info -m model --json | grep -q '"vocabulary":\[[0-9]*,[0-9]*\]'
"$ATTEND" info -m model --tensors | grep -q 'model.shared.weight  *\[[0-9]*,32\]'
