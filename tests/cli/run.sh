#!/bin/sh
# run.sh - runs command-line tests and compares what they print.
#
#   tests/cli/run.sh [--program PATH] [--update] [-v] [FILE.sh | DIRECTORY ...]
#
# A test is a shell script x.sh. It runs with `sh -e` in an empty directory of its own,
# with ATTEND the program, TEST_DIR the directory of x.sh and SOURCE_DIR the project.
# Beside it lie
#   x.stdout        what it must print, byte for byte; or
#   x.stdout.glob   one shell pattern per line (for times and sizes);
#                   neither: standard output is not compared
#   x.stderr, x.stderr.glob   the same for standard error
#   x.exit          the exit status; absent means 0
# A test that exits with 77 is skipped. --update writes .stdout, .stderr and .exit from
# what happened (where no .glob is there); look at the difference before committing it.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
SOURCE_DIR=$(CDPATH='' cd -- "$here/../.." && pwd)
ATTEND=${ATTEND:-$SOURCE_DIR/build/attend}
update=no
verbose=no

while [ $# -gt 0 ]; do
    case $1 in
    --program) ATTEND=$2; shift 2 ;;
    --update) update=yes; shift ;;
    -v) verbose=yes; shift ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "run.sh: unknown option $1" >&2; exit 2 ;;
    *) break ;;
    esac
done
case $ATTEND in /*) ;; *) ATTEND=$PWD/$ATTEND ;; esac
if [ ! -x "$ATTEND" ]; then
    echo "run.sh: no program at $ATTEND (build it, or name it with --program)" >&2
    exit 2
fi

# Each line of the output against the pattern of the same number.
match_glob() { # patterns output
    # Both files end in a line break for read; a missing last one is no difference.
    exec 8<"$1" 9<"$2"
    line=0
    while :; do
        line=$((line + 1))
        IFS= read -r pattern <&8 || [ -n "${pattern:-}" ] && have_pattern=yes || have_pattern=no
        IFS= read -r text <&9 || [ -n "${text:-}" ] && have_text=yes || have_text=no
        if [ $have_pattern = no ] && [ $have_text = no ]; then
            exec 8<&- 9<&-
            return 0
        fi
        # shellcheck disable=SC2254 # the pattern is meant as a pattern
        case $have_pattern$have_text in
        yesyes)
            case $text in
            $pattern) ;;
            *)
                printf '    line %d\n    want: %s\n    got:  %s\n' $line "$pattern" "$text"
                exec 8<&- 9<&-
                return 1
                ;;
            esac
            ;;
        *)
            printf '    line %d: expected %s, got %s\n' $line \
                "$([ $have_pattern = yes ] && echo "'$pattern'" || echo 'the end')" \
                "$([ $have_text = yes ] && echo "'$text'" || echo 'the end')"
            exec 8<&- 9<&-
            return 1
            ;;
        esac
    done
}

compare() { # base stream actual
    if [ -f "$1.$2.glob" ]; then
        match_glob "$1.$2.glob" "$3" && return 0
        echo "    ($2 does not match $(basename -- "$1").$2.glob; it was:)"
        sed 's/^/    | /' "$3"
        return 1
    fi
    if [ "$update" = yes ]; then
        cp -- "$3" "$1.$2"
        return 0
    fi
    [ -f "$1.$2" ] || return 0
    diff -u --label "$2 wanted" --label "$2 got" -- "$1.$2" "$3" | sed 's/^/    /'
    cmp -s -- "$1.$2" "$3"
}

run_one() { # file
    base=${1%.sh}
    work=$(mktemp -d "${TMPDIR:-/tmp}/attend-cli-XXXXXX") || exit 2
    mkdir "$work/dir"
    (
        cd "$work/dir" || exit 2
        # Nothing of the caller's taste may reach the test.
        for name in $(env | sed -n 's/^\(ATTEND_[A-Z_]*\)=.*/\1/p'); do
            case $name in ATTEND_DATA) ;; *) unset "$name" ;; esac
        done
        unset CLICOLOR_FORCE FORCE_COLOR COLORTERM
        if [ -n "${ATTEND_DATA:-}" ]; then
            case $ATTEND_DATA in /*) ;; *) ATTEND_DATA=$SOURCE_DIR/$ATTEND_DATA ;; esac
        else
            ATTEND_DATA=$SOURCE_DIR/../shared/data
        fi
        TEST_DIR=$(dirname -- "$1")
        export ATTEND ATTEND_DATA TEST_DIR SOURCE_DIR
        export HOME="$work/dir" TMPDIR="$work" LC_ALL=C.UTF-8 TERM=dumb COLUMNS=80 NO_COLOR=1
        exec sh -e "$1" </dev/null >"$work/stdout" 2>"$work/stderr"
    )
    status=$?
    if [ $status = 77 ]; then
        rm -rf -- "$work"
        echo "SKIP $2"
        return 77
    fi
    good=yes
    want=0
    if [ "$update" = yes ]; then
        if [ $status = 0 ]; then rm -f -- "$base.exit"; else echo $status >"$base.exit"; fi
    fi
    [ -f "$base.exit" ] && want=$(cat "$base.exit")
    if [ "$status" != "$want" ]; then
        echo "    exit status $status, wanted $want"
        good=no
    fi
    compare "$base" stdout "$work/stdout" || good=no
    compare "$base" stderr "$work/stderr" || good=no
    if [ $good = no ] && [ "$status" != "$want" ]; then
        tail -n 20 "$work/stderr" | sed 's/^/    stderr | /'
    fi
    # A test may have taken rights away to provoke errors.
    chmod -R u+rwx "$work" 2>/dev/null
    rm -rf -- "$work"
    if [ $good = yes ]; then
        [ $verbose = yes ] && echo "ok   $2"
        return 0
    fi
    echo "FAIL $2"
    return 1
}

[ $# -gt 0 ] || set -- "$here"
passed=0 failed=0 skipped=0
for arg in "$@"; do
    if [ -d "$arg" ]; then
        files=$(find "$arg" -name '*.sh' ! -name run.sh ! -name '*.lib.sh' | LC_ALL=C sort)
    else
        files=$arg
    fi
    for file in $files; do
        file=$(CDPATH='' cd -- "$(dirname -- "$file")" && pwd)/$(basename -- "$file")
        run_one "$file" "${file#"$here"/}"
        case $? in
        0) passed=$((passed + 1)) ;;
        77) skipped=$((skipped + 1)) ;;
        *) failed=$((failed + 1)) ;;
        esac
    done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] || exit 1
# One skipped test on its own tells ctest so.
[ $passed != 0 ] || [ $skipped = 0 ] || exit 77
