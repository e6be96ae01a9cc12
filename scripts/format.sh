#!/usr/bin/env bash
# Formats every C and C++ file in place.
# Usage: scripts/format.sh [--check]     (--check: changes nothing, fails when a file is not formatted)
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1-}" in
  "") mode=(-i) ;;
  --check) mode=(--dry-run -Werror) ;;
  *) echo "usage: $0 [--check]" >&2; exit 2 ;;
esac
if ! command -v clang-format >/dev/null; then
  echo "clang-format is not installed; scripts/install-packages.sh --lint brings it." >&2
  exit 1
fi
if ! scripts/cpp-files.sh | xargs -r -d '\n' -P "$(nproc)" -n 16 clang-format "${mode[@]}" --style=file; then
  echo "Not formatted; 'make format' does it." >&2
  exit 1
fi
