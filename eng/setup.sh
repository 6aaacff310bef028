#!/usr/bin/env bash
# Brings what the native bridge needs onto the machine: as root by apt-get; otherwise, where a compiler is at hand, by unpacking
# the libraries below artifacts/libtorch. Prints the one line that root has to run where that is not enough. Never calls sudo.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/packages.sh
source "$eng/packages.sh"

if [[ ${1-} == --help ]]; then
  cat <<'HELP'
Usage: bam setup

As root, installs the system packages that Bam computes with: libtorch-dev libgloo-dev libopenblas0-openmp cmake g++ make.
Other users who have cmake, g++ and make get the libraries unpacked below artifacts/libtorch in the clone.
With LIBTORCH=<directory> or LIBTORCH_USE_PYTORCH=1 that libtorch is used, and only the compiler is installed.
HELP
  exit
fi
[[ $# == 0 ]] || refuse "unknown argument '$1'; try: bam setup --help"

require_machine
require_packages
if has_packages; then exit; fi
lock_clone
provide_packages
