# The demo's sentences: one Chinese sentence for each English one and back, at least a
# tenth kept from training, none of those in it, the famous ones taught.
"$ATTEND" demo --corpus c
paste c/train.en c/train.zh >train
paste c/unseen.en c/unseen.zh >unseen
cat train unseen | sort >all
test "$(sort -u all | wc -l)" = "$(wc -l <all)"
test "$(cut -f1 all | sort -u | wc -l)" = "$(wc -l <all)"
test "$(cut -f2 all | sort -u | wc -l)" = "$(wc -l <all)"
test "$(wc -l <unseen)" -ge 200
grep -q "^I am a student	我是一个学生\$" train
grep -q "^I am Chinese	我是中国人\$" train
# Another seed, other sentences; the same seed, the same.
"$ATTEND" demo --corpus d --seed 2
"$ATTEND" demo --corpus e --seed 2
cmp d/train.en e/train.en
! cmp -s c/train.en d/train.en
# What one seed tests with, no other seed trains on.
sort c/unseen.en >u
sort d/train.en >t
test -z "$(comm -12 u t)"
# Files of these names may be the user's own.
echo mine >d/unseen.zh
"$ATTEND" demo --corpus d --seed 3 2>err && exit 9 || test $? = 1
grep -q '^attend: d/train.en: is there already (--overwrite' err
cmp d/train.en e/train.en
grep -q mine d/unseen.zh
"$ATTEND" demo --corpus d --seed 1 --overwrite
cmp c/unseen.zh d/unseen.zh
