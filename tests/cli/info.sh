# What the program says of itself.
"$ATTEND" info >page
for word in attend kernels matmul threads compiler build OpenMP oneDNN SentencePiece; do
    grep -q "^$word " page
done
# Every library that the build looks for is named, and is switched off wherever a build
# without libraries is made. (OpenMP goes with ATTEND_THREADS.)
for name in $(sed -n 's/^attend_library(\([A-Z0-9]*\).*/\1/p' "$SOURCE_DIR/cmake/AttendLibraries.cmake"); do
    grep -q -i "^$name " page
    test $name != OPENMP || continue
    for file in Makefile scripts/lib/long.sh scripts/lib/cross_aarch64.sh; do
        grep -q "ATTEND_WITH_$name=OFF" "$SOURCE_DIR/$file"
    done
    grep -q "\"ATTEND_WITH_$name\": \"OFF\"" "$SOURCE_DIR/CMakePresets.json"
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
# What files say is shown without what would move a terminal's cursor; JSON escapes it.
cp -r m esc
python3 - <<'END'
import json, struct
data = open("esc/model.safetensors", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head = json.loads(data[8:8 + n])
head["__metadata__"] = {"format": "pt", "a\x1b[2J": "b\x1b]0;title\x07\nweights forged\u009b1m"}
text = json.dumps(head).encode()
text += b" " * (-len(text) % 8)
open("esc/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data[8 + n:])
open("esc/config.train.json", "w").write('{\n"after": "\x1b[31m2u"\n}\n')
END
"$ATTEND" info -m esc >page
test "$(LC_ALL=C tr -d '\n\040-\176' <page | wc -c)" = 0
grep -q 'a?\[2J = b?\]0;title??weights forged??1m$' page
grep -q '"after": "?\[31m2u"' page
grep -q '^weights forged' page && exit 9
"$ATTEND" info -m esc --json | grep -q 'a\\u001b\[2J'
