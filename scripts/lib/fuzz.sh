#!/bin/sh
# fuzz.sh BUILD_DIR SECONDS - runs every libFuzzer target for some seconds, starting from
# its corpus. New inputs stay in the build directory; a crash is written there too, and
# belongs, once fixed, into tests/fuzz/corpora/<format>/.
set -eu
build=$(CDPATH='' cd -- "$1" && pwd)
seconds=$2
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
bad=0
for target in "$build"/tests/fuzz/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    format=$(basename -- "$target" | sed 's/^fuzz_//')
    found=$build/found/$format
    mkdir -p "$found" "$build/crashes"
    seeds=$root/tests/fuzz/corpora/$format
    [ -d "$seeds" ] || seeds=
    # shellcheck disable=SC2086 # seeds may be nothing
    if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
        -print_final_stats=1 -artifact_prefix="$build/crashes/$format-" \
        "$found" $seeds >"$build/crashes/$format.log" 2>&1; then
        echo "ok   $format: $(sed -n 's/^stat::number_of_executed_units: *//p' \
            "$build/crashes/$format.log") inputs"
    else
        echo "FAIL $format"
        tail -n 30 "$build/crashes/$format.log"
        bad=1
    fi
done
exit $bad
