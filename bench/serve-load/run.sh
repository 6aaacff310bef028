#!/usr/bin/env bash
# `bam serve` beside llama.cpp's llama-server under load; see README.md. TESTING, MIRROR and DEBOOTSTRAP_OPTIONS are those of the
# checks.
#
#   bench/serve-load/run.sh [ROUNDS]
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
eng=$here/../../eng
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/testing.sh
source "$eng/testing.sh"
rounds=${1-5}
set_up_testing llama.cpp
new_work bam-serve-load
"$eng/setup.sh" # for the bridge, which the bench is built with
dotnet build "$here" -c Release --nologo -v quiet
client() { dotnet exec "$here/bin/Release/net10.0/Bam.Bench.ServeLoad.dll" "$@"; }
client model "$work/model" "$root/tests/fixtures/tokenizers/llama3/tokenizer.json"
run export "$work/model" --format gguf --output "$work/gguf"
gguf=/tmp/bam-serve-load/gguf/$(basename "$work"/gguf/*.gguf)

await() { # PORT
  for _ in $(seq 600); do
    curl -sf "http://127.0.0.1:$1/health" >/dev/null && return
    sleep 0.1
  done
  give_up "no server on port $1"
}
# stop PID: a server, which must have been running: another one on its port would have been measured.
stop() {
  kill "$1" 2>/dev/null || give_up "a server ended by itself; see $work/*.log"
  wait "$1" || true
}
measure() { # SERVER CLIENTS REQUESTS PORT
  local figures
  figures=$(client load "$1" "http://127.0.0.1:$4" "$2" "$3")
  printf '{"server": "%s", "clients": %s, "figures": %s}\n' "$1" "$2" "$figures" >>"$work/rounds.jsonl"
}
with_bam() {
  OMP_NUM_THREADS=2 "$bam" serve "$work/model" --port 8711 --slots 8 --context 256 >>"$work/serve.log" 2>&1 &
  local pid=$!
  await 8711
  measure bam 8 12 8711
  measure bam 1 12 8711
  stop "$pid"
}
with_llama() {
  chroot "$testing" env OMP_NUM_THREADS=2 llama-server -m "$gguf" -np 8 -c 2048 -t 2 -tb 2 \
    --host 127.0.0.1 --port 8712 >>"$work/llama.log" 2>&1 &
  local pid=$!
  await 8712
  measure llama.cpp 8 12 8712
  stop "$pid"
}
for round in $(seq "$rounds"); do
  say "round $round of $rounds"
  if ((round % 2)); then with_bam; with_llama; else with_llama; with_bam; fi
done
of_processor() { lscpu | sed -n "s/^$1: *//p" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9-'; }
machine=$(of_processor 'Model name')-family-$(of_processor 'CPU family')-model-$(of_processor Model)
client report "$work/rounds.jsonl" "$root/bench/results/serve-load-$(date +%Y-%m-%d)-$machine-2-threads"
