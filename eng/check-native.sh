#!/usr/bin/env bash
# Compares the commands that run as machine code (bam setup --native) with the same ones on the runtime: status, both outputs and
# written files must be equal. On every checkpoint and adapter of tests/fixtures: inspect and, with each method, mix. Not part of
# ./test: it takes some 10 minutes.
#
#   eng/check-native.sh
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/packages.sh
source "$eng/packages.sh"
# shellcheck source=eng/build.sh
source "$eng/build.sh"

"$eng/setup.sh" --native
is_current libtorch || give_up "the build is not current"
find_dotnet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root/tests/fixtures"

# run NAME COMMAND... -- ARGUMENTS...: writes the status, the outputs without progress, and the digests of files.
run() {
  local name=$1 status=0 command=()
  shift
  while [[ $1 != -- ]]; do command+=("$1"); shift; done
  shift
  rm -rf "$work/out"
  "${command[@]}" "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null || status=$?
  {
    echo "status $status"
    cat "$work/$name.out"
    sed -E '/^(mix|check|compare) .*%/d' "$work/$name.err"
    [[ ! -d $work/out ]] || (cd "$work/out" && find . -type f -print0 | sort -z | xargs -0r sha256sum)
  } >"$work/$name"
}

# Without BAM_DOTNET nothing begins again with the runtime, so that a fault shows.
unset BAM_DOTNET
passed=0 failed=0
compare() {
  run machine "$builds/$build/native/bam" -- "$@"
  run runtime "$dotnet" exec "$builds/$build/Bam.Cli.dll" -- "$@"
  if cmp -s "$work/machine" "$work/runtime"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf '\nbam %s\n' "$*"
    diff "$work/runtime" "$work/machine" | head -n 12 || true
  fi
}

compare --version
compare inspect --help
compare mix --help
compare mix
compare mix nothing --seed nowhere --output "$work/out"
compare mix bam --seed nowhere --top-k many --output "$work/out"
compare inspect
compare inspect a b c
compare inspect --nothing a
compare inspect nowhere
while read -r model; do
  compare inspect "$model"
  compare inspect bam/bam-expert-kv "$model"
  for method in bam btx sparse soup; do
    compare mix "$method" --seed "$model" --expert "$model" --output "$work/out"
  done
  compare mix bam --seed "$model" --expert "$model" --dry-run
  compare mix btx --seed "$model" --expert "$model" --dtype float16 --weights 1,2 --resize-embeddings --output "$work/out"
  compare mix bam --seed "$model" --expert "$model" --attention-init random --share-key-value --check-finite --shard-size 100KB \
    --norm-topk --top-k 2 --output "$work/out"
  for format in mixtral qwen2_moe; do
    compare mix btx --seed "$model" --expert "$model" --format "$format" --output "$work/out"
  done
done < <(find . -name config.json -printf '%h\n' | sort)

for format in hf mixtral qwen2_moe qwen3_moe olmoe llama; do
  compare mix btx --seed hf/llama-gqa --expert hf/llama-gqa --format "$format" --output "$work/out"
  compare mix soup --seed hf/llama-gqa --expert hf/llama-gqa --format "$format" --output "$work/out"
done
for change in '/"vocab_size"/d' 's/"norm_type": "[a-z_]*"/"norm_type": "batch_norm"/' 's/}$//' 's/"hidden_size": /&-/'; do
  rm -rf "$work/damaged"
  cp -r bam/bam-expert-kv "$work/damaged"
  sed -i "$change" "$work/damaged/config.json"
  compare inspect "$work/damaged"
  compare mix bam --seed bam/dense-parallel --expert "$work/damaged" --output "$work/out"
done

while read -r adapter; do
  base=hf/$(<"$adapter/base.txt")
  compare inspect "$base+$adapter"
  compare inspect "$base" "$base+$adapter"
  compare mix bam --seed "$base" --expert "$base+$adapter" --output "$work/out"
done < <(find . -name adapter_config.json -printf '%h\n' | sort)

# What machine code cannot do begins again with the runtime.
export BAM_DOTNET=$dotnet
compare inspect bam/bam-expert-kv --json

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed == 0 ]]
