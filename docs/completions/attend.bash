# Completion of attend for bash, written by `attend help --bash`.
_attend()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local command="${COMP_WORDS[1]} ${COMP_WORDS[2]}" words=
    COMPREPLY=()
    case $command in
    "demo "*) words="--direction --model --overwrite --show --after --seed --corpus --json --threads --config --quiet --color --help "
        case $prev in
        --direction) words="en-zh zh-en"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "train translate"*) words="--train --valid --target-langs --valid-lang --model --tokenizer --vocab-size --separate-vocab --unigram --bpe-dropout --tokenizer-raw --max-length --preset --arch --attention --dim --dim-rnn --ffn --heads --enc-depth --dec-depth --activation --norm --positions --score --normalise --dropout --attention-dropout --activation-dropout --inputs --vectors --freeze-vectors --after --mini-batch-words --optimizer-delay --length-buckets --optimizer --learn-rate --schedule --lr-warmup --beta1 --beta2 --adam-eps --weight-decay --clip-norm --label-smoothing --precision --exponential-smoothing --average --seed --valid-freq --save-freq --disp-freq --early-stopping --valid-beam --valid-tokenize --keep-checkpoints --resume --overwrite --dry-run --memory-limit --json --threads --config --quiet --color --help "
        case $prev in
        --arch) words="transformer rnn rnn-lstm"; cur=${cur#=} ;;
        --attention) words="additive general dot none"; cur=${cur#=} ;;
        --activation) words="relu gelu silu"; cur=${cur#=} ;;
        --norm) words="post pre"; cur=${cur#=} ;;
        --positions) words="sinusoidal interleaved learned none relative rope alibi t5"; cur=${cur#=} ;;
        --score) words="scaled-dot dot general additive cosine"; cur=${cur#=} ;;
        --normalise) words="softmax relu relu-row hard sparsemax"; cur=${cur#=} ;;
        --inputs) words="learned one-hot"; cur=${cur#=} ;;
        --optimizer) words="adam adamw sgd"; cur=${cur#=} ;;
        --schedule) words="inverse-sqrt noam cosine linear constant"; cur=${cur#=} ;;
        --precision) words="float32 bfloat16"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "train tag"*) words="--train --valid --model --tokenizer --vocab-size --tokenizer-raw --column --max-length --preset --arch --dim --ffn --heads --enc-depth --dropout --attention-dropout --inputs --vectors --freeze-vectors --window --one-way --dim-word --dim-char --dim-char-state --min-count --word-dropout --after --mini-batch-words --optimizer-delay --optimizer --learn-rate --schedule --lr-warmup --beta1 --beta2 --adam-eps --weight-decay --clip-norm --label-smoothing --precision --exponential-smoothing --average --seed --valid-freq --save-freq --disp-freq --early-stopping --keep-checkpoints --resume --overwrite --dry-run --memory-limit --json --threads --config --quiet --color --help "
        case $prev in
        --column) words="upos xpos"; cur=${cur#=} ;;
        --arch) words="words window rnn rnn-lstm xlm-roberta bert"; cur=${cur#=} ;;
        --inputs) words="learned one-hot"; cur=${cur#=} ;;
        --optimizer) words="adam adamw sgd"; cur=${cur#=} ;;
        --schedule) words="inverse-sqrt noam cosine linear constant"; cur=${cur#=} ;;
        --precision) words="float32 bfloat16"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "train classify"*) words="--train --valid --model --tokenizer --vocab-size --tokenizer-raw --columns --regression --multi-label --max-length --preset --arch --dim --ffn --heads --enc-depth --dropout --attention-dropout --inputs --vectors --freeze-vectors --window --one-way --dim-word --dim-char --dim-char-state --min-count --word-dropout --after --mini-batch-words --optimizer-delay --optimizer --learn-rate --schedule --lr-warmup --beta1 --beta2 --adam-eps --weight-decay --clip-norm --label-smoothing --precision --exponential-smoothing --average --seed --valid-freq --save-freq --disp-freq --early-stopping --keep-checkpoints --resume --overwrite --dry-run --memory-limit --json --threads --config --quiet --color --help "
        case $prev in
        --arch) words="words window rnn rnn-lstm xlm-roberta bert"; cur=${cur#=} ;;
        --inputs) words="learned one-hot"; cur=${cur#=} ;;
        --optimizer) words="adam adamw sgd"; cur=${cur#=} ;;
        --schedule) words="inverse-sqrt noam cosine linear constant"; cur=${cur#=} ;;
        --precision) words="float32 bfloat16"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "train generate"*) words="--train --valid --model --tokenizer --vocab-size --vocab --unigram --context --preset --arch --dim --ffn --heads --dec-depth --dropout --attention-dropout --kv-heads --after --mini-batch-words --optimizer-delay --optimizer --learn-rate --schedule --lr-warmup --beta1 --beta2 --adam-eps --weight-decay --clip-norm --label-smoothing --precision --exponential-smoothing --average --seed --valid-freq --save-freq --disp-freq --early-stopping --keep-checkpoints --resume --overwrite --dry-run --memory-limit --json --threads --config --quiet --color --help "
        case $prev in
        --vocab) words="char subword"; cur=${cur#=} ;;
        --arch) words="llama gpt2"; cur=${cur#=} ;;
        --optimizer) words="adam adamw sgd"; cur=${cur#=} ;;
        --schedule) words="inverse-sqrt noam cosine linear constant"; cur=${cur#=} ;;
        --precision) words="float32 bfloat16"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "translate "*) words="--model --input --output --prefix --to --beam-size --normalize --batch-size --max-length --max-length-factor --min-length --max-source --early-stopping --no-repeat-ngram --repetition-penalty --maxi-batch --sampling --temperature --top-k --top-p --min-p --seed --n-best --alignment --attention --align-layer --align-head --word-scores --json --threads --config --quiet --color --help "
        case $prev in
        --early-stopping) words="bound first never"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "tag "*) words="--model --input --output --format --column --batch-rows --attention --json --threads --config --quiet --color --help "
        case $prev in
        --format) words="auto conllu tsv text"; cur=${cur#=} ;;
        --column) words="upos xpos"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "classify "*) words="--model --input --output --top --batch-rows --attention --json --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "generate "*) words="--model --prompt --input --output --echo --attention --json --max-tokens --min-tokens --stop --context --slide --sampling --temperature --top-k --top-p --min-p --repetition-penalty --no-repeat-ngram --seed --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "evaluate "*) words="--reference --input --model --source --target --to --output --batch-tokens --beam-size --normalize --batch-size --max-length --max-length-factor --min-length --max-source --early-stopping --no-repeat-ngram --repetition-penalty --columns --column --confusion --context --slide --tokenize --lowercase --chrf-lowercase --smooth --smooth-value --chrf-word-order --confidence-n --width --json --threads --config --quiet --color --help "
        case $prev in
        --early-stopping) words="bound first never"; cur=${cur#=} ;;
        --column) words="upos xpos"; cur=${cur#=} ;;
        --tokenize) words="13a zh char none intl"; cur=${cur#=} ;;
        --smooth) words="exp none floor add-k"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "info "*) words="--model --tensors --kernels --json --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "average "*) words="--output --overwrite --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "tokenize "*) words="--model --side --tokenizer --vocab --ids --decode --input --output --json --threads --config --quiet --color --help "
        case $prev in
        --side) words="source target"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "vocab train"*) words="--output --vocab --vocab-size --unigram --byte-fallback --character-coverage --max-sentences --tokenizer-raw --seed --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "vocab show"*) words="--vocab --characters --json --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "bench train"*) words="--batch --steps --vocab-size --precision --seed --json --preset --arch --attention --dim --dim-rnn --ffn --heads --enc-depth --dec-depth --activation --norm --positions --score --normalise --dropout --attention-dropout --activation-dropout --threads --config --quiet --color --help "
        case $prev in
        --precision) words="float32 bfloat16"; cur=${cur#=} ;;
        --arch) words="transformer rnn rnn-lstm"; cur=${cur#=} ;;
        --attention) words="additive general dot none"; cur=${cur#=} ;;
        --activation) words="relu gelu silu"; cur=${cur#=} ;;
        --norm) words="post pre"; cur=${cur#=} ;;
        --positions) words="sinusoidal interleaved learned none relative rope alibi t5"; cur=${cur#=} ;;
        --score) words="scaled-dot dot general additive cosine"; cur=${cur#=} ;;
        --normalise) words="softmax relu relu-row hard sparsemax"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "bench translate"*) words="--model --input --length --batch-size --beam-size --sentences --repeat --alignment --json --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "bench generate"*) words="--model --length --prompt-length --batch-size --repeat --json --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "bench attention"*) words="--shape --score --peers --peers-dir --causal --left --right --dtype --dropout --forward-only --seconds --json --threads --config --quiet --color --help "
        case $prev in
        --score) words="scaled-dot cosine bilinear additive gat shaw t5 relu sparsemax decode edges"; cur=${cur#=} ;;
        --dtype) words="float32 bfloat16"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "explain model"*) words="--model --output --dark --title --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "explain positions"*) words="--kind --layout --origin --size --model --input --head --heads --clip --output --digits --dark --title --threads --config --quiet --color --help "
        case $prev in
        --kind) words="sinusoidal learned hand-set relative rope alibi"; cur=${cur#=} ;;
        --layout) words="interleaved half-split"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "explain "*) words="--model --output --given --beam-size --view --of --layer --head --threshold --dark --colours --title --decoding --choices --ablate --steps --query --notation --digits --input --keys --values --wq --wk --wv --wo --weights --score --score-w --normalise --heads --causal --window --layers --threads --config --quiet --color --help "
        case $prev in
        --view) words="auto alignment self overview links both-ways text rollout flow entropy distance gradient integrated"; cur=${cur#=} ;;
        --of) words="auto cross encoder decoder pooling"; cur=${cur#=} ;;
        --colours) words="ink dusk grey"; cur=${cur#=} ;;
        --notation) words="rows columns"; cur=${cur#=} ;;
        --score) words="scaled-dot dot general additive cosine"; cur=${cur#=} ;;
        --normalise) words="softmax relu relu-row hard sparsemax"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "plot "*) words="--output --x --metrics --log --dark --title --threads --config --quiet --color --help "
        case $prev in
        --x) words="update epoch tokens time"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "compare rnn-transformer"*) words="--train --valid --after --dim --lstm --vocab-size --tokenize --output --model --overwrite --seed --dark --json --threads --config --quiet --color --help "
        case $prev in
        --tokenize) words="13a zh char none intl"; cur=${cur#=} ;;
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "compare window-attention"*) words="--train --valid --after --dim --output --model --overwrite --seed --dark --json --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "help "*) words="--man --bash --zsh --fish --threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    "version "*) words="--threads --config --quiet --color --help "
        case $prev in
        --color) words="auto always never"; cur=${cur#=} ;;
        esac ;;
    esac
    if [ "$COMP_CWORD" = 1 ]; then
        words="demo train train train train translate tag classify generate evaluate info average tokenize vocab vocab bench bench bench bench explain explain explain plot compare compare help version "
    elif [ "$COMP_CWORD" = 2 ]; then
        case ${COMP_WORDS[1]} in
        train) words="$words translate" ;;
        train) words="$words tag" ;;
        train) words="$words classify" ;;
        train) words="$words generate" ;;
        vocab) words="$words train" ;;
        vocab) words="$words show" ;;
        bench) words="$words train" ;;
        bench) words="$words translate" ;;
        bench) words="$words generate" ;;
        bench) words="$words attention" ;;
        explain) words="$words model" ;;
        explain) words="$words positions" ;;
        compare) words="$words rnn-transformer" ;;
        compare) words="$words window-attention" ;;
        esac
    fi
    if [ -n "$words" ]; then
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
    fi
    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _attend attend
