# Runs the example on the tests' tiny model; its weights are random, its lines are counted.
dir=$(dirname "$0")/../tests/golden/marian_dir
n=$(printf 'a dog sees a cat\n\nthe man runs\n' | "$EXAMPLE" "$dir" 2 | wc -l)
[ "$n" -eq 3 ]
