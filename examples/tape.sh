# The program compares a gradient with a difference itself; here: each of the three words'
# attention weights sum to 1.
"$EXAMPLE" >tape.out || exit 1
awk '$1 == "weights" { on = 1; sub("weights", "") }
    $1 == "logits" { on = 0 }
    on { rows++; if (($1 + $2 + $3 - 1) ^ 2 > 1e-6) bad = 1 }
    END { exit bad || rows != 3 }' tape.out
