# shellcheck shell=bash disable=SC2154,SC2034
# The parts of check-gpu.sh: what is there, what is built, steps with a limit in time, and the files that they read.
# Sourced after common.sh. What a step says is in $work/NAME.log, how it ended in $work/steps.tsv.

programs=$work/programs
failed=0
started=$SECONDS

# The check cannot be made here, and nothing else depends on it.
skip() {
  say "skipped: $*"
  exit 0
}

find_gpu() {
  command -v nvidia-smi >/dev/null || skip "no GPU here: there is no nvidia-smi"
  machine_is=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -n 1) || true
  [[ -n ${machine_is-} && $machine_is != No\ devices* ]] || skip "no GPU here: nvidia-smi names none"
}

find_libtorch() {
  local torch
  if [[ -n ${LIBTORCH-} ]]; then
    compgen -G "$LIBTORCH/lib*/libtorch_cuda.so*" >/dev/null || compgen -G "$LIBTORCH/lib/x86_64-linux-gnu/libtorch_cuda.so*" \
      >/dev/null || skip "$machine_is, but LIBTORCH=$LIBTORCH has no CUDA"
    return
  fi
  torch=$(python_torch)
  if [[ -n $torch && -e $torch/lib/libtorch_cuda.so ]]; then
    export LIBTORCH_USE_PYTORCH=1
  elif ! compgen -G '/usr/lib/x86_64-linux-gnu/libtorch_cuda.so*' >/dev/null; then
    skip "$machine_is, but no libtorch with CUDA: set LIBTORCH to one, or install PyTorch with CUDA for python3"
  fi
}

# The folder of the PyTorch that python3 has; empty if it has none.
python_torch() {
  python3 -c "import importlib.util, os; print(os.path.dirname(importlib.util.find_spec('torch').origin))" 2>/dev/null || true
}

publish() { # PROJECT NAME
  "$dotnet" publish "$root/$1" --configuration Release --output "$programs/$2" --nologo --verbosity quiet -nodeReuse:false \
    -p:UseSharedCompilation=false -p:RunAnalyzers=false -p:TreatWarningsAsErrors=false
}

publish_programs() {
  publish tests/Bam.Torch.Tests ranks && publish bench/grouped-products products
}

build_here() {
  # shellcheck source=eng/build.sh
  source "$eng/build.sh"
  "$eng/setup.sh"
  build_cli libtorch
  find_dotnet
  cli=$builds/$build
  logged "programs" publish_programs || exit 1
}

# write_kit FILE: .NET's runtime, the command line and the programs, without what only other commands need. No libtorch.
write_kit() {
  build_here
  local sdk folder=$work/kit runtime
  sdk=$(dirname -- "$(readlink -f -- "$dotnet")")
  mkdir -p "$folder/dotnet/host"
  cp "$sdk/dotnet" "$folder/dotnet/"
  cp -r "$sdk/host/fxr" "$folder/dotnet/host/"
  for runtime in Microsoft.NETCore.App Microsoft.AspNetCore.App; do
    mkdir -p "$folder/dotnet/shared/$runtime"
    cp -r "$(printf '%s\n' "$sdk/shared/$runtime"/10.* | sort -V | tail -n 1)" "$folder/dotnet/shared/$runtime/"
  done
  cp -r "$cli" "$folder/cli"
  cp -r "$programs" "$folder/"
  rm -rf "$folder"/programs/ranks/{CodeCoverage,EmptyFiles,alpine,arm64,macos,ubuntu,x64,x86}
  find "$folder" \( -name '*.pdb' -o -name '*.xml' -o -name 'ParquetSharpNative*' -o -name 'libbam_torch.so' \) -delete
  logged "packing (a minute)" env XZ_OPT=-T0 tar -C "$folder" -cJf "$1.new" . || exit 1
  mv "$1.new" "$1"
  say "$1: $(($(stat -c %s "$1") / 1000000)) MB"
}

