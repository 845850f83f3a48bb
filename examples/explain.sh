# Each output token with its weight, the share of the source, and a page that is whole.
dir=$(dirname "$0")/../tests/golden/marian_dir
page=$(mktemp -d)/page.html
"$EXAMPLE" "$dir" "a dog sees a cat" "$page" | awk '/ <- / { n++ } /from the source/ { last = 1 }
    END { exit n < 1 || !last }'
grep -q '</html>' "$page"
rm -r "$(dirname "$page")"
