#!/bin/sh
# cross_aarch64.sh JOBS - the library without optional parts for aarch64, and its tests
# under qemu-user. cmocka comes from the cross architecture where it is installed
# (libcmocka-dev:arm64); without it the build itself and the examples are the test.
set -eu
jobs=${1:-2}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
dir=$root/build/aarch64
mkdir -p "$dir"
cat >"$dir/toolchain.cmake" <<'EOF'
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig)
EOF
cmake -S "$root" -B "$dir" -DCMAKE_TOOLCHAIN_FILE="$dir/toolchain.cmake" \
    -DCMAKE_BUILD_TYPE=Release -DATTEND_THREADS=PTHREAD -DATTEND_WITH_ONEDNN=OFF \
    -DATTEND_WITH_SENTENCEPIECE=OFF -DATTEND_WITH_JANSSON=OFF \
    -DATTEND_WITH_UTF8PROC=OFF >"$dir/configure.log" || { cat "$dir/configure.log"; exit 1; }
cmake --build "$dir" -j "$jobs"
cd "$dir"
ctest -j "$jobs" -L 'unit|kernels|grad|headers|fuzz' --output-on-failure
