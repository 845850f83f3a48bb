# The front door: everything below calls CMake, ctest or a script. `make help` lists it.
BUILD ?= build
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
CMAKE ?= cmake
CMAKE_FLAGS ?=
comma := ,
GENERATOR := $(shell command -v ninja >/dev/null 2>&1 && echo -G Ninja)

# configure,DIR,OPTIONS - once; CMake itself notices later changes.
define configure
@test -f $(1)/CMakeCache.txt || $(CMAKE) -S . -B $(1) $(GENERATOR) $(2) $(CMAKE_FLAGS)
endef
DEBUG_SAN = -DCMAKE_BUILD_TYPE=Debug -DATTEND_SHARED=OFF
CLANG = -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
NO_LIBRARIES = -DATTEND_WITH_ONEDNN=OFF -DATTEND_WITH_SENTENCEPIECE=OFF \
    -DATTEND_WITH_JANSSON=OFF -DATTEND_WITH_UTF8PROC=OFF -DATTEND_WITH_CAIRO=OFF \
    -DATTEND_WITH_FONTCONFIG=OFF

.PHONY: all check check-long asan ubsan tsan msan valgrind fuzz bench pictures gallery mutate install format \
    tidy clean cross-aarch64 help

all: ## build with what is installed; the program is build/attend
	$(call configure,$(BUILD),-DCMAKE_BUILD_TYPE=Release)
	@$(CMAKE) --build $(BUILD) -j $(JOBS)

check: ## build and run the tests (installs what is missing)
	@scripts/check

check-long: ## what check leaves out: clang, TSan, MSan, valgrind, fuzzing, aarch64
	@scripts/check --long

asan: ## tests under AddressSanitizer and UBSan
	$(call configure,build/asan,$(DEBUG_SAN) -DATTEND_SANITIZE=address$(comma)undefined)
	@$(CMAKE) --build build/asan -j $(JOBS)
	cd build/asan && ctest -j $(JOBS) --output-on-failure

ubsan: ## tests under UBSan alone
	$(call configure,build/ubsan,$(DEBUG_SAN) -DATTEND_SANITIZE=undefined)
	@$(CMAKE) --build build/ubsan -j $(JOBS)
	cd build/ubsan && ctest -j $(JOBS) --output-on-failure

# OpenMP's runtime blinds TSan, so this build has the pthread team; oneDNN has OpenMP.
tsan: ## tests under ThreadSanitizer (pthread team, without oneDNN)
	$(call configure,build/tsan,$(DEBUG_SAN) -DATTEND_SANITIZE=thread -DATTEND_WITH_ONEDNN=OFF)
	@$(CMAKE) --build build/tsan -j $(JOBS)
	cd build/tsan && ATTEND_THREADS=4 \
	    ctest -j $(JOBS) --output-on-failure

# MSan needs every library instrumented, so only the core that needs none is built.
msan: ## tests of the dependency-free core under MemorySanitizer (clang)
	$(call configure,build/msan,$(DEBUG_SAN) $(CLANG) -DATTEND_SANITIZE=memory $(NO_LIBRARIES))
	@$(CMAKE) --build build/msan -j $(JOBS)
	cd build/msan && ctest -j $(JOBS) -L 'unit|grad|kernels|fuzz' --output-on-failure

valgrind: ## unit tests under valgrind (capped at AVX2: it knows no AVX-512)
	$(call configure,build/valgrind,-DCMAKE_BUILD_TYPE=RelWithDebInfo -DATTEND_WITH_ONEDNN=OFF)
	@$(CMAKE) --build build/valgrind -j $(JOBS)
	@scripts/lib/valgrind.sh build/valgrind $(JOBS)

fuzz: ## libFuzzer on every parser, FUZZ_SECONDS each (clang)
	$(call configure,build/fuzz,$(DEBUG_SAN) $(CLANG) -DATTEND_FUZZ=ON -DATTEND_TESTS=OFF \
	    -DATTEND_SANITIZE=address$(comma)undefined)
	@$(CMAKE) --build build/fuzz -j $(JOBS)
	@scripts/lib/fuzz.sh build/fuzz $(FUZZ_SECONDS)

bench: ## build the benchmarks and run the kernel ladder
	$(call configure,$(BUILD),-DCMAKE_BUILD_TYPE=Release)
	@$(CMAKE) --build $(BUILD) -j $(JOBS) --target bench
	@for b in $(BUILD)/bench/bench_*; do echo "== $$b"; $$b || exit 1; done

pictures: ## draw the pictures of docs/attention.md once more
	$(call configure,$(BUILD),-DCMAKE_BUILD_TYPE=Release)
	@$(CMAKE) --build $(BUILD) -j $(JOBS) --target example_attention_pictures \
		example_attention_pictures_more
	@$(BUILD)/examples/attention_pictures docs/img/attention
	@$(BUILD)/examples/attention_pictures_more docs/img/attention

gallery: ## train four small models, draw docs/gallery.md (minutes)
	$(call configure,$(BUILD),-DCMAKE_BUILD_TYPE=Release)
	@$(CMAKE) --build $(BUILD) -j $(JOBS) --target attend_program
	@tools/gallery.py $(BUILD)/attend

mutate: ## change kernels of attention one by one and see that tests notice (long)
	@tools/mutate.py

install: all ## install into PREFIX (default /usr/local) below DESTDIR
	DESTDIR='$(DESTDIR)' $(CMAKE) --install $(BUILD) --prefix '$(PREFIX)'

# The kernels of the other architecture, under qemu-user.
cross-aarch64: ## build for aarch64 and run the kernel and unit tests under qemu
	@scripts/lib/cross_aarch64.sh $(JOBS)

format: ## clang-format every source
	@tools/format.sh

tidy: all ## clang-tidy over src and cli
	run-clang-tidy -p $(BUILD) -quiet '/(src|cli)/.*\.c$$'

clean: ## remove the build directory
	$(CMAKE) -E rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | \
	    awk -F'|' '{printf "  %-16s%s\n", $$1, $$2}'
