#!/bin/sh
# format.sh - clang-format over all C and C++ sources.
#
#   tools/format.sh           rewrites what differs
#   tools/format.sh --check   lists what differs; exit status 1 if anything does
#
# CLANG_FORMAT names the program; version 14 is the one the style file is written for,
# and --check is skipped (exit status 77) where another version would see differences
# that are not there.
set -eu
cd "$(dirname "$0")/.."
tool=${CLANG_FORMAT:-}
if [ -z "$tool" ]; then
    for candidate in clang-format-14 clang-format; do
        if command -v $candidate >/dev/null; then tool=$candidate; break; fi
    done
fi
[ -n "$tool" ] || { echo "format: clang-format is not installed" >&2; exit 77; }
version=$("$tool" --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
files() {
    find include src cli examples bench tests \( -name corpora -o -name golden \) -prune -o \
        \( -name '*.[ch]' -o -name '*.cc' -o -name '*.cpp' -o -name '*.inc' \) -print |
        LC_ALL=C sort
}
if [ "${1:-}" = --check ]; then
    if [ "$version" != 14 ]; then
        echo "format: clang-format $version, the style is checked with 14" >&2
        exit 77
    fi
    bad=0
    for file in $(files); do
        if ! "$tool" "$file" | cmp -s - "$file"; then
            echo "$file: not formatted (make format)"
            bad=$((bad + 1))
        fi
    done
    echo "format: $bad files differ"
    [ $bad = 0 ]
else
    files | xargs "$tool" -i
fi
