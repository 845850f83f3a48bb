# Misuse exits 2 and says what was wrong, and what was probably meant.
try() { "$ATTEND" "$@" && echo "accepted: $*" || echo "exit $?" >&2; }
try trian
try transalte -m x
try frobnicate
try train
try train sentences
try bench
try --quiet translate
try translate --bem-size 4
try translate --frobnicate
try translate -Z
try translate -m
try translate -m x --beam-size many
try translate -m x --beam-size 0
try translate -m x --beam-size 1.5
try translate -m x --seed -1
try translate -m x --alignment maybe
try translate -m x --quiet=perhaps
try translate -m x stray
try translate -m x --n-best 5 --beam-size 2
try translate -m x --sampling --n-best 2
try translate -m x --sampling --beam-size 4
try translate -m x --min-length 9 --max-length 5
try translate -m x --top-p 0
try translate
try train translate
try train translate --train a
try train translate --train a b c -m x
try train translate --train a b
try train translate --train a b --valid v -m x
try train translate --preset huge --train a b -m x
try train translate --positions sideways --train a b -m x
try train translate --train a b -m x --resume --overwrite
# Options are checked before a file is looked for: a and b are not there.
try train translate --train a b -m x --after 3x
try train translate --train a b -m x --after 0
try train translate --train a b -m x --save-freq soon
try train translate --train a b -m x --dim 30 --heads 4
try train translate --train a b -m x --dim 2048 --heads 4
try train translate --train a b -m x --dim 36 --heads 4 --positions rope
try train translate --train a b -m x --mini-batch-words 0
try train translate --train a b -m x --vocab-size 5000000
try train translate --train a b -m x --dropout 1
try train translate --train a b -m x --learn-rate 0
try train translate --train a b -m x --weight-decay 0.1
try train translate --train a b -m x --early-stopping 3
try train translate --train a b -m x --score general-dot
try train translate --train a b -m x --precision fp8
try train translate --train a b -m x --optimizer lion
try evaluate
try evaluate --reference a -m b
try evaluate -m b
try evaluate --reference a --tokenize moses
try average
try average -o x
try tokenize
try tokenize -m a --tokenizer b
try vocab train -o x
try vocab train a
try vocab show
try bench train --batch 16
try bench attention --shape 1,2
try bench translate
test ! -e x
