#!/usr/bin/env bash
# Brings what the native bridge needs onto the machine: as root by apt-get; otherwise, where a compiler is at hand, by unpacking
# the libraries below artifacts/libtorch. Prints the one line that root has to run where that is not enough. Never calls sudo.
# With --native it also builds Bam, and compiles it to machine code for inspect, mix and --version.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/packages.sh
source "$eng/packages.sh"
# shellcheck source=eng/build.sh
source "$eng/build.sh"

if [[ " $* " == *" --help "* ]]; then
  cat <<'HELP'
Usage: bam setup [--native]

As root, installs the system packages that Bam computes with: libtorch-dev libgloo-dev libopenblas0-openmp cmake g++ make.
Other users who have cmake, g++ and make get the libraries unpacked below artifacts/libtorch in the clone.
--native also builds Bam and compiles it to machine code, in more than a minute, with a compiler from NuGet: 'bam inspect',
'bam mix' and 'bam --version' then start faster, until Bam is built again. A copy by 'bam install' has it, too. Compiling
needs g++; the program needs a processor with AVX2, also where a copy runs.
With LIBTORCH=<directory> or LIBTORCH_USE_PYTORCH=1 that libtorch is used, and only the compiler is installed.
HELP
  exit
fi
machine_code=
if [[ ${1-} == --native ]]; then machine_code=1; shift; fi
[[ $# == 0 ]] || refuse "unknown argument '$1'; try: bam setup --help"

require_machine
if [[ -n $machine_code ]] && ! grep -qw avx2 /proc/cpuinfo; then
  refuse "--native needs a processor with AVX2; everything else works without"
fi
require_packages
if ! has_packages; then
  lock_clone
  provide_packages
  unlock_clone
fi
if [[ -n $machine_code ]]; then
  is_current libtorch || build_cli libtorch
  lock_clone
  is_current libtorch || give_up "a source changed meanwhile; run it again"
  compile_native
  is_current libtorch || say "a source changed meanwhile; run 'bam setup --native' again"
fi
