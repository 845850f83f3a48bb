# The demo from end to end, with a training far too short to learn anything.
"$ATTEND" demo -m model --after 3u --show 2 >out 2>err
for words in 'sentences of a small grammar' 'Training' 'parameters' 'never seen' \
    'exact match' 'cross-attention' 'attend train translate' 'attend translate' \
    'attend evaluate'; do
    grep -q "$words" out
done
# A model is not destroyed unless that is said; nothing beside it is touched either.
find model -type f -exec cksum {} + | sort >before
"$ATTEND" demo -m model --after 3u 2>err && exit 9 || test $? = 1
grep -q '^attend: model: holds a model or a training already (--overwrite begins anew)$' err
find model -type f -exec cksum {} + | sort | cmp before -
"$ATTEND" demo -m model --overwrite --after 3u --direction zh-en --json 2>err |
    grep -q '^{"direction":"zh-en","train":[0-9]*,"unseen":[0-9]*,.*"exact_match":[0-9.]*,"bleu":'
echo '我是一个学生' | "$ATTEND" translate -m model >out
test "$(wc -l <out)" = 1
