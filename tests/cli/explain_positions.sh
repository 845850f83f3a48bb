# Position 2, width 4: sin 2, cos 2, sin 0.02, cos 0.02; the same numbers half-split, and
# counted from 1.
"$ATTEND" explain positions --size 4x4
"$ATTEND" explain positions --size 4x4 --layout half-split
"$ATTEND" explain positions --size 4x4 --origin 1 | sed -n 3p
"$ATTEND" explain positions --kind relative --size 4x4 --clip 2
"$ATTEND" explain positions --kind alibi --size 4x4 --head 8
"$ATTEND" explain positions --kind rope --size 3x4
"$ATTEND" explain positions --kind hand-set --size 3x3
"$ATTEND" explain positions --size 20x20 | tail -n 1
"$ATTEND" explain positions --size 32x64 -o a.svg
"$ATTEND" explain positions --size 32x64 -o b.svg
cmp a.svg b.svg
grep -q '<svg' a.svg
"$ATTEND" explain positions --size 8x8 -o page.html
grep -q '</html>' page.html
# A model says how wide a head is that is turned, and by which base; how many heads there are.
families=$SOURCE_DIR/tests/golden/families
"$ATTEND" explain positions --kind rope -m "$families/llama" | head -n 1
"$ATTEND" explain positions --kind alibi -m "$families/llama" | head -n 1
