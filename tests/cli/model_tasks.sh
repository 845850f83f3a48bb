# A model that was given to another command than its own: what it does and what to type.
. "$TEST_DIR/small_kinds.lib.sh"
small_training translator --after 1u -q
small_tagger tagger
small_classifier classifier
small_lm lm
refused() { # MODEL, words of the message, words of the hint, command...
    model=$1 said=$2 hint=$3
    shift 3
    "$@" </dev/null >out 2>err && { echo "accepted: $*"; exit 9; } || test $? = 1
    grep -q "^attend: $model: this model $said" err || { echo "$*"; cat err; exit 8; }
    grep -q "^hint: attend $hint" err || { echo "$*"; cat err; exit 7; }
    test "$(wc -l <err)" = 2
}
for task in translate generate tag classify; do
    for model in translator:translate:translates lm:generate:'goes on from a text' \
        tagger:tag:'labels words' classifier:classify:'labels texts'; do
        dir=${model%%:*} rest=${model#*:}
        test "${rest%%:*}" = $task ||
            refused $dir "${rest#*:}, it does not " "${rest%%:*} -m $dir$" "$ATTEND" $task -m $dir
    done
done
refused lm 'goes on from a text, it does not translate' 'evaluate -m lm FILE.txt$' \
    "$ATTEND" evaluate -m lm --source valid.en --target valid.zh
refused tagger 'labels words, it does not translate' 'evaluate -m tagger FILE.conllu$' \
    "$ATTEND" evaluate -m tagger --source valid.en --target valid.zh
refused translator 'translates, it does not label words or texts' \
    'evaluate -m translator --source FILE --target FILE$' "$ATTEND" evaluate -m translator texts.tsv
# What is no directory is no model, whoever asks.
for command in 'explain text' 'explain positions' 'explain model -o x.svg' info tokenize translate tag \
    classify generate; do
    "$ATTEND" $command -m running.txt </dev/null 2>err && exit 9 || test $? = 1
    grep -q '^attend: running.txt: a file, not a directory: -m takes a model.s directory$' err ||
        { echo "$command"; cat err; exit 8; }
done
# A target's vocabulary of its own, lost: every number would stand for another piece.
small_training separate --separate-vocab --after 1u -q
test -e separate/target_vocab.json
"$ATTEND" translate -m separate -i valid.en >whole
mv separate/target_vocab.json kept
missing() { # who says so
    "$ATTEND" translate -m separate -i valid.en >out 2>err && exit 9 || test $? = 1
    test ! -s out
    grep -q "^attend: separate: target_vocab.json is missing: $1$" err || { cat err; exit 8; }
}
missing 'tokenizer_config.json says separate_vocabs: true'
mv separate/tokenizer_config.json elsewhere
missing 'config.json says share_encoder_decoder_embeddings: false'
# Two tables of one vocabulary are said so by the tokenizer's configuration.
echo '{"separate_vocabs": false}' >separate/tokenizer_config.json
"$ATTEND" translate -m separate -i valid.en >out
mv elsewhere separate/tokenizer_config.json
mv kept separate/target_vocab.json
"$ATTEND" translate -m separate -i valid.en | cmp - whole
