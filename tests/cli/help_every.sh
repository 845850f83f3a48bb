# Every command explains itself: usage, options, no line over 80 columns (wide characters
# are not used there), no space at an end, and --help wins over what else is wrong.
for command in demo 'train translate' translate evaluate info average tokenize \
    'vocab train' 'vocab show' 'bench train' 'bench translate' 'bench generate' \
    'bench attention' help \
    'compare rnn-transformer' version; do
    "$ATTEND" $command --help >page
    grep -q "^attend $command - " page
    grep -q '^Usage:$' page
    grep -q '^  -h, --help ' page
    if grep ' $' page; then echo "$command: spaces at the end"; exit 9; fi
    sed 's/^  attend .*//; s/^  # .*//' page | awk -v c="$command" '
        length($0) > 80 { print c ": " $0; bad = 1 } END { exit bad }'
    "$ATTEND" help $command | cmp - page
    "$ATTEND" $command --no-such-thing -h >/dev/null 2>&1 && exit 9 || test $? = 2
    "$ATTEND" $command -h | cmp - page
done
"$ATTEND" train --help | grep -q '^attend train translate '
"$ATTEND" help bench | grep -q '^attend bench attention '
