#!/usr/bin/env bash
# Holds Bam's GGUF files against llama.cpp: logits and tensors of every architecture, as its own converter writes them, token ids,
# ends of text, and greedy continuations by transformers, llama.cpp and Bam of a mixture that is trained here.
#
#   eng/check-llama-cpp.sh
#
# Debian's testing suite is set up by eng/testing.sh, which says what can be set. Where eng/check-tokenizers.sh has fetched real
# vocabularies, their ids are compared too. Results go to bench/results. Not part of ./test: the set-up takes minutes and 3 GB.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/testing.sh
source "$eng/testing.sh"

set_up_testing python3-torch python3-transformers python3-gguf python3-sentencepiece \
  llama.cpp llama.cpp-tools libllama-dev gcc libc6-dev
new_work bam-llama
mkdir "$work/trained" "$work/vocabularies"
cp "$eng/check-llama-cpp/"*.{py,c,txt} "$work/"
for tool in llama_logits llama_tokens llama_ends; do
  in_testing gcc -O1 -Wall "/tmp/bam-llama/$tool.c" -o "/tmp/bam-llama/$tool" -lllama -lggml -lggml-base
done
there() { in_testing python3 "/tmp/bam-llama/$1" /tmp/bam-llama 2>"$work/$1.log" </dev/null; }

trained=$root/runs/check-llama-cpp
say "training a small mixture in $trained, unless it is there"
run run "$eng/check-llama-cpp/recipe.yaml" --output "$trained"

say "vocabularies, each in a model of its own"
fetched=$artifacts/check-tokenizers
cat "$root"/tests/fixtures/tokenizers/*/expected.jsonl >"$work/documents.jsonl"
for tokenizer in gpt2 llama3 cohere; do
  cp -r "$root/tests/fixtures/tokenizers/$tokenizer" "$work/vocabularies/fixture-$tokenizer"
done
if [[ -e $fetched/documents.jsonl ]]; then
  cat "$fetched/documents.jsonl" >>"$work/documents.jsonl"
  for name in gpt2 llama2 llama3 qwen2_5; do
    cp -rL "$fetched/node_modules/@lenml/tokenizer-$name/models" "$work/vocabularies/$name"
  done
fi
there vocabularies.py || give_up "vocabularies.py failed: $(tail -n 3 "$work/vocabularies.py.log")"

say "models of every architecture"
there architectures.py || give_up "architectures.py failed: $(tail -n 3 "$work/architectures.py.log")"

say "Bam exports"
for model in "$work"/architectures/*; do run export "$model" --format gguf --output "$work/gguf/architecture-${model##*/}"; done
# mix MODEL[.VARIANT] FORM OPTION...: a model and its copy, for llama.cpp and in transformers' form; without a form, what Bam
# gives.
mix() {
  local model=${1%.*}
  local models=(--seed "$work/architectures/$model" --expert "$work/copies/$model" --top-k 2 "${@:3}")
  run mix btx "${models[@]}" --output "$work/mixtures/$1"
  run export "$work/mixtures/$1" --format gguf --output "$work/gguf/mixed-$1"
  if [[ -n $2 ]]; then run mix btx "${models[@]}" --format "$2" --output "$work/mixed/$1"; else
    forward "$work/mixtures/$1" "$work/architectures/$model/ids.safetensors" "mixed/$1"
  fi
}
mkdir -p "$work/mixtures" "$work/mixed"
mix qwen2 qwen2_moe
mix qwen2.normalised "" --norm-topk
mix qwen3 qwen3_moe --norm-topk
mix granite "" --norm-topk
for name in llama-gqa llama-tied-llama3rope mistral-sliding mixtral-top2; do
  cp -r "$root/tests/fixtures/hf/$name" "$work/fixture-$name"
  run export "$work/fixture-$name" --format gguf --output "$work/gguf/$name"
done
for model in "$work"/vocabularies/*; do
  run export "$model" --format gguf --output "$work/gguf/${model##*/}"
  "$bam" tokenizer encode "$work/documents.jsonl" --tokenizer "$model" >"$model/bam.ids" 2>>"$work/bam.log" </dev/null
done
export_trained() { # NAME MODEL FORMAT: for transformers, for llama.cpp in every type, and what Bam continues
  local dtype prompt number=0
  run export "$2" --format "$3" --output "$work/trained/$1"
  for dtype in float32 float16 bfloat16 q8_0; do
    run export "$2" --format gguf --dtype "$dtype" --output "$work/gguf/$1-$dtype"
  done
  while IFS= read -r prompt; do
    number=$((number + 1))
    "$bam" generate "$2" --prompt "$prompt" --temperature 0 --max-tokens 32 --json \
      >"$work/trained/$1/bam-$number.json" 2>>"$work/bam.log" </dev/null ||
      give_up "bam generate $2: $(tail -n 2 "$work/bam.log")"
  done <"$eng/check-llama-cpp/prompts.txt"
}
newest() { ls -td "$@" | head -n 1; }
export_trained mixtral "$(newest "$trained"/phases/train-mixtral-*/model)" mixtral
export_trained soup "$(newest "$trained"/phases/mix-soup-*/model)" llama

say "llama.cpp loads them"
status=0
there check.py || status=$?
[[ -e $work/result.md ]] || give_up "check.py failed: $(tail -n 3 "$work/check.py.log")"
keep_results llama-cpp
exit "$status"
