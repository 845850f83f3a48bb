# `attend train -q tag`: the task's word may stand behind options.
. "$TEST_DIR/small_kinds.lib.sh"
"$ATTEND" train -q tag --arch words --train tagged.conllu -m a $small_words
"$ATTEND" train --train tagged.conllu -m b --arch words $small_words -q -- 2>err && exit 9 || test $? = 2
grep -q 'train: what?' err
"$ATTEND" train -m b tag --arch words --train tagged.conllu $small_words
cmp a/model.safetensors b/model.safetensors
"$ATTEND" train -q sentences 2>err && exit 9 || test $? = 2
grep -q "^attend: train: unknown task 'sentences'" err
"$ATTEND" explain model -m a -o want.svg
for words in '-q model -m a -o got.svg' '-m a model -o got.svg' '-o got.svg -m a --dark --no-dark model' \
    '-qma -o got.svg model'; do
    rm -f got.svg
    "$ATTEND" explain $words
    cmp want.svg got.svg
done
"$ATTEND" explain --size 2x2 positions >out
"$ATTEND" explain positions --size 2x2 | cmp - out
# Behind -- it is a text, and one of several words too.
"$ATTEND" explain -m a -- model 2>&1 | grep -q model
"$ATTEND" explain -m a model saw 2>&1 | grep -q saw
"$ATTEND" explain -m a model 2>err && exit 9 || test $? = 2
grep -q '^attend: explain model: -o FILE is missing' err
grep -q "^hint: the text 'model' itself stands behind --: attend explain \[options\] -- model$" err
"$ATTEND" vocab -o x.spm --vocab-size 300 --tokenizer-raw train source -q
test -s x.spm
