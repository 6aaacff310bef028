#!/usr/bin/env bash
# Does on a GPU what ./test cannot: operations of a process group over NCCL, a hundred steps of the paper's small BAM in bfloat16
# (speed, memory, calls of the driver), products of experts one by one and grouped, and one 'bam run' from start to end.
#
#   eng/check-gpu.sh [--steps 100] [--peak 790e12]     PEAK: of the GPU's products in bfloat16, in FLOP/s
#   eng/check-gpu.sh --rehearse                        the same steps on the processor, with a small model and Gloo
#   eng/check-gpu.sh --pack KIT.tar.xz                 writes what a machine needs that has no .NET and no network;
#   eng/check-gpu.sh --kit KIT.tar.xz                  there, CMake, a C++ compiler and python3 suffice
#
# libtorch is LIBTORCH's, else that of the PyTorch which python3 has, else the system's; it must have CUDA. Without a GPU or such
# a libtorch the check says so and ends with status 0. It takes at most ten minutes; a step that fails or takes too long does not
# stop the others, and makes the status 1. The result goes to bench/results, of a rehearsal to artifacts/check-gpu.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"

steps=100 peak=790e12 kit='' pack='' device=cuda
while (($#)); do
  case $1 in
    --rehearse) device=cpu && shift && continue ;;
  esac
  (($# > 1)) || refuse "$1: a value is missing, or the argument is unknown"
  case $1 in
    --steps) steps=$2 ;;
    --peak) peak=$2 ;;
    --kit) kit=$(readlink -f -- "$2") ;;
    --pack) pack=$(readlink -f -- "$2") ;;
    *) refuse "unknown argument '$1'" ;;
  esac
  shift 2
done
[[ $steps =~ ^[1-9][0-9]*$ ]] || refuse "--steps: expected a number from 1, found $steps"
[[ $peak =~ ^[1-9][0-9]*(\.[0-9]+)?(e[0-9]+)?$ ]] || refuse "--peak: expected FLOP/s such as 790e12, found $peak"
[[ -z $kit || -e $kit ]] || refuse "--kit: $kit is not there; --pack writes one"

work=$artifacts/check-gpu
limit=600 patience=1 # seconds, of all steps together
rm -rf "$work"
mkdir -p "$work"
# shellcheck source=eng/check-gpu/steps.sh
source "$eng/check-gpu/steps.sh"

if [[ -n $pack ]]; then
  write_kit "$pack"
  exit
fi
if [[ $device == cpu ]]; then
  steps=10 patience=4
  machine_is="A rehearsal on the processor"
else
  find_gpu
  find_libtorch
  machine_is="On a GPU: $machine_is"
fi
command -v python3 >/dev/null || refuse "python3 is needed for the report; install it"

if [[ -n $kit ]]; then use_kit; else build_here; fi
bam=("$dotnet" exec "$cli/Bam.Cli.dll")
export DOTNET_gcServer=0 DOTNET_gcConcurrent=0 MALLOC_ARENA_MAX=1
step doctor 60 "${bam[@]}" doctor --json

# The same operations by Gloo on the processor, and by NCCL on the GPU: one rank, which has its backend do them.
port=$((20000 + RANDOM % 10000))
ranks() { step "$1" 60 "$dotnet" exec "$programs/ranks/Bam.Torch.Tests.dll" "$2" 0 1 "$((port++))" 30 30 "$3"; }
ranks gloo operations cpu
ranks group operations "$device"
ranks sums speed "$device"
step products 60 "$dotnet" exec "$programs/products/Bam.Bench.GroupedProducts.dll" "$device"

write_data
write_training train "$steps" new
measured train 240 "${bam[@]}" train "$work/train.yaml"
step cost 30 "${bam[@]}" cost "$work/train/model" --json --dtype "$dtype" --sequence-length "$length" --batch-size "$batch"

# Without the caching allocator what is in use is what is asked for; a tiny model shows what CUDA and its libraries take.
export PYTORCH_NO_CUDA_MEMORY_CACHING=1
write_training memory 4 trained
measured memory 60 "${bam[@]}" train "$work/memory.yaml"
write_training nothing 4 tiny
measured nothing 60 "${bam[@]}" train "$work/nothing.yaml"
unset PYTORCH_NO_CUDA_MEMORY_CACHING

# What four more steps ask of the driver.
if counts_calls; then
  for count in 4 8; do
    write_training "calls-$count" "$count" trained
    step "calls-$count" 60 env CUDA_INJECTION64_PATH="$work/calls.so" BAM_CUDA_CALLS="$work/calls-$count.txt" \
      "${bam[@]}" train "$work/calls-$count.yaml"
  done
fi
rm -rf "$work"/{memory,nothing,calls-4,calls-8}

write_recipe
step run 180 "${bam[@]}" run "$work/recipe.yaml" --output "$work/run"

python3 "$eng/check-gpu/report.py" "$work" "$machine_is" "$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)" \
  "$peak" >"$work/result.md" || give_up "the report failed"
cat "$work/result.md"
rm -rf "$work/train/model"
[[ $device == cpu ]] || cp "$work/result.md" "$root/bench/results/gpu-$(date +%Y-%m-%d).md"
exit "$failed"
