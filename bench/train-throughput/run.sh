#!/usr/bin/env bash
# Training throughput of Bam beside plain PyTorch, in one run; see README.md. Options are those of rounds.py.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
"$here/setup.sh"
exec /usr/bin/python3 "$here/rounds.py" "$@"
