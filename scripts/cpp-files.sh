#!/usr/bin/env bash
# Prints the project's C and C++ files, one a line: those under version control and new ones not ignored.
# Usage: scripts/cpp-files.sh [--since COMMIT]    (--since: only those that differ from COMMIT)
set -euo pipefail
cd "$(dirname "$0")/.."

patterns=('*.c' '*.cpp' '*.h' '*.hpp')
list() {
  if [ "${1-}" = --since ]; then
    git diff --name-only --diff-filter=d "$2" -- "${patterns[@]}"
    git ls-files --others --exclude-standard -- "${patterns[@]}"
  elif git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- "${patterns[@]}"
  else
    find . \( -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' \) -not -path './build*' -printf '%P\n'
  fi
}
list "$@" | sort -u | while read -r file; do [ -f "$file" ] && echo "$file"; done || true
