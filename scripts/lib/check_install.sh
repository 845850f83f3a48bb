#!/bin/sh
# check_install.sh BUILD_DIR - installs into a temporary place and builds a program three
# ways against it: pkg-config with the shared library, pkg-config --static, and
# find_package(attend). The program is tests/headers/use_attend.c.
set -eu
build=$(CDPATH='' cd -- "$1" && pwd)
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
[ -f "$build/libattend.so" ] || { echo "built without the shared library"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/attend-install-XXXXXX")
trap 'rm -rf -- "$work"' EXIT
prefix=$work/usr
cc=${CC:-cc}

cmake --install "$build" --prefix "$prefix" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
pc=$(find "$prefix" -name attend.pc)
libdir=$(dirname -- "$(dirname -- "$pc")")
# This place is not the configured prefix: the file finds it from where it lies.
flags() { PKG_CONFIG_PATH=$(dirname -- "$pc") pkg-config "$@" attend; }

# shellcheck disable=SC2046 # flags are words
$cc -o "$work/shared" "$root/tests/headers/use_attend.c" $(flags --cflags --libs)
LD_LIBRARY_PATH=$libdir "$work/shared"

mkdir "$work/static"
cp "$libdir/libattend.a" "$work/static"
# shellcheck disable=SC2046
$cc -o "$work/static/program" "$root/tests/headers/use_attend.c" $(flags --cflags) \
    "$work/static/libattend.a" $(flags --static --libs | sed 's/-lattend//')
"$work/static/program"

mkdir "$work/package"
cp "$root/tests/headers/use_attend.c" "$work/package"
cat >"$work/package/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.22)
project(use_attend C)
find_package(attend 0.1 REQUIRED)
add_executable(use_shared use_attend.c)
target_link_libraries(use_shared PRIVATE attend::attend)
add_executable(use_static use_attend.c)
target_link_libraries(use_static PRIVATE attend::attend_static)
EOF
if ! (cmake -S "$work/package" -B "$work/package/build" -DCMAKE_PREFIX_PATH="$prefix" &&
    cmake --build "$work/package/build") >"$work/log" 2>&1; then
    tail -n 30 "$work/log"
    exit 1
fi
"$work/package/build/use_shared"
"$work/package/build/use_static"
if [ -x "$build/attend" ]; then
    "$prefix/bin/attend" --version >/dev/null
fi

# DESTDIR is put in front and appears in no file.
DESTDIR=$work/dest cmake --install "$build" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
if grep -rqF "$work/dest" "$work/dest" --include='*.pc' --include='*.cmake'; then
    echo "DESTDIR got into an installed file"
    exit 1
fi
