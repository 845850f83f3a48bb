# A preset is of its task: those of others are refused with the list of its own, before a
# file is looked at.
try() {
    task=$1 preset=$2 own=$3
    "$ATTEND" train "$task" --preset "$preset" --train nowhere nowhere -m x 2>err &&
        exit 9 || test $? = 2
    grep -q "train $task: --preset '$preset' is not one of $own\$" err
    test ! -e x
}
try translate tag 'tiny, small, base, rnn'
try translate lm 'tiny, small, base, rnn'
try tag lm tag
try tag tiny tag
try classify tag 'classify, classify-transformer'
try generate base lm
