# Train a vocabulary, look at it, cut text into pieces and put it together again.
"$ATTEND" demo --corpus corpus
"$ATTEND" vocab train -o en.spm --vocab vocab.json --vocab-size 300 --tokenizer-raw -q corpus/train.en
"$ATTEND" vocab train -o again.spm --vocab-size 300 --tokenizer-raw -q -j 2 corpus/train.en
cmp en.spm again.spm
"$ATTEND" vocab show en.spm | wc -l | tr -d ' '
"$ATTEND" vocab show en.spm --json | grep -q '^{"<unk>":0,'
"$ATTEND" vocab show en.spm --vocab vocab.json | head -n 2
"$ATTEND" tokenize -v en.spm <corpus/unseen.en >pieces
"$ATTEND" tokenize -v en.spm --decode <pieces | cmp - corpus/unseen.en
"$ATTEND" tokenize -v en.spm --ids <corpus/unseen.en | "$ATTEND" tokenize -v en.spm -d --ids |
    cmp - corpus/unseen.en
"$ATTEND" tokenize -v en.spm --json <corpus/unseen.en | grep -c '^{"ids":\[[0-9,]*\],"pieces":\["' >n
test "$(cat n)" = "$(wc -l <corpus/unseen.en | tr -d ' ')"
try() { "$ATTEND" "$@" 2>&1 && exit 9 || test $? = 1; }
echo 'zzz' | try tokenize -v en.spm --decode
echo '99999' | try tokenize -v en.spm --decode --ids
try tokenize -v corpus/train.en <pieces | grep -q 'corpus/train.en'
try vocab show none.spm | grep -q 'none.spm'
try vocab train -o x.spm none.txt | grep -q 'none.txt'
test ! -e x.spm
# Too few pieces for the characters of the text: said in our words, with the number.
try vocab train -o x.spm --vocab-size 20 corpus/train.en | sed 's/[0-9][0-9]*/N/g'
