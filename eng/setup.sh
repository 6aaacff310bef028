#!/usr/bin/env bash
# Installs what the native bridge needs: libtorch, the headers of its process groups, a BLAS that shares OpenMP with it, and a
# compiler.
# As root by apt-get; otherwise prints the one line that root has to run. Never calls sudo.
set -euo pipefail
# shellcheck source=eng/common.sh
source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"

if [[ ${1-} == --help ]]; then
  cat <<'HELP'
Usage: bam setup

Installs the system packages that Bam computes with: libtorch-dev libgloo-dev libopenblas0-openmp cmake g++ make.
With LIBTORCH=<directory> or LIBTORCH_USE_PYTORCH=1 that libtorch is used, and only the compiler is installed.
HELP
  exit
fi
[[ $# == 0 ]] || refuse "unknown argument '$1'; try: bam setup --help"

libraries=/usr/lib/x86_64-linux-gnu
missing=()
if [[ -z ${LIBTORCH-} && ${LIBTORCH_USE_PYTORCH-} != 1 ]]; then
  [[ -e $libraries/libtorch_cpu.so && -e /usr/include/ATen/core/dispatch/Dispatcher.h ]] || missing+=(libtorch-dev)
  [[ -e $libraries/openblas-openmp/libopenblas.so.0 ]] || missing+=(libopenblas0-openmp)
fi
for tool in cmake g++ make; do command -v "$tool" >/dev/null || missing+=("$tool"); done
# One process computes without these headers, so that they alone are no reason to ask for root.
if [[ -z ${LIBTORCH-} && ${LIBTORCH_USE_PYTORCH-} != 1 && ! -e /usr/include/gloo/context.h ]]; then
  [[ ${#missing[@]} == 0 && $EUID != 0 ]] || missing+=(libgloo-dev)
fi
[[ ${#missing[@]} -gt 0 ]] || exit 0

install=(apt-get install --yes --no-install-recommends "${missing[@]}")
if ! command -v apt-get >/dev/null; then
  refuse "needs ${missing[*]} (Debian's names), and there is no apt-get here; \
install them, or point LIBTORCH at a libtorch of 1.13 or newer"
fi
if [[ $EUID != 0 ]]; then
  refuse "set-up needs root for this line, once: apt-get install --yes --no-install-recommends ${missing[*]}"
fi

mkdir -p "$artifacts"
apt() { env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "${@:2}"; }
install_packages() {
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || apt apt-get update
  # Old lists name packages that the mirror no longer has.
  apt "${install[@]}" || { apt apt-get update && apt "${install[@]}"; }
}
logged "installing ${missing[*]} by apt-get (about 300 MB)" install_packages