# Unpacks the kit, and builds the bridge to this machine's libtorch.
use_kit() {
  local folder=$work/kit
  mkdir -p "$folder"
  tar -C "$folder" -xJf "$kit" || give_up "$kit cannot be unpacked"
  dotnet=$folder/dotnet/dotnet cli=$folder/cli programs=$folder/programs
  export DOTNET_ROOT=$folder/dotnet
  build_bridge() { cmake -S "$root/native" -B "$work/native" && cmake --build "$work/native" --parallel; }
  logged "bridge" build_bridge || exit 1
  for place in "$cli" "$programs"/*; do cp "$work/native/"{libbam_torch.so,bam_torch.txt} "$place/"; done
}

# step NAME SECONDS COMMAND...: within what is left of the whole. A rehearsal, on a slower machine, has four times as long.
step() {
  local name=$1 most=$(($2 * patience)) began=$SECONDS left=$((limit * patience - SECONDS + started)) status=0 end
  shift 2
  ((most <= left)) || most=$left
  if ((most <= 0)); then
    end="not run: the time was over"
  else
    timeout --kill-after=10 "$most" "$@" >"$work/$name.log" 2>"$work/$name.errors" </dev/null || status=$?
    case $status in
      0) end=done ;;
      124 | 137) end="stopped after $most s" ;;
      *) end="failed with status $status: $(tail -n 1 "$work/$name.errors")" ;;
    esac
  fi
  [[ $end == done ]] || failed=1
  say "$name: $end ($((SECONDS - began)) s)"
  printf '%s\t%s\t%s\n' "$name" "$((SECONDS - began))" "$end" >>"$work/steps.tsv"
}

# measured NAME SECONDS COMMAND... CONFIG: a step whose memory is sampled, in MiB, ten times a second; the first line is before.
measured() {
  local sampler
  if [[ $device == cuda ]]; then
    nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits --id=0 --loop-ms=100 >"$work/$1.memory" &
  else
    sample_resident "${!#}" >"$work/$1.memory" &
  fi
  sampler=$!
  sleep 1
  step "$@"
  kill "$sampler" 2>/dev/null || true
  wait "$sampler" 2>/dev/null || true
}

# The largest resident size among the processes that have WORD among their arguments.
sample_resident() {
  while sleep 0.1; do
    ps -eo rss=,args= | awk -v word="$1" 'index($0, word) && $2 !~ /timeout|awk|bash/ && $1 > most { most = $1 }
      END { print int(most / 1024) }'
  done
}

# Bam's own text as two domains, and their tokens.
write_data() {
  local file
  mkdir -p "$work/text/code" "$work/text/prose"
  for file in "$root"/docs/*.md "$root"/docs/decisions/*.md; do cp "$file" "$work/text/prose/$(basename -- "$file" .md).txt"; done
  while read -r file; do cp "$file" "$work/text/code/$(basename -- "$file" .cs).txt"; done \
    < <(find "$root/src" -name '*.cs' -not -path '*/obj/*')
  step tokenizer 60 "${bam[@]}" tokenizer train "$work/text" --vocab-size 1024 --output "$work/tokenizer.json"
  step data 60 "${bam[@]}" data build --input "$work/text" --tokenizer "$work/tokenizer.json" --output "$work/data"
}

# write_training NAME STEPS new|trained|tiny: NAME.yaml, of the model that is measured, newly made or as 'train' left it.
write_training() {
  local experts='num_attention_experts: 4, attention_routing: soft, share_key_value: false, num_local_experts: 4'
  local tiny="{vocab_size: 1024, hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4,
  num_key_value_heads: 4, head_dim: 16, max_position_embeddings: 2048, $experts}"
  local start
  dtype=bfloat16 length=2048 batch=8
  start="config: {preset: small, max_position_embeddings: 2048, $experts}"
  if [[ $device == cpu ]]; then
    length=64
    start="config: $tiny"
  fi
  case $3 in
    trained) start="model: train/model" ;;
    tiny) start="config: $tiny" ;;
  esac
  cat >"$work/$1.yaml" <<YAML
$start
tokenizer: tokenizer.json
output: $1
data: [{domain: text, path: data}]
sequence_length: $length
batch_size: $batch
steps: $2
learning_rate: 1.2e-4
warmup_steps: 1
log_every: $((steps / 10 > 0 ? steps / 10 : 1))
checkpoint_every: 0
dtype: $dtype
device: $device
YAML
}

# All three stages of a recipe, as small as they can be.
write_recipe() {
  cat >"$work/recipe.yaml" <<YAML
name: smallest
domains:
  general: { files: [text/] }
  code: { files: [text/code/] }
  prose: { files: [text/prose/] }
tokenizer: { vocab_size: 512 }
data: { held_out_max_tokens: 4_000 }
model: { hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4 }
training: { batch_size: 8, sequence_length: 64, warmup_steps: 5, device: $device }
seed: { tokens: 50_000, learning_rate: 2e-3 }
experts:
  code: { tokens: 20_000 }
  prose: { tokens: 20_000 }
mixtures:
  btx: { method: btx, tokens: 20_000 }
  bam: { method: bam, tokens: 20_000 }
YAML
}

# Builds what counts the calls of the driver, with CUPTI: that of the PyTorch in use, else CUDA's.
counts_calls() {
  local torch roots=() root_of library=''
  [[ $device == cuda ]] || return 1
  torch=$(python_torch)
  [[ -z $torch ]] || roots+=("${torch%/*}"/nvidia/cuda_cupti "${torch%/*}"/nvidia/cu*)
  roots+=(/usr/local/cuda/extras/CUPTI /usr/local/cuda /usr)
  local includes=(-I/usr/local/cuda/include)
  for root_of in "${roots[@]}"; do
    [[ ! -d $root_of/include ]] || includes+=(-isystem "$root_of/include")
    [[ -n $library ]] || library=$(compgen -G "$root_of/lib*/libcupti.so*" | head -n 1) ||
      library=$(compgen -G "$root_of/lib/x86_64-linux-gnu/libcupti.so*" | head -n 1) || true
  done
  [[ -z $torch ]] || for root_of in "${torch%/*}"/nvidia/*/include; do includes+=(-isystem "$root_of"); done
  c++ -std=c++17 -O2 -shared -fPIC "${includes[@]}" "$eng/check-gpu/calls.cpp" -o "$work/calls.so" \
    "${library:--lcupti}" -Wl,-rpath,"$(dirname -- "${library:-/}")" >"$work/calls.log" 2>&1 && return
  say "calls of the driver are not counted: $(grep -m 1 error "$work/calls.log" || tail -n 1 "$work/calls.log")"
  return 1
}
