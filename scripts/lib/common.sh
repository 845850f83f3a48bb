# common.sh - sourced by scripts/demo and scripts/check: talking, installing what is
# missing, configuring and building. POSIX sh.

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
BUILD=${ATTEND_BUILD:-$ROOT/build}
cd "$ROOT" || exit 1

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$(basename -- "$0"): $*"
    exit 1
}

# What a build needs, and what makes it better. The second list may be absent: the build
# says what it does without.
PACKAGES_BUILD="gcc g++ libc6-dev make cmake ninja-build pkg-config"
PACKAGES_LIBRARIES="libjansson-dev libsentencepiece-dev libdnnl-dev libutf8proc-dev"
PACKAGES_LIBRARIES="$PACKAGES_LIBRARIES libcairo2-dev libfontconfig-dev"
PACKAGES_TESTS="libcmocka-dev python3-minimal binutils"

has_package() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed && return 0
    # A package of another name may provide it (pkgconf is pkg-config).
    case $1 in
    pkg-config) command -v pkg-config >/dev/null ;;
    python3-minimal) command -v python3 >/dev/null ;;
    *) return 1 ;;
    esac
}

missing() {
    for package in "$@"; do
        has_package "$package" || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" 2>/dev/null || sudo "$@"; fi
}

# install_packages REQUIRED OPTIONAL: touches the network only if something is missing.
install_packages() {
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        for tool in cmake pkg-config; do
            command -v $tool >/dev/null ||
                die "no apt-get here: install a C compiler, cmake, pkg-config, and (better)" \
                    "jansson, sentencepiece, oneDNN, utf8proc, cmocka"
        done
        return 0
    fi
    # shellcheck disable=SC2086 # lists of words
    need=$(missing $1)
    # shellcheck disable=SC2086
    want=$(missing $2)
    [ -n "$need$want" ] || return 0
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        [ -z "$need" ] || die "please install as root: apt-get install $need$want"
        say "going on without: $want(as root: apt-get install $want)"
        return 0
    fi
    say "installing: $need$want"
    log=$(mktemp "${TMPDIR:-/tmp}/attend-apt-XXXXXX") || exit 1
    if ! as_root apt-get update >"$log" 2>&1; then
        say "apt-get update failed; trying with the lists that are here"
    fi
    install="env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
    # shellcheck disable=SC2086
    if ! as_root $install $need $want >>"$log" 2>&1; then
        # One absent package must not keep the others away.
        # shellcheck disable=SC2086
        if [ -n "$need" ] && ! as_root $install $need >>"$log" 2>&1; then
            tail -n 20 "$log" >&2
            die "apt-get install failed (the whole log: $log)"
        fi
        for package in $want; do
            # shellcheck disable=SC2086
            as_root $install "$package" >>"$log" 2>&1 ||
                say "not available, going on without: $package"
        done
    fi
    rm -f -- "$log"
}

processors() { nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1; }

# configure DIR OPTIONS...: keeps the generator of a directory that is there already.
configure() {
    dir=$1
    shift
    if [ ! -f "$dir/CMakeCache.txt" ] && command -v ninja >/dev/null; then
        set -- -G Ninja "$@"
    fi
    mkdir -p "$dir"
    if ! cmake -S "$ROOT" -B "$dir" "$@" >"$dir/configure.log" 2>&1; then
        tail -n 30 "$dir/configure.log" >&2
        die "cmake failed (the whole log: $dir/configure.log)"
    fi
}

# build DIR TARGETS...: the log goes to a file, its end is shown when it fails.
build() {
    dir=$1
    shift
    if ! cmake --build "$dir" -j "$(processors)" ${1:+--target "$@"} \
        >"$dir/build.log" 2>&1; then
        grep -n -A 8 -E '(error:|FAILED:|undefined reference)' "$dir/build.log" |
            head -n 60 >&2 || true
        say "the build in $dir failed (the whole log: $dir/build.log)"
        return 1
    fi
}
