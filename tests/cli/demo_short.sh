# The demo from end to end, with a training far too short to learn anything.
"$ATTEND" demo -m model --after 3u --show 2 >out 2>err
for words in 'sentences of a small grammar' 'Training' 'parameters' 'never seen' \
    'exact match' 'cross-attention' 'attend train translate' 'attend translate' \
    'attend evaluate'; do
    grep -q "$words" out
done
"$ATTEND" demo -m model --after 3u --direction zh-en --json 2>err |
    grep -q '^{"direction":"zh-en","train":[0-9]*,"unseen":[0-9]*,.*"exact_match":[0-9.]*,"bleu":'
echo '我是一个学生' | "$ATTEND" translate -m model >out
test "$(wc -l <out)" = 1
