# --overwrite: the old model stays whole until the new training has a checkpoint, whatever
# stops it before; a training that was killed while it took its place is put there.
. "$TEST_DIR/small_model.lib.sh"
small_training model --after 5u -q
all() { (cd "$1" && find . -type f ! -name .attend.lock | LC_ALL=C sort | xargs cksum); }
all model >before
again() { small_training model --after 5u -q --overwrite "$@"; }
failed() {
    want=$1
    shift
    again "$@" >out 2>err && exit 9 || test $? = 1 || test $? = 2
    grep -q "$want" err || { cat err; exit 8; }
    all model >after
    cmp before after
    test ! -e model/overwriting.tmp-0
}
failed 'at least [0-9]* are needed' --vocab-size 20
failed 'the limit is' --memory-limit 1M
failed 'source.*: ' --tokenizer source
(ulimit -f 40; again >out 2>err) && exit 9 || test $? = 1
all model >after
cmp before after
# Killed before its first checkpoint: the next one clears up.
mkdir -p model/overwriting.tmp-0/checkpoints
echo x >model/overwriting.tmp-0/vocab.json
failed 'at least [0-9]* are needed' --vocab-size 20
# Killed while it took the old one's place, at either step: the next one ends that.
small_training other --after 10u -q
for name in ready moving; do
    cp -r model part
    mkdir part/overwriting.$name
    cp -r other/checkpoints other/best other/metrics.jsonl part/overwriting.$name
    rm part/metrics.jsonl
    if [ $name = moving ]; then
        rm -r part/checkpoints part/model.safetensors
        mv part/overwriting.$name/metrics.jsonl part
    fi
    small_training part --after 10u -q --resume
    test ! -e part/overwriting.$name
    test ! -e part/checkpoints/u00000005 || cmp part/checkpoints/u00000005/model.safetensors \
        other/checkpoints/u00000005/model.safetensors
    cmp part/model.safetensors other/model.safetensors
    rm -r part
done
# One that goes well replaces all of it.
again --seed 2
test ! -e model/overwriting.tmp-0 && test ! -e model/overwriting.ready
small_training fresh --after 5u -q --seed 2
for file in model.safetensors config.json vocab.json source.spm; do
    cmp model/$file fresh/$file
done
all model | awk '{print $3}' >names
all fresh | awk '{print $3}' | cmp names -
