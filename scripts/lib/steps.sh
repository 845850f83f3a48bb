# steps.sh - the steps of scripts/check and what they add up to. Sourced after common.sh.

passed=0 failed=0 skipped=0
step_ok=yes
started=$(date +%s)

since() { echo "$(($(date +%s) - started)) s"; }

# step NAME COMMAND...: one check; exit status 77 means skipped.
step() {
    name=$1
    shift
    output=$("$@" 2>&1)
    case $? in
    0)
        passed=$((passed + 1))
        say "ok    $name"
        ;;
    77)
        skipped=$((skipped + 1))
        say "skip  $name: $(printf '%s' "$output" | tail -n 1)"
        ;;
    *)
        failed=$((failed + 1))
        say "FAIL  $name"
        printf '%s\n' "$output" | tail -n 40 | sed 's/^/      /' >&2
        ;;
    esac
}

# step_build NAME DIR OPTIONS...
step_build() {
    name=$1
    dir=$2
    shift 2
    step_ok=yes
    if (configure "$dir" "$@") && build "$dir"; then
        passed=$((passed + 1))
        say "ok    build: $name ($(since))"
    else
        failed=$((failed + 1))
        step_ok=no
        say "FAIL  build: $name"
    fi
}

# step_ctest NAME DIR FILTER...: the cases inside each program are counted one by one.
step_ctest() {
    name=$1
    dir=$2
    shift 2
    [ -n "${1:-}" ] || shift
    # Several teams on few processors: a thread that waits must not spin.
    (cd "$dir" && OMP_WAIT_POLICY=passive ctest -j "$(processors)" "$@" >ctest.log 2>&1)
    counts=$(python3 "$ROOT/scripts/lib/count_tests.py" "$dir/Testing/Temporary/LastTest.log")
    # "P F S", then lines about what failed
    set -- $(printf '%s\n' "$counts" | head -n 1)
    passed=$((passed + ${1:-0}))
    failed=$((failed + ${2:-1}))
    skipped=$((skipped + ${3:-0}))
    if [ "${2:-1}" = 0 ]; then
        say "ok    $name: ${1:-0} passed, ${3:-0} skipped ($(since))"
    else
        say "FAIL  $name: ${1:-0} passed, ${2:-1} failed, ${3:-0} skipped ($(since))"
    fi
    printf '%s\n' "$counts" | tail -n +2 | sed 's/^/      /' >&2
}

# The instruction sets below the best that this processor has and the library knows.
lower_isas() {
    case $(uname -m) in
    x86_64)
        echo ref
        grep -qw avx512f /proc/cpuinfo 2>/dev/null && grep -qw avx2 /proc/cpuinfo && echo avx2
        ;;
    aarch64) echo ref ;;
    esac
}

finish() {
    say "$(since)"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
    exit
}
