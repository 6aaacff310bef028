#!/usr/bin/env bash
# Installs Bam outside the clone: PREFIX/bin/bam, and everything it needs under PREFIX/lib/bam.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"
# shellcheck source=eng/packages.sh
source "$eng/packages.sh"
# shellcheck source=eng/build.sh
source "$eng/build.sh"

prefix=$HOME/.local
while [[ $# -gt 0 ]]; do
  case $1 in
    --prefix)
      [[ $# -ge 2 ]] || refuse "--prefix needs a directory; try: bam install --help"
      prefix=$2
      shift 2
      ;;
    -h | --help)
      cat <<'HELP'
Usage: bam install [--prefix DIR]

Builds Bam and copies it to DIR/lib/bam, with a command DIR/bin/bam (default: ~/.local). The clone is not needed
afterwards; the .NET 10 runtime and libtorch are. Installing again replaces it; work that runs goes on undisturbed.
To remove it: rm -r DIR/lib/bam DIR/bin/bam

Example:
  bam install --prefix ~/.local
HELP
      exit
      ;;
    *) refuse "unknown argument '$1'; try: bam install --help" ;;
  esac
done

require_machine
is_current libtorch || build_cli libtorch
mkdir -p "$prefix/bin" "$prefix/lib/bam" 2>/dev/null || refuse "$prefix cannot be written; choose another --prefix"
prefix=$(readlink -f -- "$prefix")
installed=$prefix/lib/bam

new=$installed/.new.$$
trap 'rm -rf "$new"' EXIT
cp -r "$builds/$build" "$new" || give_up "$installed: cannot be written"
(cd "$root" && find recipes -type f -not -path '*/results/*' -exec cp --parents -t "$new" {} +)
search_unpacked
[[ -z $unpacked_path ]] || printf '%s\n' "$unpacked_path" >"$new/library_path"
id=$build
[[ ! -e $installed/$id ]] || id=$build-$$
mv "$new" "$installed/$id"
install -m 755 "$eng/launcher.sh" "$prefix/bin/.bam.$$"
printf '%s\n' "$id" >"$installed/.current.$$"
mv "$installed/.current.$$" "$installed/current"
mv "$prefix/bin/.bam.$$" "$prefix/bin/bam"
remove_old_builds "$installed" 1

say "installed $prefix/bin/bam"
[[ -z $unpacked_path ]] || say "it uses the libraries in $unpacked: keep them"
[[ :$PATH: == *:$prefix/bin:* ]] || say "$prefix/bin is not in PATH; add it: export PATH=\"$prefix/bin:\$PATH\""
