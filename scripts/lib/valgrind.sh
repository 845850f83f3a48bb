#!/bin/sh
# valgrind.sh BUILD_DIR JOBS - every unit and fault test and every corpus replay under
# memcheck. Leaks count when they are definite: the teams of OpenMP and of
# base/team_pthread.c live as long as the program. Valgrind knows no AVX-512, so the
# kernels are capped at AVX2.
set -eu
build=$(CDPATH='' cd -- "$1" && pwd)
jobs=${2:-2}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
ATTEND_ISA=${ATTEND_ISA:-avx2}
ATTEND_THREADS=2
export ATTEND_ISA ATTEND_THREADS build
find "$build/tests/unit" "$build/tests/fault" "$build/tests/fuzz" -type f -perm -u+x 2>/dev/null |
    LC_ALL=C sort | xargs -P "$jobs" -I{} sh -c '
        name=$(basename -- "$1")
        corpus=tests/fuzz/corpora/${name#fuzz_}
        case $name in fuzz_*) [ -d "$corpus" ] || corpus= ;; *) corpus= ;; esac
        if valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
            --suppressions=tests/support/valgrind.supp "$1" $corpus \
            >"$build/$name.valgrind" 2>&1; then
            echo "ok   $name"
        else
            echo "FAIL $name"
            grep -v "^\[ *\(OK\|RUN\)" "$build/$name.valgrind" | tail -n 40
            exit 1
        fi' sh {}
