#!/usr/bin/env bash
# Checks the walls between the folders, then runs clang-tidy with .clang-tidy. A file that was clean is checked again
# when it, a header of the tree that it includes, .clang-tidy, clang-tidy itself or the compiler's flags have changed;
# the records of that are in build-lint/clean. Remove the folder to check all, as after a change of the system's headers.
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

# Newer than this file is what can change the findings of all files: the checks, and the set of the compiler's flags.
export LINT_CLEAN=$PWD/build-lint/clean
mkdir -p "$LINT_CLEAN"
settings=$(cat .clang-tidy <(clang-tidy --version) \
             <(grep -ohE ' -[^ ]+' build-lint/compile_commands.json | sort -u) | sha256sum)
[ "$settings" = "$(cat "$LINT_CLEAN/settings" 2>/dev/null)" ] || echo "$settings" >"$LINT_CLEAN/settings"

# The tree only, where clang's own headers are installed: a third of the time.
export LINT_SCOPE=
LINT_CLANG=$(clang++ -print-resource-dir)/../../../include
export LINT_CLANG
if [ -e "$LINT_CLANG/clang/Frontend/FrontendPluginRegistry.h" ]; then
  LINT_SCOPE=build-lint/lint_scope.so
  if [ ! "$LINT_SCOPE" -nt scripts/lint_scope.cpp ]; then
    clang++ -std=c++17 -O1 -fno-rtti -fPIC -shared -isystem "$LINT_CLANG" scripts/lint_scope.cpp -o "$LINT_SCOPE"
  fi
else
  echo "scripts/install-packages.sh --lint brings libclang-14-dev, with which this takes a third of the time." >&2
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
unchanged() {  # record: names the files that the findings hang on, each on a line
  local file
  [ -e "$1" ] && [ "$1" -nt "$LINT_CLEAN/settings" ] || return 1
  while read -r file; do
    [ -e "$file" ] && [ "$1" -nt "$file" ] || return 1
  done <"$1"
}
check() {
  local record=$LINT_CLEAN/${1//\//:}
  if unchanged "$record"; then return 0; fi
  if [ "$LINT_END" -ne 0 ] && [ "$(date +%s)" -ge "$LINT_END" ]; then
    echo "$1" >>"$LINT_SKIPPED"
    return 0
  fi
  local output defines=()
  # The record is as old as the beginning of the check: what is written meanwhile is newer.
  touch "$record.begun"
  case "$1" in
    # Built out of tree only, where CMake says where the plugin is.
    sdk/example/*) defines=('--extra-arg=-DFLOW_PLUGIN_PATH=""') ;;
    # Of clang itself; without its headers there is nothing to check it by.
    scripts/lint_scope.cpp)
      [ -n "$LINT_SCOPE" ] || return 0
      defines=("--extra-arg=-isystem$LINT_CLANG" --extra-arg=-std=c++17)
      ;;
  esac
  # A header on its own is not the main file of a program, whatever clang takes it for.
  if ! output=$(clang-tidy ${LINT_SCOPE:+"--load=$LINT_SCOPE"} -p build-lint --quiet --extra-arg=-Wno-pragma-once-outside-header \
                  --extra-arg=-Wno-unused-command-line-argument "--extra-arg=-Wp,-MMD,$record.makefile" \
                  "${defines[@]}" "$1" 2>&1); then
    grep -vE '^[0-9]+ warnings? (and [0-9]+ errors? )?generated' <<<"$output" || true
    rm -f "$record".*
    return 1
  fi
  { sed -e '1s/^[^:]*: //' -e 's/ \\$//' "$record.makefile" | tr -s ' ' '\n' | sed '/^$/d'; } >"$record.new"
  touch -r "$record.begun" "$record.new"
  mv "$record.new" "$record"
  rm -f "$record.begun" "$record.makefile"
}
export -f check unchanged

echo "clang-tidy: ${#units[@]} files."
status=0
printf '%s\n' "${!units[@]}" | sort | xargs -d '\n' -P "$(nproc)" -I{} bash -c 'check "$1"' check {} || status=1
if [ -s "$LINT_SKIPPED" ]; then
  echo "Not checked, for want of time ('make lint' checks all):"
  sort "$LINT_SKIPPED"
fi
exit "$status"
