#!/usr/bin/env bash
# Shows that a change alters no number: trains five small models for 20 steps with this clone and with a commit of it, and
# compares the bytes of what comes out.
#
#   eng/check-bits.sh [COMMIT]
#
# COMMIT is HEAD unless given, which holds what is not committed yet against it. Not part of ./test: it builds Bam twice.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"

commit=$(git -C "$root" rev-parse --verify --quiet "${1-HEAD}^{commit}") || refuse "${1-HEAD}: no commit of this clone"
work=$artifacts/check-bits
before=$work/before
rm -rf "$work"
mkdir -p "$work/text"
git clone --quiet --no-checkout "$root" "$before"
git -C "$before" checkout --quiet "$commit"
run() { "$@" >>"$work/log" 2>&1 </dev/null || give_up "$*: $(tail -n 1 "$work/log")"; }

say "the data, by $(git -C "$root" rev-parse --short "$commit")"
for page in "$before"/docs/*.md; do cp "$page" "$work/text/$(basename -- "$page" .md).txt"; done
run "$before/bam" tokenizer train "$work/text" --vocab-size 320 --output "$work/tokenizer.json"
run "$before/bam" data build --input "$work/text" --tokenizer "$work/tokenizer.json" --output "$work/data"

mixture='num_local_experts: 4, num_experts_per_tok: 1'
attention='num_attention_experts: 4, attention_routing: soft'
declare -A models=(
  [dense]=''
  [btx]=", $mixture"
  [bam]=", $mixture, $attention, share_key_value: false"
  [bam-shared-kv]=", $mixture, $attention, share_key_value: true"
  [top-2]=", num_local_experts: 4, num_experts_per_tok: 2, norm_topk_prob: true"
)

# model_of CLONE NAME: the SHA-256 of the model after 20 steps.
model_of() {
  local place=$work/$2
  rm -rf "$place"
  mkdir "$place"
  cat >"$place/train.yaml" <<YAML
config: {vocab_size: 320, hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4,
  num_key_value_heads: 2, head_dim: 16, max_position_embeddings: 128${models[$2]}}
tokenizer: ../tokenizer.json
output: run
data: [{domain: docs, path: ../data}]
sequence_length: 64
batch_size: 8
gradient_accumulation: 2
steps: 20
learning_rate: 1e-3
warmup_steps: 5
device: cpu
YAML
  run "$1/bam" train "$place/train.yaml"
  sha256sum <"$place/run/model/model.safetensors" | cut -d' ' -f1
}

different=0
for name in dense btx bam bam-shared-kv top-2; do
  old=$(model_of "$before" "$name")
  new=$(model_of "$root" "$name")
  if [[ $old == "$new" ]]; then verdict=equal; else verdict="DIFFERENT, now $new" different=1; fi
  printf '%-14s %s  %s\n' "$name" "$old" "$verdict"
done
exit "$different"
