# What cannot be computed is said with both sizes; what cannot be written leaves nothing.
fails() {
    code=0
    "$ATTEND" "$@" >out || code=$?
    echo "$code: $*"
    test ! -s out
}
printf '1,2\n3,4\n' >X.csv
printf '1,2,3\n' >Y.csv
printf '1,x\n' >bad.csv
printf '1,2\n3\n' >ragged.csv
: >empty.csv
fails explain
fails explain --input X.csv -m model
fails explain --steps --input X.csv --wq Y.csv
fails explain --steps --input X.csv --keys Y.csv
fails explain --steps --input X.csv --heads 3
fails explain --steps --input X.csv --query 3
fails explain --steps --input X.csv --weights Y.csv
fails explain --steps --input X.csv --score general --score-w Y.csv
fails explain --steps --input X.csv --wv I.csv
fails explain --steps --input bad.csv
fails explain --steps --input ragged.csv
fails explain --steps --input empty.csv
fails explain --steps --input X.csv -o steps.npz
fails explain --steps --input X.csv -o /nonexistent/steps.svg
fails explain -m nowhere text
fails explain -m nowhere text -o x.gif
fails explain model -m nowhere
fails explain positions --size 4
fails explain positions --kind learned
fails explain positions --head 9
fails plot
fails plot nowhere
echo '{"x": 1}' >metrics.jsonl
fails plot metrics.jsonl
fails plot metrics.jsonl --metrics loss
fails plot metrics.jsonl -o curves.gif
ls
