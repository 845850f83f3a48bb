# A file system that really fills up: a training on it ends with an error that says so,
# the checkpoint before it stays whole, and with room it goes on to the same bytes.
mkdir small
mount -t tmpfs -o size=12m none small 2>/dev/null || exit 77
trap 'umount small 2>/dev/null || umount -l small' EXIT
. "$TEST_DIR/small_model.lib.sh"
small_training small/m --after 10u -q
small_training whole --after 10u -q
cp small/m/model.safetensors before
# All of it but a few blocks.
dd if=/dev/zero of=small/ballast bs=4k 2>/dev/null || true
truncate -s -60k small/ballast
small_training small/m --after 40u -q --resume 2>err && exit 9 || test $? = 1
grep -q '^attend: small/m.*No space left on device' err
cmp before small/m/model.safetensors
test -e small/m/checkpoints/u00000010/state.json
test ! -e small/m/checkpoints/u00000015
"$ATTEND" translate -m small/m <valid.en >got
"$ATTEND" translate -m whole <valid.en | cmp - got
# Other writers.
"$ATTEND" average -o small/mean small/m 2>err && exit 9 || test $? = 1
grep -q 'No space left on device' err
test ! -e small/mean
rm small/ballast
small_training small/m --after 40u -q --resume
small_training whole2 --after 40u -q
cmp whole2/model.safetensors small/m/model.safetensors
