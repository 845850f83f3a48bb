#!/bin/sh
# check_symbols.sh - what the libraries show to the linker.
#
#   tools/check_symbols.sh BUILD_DIR
#
# The shared library exports att_* and nothing else. The static library may hold more, but
# every global name in it must be att_* or atti_*, so that it cannot collide with a
# program's own; and an instruction-set object exports its table only, so that no AVX-512
# copy of a shared function can be picked by the linker.
set -eu
build=${1:-build}
bad=0

report() { # title names
    [ -z "$2" ] && return
    echo "$1:"
    printf '%s\n' "$2" | sed 's/^/    /'
    bad=1
}

if [ -f "$build/libattend.so" ]; then
    extra=$(nm -D --defined-only "$build/libattend.so" | awk '{print $NF}' | sed 's/@.*//' |
        grep -v '^att_' || true)
    report "libattend.so exports names that are not att_*" "$extra"
    exported=$(nm -D --defined-only "$build/libattend.so" | grep -c ' att_' || true)
    [ "$exported" -gt 0 ] || report "libattend.so exports nothing" "att_*"
    echo "symbols: $exported exported"
fi

# nm prints "object.o:" before each member. Weak symbols are C++ templates and inline
# functions: the linker merges those by design. Sanitizers add names of their own.
globals=$(nm -g --defined-only "$build/libattend.a" 2>/dev/null |
    awk '/:$/ {file = $1; next} NF >= 3 && $2 ~ /^[A-TX-Z]$/ && $2 != "V" {print file, $3}')
# An archive without objects of that kind gives nothing to look at.
other=$(printf '%s\n' "$globals" |
    awk 'NF == 2 && $2 !~ /^_?atti?_/ && $2 !~ /^(__|_Z|DW\.)/ {print $1, $2}')
report "libattend.a has global names that are not att_* or atti_*" "$other"

isa=$(printf '%s\n' "$globals" |
    awk '$1 ~ /^(generic|avx2|avx512|avx512vnni|avx512bf16|amx|neon)\.c\.o:$/ &&
         $2 !~ /^atti_[a-z_]*kernels_/ && $2 !~ /^__/ {print $1, $2}')
report "an instruction-set object exports more than its table" "$isa"

exit $bad
