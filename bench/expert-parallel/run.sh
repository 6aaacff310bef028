#!/usr/bin/env bash
# Ranks that share the experts beside one process; see README.md. Options are those of rounds.py.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
exec /usr/bin/python3 "$here/rounds.py" "$@"
