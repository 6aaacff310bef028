#!/usr/bin/env bash
# Mixing four checkpoints beside cp of the same bytes; see README.md. Options are those of rounds.py.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
exec /usr/bin/python3 "$here/rounds.py" "$@"
