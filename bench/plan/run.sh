#!/usr/bin/env bash
# Compares the step times that 'bam cost --plan' predicts with measured ones; see README.md. Options are those of compare.py.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
exec /usr/bin/python3 "$here/compare.py" "$@"
