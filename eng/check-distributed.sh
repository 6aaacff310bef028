#!/usr/bin/env bash
# Trains by several processes on this machine and compares with one process: losses, first gradients and equal values on all
# ranks, in more layouts than ./test has; then kills a random rank at a random moment, again and again: the others must name it
# and end within the time-out, and the resumed run must equal an unbroken one.
#
#   eng/check-distributed.sh [--kills 15] [--kill-ranks 2] [--layouts "4x1"]
#
# A layout is data × experts. There are --kills kills with whole and as many with sharded moments. ./test runs the same tests with
# two processes and one kill. The result goes to bench/results. Not part of ./test: it takes some minutes.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"

kills=15 ranks=2
# Add a layout here.
layouts=(4x1)
while (($#)); do
  (($# > 1)) || refuse "$1: a value is missing"
  case $1 in
    --kills) kills=$2 ;;
    --kill-ranks) ranks=$2 ;;
    --layouts) read -ra layouts <<<"$2" ;;
    *) refuse "unknown argument '$1'" ;;
  esac
  shift 2
done
[[ $kills =~ ^[1-9][0-9]*$ ]] || refuse "--kills: expected a number from 1, found $kills"
[[ $ranks =~ ^([2-9]|[1-9][0-9]+)$ ]] || refuse "--kill-ranks: expected a number from 2, found $ranks"
for layout in "${layouts[@]}"; do
  [[ $layout =~ ^[1-9][0-9]*x[1-9][0-9]*$ ]] || refuse "--layouts: expected layouts such as 2x2 (data x experts), found $layout"
done
require_sdk
mkdir -p "$artifacts"
rows=$artifacts/check-distributed.rows
: >"$rows"
BAM_LAYOUTS="${layouts[*]}" "$dotnet" test "$root/tests/Bam.Tests" --configuration Debug --nologo \
  --filter FullyQualifiedName~DataParallelTests </dev/null
# Four ranks that share the experts, and two by two.
BAM_TEST_RANKS=4 "$dotnet" test "$root/tests/Bam.Tests" --configuration Debug --nologo \
  --filter "FullyQualifiedName~ExpertParallelTests|FullyQualifiedName~ExpertTrainingTests" </dev/null
BAM_RANK_KILLS=$kills BAM_RANKS=$ranks BAM_RANK_KILLS_RESULT=$rows "$dotnet" test "$root/tests/Bam.Cli.Tests" \
  --configuration Debug --nologo --filter FullyQualifiedName~RankKillTests </dev/null

result=$root/bench/results/distributed-$(date +%Y-%m-%d).md
{
  echo "# Training by several processes"
  echo
  echo "Commit $(git -C "$root" rev-parse --short HEAD), \`eng/check-distributed.sh --kills $kills --kill-ranks $ranks --layouts"
  echo "\"${layouts[*]}\"\`. Losses of 20 steps and the gradients of the first were those of one process within 1e-5,"
  echo "in layouts (data × experts) ${layouts[*]}, 1x4 and 2x2. After each kill the other ranks ended and named the killed one;"
  echo "the resumed run's model was that of an unbroken run, byte for byte."
  echo
  echo "| moments | ranks | kills |"
  echo "| --- | ---: | ---: |"
  sort "$rows"
} >"$result"
cat "$result"
