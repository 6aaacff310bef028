#!/usr/bin/env bash
# Runs all of the project's tests on the newest libtorch that Debian has, 2.14 in its testing suite: what is committed, built
# there.
#
#   eng/check-libtorch.sh [ARGUMENT...]      for ./test, such as --filter FullyQualifiedName~Models
#   eng/check-libtorch.sh --distributed      those of several processes: groups, launches, data and expert parallel
#
# Debian's testing suite is set up by eng/testing.sh, which says what can be set. The last result goes to bench/results. Not part
# of ./test: the set-up takes minutes and 3 GB.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/testing.sh
source "$eng/testing.sh"

name=libtorch what="The tests"
if [[ $* == --distributed ]]; then
  name=libtorch-distributed what="The tests of several processes"
  set -- --filter "FullyQualifiedName~Distributed|FullyQualifiedName~Rank|FullyQualifiedName~Launch"
elif (($#)); then
  name=
fi
set_up_testing libtorch-dev libgloo-dev libopenblas0-openmp cmake g++ make git ca-certificates
require_sdk
new_work bam-libtorch
git clone --quiet "$root" "$work/bam"
sdk=$(dirname -- "$(readlink -f -- "$dotnet")")
mkdir -p "$testing$sdk" "$testing/root/.nuget" "$HOME/.nuget"

# What is mounted is gone when the tests are done.
export testing sdk
status=0
unshare --mount bash -euc '
  for folder in /proc /dev /sys "$sdk"; do mount --bind "$folder" "$testing$folder"; done
  mount --bind "$HOME/.nuget" "$testing/root/.nuget"
  exec chroot "$testing" env HOME=/root PATH="$sdk:/usr/sbin:/usr/bin:/sbin:/bin" /tmp/bam-libtorch/bam/test "$@"
' bash "$@" 2>&1 </dev/null | tee "$work/test.log" || status=$?

version=$(in_testing dpkg-query -W -f '${Version}' libtorch-dev)
{
  echo "# $what on a newer libtorch"
  echo
  echo "libtorch $version, commit $(git -C "$work/bam" rev-parse --short HEAD): $(tail -n 1 "$work/test.log")."
} >"$work/result.md"
[[ -z $name ]] || cp "$work/result.md" "$root/bench/results/$name-$(date +%Y-%m-%d).md"
cat "$work/result.md"
exit "$status"
