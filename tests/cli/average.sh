# Averaging one model gives it back; two give a third that works; others are refused.
. "$TEST_DIR/small_model.lib.sh"
small_training a --after 10u -q
small_training b --after 15u -q --seed 2 --tokenizer a/source.spm
small_training c --after 5u -q --dim 16
"$ATTEND" average -o one a
"$ATTEND" translate -m one <valid.en >got
"$ATTEND" translate -m a <valid.en | cmp - got
"$ATTEND" average -o two a b
"$ATTEND" translate -m two <valid.en | wc -l | grep -q 20
"$ATTEND" average -o three a c 2>err && exit 9 || test $? = 1
grep -q '^attend: ' err
test ! -e three/model.safetensors
"$ATTEND" average -o four a nowhere 2>err && exit 9 || test $? = 1
grep -q 'nowhere' err
# A model that is there is not replaced unasked, one of the models and a training never.
cp -r two kept
"$ATTEND" average -o two a a 2>err && exit 9 || test $? = 1
grep -q '^attend: two: holds a model .*--overwrite' err
diff -r two kept
"$ATTEND" average -o two a a --overwrite
cmp two/model.safetensors one/model.safetensors
cp two/model.safetensors before
"$ATTEND" average -o two/ two b --overwrite 2>err && exit 9 || test $? = 2
grep -q 'two/ is one of the models' err
cmp two/model.safetensors before
for flag in '' --overwrite; do
    # shellcheck disable=SC2086 # none or one
    "$ATTEND" average -o c a b $flag 2>err && exit 9 || test $? = 1
    grep -q '^attend: c: holds a training' err
done
# ^C leaves nothing half-made.
for wait in 0.005 0.01 0.02 0.03 0.05; do
    "$ATTEND" average -o ci a b a b a b a b 2>err &
    child=$!
    sleep $wait
    kill -INT $child 2>/dev/null || true
    wait $child || true
    ls -d ci.* 2>/dev/null && exit 9
    test ! -e ci || "$ATTEND" translate -m ci <valid.en >got
    rm -rf ci
done
