# Inputs that are not learned: vectors of a file, frozen or not, and one-hot ones.
. "$TEST_DIR/small_model.lib.sh"
awk 'BEGIN { n = split("I a am is the dog You zebra", w)
    for (i = 1; i <= n; i++) { printf "%s", w[i]
        for (k = 0; k < 16; k++) printf " %.4f", (i * 7 + k * 3) % 11 / 10 - 0.5
        print "" } }' >words.txt
grep '^am ' words.txt >am
rnn() {
    directory=$1
    shift
    "$ATTEND" train translate --arch rnn --train source target -m "$directory" \
        --vocab-size 400 --tokenizer-raw --dim 16 --mini-batch-words 256 --average 0 "$@"
}
rnn frozen --separate-vocab --vectors words.txt --freeze-vectors --after 6u 2>log
grep -q 'vectors: [3-8] of [0-9]* entries are among the 8 words of words.txt, kept' log
grep -q '"vectors": "words.txt"' frozen/config.train.json
rnn begun --separate-vocab --vectors words.txt --after 6u 2>log
grep -q 'are among the 8 words of words.txt$' log
rnn hot --inputs one-hot --after 3u 2>log
grep -q 'inputs: one-hot, 400 wide' log
"$ATTEND" info -m hot --tensors | grep -q 'model.shared.weight  *\[400,400\]'
"$ATTEND" translate -m hot --max-length 3 <valid.en | wc -l | grep -q 20
refused() { # exit status, words of the message, then options
    status=$1 words=$2
    shift 2
    rnn no --after 2u -q "$@" 2>log && exit 9 || test $? = "$status"
    grep -q -e "$words" log
    rm -rf no
}
refused 2 'add --separate-vocab' --vectors words.txt --freeze-vectors
refused 2 'needs --vectors FILE' --freeze-vectors
refused 2 'needs --arch rnn' --arch transformer --inputs one-hot
refused 1 'give --dim 16' --vectors words.txt --dim 8
printf 'dog 1 x\n' >bad.txt
refused 1 "bad.txt:1: column 3, 'x', is no finite number" --vectors bad.txt
printf 'dog 1 2\ncat  1,5  2\n' >bad.txt
refused 1 "bad.txt:2: column 2, '1,5', is no finite number" --vectors bad.txt --dim 2
printf 'dog\n' >bad.txt
refused 1 'bad.txt:1: vectors of 0 numbers' --vectors bad.txt
printf 'qqq 1\n' >other.txt
refused 1 'none of its 1 words is in the vocabulary' --vectors other.txt --dim 1
refused 1 'nowhere.txt' --vectors nowhere.txt
# Words with characters inside take them too.
printf 'a\tD\ndog\tN\nis\tV\n\nthe\tD\ndog\tN\nis\tV\n' >tags
"$ATTEND" train tag --arch words --train tags -m tagger --vectors words.txt --dim-word 16 \
    --freeze-vectors --min-count 1 --dim 16 --heads 1 --ffn 16 --after 2u 2>log
grep -q 'vectors: [1-4] of' log
