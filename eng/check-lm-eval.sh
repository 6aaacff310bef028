#!/usr/bin/env bash
# Holds bam serve and bam eval tasks against EleutherAI's lm-evaluation-harness: its client local-completions asks bam serve, and
# its model hf loads Bam's export. Figures, prompts, log-likelihoods and answers of piqa, gsm8k, mmlu and nq_open are compared
# item by item. The models are the demo's seed, BTX and BAM mixtures, and a dense model and a BAM mixture that are trained here
# for a minute, so that some of their answers are right.
#
#   LM_EVAL=HARNESS TASKS=FOLDER RUN=runs/demo eng/check-lm-eval.sh
#
# HARNESS is a checkout of github.com/EleutherAI/lm-evaluation-harness. FOLDER has the public files piqa*.jsonl, piqa*-labels.lst,
# gsm8k*.jsonl, nq-open*.jsonl and mmlu/{dev,test}/*.csv (question, four choices, the answer's number; the first line names the
# columns). RUN is a finished run of recipes/demo.
# Debian's testing suite is set up by eng/testing.sh, which says what can be set. Results go to bench/results. Not part of ./test.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/testing.sh
source "$eng/testing.sh"

# demo_model NAME: its directory, as the run's phases have it.
demo_model() { echo "${RUN-}/phases/train-$1"-[0-9a-f]*/model; }

[[ -e ${LM_EVAL-}/lm_eval/__main__.py ]] || refuse "LM_EVAL must be a checkout of github.com/EleutherAI/lm-evaluation-harness"
[[ -d ${TASKS-}/mmlu/test ]] || refuse "TASKS must be a folder of public task files; eng/check-lm-eval.sh says which"
for model in seed btx bam; do
  [[ -e $(demo_model "$model")/config.json ]] || refuse "RUN must be a finished run of recipes/demo"
done
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$LM_EVAL/pyproject.toml")

set_up_testing python3-torch python3-transformers python3-accelerate python3-aiohttp python3-dill \
  python3-jinja2 python3-more-itertools python3-pandas python3-requests python3-sklearn python3-sqlitedict \
  python3-tenacity python3-tqdm python3-yaml
new_work bam-lm-eval
cp "$eng/check-lm-eval/"*.{py,yaml} "$work/"
cp -r "$LM_EVAL/lm_eval" "$work/"
mkdir -p "$work/lm_eval-$version.dist-info" "$work/public/mmlu"
printf 'Metadata-Version: 2.1\nName: lm_eval\nVersion: %s\n' "$version" >"$work/lm_eval-$version.dist-info/METADATA"
cp "$TASKS"/piqa*.jsonl "$TASKS"/piqa*-labels.lst "$TASKS"/gsm8k*.jsonl "$TASKS"/nq-open*.jsonl "$work/public/"
cp -r "$TASKS"/mmlu/{dev,test} "$work/public/mmlu/"
there() { in_testing python3 "/tmp/bam-lm-eval/$1" /tmp/bam-lm-eval >"$work/$1.log" 2>&1 </dev/null; }
there prepare.py || give_up "prepare.py failed: $(tail -n 3 "$work/prepare.py.log")"

say "Bam trains a dense model and makes a mixture"
run tokenizer train "$work/data/texts" --vocab-size 2048 --output "$work/tokenizer.json"
for task in piqa gsm8k nq_open; do
  run data build --input "$work/data/texts/$task.jsonl" --tokenizer "$work/tokenizer.json" --output "$work/texts-$task" \
    --held-out-fraction 0
done
for model in seed expert; do run train "$work/$model.yaml"; done
mkdir -p "$work/models" "$work/exports"
cp -r "$work/run-seed/model" "$work/models/dense"
run mix bam --seed "$work/models/dense" --expert "$work/run-expert/model" --output "$work/models/mixture"
# The demo's windows have 128 tokens; prompts with 5 examples need more positions, and what they are worth is not the question.
for model in seed btx bam; do
  cp -r "$(demo_model "$model")" "$work/models/demo-$model"
  sed -i 's/"max_position_embeddings": .*/"max_position_embeddings": 4096,/' "$work/models/demo-$model/config.json"
done
models=(dense mixture demo-seed demo-btx demo-bam)
for model in "${models[@]}"; do run export "$work/models/$model" --format hf --output "$work/exports/$model"; done

# harness NAME OPTION...: runs the harness on the tasks; its figures and items go to $work/out/NAME.
harness() {
  # shellcheck disable=SC2016
  unshare --mount bash -euc 'for f in /proc /dev; do mount --bind $f "$0$f"; done; exec chroot "$0" "$@"' "$testing" \
    env HF_HOME=/tmp/hf HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 OMP_NUM_THREADS="${OMP_NUM_THREADS-2}" DISABLE_MULTIPROC=1 \
    python3 /tmp/bam-lm-eval/harness.py --tasks check_piqa,check_gsm8k,check_mmlu,check_nq_open \
    --include_path /tmp/bam-lm-eval/tasks --log_samples --output_path "/tmp/bam-lm-eval/out/$1" "${@:2}" \
    >"$work/$1.log" 2>&1 </dev/null ||
    give_up "the harness failed on $1: $(tail -n 3 "$work/$1.log")"
}

unset BAM_API_KEY
trap 'kill "${pid-}" 2>/dev/null || true' EXIT
data=$work/data
for model in "${models[@]}"; do
  say "$model: bam eval tasks"
  run eval tasks "$work/models/$model" --output "$work/bam/$model" --device cpu \
    --task "piqa=$data/piqa.jsonl" "gsm8k=$data/gsm8k.jsonl,$data/gsm8k-examples.jsonl" "nq_open=$data/nq_open.jsonl"
  run eval tasks "$work/models/$model" --output "$work/bam-few-shot/$model" --device cpu --few-shot 5 --task "mmlu=$data/mmlu"

  say "$model: the harness asks bam serve"
  exec {server}< <(exec "$bam" serve "$work/models/$model" --port 0 --device cpu 2>"$work/serve-$model.log")
  pid=$!
  read -r -u "$server" address || give_up "bam serve: $(tail -n 2 "$work/serve-$model.log")"
  settings=base_url=$address/v1/completions,model=$model,tokenizer_backend=remote,max_length=4096,num_concurrent=8
  harness "served-$model" --model local-completions --model_args "$settings"
  kill "$pid"
  wait "$pid"

  # In float32 its sums of log-probabilities are off by more than is allowed: by 1.2e-4 of 916 for a choice of 137 tokens.
  say "$model: the harness loads the export"
  harness "exported-$model" --model hf --device cpu --batch_size 1 \
    --model_args "pretrained=/tmp/bam-lm-eval/exports/$model,trust_remote_code=True,dtype=float32,softmax_dtype=float64"
done

status=0
there compare.py || status=$?
[[ -e $work/result.md ]] || give_up "compare.py failed: $(tail -n 3 "$work/compare.py.log")"
keep_results lm-eval
exit "$status"
