# Files that cannot be used are named, and nothing half-made is left.
. "$TEST_DIR/small_model.lib.sh"
try() {
    want=$1
    shift
    "$@" >out 2>err && exit 9 || test $? = 1
    grep -q "^attend: .*$want" err || { cat err; exit 8; }
    test ! -e x/model.safetensors
}
run() { "$ATTEND" train translate -q -m x --after 5u --vocab-size 500 "$@"; }
try nowhere run --train nowhere target
# Other spellings of a precision are understood; what is none is refused.
try 'nowhere\|bfloat16' run --precision bf16 --train nowhere target
try nowhere run --precision f32 --train nowhere target
run --precision f16 --train nowhere target 2>err && exit 9 || test $? = 2
grep -q "'f16' is none of float32|bfloat16" err
try nowhere run --train source nowhere
# A file that is missing is told before anything is made for what it should become.
test ! -e x
head -n 100 target >short
try 'short' run --train source short
: >empty
printf '\n \n' >blank
printf 'I am\0\n\377\n' >binary
for file in empty blank binary; do
    try "$file, $file: no line has text on both sides" run --train $file $file
    try "$file, $file: no line has text" run --train source target --valid $file $file
done
try 'source has 200 lines, short has 100' run --train source target --valid source short
test ! -e x
# What was left out of a training, and a vocabulary smaller than was asked for, are said.
(printf 'I am\0\n'; cat source) >nul
(printf 'x\n'; cat target) >x.target
"$ATTEND" train translate -m y --after 1u --vocab-size 20000 --dim 16 --ffn 16 --heads 2 \
    --enc-depth 1 --dec-depth 1 --train nul x.target 2>err
grep -q '1 of 201 pairs left out: .* 1 not UTF-8' err
grep -q '^vocabulary: the text has room for [0-9]* pieces only, not for the 20000' err
try nowhere run --train source target --tokenizer nowhere.spm
try 'source: wire' run --train source target --tokenizer source
test ! -e x
# What is wrong with text is said of it: bytes of Latin-1 are no UTF-8.
printf 'caf\351\nna\357ve\n' >latin1
try '2 of 2 lines are not UTF-8' run --train latin1 latin1
# Files are read more than once: a pipe is told so, and none is waited for.
mkfifo pipe
try 'pipe: is read more than once' run --train pipe target
try 'pipe: is read more than once' run --train source target --valid source pipe
try '-: is read more than once' run --train - target
try 'pipe: is read more than once' "$ATTEND" vocab train -o x.spm pipe
# The size that a message asks for is one that works.
run --train source target --tokenizer-raw --vocab-size 40 --dim 8 2>err && exit 9 || test $? = 1
grep -q '^attend: vocabulary of 40 pieces: .* at least [0-9]* are needed' err
least=$(sed -n 's/.*at least \([0-9]*\) are needed.*/\1/p' err)
for less in 1 0; do
    code=0
    run --train source target --tokenizer-raw --vocab-size $((least - less)) --dim 8 \
        --ffn 8 --heads 1 --after 1u --overwrite 2>err || code=$?
    test $code = $less
done
rm -r x
# Options that exclude each other, or ask for too much memory, leave nothing behind.
for score in additive cosine; do
    run --train source target --positions relative --score $score 2>err && exit 9 ||
        test $? = 2
    grep -q -- "--positions relative .*--score $score" err
done
try 'MB needed .*the limit is 1.0 MB: ' run --train source target --memory-limit 1000000
test ! -e x
run --resume 2>err && exit 9 || test $? = 2
grep -q 'nothing to resume in x, and no --train SOURCE TARGET' err
# The model of a training that has made none yet.
mkdir -p begun/checkpoints
"$ATTEND" translate -m begun <source >out 2>err && exit 9 || test $? = 1
grep -q 'each of begun/checkpoints is one' err
try nowhere run --train source target --valid nowhere target
mkdir readonly
chmod a-w readonly
if ! touch readonly/x 2>/dev/null; then
    "$ATTEND" train translate -q -m readonly/m --train source target >out 2>err && exit 9 ||
        test $? = 1
    grep -q '^attend: readonly' err
fi
