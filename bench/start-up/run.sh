#!/usr/bin/env bash
# The shortest commands beside others that answer the same questions; see README.md. Options are those of rounds.py.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
exec /usr/bin/python3 "$here/rounds.py" "$@"
