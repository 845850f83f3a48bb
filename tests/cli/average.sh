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
