#!/usr/bin/env bash
# Makes the corpora of this recipe, about 5 MB each: OUTDIR/general.jsonl, code.jsonl, math.jsonl and law.jsonl with the fields
# "text" and "source". They come from Debian 12's packages, which are downloaded and unpacked but not installed, and, for the
# law, from npm's list of licences. Needs apt, dpkg, gzip, perl and tar, which every Debian has, and no root. A domain that is
# there already is left alone; each appears under its name only when whole.
set -euo pipefail

usage='usage: prepare.sh OUTDIR'
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LC_ALL=C

fail() {
  echo "prepare.sh: $1" >&2
  exit "${2:-1}"
}

[[ $# -eq 1 ]] || fail "$usage" 2
for tool in apt-get apt-cache dpkg-deb gzip perl tar sha256sum; do
  command -v "$tool" > /dev/null || fail "needs $tool; run it on Debian 12, or give the recipe your own files" 2
done
mkdir -p "$1" || fail "$1 cannot be made"
out=$(cd "$1" && pwd)

declare -A missing=()
for domain in general code math law; do
  [[ -s $out/$domain.jsonl ]] || missing[$domain]=1
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

work=$(mktemp -d "$out/.prepare.XXXXXX")
trap 'jobs -p | xargs -r kill 2> /dev/null || true; rm -rf "$work"' EXIT

# Lines of packages.txt, "PACKAGE VERSION SHA256 DOMAIN...", of which a missing domain is made.
needed() {
  local package version hash domains domain
  while read -r package version hash domains; do
    [[ -z $package || $package == '#'* ]] && continue
    for domain in $domains; do
      if [[ -n ${missing[$domain]:-} ]]; then
        echo "$package $version $hash"
        break
      fi
    done
  done < "$here/packages.txt"
}

# Downloads the packages; apt checks what it fetches against the archive's signature, and the pinned versions are checked here.
download() {
  local package version hash file available changed=()
  mkdir "$work/deb"
  apt-cache show --no-all-versions "${packages[@]}" 2> /dev/null | sed -n 's/^Package: //p' | sort -u > "$work/known" || true
  for package in "${packages[@]}"; do
    grep -qx "$package" "$work/known" ||
      fail "apt does not know the package $package; run 'apt-get update' as root once, on Debian 12"
  done
  (
    cd "$work/deb"
    printf '%s\n' "${packages[@]}" | xargs -P 4 -n 2 apt-get -qq -o APT::Sandbox::User=root download
  ) > "$work/apt.log" 2>&1 || fail "apt-get download failed ($(grep -m 1 '^E:' "$work/apt.log" || tail -n 1 "$work/apt.log")); run 'apt-get update' as root and try again"
  while read -r package version hash; do
    file=$(echo "$work/deb/$package"_*.deb)
    available=$(dpkg-deb -f "$file" Version)
    if [[ $available != "$version" ]]; then changed+=("$package $available instead of $version")
    elif [[ $(sha256sum < "$file") != "$hash  -" ]]; then fail "$package $version is not the pinned file: its SHA-256 differs"
    fi
  done < "$work/needed"
  if [[ ${#changed[@]} -gt 0 ]]; then
    local list
    printf -v list '%s, ' "${changed[@]}"
    echo "prepare.sh: note: the archive has other versions than this recipe was measured with (${list%, })" >&2
  fi
}

# unpack PACKAGE PATTERN...: unpacks what matches below $work/PACKAGE.
unpack() {
  local package=$1
  shift
  mkdir -p "$work/$package"
  dpkg-deb --fsys-tarfile "$work/deb/$package"_*.deb | tar -x -C "$work/$package" --wildcards "${@/#/./}"
}

# npm's list of licences: one version, one hash. Without npm, or without its registry, the law is smaller.
licences() {
  local name=spdx-license-list version=6.12.0
  local hash=54cc8d13086187333ca1457c8edaa06d9a412144f076aa7f7c1b59c4f3b0a1ef
  local file="$work/$name-$version.tgz"
  mkdir "$work/$name"
  (cd "$work" && npm_config_cache="$work/npm" timeout 30 npm pack --silent "$name@$version") > /dev/null 2>&1 || true
  [[ -f $file && $(sha256sum < "$file") == "$hash  -" ]] && tar -xzf "$file" -C "$work/$name" package/licenses
}

clean() {
  local domain=$1
  shift
  perl -I "$here/clean" "$here/clean/$domain.pl" "$@" > "$work/$domain.jsonl"
}

make_general() {
  unpack debian-handbook 'usr/share/doc/debian-handbook/html/en-US/*.html'
  clean general "$work/dict-gcide/usr/share/dictd/gcide.dict.dz" "$work"/debian-handbook/usr/share/doc/debian-handbook/html/en-US/*.html
}

make_code() {
  unpack libpython3.11-stdlib '*.py'
  local root="$work/libpython3.11-stdlib/usr/lib/python3.11" files
  mapfile -t files < <(find "$root" -type f -name '*.py')
  clean code "$root" "${files[@]}"
}

make_math() {
  unpack metamath-databases '*/set.mm'
  clean math "$work/metamath-databases/usr/share/metamath/databases/set.mm"
}

make_law() {
  unpack base-files 'usr/share/common-licenses/*'
  unpack ruby-licensee '*/choosealicense.com/_licenses/*.txt'
  unpack miscfiles 'usr/share/state/us-*.gz'
  unpack doc-debian 'usr/share/doc/debian/constitution.txt.gz' 'usr/share/doc/debian/social-contract.txt.gz'
  local files
  mapfile -t files < <(cd "$work" && find "$work"/{base-files,ruby-licensee,miscfiles,doc-debian,spdx-license-list} -type f)
  clean law "$work/dict-gcide/usr/share/dictd/gcide.dict.dz" "${files[@]}"
}

needed > "$work/needed"
mapfile -t packages < <(cut -d ' ' -f 1 "$work/needed")
licences_job=
if [[ -n ${missing[law]:-} ]]; then
  licences &
  licences_job=$!
fi
download
if [[ -n $licences_job ]] && ! wait "$licences_job"; then
  echo "prepare.sh: note: npm's list of licences could not be fetched (is npm installed?); the law has 1 MB instead of 6" >&2
fi
if [[ -f $(echo "$work/deb/dict-gcide"_*.deb) ]]; then unpack dict-gcide '*.dict.dz'; fi

declare -A jobs=()
for domain in "${!missing[@]}"; do
  "make_$domain" &
  jobs[$domain]=$!
done
failed=()
for domain in "${!jobs[@]}"; do
  if wait "${jobs[$domain]}" && [[ -s $work/$domain.jsonl ]]; then mv "$work/$domain.jsonl" "$out/$domain.jsonl"
  else failed+=("$domain")
  fi
done
[[ ${#failed[@]} -eq 0 ]] || fail "could not make ${failed[*]} (see above); the domains that are whole stay"
for domain in general code math law; do
  printf '%-8s %9d bytes %6d documents\n' "$domain" "$(stat -c %s "$out/$domain.jsonl")" "$(wc -l < "$out/$domain.jsonl")"
done
