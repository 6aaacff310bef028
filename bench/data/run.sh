#!/usr/bin/env bash
# Bam's data path beside Hugging Face's tokenizers; see README.md. TESTING, MIRROR and DEBOOTSTRAP_OPTIONS are those of the
# checks, CORPUS is where the corpus is or will be (artifacts/corpus unless given).
#
#   bench/data/run.sh [--rounds N] [--megabytes N]
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
eng=$here/../../eng
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/testing.sh
source "$eng/testing.sh"
corpus=${CORPUS-$artifacts/corpus}
mkdir -p "$corpus"
set_up_testing python3-tokenizers
new_work bam-data
say "the corpus in $corpus"
/usr/bin/python3 "$here/corpus.py" "$corpus" 1000
dotnet build "$here" -c Release --nologo -v quiet
"$bam" --version >/dev/null # builds it
cp "$here/peer.py" "$work"
mkdir "$work/corpus"
mount --bind "$corpus" "$work/corpus"
trap 'umount "$work/corpus"' EXIT
/usr/bin/python3 "$here/rounds.py" --bam "$bam" --stages "$here/bin/Release/net10.0/Bam.Bench.Data.dll" --corpus "$corpus" \
  --testing "$testing" --work "$work" --output "$root/bench/results" "$@"
