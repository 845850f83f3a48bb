# Attention number by number from files: the numbers that a course writes on the board.
none() { "$ATTEND" explain --steps --input "$@"; }

echo "--- X X^T without scaling: 11, 11, 10; softmax 0.42, 0.42, 0.16; the weighted rows"
printf '1,2,1,2,1\n1,1,3,2,1\n3,1,2,1,1\n' >X.csv
none X.csv --score dot

echo "--- the same in columns"
none X.csv --score dot --notation columns

echo "--- weights 0.2 and 0.8 on student and am: 0, 0.2, 0.8"
printf 'student,0,1,0\nam,0,0,1\n' >V.csv
printf '0,0,1\n' >Q.csv
printf '0.2,0.8\n' >W.csv
none Q.csv --keys V.csv --weights W.csv

echo "--- q = 1, 0, 1, 1 in two heads: 1, 0 and 1, 1; outputs side by side, times W_O"
printf '1,0,1,1\n' >q.csv
printf '1,1,0,1\n0,1,1,0\n' >k.csv
printf '1,0,0,0\n0,1,0,0\n0,0,1,0\n0,0,0,2\n' >wo.csv
none q.csv --keys k.csv --heads 2 --wo wo.csv

echo "--- four vectors: softmax, then ReLU; dot product, then additive"
printf '1,0\n0,1\n1,1\n-1,0\n' >a.csv
printf '1,0\n0,1\n' >I.csv
none a.csv --score dot --wq I.csv --wk I.csv --wv I.csv | sed -n '/^scores/,/^values/p'
none a.csv --score dot --normalise relu | sed -n '/^scores/,/^values/p'
none a.csv --score additive | sed -n '/^scores/,/^values/p'

echo "--- keys on the spines of books against a query about animation"
printf 'animation,0.9,0.1\n' >query.csv
printf 'anime,3,0\nfilm,2.5,0.5\nWorld War II,0,3\n' >keys.csv
printf 'anime,1,0,0\nfilm,0,1,0\nWorld War II,0,0,1\n' >values.csv
none query.csv --keys keys.csv --values values.csv --score dot | sed -n '/^weights/,/^values/p'

echo "--- I saw a saw: a query that sees only its window; two layers"
printf 'I,1,0\nsaw,0,1\na,1,1\nsaw,0,1\n' >saw.csv
none saw.csv --window 1 --layers 2 --query 2 --score dot

echo "--- causal: what is hidden is shown as hidden"
none saw.csv --causal --score dot | sed -n '/^A masked/,/^O/p;/^A, masked/,/^O/p'

echo "--- other scores and normalisers"
none a.csv --score cosine --normalise sparsemax --digits 3 | sed -n '/^scores/,/^values/p'
none a.csv --score general --normalise hard | sed -n '/^scores/,/^values/p'
none a.csv --normalise relu-row | sed -n '/^scores/,/^values/p'

echo "--- width 512 as 8 heads of 64, and side by side again"
awk 'BEGIN { for (r = 1; r < 3; r++) { for (i = 0; i < 511; i++) printf "%d,", (i + r) % 3; print r } }' >wide.csv
none wide.csv --heads 8 | grep '^q1 of head\|^heads side by side\|^O = A'
