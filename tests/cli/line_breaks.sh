# A tokenizer with a piece for each byte can say a line break; in a file of lines it is a
# space, so that there are as many lines out as in. JSON has it as it was said.
"$ATTEND" demo --corpus corpus
head -n 200 corpus/train.en >s.en
head -n 200 corpus/train.zh >s.zh
"$ATTEND" vocab train -o bytes.spm --byte-fallback --vocab-size 600 -q s.en s.zh
printf 'I am\nHe is\n' | "$ATTEND" tokenize -v bytes.spm >pieces
sed 's/^/<0x0A> <0x0D> <0x0A> /' pieces | "$ATTEND" tokenize -v bytes.spm --decode >text
test "$(wc -l <text)" = 2
test "$(tr -d '\r' <text | wc -c)" = "$(wc -c <text)"
"$ATTEND" train translate --train s.en s.zh -m model --tokenizer bytes.spm --dim 32 --ffn 64 \
    --heads 2 --enc-depth 1 --dec-depth 1 --mini-batch-words 256 --after 2u -q
draw() {
    "$ATTEND" translate -m model --sampling --temperature 10 --seed 1 -i s.en "$@"
}
# Some of them are said in these lines.
draw --json >said
grep -q '"<0x0A>"' said
grep -q '\\n' said
test "$(wc -l <said)" = 200
draw >plain
test "$(wc -l <plain)" = 200
test "$(tr -d '\r' <plain | wc -c)" = "$(wc -c <plain)"
draw --n-best 1 >best
test "$(wc -l <best)" = 200
test "$(grep -c '^[0-9]* ||| ' best)" = 200
