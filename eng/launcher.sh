#!/bin/bash
# The command bam as installed by `bam install`: runs the build that ../lib/bam/current names.
set -euo pipefail
# Closed descriptors are opened: .NET would end without a word, and files could get their numbers. Bash may have read this file by
# such a number. Output is opened for reading, so that writing there is still a fault.
if ! true >&2 || [[ /dev/fd/2 -ef ${BASH_SOURCE[0]} ]]; then exec 2>/dev/null; fi
if ! { true 3<&0; } 2>/dev/null || [[ /dev/fd/0 -ef ${BASH_SOURCE[0]} ]]; then exec </dev/null; fi
if ! { true 3>&1; } 2>/dev/null || [[ /dev/fd/1 -ef ${BASH_SOURCE[0]} ]]; then exec 1</dev/null; fi
self=${BASH_SOURCE[0]}
if [[ -L $self ]]; then self=$(readlink -f -- "$self"); fi
[[ $self == */* ]] || self=./$self
prefix=$(CDPATH= cd -- "${self%/*}/.." && pwd -P)
read -r build <"$prefix/lib/bam/current"
build=$prefix/lib/bam/$build

# Libraries that were unpacked without root.
if [[ -e $build/library_path ]]; then
  read -r unpacked_path <"$build/library_path"
  export LD_LIBRARY_PATH=$unpacked_path${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi

# As in eng/common.sh.
find_dotnet() {
  unset -f dotnet
  if hash -- dotnet 2>/dev/null; then dotnet=${BASH_CMDS[dotnet]}; return; fi
  for dotnet in "${DOTNET_ROOT-}/dotnet" "${HOME-}/.dotnet/dotnet" /usr/share/dotnet/dotnet /usr/lib/dotnet/dotnet; do
    if [[ -f $dotnet && -x $dotnet ]]; then return; fi
  done
  echo "bam: the .NET 10 runtime was not found (in PATH, \$DOTNET_ROOT, ~/.dotnet, /usr/share/dotnet)" >&2
  exit 2
}

find_dotnet
# One malloc arena, so that large tensors of any thread come from memory that is kept, and huge pages for it where the system
# gives them on request; only the environment can ask for that.
export DOTNET_gcServer=0 DOTNET_gcConcurrent=0 MALLOC_ARENA_MAX=1
export GLIBC_TUNABLES=${GLIBC_TUNABLES-glibc.malloc.hugetlb=1}
# shellcheck source=eng/start-native.sh
[[ ! -x $build/native/bam ]] || source "$build/native/start.sh" "$@"
# Held while the runtime runs, so that installing a newer one leaves these files alone.
exec {in_use}<"$build/.lock"
flock --shared "$in_use"
exec "$dotnet" exec "$build/Bam.Cli.dll" "$@"
