#!/usr/bin/env bash
# Makes the text that no model of these recipes saw, at most 0.5 MB each: OUTDIR/scripture.jsonl, quotations.jsonl, german.jsonl,
# c.jsonl and logic.jsonl with the fields "text" and "source". It comes from Debian 12's packages, which are downloaded and unpacked
# but not installed. Needs apt, dpkg, gzip, perl and tar, which every Debian has, and no root. A text that is there already is left
# alone; each appears under its name only when whole. The cleaners lean on those of ../debian-domains.
set -euo pipefail

usage='usage: prepare-probes.sh OUTDIR'
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
domains_clean=$here/../debian-domains/clean
export LC_ALL=C

fail() {
  echo "prepare-probes.sh: $1" >&2
  exit "${2:-1}"
}

[[ $# -eq 1 ]] || fail "$usage" 2
for tool in apt-get apt-cache dpkg-deb gzip perl tar sha256sum; do
  command -v "$tool" > /dev/null || fail "needs $tool; run it on Debian 12, or give the probes your own files" 2
done
mkdir -p "$1" || fail "$1 cannot be made"
out=$(cd "$1" && pwd)

# Of the lines of probe-packages.txt, "PACKAGE VERSION SHA256 TEXT", those whose text is missing.
needed() {
  local package version hash name
  while read -r package version hash name; do
    [[ -z $package || $package == '#'* || -s $out/$name.jsonl ]] || echo "$package $version $hash $name"
  done < "$here/probe-packages.txt"
}

# Downloads the packages; apt checks what it fetches against the archive's signature, and the pinned versions are checked here.
download() {
  local package version hash name file available changed=()
  mkdir "$work/deb"
  apt-cache show --no-all-versions "${packages[@]}" 2> /dev/null | sed -n 's/^Package: //p' | sort -u > "$work/known" || true
  for package in "${packages[@]}"; do
    grep -qx "$package" "$work/known" ||
      fail "apt does not know the package $package; run 'apt-get update' as root once, on Debian 12"
  done
  (cd "$work/deb" && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}") > "$work/apt.log" 2>&1 ||
    fail "apt-get download failed ($(grep -m 1 '^E:' "$work/apt.log" || tail -n 1 "$work/apt.log")); run 'apt-get update' as root and try again"
  while read -r package version hash name; do
    file=$(echo "$work/deb/$package"_*.deb)
    available=$(dpkg-deb -f "$file" Version)
    if [[ $available != "$version" ]]; then changed+=("$package $available instead of $version")
    elif [[ $(sha256sum < "$file") != "$hash  -" ]]; then fail "$package $version is not the pinned file: its SHA-256 differs"
    fi
  done < "$work/needed"
  if [[ ${#changed[@]} -gt 0 ]]; then
    local list
    printf -v list '%s, ' "${changed[@]}"
    echo "prepare-probes.sh: note: the archive has other versions than these recipes were measured with (${list%, })" >&2
  fi
}

# unpack PACKAGE PATTERN...: unpacks what matches below $work/PACKAGE.
unpack() {
  local package=$1
  shift
  mkdir -p "$work/$package"
  dpkg-deb --fsys-tarfile "$work/deb/$package"_*.deb | tar -x -C "$work/$package" --wildcards "${@/#/./}"
}

clean() {
  local cleaner=$1
  shift
  perl -I "$domains_clean" -I "$here/clean" "$cleaner" "$@"
}

make_scripture() {
  unpack bible-kjv-text 'usr/lib/bible.data'
  clean "$here/clean/scripture.pl" "$work/bible-kjv-text/usr/lib/bible.data"
}

make_quotations() {
  local folder=usr/share/games/fortunes
  unpack fortunes "$folder/people" "$folder/songs-poems" "$folder/wisdom"
  clean "$here/clean/quotations.pl" fortunes "$work/fortunes/$folder"/*
}

make_german() {
  unpack fortunes-de 'usr/share/games/fortunes/de/zitate'
  clean "$here/clean/quotations.pl" fortunes-de "$work/fortunes-de/usr/share/games/fortunes/de/zitate"
}

make_c() {
  unpack libstb-dev 'usr/include/stb/*.h'
  clean "$here/clean/c.pl" "$work"/libstb-dev/usr/include/stb/*.h
}

# Quantum logic, higher-order logic and Peano's arithmetic, cleaned as set.mm is for the recipe's mathematics.
make_logic() {
  unpack metamath-databases '*/ql.mm' '*/hol.mm' '*/peano.mm'
  local name
  for name in ql hol peano; do
    # Dates of proofs, which set.mm no longer has, and theorems that are commented out, with @ for $.
    perl -0777 -pi -e 's/\$\((?:(?!\$\)).)*@[.(](?:(?!\$\)).)*\$\)//gs; s/\$\(\s*\[[0-9]{1,2}-[A-Z][a-z]{2}-[0-9]{2,4}\]\s*\$\)//g; s/\s*\((?:Contributed|Revised|Proof)[^()]*-[0-9]{2,4}\.\)//g' \
      "$work/metamath-databases/usr/share/metamath/databases/$name.mm"
    # What stands before the first section are credits.
    clean "$domains_clean/math.pl" "$work/metamath-databases/usr/share/metamath/databases/$name.mm" |
      sed -n "s/^{\"source\": \"set\.mm: \([^#\"]\)/{\"source\": \"$name.mm: \1/p"
  done
}

work=$(mktemp -d "$out/.prepare.XXXXXX")
trap 'rm -rf "$work"' EXIT
needed > "$work/needed"
mapfile -t packages < <(cut -d ' ' -f 1 "$work/needed")
mapfile -t names < <(cut -d ' ' -f 4 "$work/needed")
[[ ${#packages[@]} -gt 0 ]] || exit 0
download

failed=()
for name in "${names[@]}"; do
  # Not after 'if': there, bash would go on behind a command that fails.
  ("make_$name" > "$work/$name.jsonl") &
  if wait $! && [[ -s $work/$name.jsonl ]]; then mv "$work/$name.jsonl" "$out/$name.jsonl"
  else failed+=("$name")
  fi
done
[[ ${#failed[@]} -eq 0 ]] || fail "could not make ${failed[*]} (see above); the texts that are whole stay"
for name in "${names[@]}"; do
  printf '%-10s %7d bytes %4d documents\n' "$name" "$(stat -c %s "$out/$name.jsonl")" "$(wc -l < "$out/$name.jsonl")"
done
