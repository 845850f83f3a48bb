# attend train generate and attend generate: a running text learnt by heart.
for i in 1 2 3 4 5 6 7 8; do printf 'to be or not to be,\nthat is the question.\n'; done > train.txt
head -2 train.txt > valid.txt
t() { "$ATTEND" train generate --dim 32 --ffn 64 --heads 2 --layers 1 --context 24 \
    --dropout 0 --learn-rate 0.01 --lr-warmup 5 --mini-batch-words 240 \
    --valid-freq 50u --save-freq 50u "$@"; }
t --train train.txt --valid valid.txt -m m --after 150u 2>log
grep -q 'nll 0\.[01]' log
grep -q LlamaForCausalLM m/config.json
"$ATTEND" generate -m m -p 'to be or' -n 11 -q > out
test "$(cat out)" = ' not to be,'
"$ATTEND" generate -m m -p 'that is' --stop 'quest' --echo -q > out
test "$(cat out)" = 'that is the '
echo 'to be or' | "$ATTEND" generate -m m -n 4 --json |
    grep -q '^{"prompt": "to be or", "text": " not", "prompt_tokens": 8, "completion_tokens": 4, .*"end": "length"}$'
# A line in, a line out: the empty one has nothing to go on from.
printf 'to be or\n\nthat\n' | "$ATTEND" generate -m m -n 2 -q > out
test "$(wc -l < out)" = 3
test -z "$(sed -n 2p out)"
printf '\n' | "$ATTEND" generate -m m -n 2 --json | grep -q '"completion_tokens": 0, .*"end": "nothing"}$'
# The same figure as the training's own; the first token of a text is given.
"$ATTEND" evaluate -m m valid.txt --json > out
grep -q '"tokens":41,"bytes":42,"chars":42,"context":24,"slide":0}' out
# A sliding evaluation is apart; blocks that move by their whole length are the blocks.
"$ATTEND" evaluate -m m valid.txt --slide 6 --json | grep -q '"tokens":41,.*"slide":6}'
"$ATTEND" evaluate -m m valid.txt --slide 6 | grep -q 'sliding: a context of 24 tokens moves by 6'
test "$("$ATTEND" evaluate -m m valid.txt --slide 24 --json | cut -d, -f1)" = "$(cut -d, -f1 out)"
test "$("$ATTEND" evaluate -m m valid.txt --slide 6 --json | cut -d, -f1)" != "$(cut -d, -f1 out)"
nll=$(sed 's/{"nll":\([0-9.]*\),.*/\1/' out)
grep -q "best checkpoint.*nll $(printf %.4f "$nll")\|mean of.*nll $(printf %.4f "$nll")" log
# The same seed says the same; a full context ends, or slides.
"$ATTEND" generate -m m -p to --temperature 2 --seed 3 -n 15 -q > a
"$ATTEND" generate -m m -p to --temperature 2 --seed 3 -n 15 -q > b
"$ATTEND" generate -m m -p to --temperature 2 --seed 4 -n 15 -q > c
cmp a b
if cmp -s a c; then exit 1; fi
"$ATTEND" generate -m m -p 'to be' 2>err > out
grep -q 'context of 24 tokens is full' err
"$ATTEND" generate -m m -p 'to be' --slide -n 60 -q > out
test "$(wc -c < out)" = 61
# Characters that no training text had are told.
"$ATTEND" generate -m m -p 'to日本' -n 1 2>err >out
grep -q "^attend: warning: 2 of the prompt's 4 tokens stand for text that the model's vocabulary" err
printf 'to be 日本\n' >foreign.txt
"$ATTEND" evaluate -m m foreign.txt 2>err >out
grep -q '^attend: warning: 2 of 9 tokens stand for text that' err
"$ATTEND" evaluate -m m valid.txt 2>err >out
grep warn err && exit 9
# GPT-2's layout, and sub-words.
t --train train.txt --valid valid.txt -m g --arch gpt2 --after 5u -q
grep -q GPT2LMHeadModel g/config.json
"$ATTEND" generate -m g -p 'to' -n 3 -q | grep -q .
t --train train.txt --valid valid.txt -m s --vocab subword --vocab-size 300 --kv-heads 1 --after 150u 2>log
"$ATTEND" generate -m s -p 'to be or' -n 4 -q > out
grep -q 'not' out
# Other programs read the same pieces: tokenizer.json has the ids of tokenizer.model.
cp -R s spm && rm spm/tokenizer.json
"$ATTEND" tokenize -m s --ids <valid.txt >json.ids
"$ATTEND" tokenize -m spm --ids <valid.txt >spm.ids
cmp json.ids spm.ids
grep -q PreTrainedTokenizerFast s/tokenizer_config.json
# A mean of models has its tokenizer too.
"$ATTEND" average -o mean m m -q
"$ATTEND" average -o mean m m -q --overwrite # again, over the old one
"$ATTEND" generate -m mean -p 'to be or' -n 4 -q | grep -q not
# What is wrong, and what is only short.
fails() { # PATTERN command...
    pattern=$1; shift
    if "$@" 2>err; then echo "succeeded: $*"; exit 1; fi
    grep -q -e "$pattern" err || { echo "expected $pattern:"; cat err; exit 1; }
}
printf x > one.txt
fails 'at least two' t --train one.txt -m gone1
printf 'good\nbad \377\n' > bytes.txt
fails 'bytes.txt:2: not UTF-8' t --train bytes.txt -m gone2
printf 'short text' > short.txt
t --train short.txt -m m3 --after 2u 2>log
grep -q 'the text has 10 tokens, fewer than a context of 24' log
fails 'stride 25, expected 1..24' "$ATTEND" evaluate -m m valid.txt --slide 25
fails 'kv-heads' t --train train.txt -m gone3 --kv-heads 3
fails 'not a multiple' t --train train.txt -m gone4 --heads 3
test ! -e gone2; test ! -e gone3; test ! -e gone4
# An interruption and the number of threads change no bit.
t --train train.txt --valid valid.txt --after 12u --schedule constant -m whole -q --save-freq 5u
t --train train.txt --valid valid.txt --after 7u --schedule constant -m parts -q --save-freq 5u
t --train train.txt --valid valid.txt --after 12u --schedule constant -m parts --resume -q --save-freq 5u
t --train train.txt --valid valid.txt --after 12u --schedule constant -m one --threads 1 -q --save-freq 5u
cmp whole/model.safetensors parts/model.safetensors
cmp whole/model.safetensors one/model.safetensors
