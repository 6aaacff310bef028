# shellcheck shell=bash
# What the checks against other software share: Debian's testing suite in a chroot, which carries newer peers than this machine
# does. It is set up in TESTING (artifacts/testing unless given), by debootstrap from MIRROR with DEBOOTSTRAP_OPTIONS, unless it
# is there. BAM is the command to check, ./bam unless given. Root is needed.

testing=${TESTING-$artifacts/testing}
mirror=${MIRROR-http://deb.debian.org/debian}
bam=${BAM-$root/bam}
require_machine
[[ $(id -u) == 0 ]] || refuse "root is needed for a chroot; run it as root"

in_testing() { chroot "$testing" env HF_HOME=/tmp/hf HF_HUB_OFFLINE=1 OMP_NUM_THREADS="${OMP_NUM_THREADS-2}" "$@"; }

# set_up_testing PACKAGE...: the chroot, with those packages.
set_up_testing() {
  in_testing dpkg --status "$@" >/dev/null 2>&1 && return
  mkdir -p "$artifacts"
  if [[ ! -e $testing/usr/bin/apt-get ]]; then
    command -v debootstrap >/dev/null || refuse "debootstrap is needed; install it (apt-get install debootstrap)"
    # shellcheck disable=SC2086
    logged "testing: debootstrap into $testing" debootstrap --variant=minbase \
      ${DEBOOTSTRAP_OPTIONS-} forky "$testing" "$mirror" sid
  fi
  logged "packages: ${*}" in_testing sh -c \
    'apt-get -o Acquire::Check-Valid-Until=false update &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"' sh "$@"
}

# new_work NAME: an empty folder, $work here and /tmp/NAME there.
new_work() {
  work=$testing/tmp/$1
  rm -rf "$work"
  mkdir -p "$work"
}

# run VERB...: Bam, which must succeed.
run() { "$bam" "$@" >>"$work/bam.log" 2>&1 </dev/null || give_up "bam $*: $(tail -n 2 "$work/bam.log")"; }

# forward MODEL IDS KIND/NAME: the logits that Bam gives to ids, in $work/logits/KIND/NAME.safetensors.
forward() {
  mkdir -p "$work/logits/${3%/*}"
  run forward "$1" --input "$2" --output "$work/logits/$3.safetensors" --device cpu
}

# keep_results NAME: the check's result.json and result.md, among the committed ones and on the screen.
keep_results() {
  local name
  name=$1-$(date +%Y-%m-%d)
  cp "$work/result.json" "$root/bench/results/$name.json"
  cp "$work/result.md" "$root/bench/results/$name.md"
  cat "$work/result.md"
}
