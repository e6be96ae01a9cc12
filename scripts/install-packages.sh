#!/usr/bin/env bash
# Installs the Debian packages that are missing; asks nothing and removes nothing.
# Usage: scripts/install-packages.sh [--lint]     (--lint: also the tools of make lint and make sanitize)
set -euo pipefail
cd "$(dirname "$0")"

lists=(packages.txt)
case "${1-}" in
  "") ;;
  --lint) lists+=(packages-lint.txt) ;;
  *) echo "usage: $0 [--lint]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "Not a Debian system: nothing installed. scripts/packages.txt names what is needed, CMake says what is missing." >&2
  exit 0
fi

mapfile -t wanted < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "${lists[@]}")
# dpkg-query fails when it does not know a name; the names it does not print are the ones of interest.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages, and neither root nor sudo to install them. As root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "Installing: ${missing[*]}"
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@"; }
apt update -q
if ! apt install -y -q --no-install-recommends --no-remove "${missing[@]}"; then
  echo "apt-get could not install: ${missing[*]}" >&2
  if dpkg-query -W -f '${db:Status-Status}' libboost1.74-dev 2>/dev/null | grep -qx installed; then
    echo "libboost1.81-dev replaces libboost1.74-dev, and this script removes nothing." >&2
    echo "If nothing else here needs 1.74: apt-get install libboost1.81-dev" >&2
  fi
  exit 1
fi
