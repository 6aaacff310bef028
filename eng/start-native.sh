# shellcheck shell=bash disable=SC2154
# Sourced by bam and by the installed launcher with the command's arguments, from beside the program that compile_native made:
# becomes that program for commands that do not compute with libtorch and are often short. It needs no other file of the build, so
# that no lock is held. JSON needs generic types that are not compiled.
case "${1-} $* " in
  *" --json "* | *" --router-text"*) ;;
  --version\ * | inspect\ * | mix\ *) BAM_DOTNET=$dotnet exec "${BASH_SOURCE[0]%/*}/bam" "$@" ;;
esac
