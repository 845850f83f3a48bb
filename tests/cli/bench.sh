# Each benchmark prints its fields; the numbers are the machine's affair.
. "$TEST_DIR/small_model.lib.sh"
number='[0-9][0-9.e+-]*'
"$ATTEND" bench train --preset tiny --vocab-size 500 --batch 4x8 --steps 1 --json |
    grep -q "^{\"bench\":\"train\",.*\"batch\":\[4,8\],.*\"tokens_per_s\":$number,\"gflops\":$number,.*\"peak_gflops\":$number,\"peak_rss_mb\":$number}\$"
"$ATTEND" bench train --preset tiny --vocab-size 500 --batch 4x8 --steps 1 | grep -q 'target tokens'
# One vocabulary for all presets, so that what they print compares; checked as in training.
"$ATTEND" bench train --preset base --batch 1x4 --steps 1 --dim 16 --ffn 16 --json |
    grep -q '"preset":"base","batch":\[1,4\],"vocabulary":10000,'
"$ATTEND" bench train --heads 3 2>err && exit 9 || test $? = 2
grep -q -- '--dim 256 is not a multiple of --heads 3' err
small_training model --after 5u -q
"$ATTEND" bench translate -m model --input source --length 5 --sentences 4 --json >out
test "$(grep -c "\"tokens_per_s\":$number,\"gflops\":$number," out)" = 4
grep -q '"batch":32,"beam":4,"length":5,' out
test "$("$ATTEND" bench translate -m model --length 5 --batch-size 2 -b 2 --sentences 4 <source | wc -l)" = 1
"$ATTEND" bench attention --shape 1,2,16,8 --seconds 0.01 --json |
    grep -q "\"shape\":\[1,2,16,8\],.*\"fwd_gflops\":$number,\"bwd_ms\":$number"
"$ATTEND" bench attention --shape 1,2,16,8 2,1,8,16 --causal --forward-only --seconds 0.01 | grep -c forward | grep -q 2
"$ATTEND" bench translate -m model --length 5 --batch-size 2 -b 2 --sentences 4 --alignment --repeat 2 --json <source |
    grep -q "\"tokens\":20,.*\"read_fraction\":$number,.*\"source_weights_mb\":$number,.*\"alignment_cost\":-\{0,1\}$number,"
"$ATTEND" train generate --dim 16 --ffn 16 --heads 2 --layers 1 --context 24 --train source --valid source -m lm --after 1u -q
# Length 0: the model ends its sentences itself.
"$ATTEND" bench translate -m model --length 0 --batch-size 2 -b 1 --sentences 2 --json \
    --input source >out
grep -q '"length":0,"sentences":2,"tokens":[1-9]' out
"$ATTEND" bench generate -m lm --length 6 --prompt-length 5 --repeat 1 --json >out
test "$(grep -c "^{\"bench\":\"generate\",\"batch\":[0-9]*,\"prompt\":5,\"length\":6,\"tokens_per_s\":$number,.*\"read_fraction\":$number,\"step_weights_mb\":$number,.*\"peak_gflops\":$number,\"peak_rss_mb\":$number}\$" out)" = 2
test "$("$ATTEND" bench generate -m lm --length 20 --prompt-length 5 --batch-size 3 | grep -c 'batch   3 .* GB/s of weights')" = 1
"$ATTEND" bench generate -m lm --length 21 --prompt-length 5 2>err && exit 9 || test $? = 2
grep -q 'do not fit into the model.s context of 24' err
# Members of the family, and what is bound by reading.
"$ATTEND" bench attention --score additive --shape 1,1,16,8 --seconds 0.01 --json |
    grep -q "\"score\":\"additive\",.*\"bwd_gflops\":$number,.*\"allocated_bytes\":$number,.*\"peak_gflops\":$number"
"$ATTEND" bench attention --score additive --causal 2>err && exit 9 || test $? = 2
grep -q 'score additive is timed plain' err
"$ATTEND" bench attention --score edges --shape 1,1,1,1 2>err && exit 9 || test $? = 2
# PyTorch's side, here a script that prints two of its lines. The program asks a Python for
# it by `-c TEXT SCRIPT THREADS PART DTYPE CAUSAL SHAPE ...`.
mkdir -p venv/bin peers
printf '#!/bin/sh\ntest "$1" = -c || exit 4\nshift 2\nexec sh "$@"\n' >venv/bin/python
chmod +x venv/bin/python
cat >peers/attention.py <<'EOF'
test "$2 $3" = "dense float32" || exit 3
echo "$4 $5 $6" >asked
test "$6" != 9,9,9,9 || exit 5
echo '{"peer": "pytorch 9", "score": "scaled-dot", "dtype": "float32", "shape_bhtd": [1, 2, 16, 8], "causal": false, "fwd_ms": 4000.0, "bwd_ms": 8000.0, "fwd_gflops": 1.5, "bwd_gflops": 2.5}'
echo '{"peer": "pytorch 9", "score": "scaled-dot", "dtype": "bfloat16", "shape_bhtd": [1, 2, 16, 8], "causal": false, "fwd_ms": 1.0, "bwd_ms": 1.0, "fwd_gflops": 1.5, "bwd_gflops": 2.5}'
EOF
"$ATTEND" bench attention --peers venv --peers-dir peers --seconds 0.01 --json >out
test "$(wc -l <out)" = 1
grep -q "\"shape\":\[1,2,16,8\],.*\"peer\":\"pytorch 9\",\"peer_fwd_ms\":4000.0000,\"fwd_ratio\":$number,.*\"bwd_ratio\":$number" out
test "$(cat asked)" = "-  "
# The shapes that are asked for go to the peer; a case that it does not time is ours alone.
"$ATTEND" bench attention --peers venv --peers-dir peers --seconds 0.01 \
    --shape 1,2,16,8 1,2,17,8 --json >out 2>err
test "$(cat asked)" = "0 1,2,16,8 1,2,17,8"
test "$(wc -l <out)" = 2
test "$(grep -c '"peer":' out)" = 1
grep -q '"shape":\[1,2,17,8\]' out
grep -q 'attention.py times no such case' err
# Where PyTorch's side fails ours is printed all the same.
"$ATTEND" bench attention --peers venv --peers-dir peers --seconds 0.01 \
    --causal --shape 1,2,5,8 9,9,9,9 >out 2>err && exit 9 || test $? = 1
test "$(cat asked)" = "1 1,2,5,8 9,9,9,9"
grep -q 'attention.py failed' err
test "$(wc -l <out)" = 2
ATTEND_PEERS_DIR=nowhere "$ATTEND" bench attention --peers venv --shape 1,1,4,4 \
    --seconds 0.01 >out 2>err && exit 9 || test $? = 1
grep -q 'nowhere/attention.py' err
test "$(wc -l <out)" = 1
"$ATTEND" bench attention --peers venv --left 3 2>err && exit 9 || test $? = 2
