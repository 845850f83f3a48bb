# The curves of a training: in the terminal and as a picture, the same on every run.
mkdir run other
for i in 1 2 3 4 5 6 7 8; do
    echo "{\"update\": ${i}0, \"epoch\": 0.$i, \"loss\": $((9 - i)).5, \"nll\": $((9 - i)).25, \"lr\": 0.00$i, \"target_tokens_per_s\": 900$i, \"target_tokens\": ${i}000, \"elapsed_s\": $i}"
done >run/metrics.jsonl
echo '{"update": 80, "epoch": 0.8, "valid_nll": 2.5, "valid_bleu": 31.25}' >>run/metrics.jsonl
cp run/metrics.jsonl other/
"$ATTEND" plot run --color never
"$ATTEND" plot run other --metrics nll --x epoch
"$ATTEND" plot run other -o a.svg
"$ATTEND" plot run/ other -o b.svg
cmp a.svg b.svg
grep -q 'validation' a.svg
"$ATTEND" plot run -o curves.html
