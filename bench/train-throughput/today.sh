#!/usr/bin/env bash
# Training throughput of Bam beside today's PyTorch and TorchSharp, in one run; see README.md.
#
#   bench/train-throughput/today.sh [--rounds 5] [--steps 10] [--warm-up 3] [--threads N] [--output FOLDER]
#
# Both run in Debian's testing suite: Debian 12 has PyTorch 1.13, and TorchSharp's native library does not load on it.
# eng/testing.sh sets that up and says what can be set. TorchSharp's libtorch comes from NuGet. Bam runs outside, on the system's
# libtorch. The result goes to bench/results. Not part of ./test: the set-up takes minutes and 2 GB.
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
[[ ${1-} != --help ]] || exec /usr/bin/python3 "$here/today.py" --help
# shellcheck source=../../eng/common.sh
source "$here/../../eng/common.sh"
# shellcheck source=../../eng/testing.sh
source "$root/eng/testing.sh"

set_up_testing libstdc++6 python3-torch python3-numpy libopenblas0-openmp
require_sdk
mkdir -p "$artifacts"
new_work bam-today
there=/tmp/bam-today
cp -r "$root/tests/fixtures/bam/bam-expert-kv" "$work/fixture"
mkdir "$work/pytorch"
cp "$here"/*.py "$work/pytorch"
logged "torchsharp: building it" "$dotnet" publish "$here/torchsharp/TorchSharp.Bench.csproj" --configuration Release \
  --output "$work/bin" --nologo --verbosity quiet -nodeReuse:false -p:RunAnalyzers=false

# MKL asks this function whether to take its AVX2 kernels, and takes slower ones on AMD's processors.
preload=()
if grep -q AuthenticAMD /proc/cpuinfo; then
  echo 'int mkl_serv_intel_cpu_true(void) { return 1; }' | gcc -shared -fPIC -x c - -o "$work/mkl.so"
  preload=(--preload "$there/mkl.so")
fi

sdk=$(dirname -- "$(readlink -f -- "$dotnet")")
mkdir -p "$testing$sdk"
# What is mounted is gone when the rounds are done.
export testing sdk
exec unshare --mount bash -euc '
  for folder in /proc /dev /sys "$sdk"; do mount --bind "$folder" "$testing$folder"; done
  exec /usr/bin/python3 "$@"
' bash "$here/today.py" --testing "$testing" --dotnet "$sdk/dotnet" --folder "$there" "${preload[@]}" "$@"
