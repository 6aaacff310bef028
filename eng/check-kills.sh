#!/usr/bin/env bash
# Kills the commands that write something 20 times each, by SIGKILL at varied moments: nothing half-written may have a final name,
# and the same command must then make what an unbroken one makes.
#
#   eng/check-kills.sh [KILLS]
#
# These are the tests of KillTests, which ./test runs with two kills each. Training has kill tests of its own. The result goes to
# bench/results. Not part of ./test: it takes some minutes.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"

kills=${1-20}
[[ $kills =~ ^[1-9][0-9]*$ ]] || refuse "KILLS: expected a number, found $kills"
require_sdk
mkdir -p "$artifacts"
rows=$artifacts/check-kills.rows
: >"$rows"
BAM_KILLS=$kills BAM_KILLS_RESULT=$rows "$dotnet" test "$root/tests/Bam.Cli.Tests" --configuration Debug --nologo \
  --filter FullyQualifiedName~KillTests </dev/null

result=$root/bench/results/kills-$(date +%Y-%m-%d).md
{
  echo "# Commands that are killed"
  echo
  echo "Commit $(git -C "$root" rev-parse --short HEAD), \`eng/check-kills.sh $kills\`. After each kill everything under a final"
  echo "name was whole; the rerun's files were those of an unbroken run (times and dates aside), and no temporary file was left."
  echo
  echo "| command | kills | of these, while something was being written |"
  echo "| --- | ---: | ---: |"
  sort "$rows"
} >"$result"
cat "$result"
