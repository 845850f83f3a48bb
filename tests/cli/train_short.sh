# Short trainings: minutes into which few updates fit still warm up, learn and end; and
# files to validate with are used however short a training is.
. "$TEST_DIR/small_model.lib.sh"
small_training m --after 0.05m --lr-warmup 2000 --save-freq 0.001m --valid-freq 0.001m \
    --disp-freq 1u 2>err
grep -q ', rate 0.005 after 2,000 updates or a fifth of the time' err
# Most updates of it have the full rate's order, not 1 % of it.
highest=$(sed -n 's/.*"lr": \([0-9.e-]*\).*/\1/p' m/metrics.jsonl | sort -g | tail -n 1)
awk "BEGIN { exit !($highest > 0.002) }"
# A clock that strikes after every update: validations leave the training its time.
updates=$(grep -c "\"lr\":" m/metrics.jsonl)
checked=$(grep -c '"valid_' m/metrics.jsonl)
test "$checked" -ge 1
test "$checked" -lt "$updates"
"$ATTEND" train translate --dry-run --preset tiny --after 2m --train source target \
    --valid valid.en valid.zh --vocab-size 500 --dim 32 --ffn 64 --heads 2 2>err >out
grep -q 'a checkpoint every 0.25m, validation every 0.5m' err
# Fewer updates than there are between two validations.
for i in 1 2 3 4 5 6 7 8; do
    printf 'a good day %s\tgood\nno bad day %s\tbad\n' $i $i
done >texts
"$ATTEND" train classify --train texts --valid texts -m c --after 2e --valid-freq 100u 2>err
grep -q '^c: the model is the \(best\|average\)' err
test -f c/best/model.safetensors
"$ATTEND" train generate --train source --valid valid.en -m g --after 3u --dim 16 --ffn 16 \
    --heads 1 --dec-depth 1 --context 16 2>err
grep -q 'nll' err
test -f g/best/model.safetensors
# Going on for longer it knows nothing of that: it ends as one that was not interrupted.
small_training whole --after 12u --valid-freq 12u -q
small_training part --after 7u --valid-freq 12u -q
test -f part/best/model.safetensors
small_training part --after 12u --valid-freq 12u -q --resume
cmp whole/model.safetensors part/model.safetensors
