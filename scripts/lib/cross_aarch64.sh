#!/bin/sh
# cross_aarch64.sh JOBS - the library without optional parts for aarch64, and the tests of
# what computes under qemu-user. cmocka for that architecture is fetched by apt-get into the build
# directory (a private list and cache: the system's own stay as they are); where that
# is not possible, the build and the examples are the test.
set -eu
jobs=${1:-2}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
dir=$root/build/aarch64
sysroot=$dir/sysroot
mkdir -p "$dir"

fetch_cmocka() {
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
    set -- -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
        -o Dir::State::Lists="$dir/apt/lists" -o Dir::Cache="$dir/apt/cache" \
        -o Acquire::Languages=none -o APT::Sandbox::User=
    apt-get "$@" update >"$dir/apt.log" 2>&1 || return 1
    (cd "$dir/apt" && apt-get "$@" download libcmocka-dev libcmocka0) >>"$dir/apt.log" 2>&1 ||
        return 1
    for deb in "$dir"/apt/*.deb; do dpkg -x "$deb" "$sysroot"; done
}
if [ ! -f "$sysroot/usr/include/cmocka.h" ] && ! fetch_cmocka; then
    echo "no cmocka for aarch64: only built, not tested"
fi

cat >"$dir/toolchain.cmake" <<EOF
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
EOF
QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
LD_LIBRARY_PATH=
QEMU_SET_ENV=LD_LIBRARY_PATH=$sysroot/usr/lib/aarch64-linux-gnu
PKG_CONFIG_LIBDIR=$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig
PKG_CONFIG_SYSROOT_DIR=$sysroot
export QEMU_LD_PREFIX QEMU_SET_ENV PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
unset LD_LIBRARY_PATH
if ! cmake -S "$root" -B "$dir" -DCMAKE_TOOLCHAIN_FILE="$dir/toolchain.cmake" \
    -DCMAKE_BUILD_TYPE=Release -DATTEND_SHARED=OFF -DATTEND_THREADS=PTHREAD \
    -DATTEND_WITH_ONEDNN=OFF -DATTEND_WITH_SENTENCEPIECE=OFF -DATTEND_WITH_JANSSON=OFF \
    -DATTEND_WITH_UTF8PROC=OFF -DATTEND_WITH_CAIRO=OFF -DATTEND_WITH_FONTCONFIG=OFF \
    >"$dir/configure.log" 2>&1; then
    tail -n 20 "$dir/configure.log"
    exit 1
fi
cmake --build "$dir" -j "$jobs"
cd "$dir"
# NEON by name: the emulator starts no second program, so tests cannot start themselves
# for each set, no child with threads, and drowns in signals. Without libraries there is no model directory
# and no golden file: what computes is what is tested.
ATTEND_ISA=neon ctest -j "$jobs" --output-on-failure \
    -R '^(kernels|grad|unit/(attention|autograd|nn|tensor|base))/' \
    -E 'golden|test_threads|signals'
