#!/bin/sh
# The page in headless Chromium: clicks, hovers and types (drive.js), and compares what is
# shown with the weights. With --big it also times a page of 512 x 512 tokens in 12 x 12
# heads. Usage: browser.sh [--big] BUILD_DIR. Exit status 77: no Chromium here (Debian's
# package: chromium).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
big=
if [ "${1:-}" = --big ]; then
    big=1
    shift
fi
build=${1:?usage: browser.sh [--big] BUILD_DIR}
browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
if [ -z "$browser" ]; then
    echo "browser.sh: no chromium here; left out" >&2
    exit 77
fi
test=${TEST_PAGE:-$build/tests/unit/test_page}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if ! ATTEND_PAGE_DIR=$dir ATTEND_PAGE_BIG=$big sh -c \
    '[ -n "$ATTEND_PAGE_BIG" ] || unset ATTEND_PAGE_BIG; exec "$0"' "$test" \
    >"$dir/log" 2>&1; then
    cat "$dir/log" >&2
    exit 1
fi

# A profile of its own, which goes away with the pages; no sandbox only where there is
# none to be had (root in a container).
run() {
    set -- --headless --disable-gpu --no-first-run --user-data-dir="$dir/profile" \
        --window-size=1200,800 "$@"
    [ "$(id -u)" != 0 ] || set -- --no-sandbox "$@"
    timeout 120 "$browser" "$@" 2>"$dir/browser.log"
}

{
    cat "$dir/page.html"
    printf '<script>\nconst expected = '
    cat "$dir/page.json"
    printf ';\n</script>\n<script>\n'
    cat "$here/drive.js"
    printf '</script>\n'
} >"$dir/driven.html"
run --dump-dom "file://$dir/driven.html" >"$dir/dom"
verdict=$(sed -n '/<pre id="verdict">/,/<\/pre>/p' "$dir/dom" | sed 's/<[^>]*>//g')
echo "page: ${verdict:-FAILED: the page gave no verdict}"
case $verdict in PASSED*) ;; *) exit 1 ;; esac

if [ -n "$big" ]; then
    size=$(wc -c <"$dir/big.html")
    run --dump-dom "file://$dir/big.html" | head -c 400 >"$dir/bigdom"
    ready=$(sed -n 's/.*data-ready="\([0-9]*\)".*/\1/p' "$dir/bigdom")
    whole=$(sed -n 's/.*data-whole="\([0-9]*\)".*/\1/p' "$dir/bigdom")
    echo "512 x 512 tokens, 12 x 12 heads: $size bytes," \
        "drawn after ${ready:-?} ms, every head there after ${whole:-?} ms"
    [ "${ready:-9999}" -lt 2000 ] || exit 1
fi
