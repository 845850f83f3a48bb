# Makes files for every task, and functions for small models of them: small_tagger,
# small_classifier, small_lm DIRECTORY [OPTION ...]; small_training for translators.
. "$TEST_DIR/small_model.lib.sh"
for i in 1 2 3 4 5 6; do
    printf '1\tI\t_\tPRON\tPRP\t_\t_\t_\t_\t_\n2\tsaw\t_\tVERB\tVBD\t_\t_\t_\t_\t_\n'
    printf '3\ta\t_\tDET\tDT\t_\t_\t_\t_\t_\n4\tsaw\t_\tNOUN\tNN\t_\t_\t_\t_\t_\n\n'
done >tagged.conllu
for i in 1 2 3 4 5 6 7 8; do
    printf 'good\ta fine film number %s indeed\n' $i
    printf 'bad\ta dull film number %s alas\n' $i
done >texts.tsv
for i in 1 2 3 4 5 6 7 8 9; do echo 'to be or not to be that is the question'; done >running.txt
small_words='--min-count 1 --dim 16 --ffn 32 --heads 2 --layers 1 --dim-word 8 --dim-char 8
    --dim-char-state 8 --after 2u -q'
small_tagger() {
    directory=$1
    shift
    "$ATTEND" train tag --arch words --train tagged.conllu -m "$directory" $small_words "$@"
}
small_classifier() {
    directory=$1
    shift
    "$ATTEND" train classify --arch words --train texts.tsv --columns label,text \
        -m "$directory" $small_words "$@"
}
small_lm() {
    directory=$1
    shift
    "$ATTEND" train generate --train running.txt -m "$directory" --dim 16 --ffn 32 --heads 2 \
        --layers 1 --context 16 --after 2u -q "$@"
}
