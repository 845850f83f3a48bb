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
try source run --train source target --tokenizer source
try nowhere run --train source target --valid nowhere target
mkdir readonly
chmod a-w readonly
if ! touch readonly/x 2>/dev/null; then
    "$ATTEND" train translate -q -m readonly/m --train source target >out 2>err && exit 9 ||
        test $? = 1
    grep -q '^attend: readonly' err
fi
