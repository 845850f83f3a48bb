# An option that changes nothing is told; two that contradict each other are a misuse.
. "$TEST_DIR/small_kinds.lib.sh"
small_training translator --after 1u -q
small_lm lm
idle() { # words of the warning, command...
    said=$1
    shift
    "$@" </dev/null >out 2>err || { echo "failed: $*"; cat err; exit 9; }
    grep -q "^attend: warning: $said$" err || { echo "$*"; cat err; exit 8; }
    "$@" -q </dev/null >out 2>err
    test ! -s err
}
t() { "$ATTEND" translate -m translator "$@"; }
for option in '--temperature 0.5' '--top-k 5' '--top-p 0.9' '--min-p 0.1'; do
    idle "${option%% *} has no effect without --sampling" t $option
done
idle '--align-layer has no effect without --alignment' t --align-layer 0
idle '--align-head has no effect without --alignment' t --align-head 0 --json
t --sampling --temperature 0.5 --alignment hard --align-layer 0 </dev/null 2>err
test ! -s err
# What the environment says is for the commands that have a use for it.
ATTEND_TEMPERATURE=0.5 t </dev/null 2>err
test ! -s err
# A language model draws when it is told how to, unless that is forbidden.
"$ATTEND" generate -m lm -p to -n 2 --temperature 0.5 --no-sampling 2>err && exit 9 || test $? = 2
grep -q '^attend: generate: --temperature draws, which --no-sampling forbids$' err
# Trainings.
d() { "$ATTEND" train "$@" --dry-run --after 1u -j 1; }
tag() { d tag --train tagged.conllu --dim 16 --heads 2 --layers 1 "$@"; }
idle '--window has no effect without --arch window' tag --arch rnn --window 2
idle '--dim-char has no effect with --arch bert' tag --arch bert --vocab-size 40 --dim-char 8
idle '--ffn has no effect with --arch window' tag --arch window --ffn 8
idle '--tokenizer-raw has no effect with --arch words' tag --arch words --tokenizer-raw
tag --arch window --window 2 2>err >out
grep -q -e '--window has no effect' err && exit 9 || true
idle '--vocab-size has no effect without --vocab subword' \
    d generate --train running.txt --vocab-size 300 --dim 16 --heads 2 --layers 1 --context 8
"$ATTEND" vocab train -o own.spm --vocab-size 300 --tokenizer-raw -q source target
pairs() { d translate --train source target --dim 32 --enc-depth 1 --dec-depth 1 "$@"; }
idle '--vocab-size has no effect beside --tokenizer, which has a vocabulary' \
    pairs --heads 2 --tokenizer own.spm --vocab-size 400
idle '--heads has no effect with --arch rnn' pairs --arch rnn --vocab-size 400 --heads 2
idle '--dim-rnn has no effect without --arch rnn' pairs --heads 2 --vocab-size 400 --dim-rnn 8
# Ways to evaluate.
idle '--confusion has no effect without FILE ...' \
    "$ATTEND" evaluate -m translator --source valid.en --target valid.zh --confusion
idle '--beam-size has no effect with FILE ..., which a tagger.*' \
    "$ATTEND" evaluate -m lm running.txt --beam-size 3
