# The demo from end to end, with a training far too short to learn anything.
ln -s "$ATTEND" './my attend'
./my\ attend demo -m model --after 3u --show 2 >out 2>err
for words in 'sentences of a small grammar' 'Training' 'parameters' 'never seen' \
    'exact match' 'cross-attention' ' train translate' ' translate' ' evaluate'; do
    grep -q "$words" out
done
# What to try next can be typed as it stands, however the program was called.
sed -n '/Try next/,$ s/^  //p' out >next
test "$(wc -l <next)" = 4
test "$(grep -c "'./my attend' [a-z]" next)" = 4
# (Less of it: a model that has learnt nothing talks long.)
sed -i 's/--preset tiny/& --after 2u -q --valid-beam 0/' next
for side in en zh; do
    head -n 4 model/corpus/unseen.$side >some
    cp some model/corpus/unseen.$side
done
sh -e next >out 2>err || { cat next err; exit 8; }
grep -q '^BLEU|.*tok:zh' out
test -e my-model/model.safetensors
# A model is not destroyed unless that is said; nothing beside it is touched either.
find model -type f -exec cksum {} + | sort >before
"$ATTEND" demo -m model --after 3u 2>err && exit 9 || test $? = 1
grep -q '^attend: model: holds a model or a training already (--overwrite begins anew)$' err
find model -type f -exec cksum {} + | sort | cmp before -
"$ATTEND" demo -m model --overwrite --after 3u --direction zh-en --json 2>err |
    grep -q '^{"direction":"zh-en","train":[0-9]*,"unseen":[0-9]*,.*"exact_match":[0-9.]*,"bleu":'
echo '我是一个学生' | "$ATTEND" translate -m model >out
test "$(wc -l <out)" = 1
