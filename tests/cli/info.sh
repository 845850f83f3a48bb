# What the program says of itself.
"$ATTEND" info >page
for word in attend kernels matmul threads compiler build OpenMP oneDNN SentencePiece; do
    grep -q "^$word " page
done
"$ATTEND" info --json | grep -q '^{"version":"[0-9.]*","abi":[0-9]*,"threads":[0-9]*,'
"$ATTEND" info --threads 1 --json | grep -q '"threads":1,'
"$ATTEND" info --kernels | grep -q -x -E 'ref|avx2|avx512|neon'
ATTEND_ISA=ref "$ATTEND" info --kernels | grep -q -x ref
ATTEND_ISA=z80 "$ATTEND" info >out 2>err && exit 9 || test $? = 1
grep -q 'z80' err
"$ATTEND" info -m nowhere 2>err && exit 9 || test $? = 1
grep -q '^attend: nowhere' err
# Of a model: sizes in a line, vocabulary, the training's settings.
. "$TEST_DIR/small_model.lib.sh"
small_training m --after 2u -q
"$ATTEND" info -m m >page
grep -q '^sizes  *1+1 layers, width 32, 2 heads, feed-forward 64$' page
grep -q '^vocabulary  *500 source, 500 target$' page
grep -q '^trained with ' page
grep -q '^weights  *model.safetensors, .* tensors, [0-9]* F32$' page
grep -q '^metadata  *format = pt$' page
grep -q '"after": "2u"' page
"$ATTEND" info -m m --json | grep -q '"parameters":[0-9]*,.*"vocabulary":\[500,500\]'
"$ATTEND" info -m m --json |
    grep -q '"weights":{"file":"model.safetensors",.*"metadata":{"format":"pt"}}'
