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
    grep -q "\"tokens\":20,.*\"read_fraction\":$number,.*\"source_weights_mb\":$number,.*\"alignment_cost\":$number,"
"$ATTEND" train generate --dim 16 --ffn 16 --heads 2 --layers 1 --context 24 --train source --valid source -m lm --after 1u -q
"$ATTEND" bench generate -m lm --length 6 --prompt-length 5 --repeat 1 --json >out
test "$(grep -c "^{\"bench\":\"generate\",\"batch\":[0-9]*,\"prompt\":5,\"length\":6,\"tokens_per_s\":$number,.*\"read_fraction\":$number,\"step_weights_mb\":$number,.*\"peak_gflops\":$number,\"peak_rss_mb\":$number}\$" out)" = 2
test "$("$ATTEND" bench generate -m lm --length 20 --prompt-length 5 --batch-size 3 | grep -c 'batch   3 .* GB/s of weights')" = 1
"$ATTEND" bench generate -m lm --length 21 --prompt-length 5 2>err && exit 9 || test $? = 2
grep -q 'do not fit into the model.s context of 24' err
