#!/usr/bin/env bash
# Perplexities of untrained mixtures by how their routers were made; see README.md. RUN is what bam demo left, as runs/demo.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
run=$(readlink -f -- "${1:?the directory that bam demo left}")
scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT
export DOTNET_gcServer=0 DOTNET_gcConcurrent=0 MALLOC_ARENA_MAX=1
dotnet run --project "$here" --configuration Release -- "$run" "$scratch"
