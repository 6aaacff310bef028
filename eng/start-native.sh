# shellcheck shell=bash disable=SC2154
# Sourced by bam and by the installed launcher with the command's arguments, from beside the program that compile_native made:
# becomes that program for commands that do not compute with libtorch and are often short. It needs no other file of the build, so
# that no lock is held. JSON results need reflection, which is off in that program; --router-text needs libtorch.
starts_native() {
  case " $* " in *" --json"* | *" --router-text"*) return 1 ;; esac
  case ${1-} in
    inspect | mix) return 0 ;;
    --version) [[ $# == 1 ]] ;;
    *) return 1 ;;
  esac
}

if starts_native "$@"; then BAM_DOTNET=$dotnet exec "${BASH_SOURCE[0]%/*}/bam" "$@"; fi
