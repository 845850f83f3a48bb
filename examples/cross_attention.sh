# The table has a row a target token, with as many weights as there are source tokens.
dir=$(dirname "$0")/../tests/golden/marian_dir
"$EXAMPLE" "$dir" "a dog sees a cat" | awk 'NR == 2 { cols = NF } NR > 2 {
    sum = 0
    for (i = 2; i <= NF; i++) sum += $i
    if (NF != cols + 1 || sum < 0.98 || sum > 1.02) bad = 1
} END { exit bad || NR < 3 }'
