# A short front for CMake. 'make help' lists the targets.
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
BUILD := build

.DEFAULT_GOAL := all
.PHONY: all run test crash bench format lint sanitize install clean packages configure help

all: configure ## build build/flowrun and build/plugins/*.so; installs no package
	cmake --build $(BUILD) --parallel $(JOBS) --target flowrun plugins

run: packages ## install missing packages, build, run pipelines/weblogs.toml
	$(MAKE) --no-print-directory all
	$(BUILD)/flowrun pipelines/weblogs.toml

test: packages ## install missing packages, build, run all tests
	$(MAKE) --no-print-directory configure
	cmake --build $(BUILD) --parallel $(JOBS)
	ctest --preset release --parallel $(JOBS)

KILLS ?= 200
crash: all ## kill pipelines 200 times (KILLS=N, ARGUMENTS="--seed N") and compare what they wrote
	FLOWRUN_BINARY=$(BUILD)/flowrun FLOWRUN_PLUGIN_DIR=$(BUILD)/plugins FLOWRUN_SOURCE_DIR=. \
	  PYTHONPATH=tests python3 tests/crash/crash.py --kills $(KILLS) $(ARGUMENTS)

bench: configure ## build and run the benchmarks
	cmake --build $(BUILD) --parallel $(JOBS) --target bench
	bench/run

format: ## format all C and C++ files
	scripts/format.sh

lint: ## check format, include walls and clang-tidy over everything
	scripts/format.sh --check
	scripts/lint.sh

sanitize: ## address, undefined-behaviour and thread sanitizers, libFuzzer
	scripts/sanitize.sh

install: all ## install below PREFIX (default /usr/local), honours DESTDIR
	cmake --install $(BUILD) --prefix $(PREFIX)

clean: ## remove the build folders
	rm -rf build build-debug build-sanitize build-tsan build-fuzz build-lint

packages: ## install the Debian packages that are missing
	@scripts/install-packages.sh

configure:
	@cmake --preset release --log-level=WARNING >/dev/null || \
	  { echo "CMake could not configure. 'make packages' installs what is missing on Debian 12." >&2; exit 1; }

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
