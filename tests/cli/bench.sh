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
