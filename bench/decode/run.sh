#!/usr/bin/env bash
# Prefill, decoding, loading and memory beside llama.cpp, and BAM's decoding beside BTX's; see README.md. TESTING, MIRROR and
# DEBOOTSTRAP_OPTIONS are those of the checks.
#
#   bench/decode/run.sh [ROUNDS]
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
eng=$here/../../eng
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/testing.sh
source "$eng/testing.sh"
rounds=${1-5}
set_up_testing llama.cpp llama.cpp-tools
work=$testing/tmp/bam-decode
if [[ ! -e $work/gguf-bfloat16 ]]; then
  new_work bam-decode
  "$eng/setup.sh" # for the bridge, which the bench is built with
  dotnet build "$here" -c Release --nologo -v quiet
  dotnet exec "$here/bin/Release/net10.0/Bam.Bench.Decode.dll" "$work" "$root/tests/fixtures/tokenizers/llama3/tokenizer.json"
  for dtype in float32 bfloat16; do
    run export "$work/mixtral" --format gguf --dtype "$dtype" --output "$work/gguf-$dtype"
  done
fi
of_processor() { lscpu | sed -n "s/^$1: *//p" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9-'; }
machine=$(of_processor 'Model name')-family-$(of_processor 'CPU family')-model-$(of_processor Model)
"${PYTHON-/usr/bin/python3}" "$here/rounds.py" --bam "$bam" --testing "$testing" --rounds "$rounds" \
  --output "$root/bench/results/decode-$(date +%Y-%m-%d)-$machine-2-threads"
