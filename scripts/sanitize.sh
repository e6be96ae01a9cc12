#!/usr/bin/env bash
# Builds and tests with the sanitizers.
# Usage: scripts/sanitize.sh [--quick]
#   (nothing)   address and undefined behaviour over all tests, threads over sdk and core, libFuzzer for seconds each
#   --quick     address and undefined behaviour over the tests of abi, sdk and core, and over the parsers' fuzz entries
set -euo pipefail
cd "$(dirname "$0")/.."

quick=false
case "${1-}" in
  "") ;;
  --quick) quick=true ;;
  *) echo "usage: $0 [--quick]" >&2; exit 2 ;;
esac
jobs=${JOBS:-$(nproc)}

stage() { printf '\n== %s\n' "$*"; }

stage "address and undefined behaviour"
cmake --preset sanitize
if $quick; then
  cmake --build --preset sanitize --parallel "$jobs" --target sanitize-quick
  ctest --preset sanitize --parallel "$jobs" -L '^(abi|sdk|core|fuzz)$'
  exit 0
fi
cmake --build --preset sanitize --parallel "$jobs"
ctest --preset sanitize --parallel "$jobs"

stage "threads"
# The thread sanitizer of GCC 12 cannot place its shadow memory where the kernel randomises addresses widely.
fixed=()
if setarch "$(uname -m)" -R true 2>/dev/null; then fixed=(setarch "$(uname -m)" -R); fi
cmake --preset tsan
cmake --build --preset tsan --parallel "$jobs" --target abi_tests sdk_tests core_tests
"${fixed[@]}" ctest --preset tsan --parallel "$jobs" -L '^(abi|sdk|core)$'

stage "libFuzzer"
if ! command -v clang++ >/dev/null; then
  echo "clang++ is not installed; scripts/install-packages.sh --lint brings it." >&2
  exit 1
fi
cmake --preset fuzz
cmake --build --preset fuzz --parallel "$jobs"
ctest --preset fuzz --parallel "$jobs"
