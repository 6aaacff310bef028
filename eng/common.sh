# shellcheck shell=bash
# What bam, test and eng/*.sh share: how to speak, which machine is supported, where dotnet is, and how Bam is built.

root=$(CDPATH= cd -- "${BASH_SOURCE[0]%/*}/.." && pwd -P)
artifacts=$root/artifacts

say() { printf 'bam: %s\n' "$*" >&2; }

# The request was wrong, or the machine is: one line, status 2.
refuse() { say "$*"; exit 2; }

# The work failed: one line, status 1.
give_up() { say "$*"; exit 1; }

require_machine() {
  local machine
  machine=$(uname -sm)
  if [[ $machine != "Linux x86_64" || ! -e /lib64/ld-linux-x86-64.so.2 ]]; then
    refuse "Linux on x64 with glibc is supported, this is $machine"
  fi
}

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# Needs no ICU, and sorts and formats the same everywhere.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
[[ -n ${HOME-} ]] || export HOME=$artifacts/home

# No subshell: every command runs this, and a subshell takes milliseconds.
find_dotnet() {
  unset -f dotnet
  if hash -- dotnet 2>/dev/null; then dotnet=${BASH_CMDS[dotnet]}; return; fi
  for dotnet in "${DOTNET_ROOT-}/dotnet" "$HOME/.dotnet/dotnet" /usr/share/dotnet/dotnet /usr/lib/dotnet/dotnet; do
    if [[ -f $dotnet && -x $dotnet ]]; then return; fi
  done
  refuse "the .NET 10 SDK was not found (in PATH, \$DOTNET_ROOT, ~/.dotnet, /usr/share/dotnet); \
install it from https://dotnet.microsoft.com/download/dotnet/10.0"
}

require_sdk() {
  find_dotnet
  (cd "$root" && "$dotnet" --version >/dev/null 2>&1) && return
  refuse "the .NET 10 SDK is needed (global.json); $dotnet has: $("$dotnet" --list-sdks | cut -d' ' -f1 | paste -sd' ')"
}

# Which libtorch the environment asks for; a build for another one is not reused.
wanted_libtorch="LIBTORCH=${LIBTORCH-} LIBTORCH_USE_PYTORCH=${LIBTORCH_USE_PYTORCH-}"

# One build at a time in a clone: descriptor 9 holds the lock, and no child inherits it.
lock_clone() {
  mkdir -p "$artifacts" 2>/dev/null || refuse "$artifacts cannot be written; run this as the clone's owner"
  { exec 9>"$artifacts/.lock"; } 2>/dev/null || refuse "$artifacts/.lock cannot be written; run this as the clone's owner"
  if ! flock --nonblock 9; then
    say "waiting for another build of this clone"
    flock 9
  fi
}

unlock_clone() { exec 9>&-; }

# logged LABEL COMMAND...: one plain line before, one after; the output goes to a log, whose end is shown on failure.
logged() {
  local label=$1 log=$artifacts/${1%% *}.log started=$SECONDS
  shift
  say "$label"
  if "$@" >"$log" 2>&1 9>&- </dev/null; then
    say "${label%% *} done in $((SECONDS - started)) s"
    return
  fi
  { grep -E ' error |: error|^E: ' "$log" || tail -n 20 "$log"; } | sort -u | head -n 20 >&2
  say "${label%% *} failed after $((SECONDS - started)) s; the whole log is $log"
  return 1
}
