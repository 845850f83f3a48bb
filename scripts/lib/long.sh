# long.sh - what scripts/check leaves out: sourced by scripts/check --long. Each part is
# skipped, and counted as skipped, where its tool is not installed.
: "${FUZZ_SECONDS:=60}" # per target

if command -v clang >/dev/null; then
    step_build "clang, debug" "$ROOT/build/clang-debug" -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DATTEND_WERROR=ON
    [ "$step_ok" = yes ] && step_ctest "clang, debug" "$ROOT/build/clang-debug" ""
    step "ThreadSanitizer" make -s tsan
    step "MemorySanitizer" make -s msan
    step "fuzzing, $FUZZ_SECONDS s a target" make -s fuzz FUZZ_SECONDS="$FUZZ_SECONDS"
else
    for name in "clang, debug" ThreadSanitizer MemorySanitizer fuzzing; do
        step "$name" sh -c 'echo "clang is not installed"; exit 77'
    done
fi
step_build "gcc, debug" "$ROOT/build/debug" -DCMAKE_BUILD_TYPE=Debug -DATTEND_WERROR=ON
[ "$step_ok" = yes ] && step_ctest "gcc, debug" "$ROOT/build/debug" ""
step_build "no libraries" "$ROOT/build/bare" -DCMAKE_BUILD_TYPE=Release \
    -DATTEND_WITH_ONEDNN=OFF -DATTEND_WITH_SENTENCEPIECE=OFF -DATTEND_WITH_JANSSON=OFF \
    -DATTEND_WITH_UTF8PROC=OFF -DATTEND_WITH_CAIRO=OFF -DATTEND_WITH_FONTCONFIG=OFF \
    -DATTEND_THREADS=SERIAL
[ "$step_ok" = yes ] && step_ctest "no libraries" "$ROOT/build/bare" -L 'unit|grad|kernels'
# Every float through exp, 131,072 keys, sixty kills of one training.
step "long tests" env ATTEND_LONG=1 ATTEND_TEST_KILLS=60 ctest --test-dir "$BUILD" \
    --output-on-failure -R 'unit/attention|kernels/|test_train_same|test_train_fault'
step "a large page in a browser" sh tests/html/browser.sh --big "$BUILD"
step "mutants of attention" make -s mutate
if command -v valgrind >/dev/null; then
    step "valgrind" make -s valgrind
else
    step "valgrind" sh -c 'echo "valgrind is not installed"; exit 77'
fi
if command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; then
    step "aarch64 under qemu" make -s cross-aarch64
else
    step "aarch64" sh -c 'echo "the cross compiler or qemu-user is not installed"; exit 77'
fi
