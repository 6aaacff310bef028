#!/usr/bin/env bash
# Data-parallel ranks beside one process and PyTorch's DistributedDataParallel; see README.md. Options are those of rounds.py.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
"$here/../train-throughput/setup.sh"
exec /usr/bin/python3 "$here/rounds.py" "$@"
