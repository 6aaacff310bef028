#!/usr/bin/env bash
# The shortest commands beside peers that do the same; see README.md. Options are those of rounds.py.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
exec /usr/bin/python3 "$here/rounds.py" "$@"
