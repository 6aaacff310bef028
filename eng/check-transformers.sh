#!/usr/bin/env bash
# Holds Bam against Hugging Face transformers, in both directions: models that transformers saves are read by Bam, and Bam's
# exports are loaded by transformers. Logits are compared, and greedy generation with a cache, without one, and from a padded
# prompt; of the fixtures also loss and gradients. Mixtures of copies of a model must be that model. Bam's exports are then used
# as transformers' own models are: every cache and mask, compiled, checkpointed, trained with Trainer, tokenized with
# AutoTokenizer.
#
#   eng/check-transformers.sh [MODEL...]      MODEL: trained checkpoints with a tokenizer, whose generated text is compared too
#
# Debian's testing suite is set up by eng/testing.sh, which says what can be set. Results go to bench/results. Not part of ./test:
# the set-up takes minutes and 3 GB.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/testing.sh
source "$eng/testing.sh"

OMP_NUM_THREADS=${OMP_NUM_THREADS-1} # the models are tiny
set_up_testing python3-torch python3-transformers python3-accelerate \
  python3-dev g++ libtorch-dev # the last three for torch.compile
new_work bam-check
cp "$eng/check-transformers/"*.py "$work/"
cp -r "$root/tests/fixtures/"{hf,hf-more,bam,tokenizers} "$work/"

say "transformers saves models of every family"
in_testing python3 /tmp/bam-check/save.py /tmp/bam-check 2>"$work/save.log" ||
  give_up "save.py failed: $(tail -n 3 "$work/save.log")"

say "Bam reads, mixes and exports"
for model in "$work"/saved/*; do forward "$model" "$model/expected.safetensors" "saved/${model##*/}"; done

export_as() { # FORMAT MODEL NAME IDS: exports a model, with the logits that Bam gives
  run export "$2" --format "$1" --output "$work/exports/$3"
  forward "$2" "$4" "exports/$3"
}
mkdir -p "$work/exports" "$work/mixtures"
fixtures=("$work"/hf/*/ "$work"/hf-more/*/)
for model in "${fixtures[@]%/}" "$work"/bam/*; do
  export_as hf "$model" "hf-${model##*/}" "$model/expected.safetensors"
done
ids=$work/saved/llama/expected.safetensors
models=(--seed "$work/saved/llama" --expert "$work/saved/llama-2" --expert "$work/saved/llama-3")
mix() { run mix "$1" "${models[@]}" --output "$work/mixtures/$2" "${@:3}"; }
mix btx btx --top-k 2 --norm-topk
mix bam bam --top-k 2
mix bam bam-shared --share-key-value
mix bam bam-top-2 --attention-top-k 2
mix soup soup
export_as mixtral "$work/mixtures/btx" mixtral-btx "$ids"
export_as llama "$work/mixtures/soup" llama-soup "$ids"
for kind in btx bam bam-shared bam-top-2; do export_as hf "$work/mixtures/$kind" "hf-mixture-$kind" "$ids"; done

say "Bam mixes copies of every dense fixture"
for model in "${fixtures[@]%/}"; do
  copies=$work/copies/${model##*/}
  described=$("$bam" inspect "$model" --json 2>>"$work/bam.log") || give_up "bam inspect $model: $(tail -n 2 "$work/bam.log")"
  [[ $described == *'"kind": "dense"'* ]] || continue
  models=(--seed "$model" --expert "$model" --expert "$model" --format hf)
  run mix bam "${models[@]}" --top-k 2 --norm-topk --output "$copies/bam"
  run mix bam "${models[@]}" --top-k 2 --norm-topk --share-key-value --output "$copies/bam-shared"
  run mix btx "${models[@]}" --top-k 2 --norm-topk --output "$copies/btx"
done

mkdir -p "$work/text-exports"
for model in "$work"/texts/*; do
  for format in hf llama; do run export "$model" --format "$format" --output "$work/text-exports/$format-${model##*/}"; done
  run mix btx --seed "$model" --expert "$model" --top-k 2 --norm-topk --format mixtral \
    --output "$work/text-exports/mixtral-${model##*/}"
done

number=0
for model in "$@"; do
  number=$((number + 1))
  run export "$model" --format hf --output "$work/trained/$number"
  printf 'The licensee shall' >"$work/trained/$number/prompt.txt"
  "$bam" generate "$model" --prompt-file "$work/trained/$number/prompt.txt" --temperature 0 --max-tokens 32 --json \
    >"$work/trained/$number/bam.json" 2>>"$work/bam.log" || give_up "bam generate $model: $(tail -n 2 "$work/bam.log")"
done

say "transformers loads them, and saves them again"
check() { in_testing python3 "/tmp/bam-check/$1" /tmp/bam-check >"$work/$1.log" 2>&1; }
check load.py || give_up "load.py failed: $(tail -n 3 "$work/load.py.log")"
for model in "$work"/resaved/*; do forward "$model" "$model/expected.safetensors" "resaved/${model##*/}"; done

# shellcheck source=eng/check-transformers/forms.sh
source "$eng/check-transformers/forms.sh"

say "transformers uses and trains them, and reads their tokenizers"
for script in fixtures.py copies.py use.py train.py texts.py; do
  check "$script" || give_up "$script failed: $(tail -n 3 "$work/$script.log")"
done
status=0
check report.py || status=$?
[[ -e $work/result.md ]] || give_up "report.py failed: $(tail -n 3 "$work/report.py.log")"
keep_results transformers
exit "$status"
