#!/usr/bin/env bash
# Asks bam serve by OpenAI's client for JavaScript: models, completions, chats, streams, errors and a client that leaves.
#
#   eng/check-openai.sh
#
# Needs Node.js with npm, which fetches the package. The result goes to bench/results. Not part of ./test.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"

version=7.55.0
command -v npm >/dev/null || refuse "Node.js with npm is needed"
work=$artifacts/check-openai
rm -rf "$work"
mkdir -p "$work/model"
cp "$eng/check-openai/check.mjs" "$work/"
cp "$root"/tests/fixtures/bam/bam-expert-kv/{config.json,model.safetensors} "$work/model/"
(cd "$work" && npm install --silent --no-audit --no-fund "openai@$version")
node "$work/check.mjs" model "$work/model"

export BAM_API_KEY=check-openai-$RANDOM
exec {server}< <("$root/bam" serve "$work/model" --port 0 2>"$work/messages.txt")
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT
read -r -u "$server" address || { cat "$work/messages.txt" >&2; exit 1; }
node "$work/check.mjs" check "$address" | tee "$work/checks.txt"
kill "$pid"
wait "$pid"

result=$root/bench/results/openai-npm-$(date +%Y-%m-%d).md
{
  echo "# OpenAI's client for JavaScript"
  echo
  echo "Commit $(git -C "$root" rev-parse --short HEAD), \`eng/check-openai.sh\`: openai $version from npm,"
  echo "Node.js $(node --version)."
  echo
  sed 's/^/- /' "$work/checks.txt"
} >"$result"
