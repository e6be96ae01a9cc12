#!/usr/bin/env bash
# Checks the walls between the folders, then runs clang-tidy with .clang-tidy.
# Usage: scripts/lint.sh [--changed] [--budget SECONDS] [FILE...]
#   --changed   only files that differ from the previous commit on main (HEAD~1 on main itself)
#   --budget    begin no further file after so many seconds, and name those left out
#   FILE...     only these
set -euo pipefail
cd "$(dirname "$0")/.."

changed=false
budget=0
files=()
while [ $# -gt 0 ]; do
  case "$1" in
    --changed) changed=true ;;
    --budget) budget=${2:?--budget wants seconds}; shift ;;
    -*) echo "usage: $0 [--changed] [--budget SECONDS] [FILE...]" >&2; exit 2 ;;
    *) files+=("$1") ;;
  esac
  shift
done

# The walls of the house: what may include what.
fail=false
wall() {  # folder, forbidden include, rule
  if [ -d "$1" ] && grep -rnE --include='*.[ch]pp' --include='*.[ch]' "#include [<\"]($2)" "$1"; then
    echo "$3" >&2
    fail=true
  fi
}
wall operators '(\.\./)*core/' "operators/ sees <flow/...> and operators/, never core/."
wall plugins '(\.\./)*core/' "plugins/ sees <flow/...> and operators/, never core/."
wall core '(\.\./)*(operators|plugins)/' "core/ knows operators through the C ABI only."
wall sdk '(\.\./)*(core|operators|plugins)/' "sdk/ sees nothing but itself."
wall sdk/include '(boost|fmt|tbb|oneapi|spdlog|toml)' "The SDK's headers have no dependency."
if $fail; then exit 1; fi

if $changed; then
  if [ "$(git rev-parse --abbrev-ref HEAD)" = main ] || ! git rev-parse -q --verify main >/dev/null; then
    base=$(git rev-parse -q --verify HEAD~1 || true)
  else
    base=$(git merge-base main HEAD)
  fi
  if [ -z "$base" ]; then
    echo "clang-tidy: no earlier commit to compare with, skipped."
    exit 0
  fi
  mapfile -t files < <(scripts/cpp-files.sh --since "$base")
elif [ "${#files[@]}" -eq 0 ]; then
  mapfile -t files < <(scripts/cpp-files.sh)
fi
if [ "${#files[@]}" -eq 0 ]; then
  echo "clang-tidy: no C or C++ file to check."
  exit 0
fi
for tool in clang-tidy clang++; do
  if ! command -v "$tool" >/dev/null; then
    echo "$tool is not installed; scripts/install-packages.sh --lint brings it." >&2
    exit 1
  fi
done

if ! log=$(cmake --preset lint 2>&1); then
  printf '%s\n' "$log" >&2
  exit 1
fi

# A header that stands beside its .cpp is checked through it, by HeaderFilterRegex; every other one by itself.
declare -A units=()
for file in "${files[@]}"; do
  case "$file" in
    *.h | *.hpp) [ -f "${file%.*}.cpp" ] && file=${file%.*}.cpp ;;
  esac
  units[$file]=1
done

export LINT_END=0
[ "$budget" -eq 0 ] || LINT_END=$(($(date +%s) + budget))
LINT_SKIPPED=$(mktemp)
export LINT_SKIPPED
trap 'rm -f "$LINT_SKIPPED"' EXIT
check() {
  if [ "$LINT_END" -ne 0 ] && [ "$(date +%s)" -ge "$LINT_END" ]; then
    echo "$1" >>"$LINT_SKIPPED"
    return 0
  fi
  local output defines=()
  # Built out of tree only, where CMake says where the plugin is.
  case "$1" in sdk/example/*) defines=('--extra-arg=-DFLOW_PLUGIN_PATH=""') ;; esac
  # A header on its own is not the main file of a program, whatever clang takes it for.
  if ! output=$(clang-tidy -p build-lint --quiet --extra-arg=-Wno-pragma-once-outside-header \
                  --extra-arg=-Wno-unused-command-line-argument "${defines[@]}" "$1" 2>&1); then
    grep -vE '^[0-9]+ warnings? (and [0-9]+ errors? )?generated' <<<"$output" || true
    return 1
  fi
}
export -f check

echo "clang-tidy: ${#units[@]} files."
status=0
printf '%s\n' "${!units[@]}" | sort | xargs -d '\n' -P "$(nproc)" -I{} bash -c 'check "$1"' check {} || status=1
if [ -s "$LINT_SKIPPED" ]; then
  echo "Not checked, for want of time ('make lint' checks all):"
  sort "$LINT_SKIPPED"
fi
exit "$status"
