#!/usr/bin/env bash
# Gets what the PyTorch peers need: Debian's python3-torch and both OpenBLAS builds. The pthread build, which Debian installs
# beside PyTorch by default, is unpacked under artifacts/ where it is not installed, so that the system's alternatives stay as
# they are.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

missing=()
for package in python3-torch libopenblas0-openmp; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  if ((EUID)); then
    echo "bench: missing packages; run: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 2
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >&2
fi

unpacked=artifacts/bench/openblas-pthread
if [[ ! -e /usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3 && ! -e $unpacked/libblas.so.3 ]]; then
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
  (cd "$work" && apt-get download -q libopenblas0-pthread >&2 && dpkg-deb -x libopenblas0-pthread_*.deb .)
  mkdir -p "$unpacked"
  cp -P "$work"/usr/lib/x86_64-linux-gnu/openblas-pthread/* "$unpacked/"
fi
