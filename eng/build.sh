# shellcheck shell=bash disable=SC2154
# Builds the command line for bam, in a directory of its own, so that a build never changes files under a running command.
# Sourced after common.sh.
#
#   artifacts/cli/<id>/      a build; .lock in it is held, shared, by whoever runs it
#   artifacts/cli/current    the newest build's id and what it was built for; its time is when that build began

builds=$artifacts/cli
current=$builds/current

# is_current [libtorch]: the build is newer than every source, and has the native bridge if that is asked for.
is_current() {
  [[ -e $current ]] || return 1
  { read -r build && read -r built_for; } <"$current"
  [[ -e $builds/$build/Bam.Cli.dll && $built_for == "$(wanted_libtorch)" ]] || return 1
  [[ ${1-} != libtorch || -e $builds/$build/libbam_torch.so ]] || return 1
  [[ -z $(find "$root"/{src,native,recipes,tasks,eng/build.sh,Directory.Build.props,Directory.Packages.props,global.json} \
    \( -name bin -o -name obj -o -name results \) -prune -o -newer "$current" -print -quit 2>/dev/null) ]]
}

# build_cli [libtorch]: brings artifacts/cli/current up to date, once for all who wait.
build_cli() {
  lock_clone
  if ! is_current "${1-}"; then
    require_sdk
    mkdir -p "$builds"
    local id started=$builds/.started
    id=$(date +%Y%m%d-%H%M%S)-$$
    # Directories count as sources, so the build must not be the one that makes these.
    mkdir -p "$root"/src/{Bam.Torch,Bam,Bam.Experiments,Bam.Server,Bam.Cli}/{bin,obj}
    touch "$started"
    publish_cli "$builds/.new" || exit 1
    mv "$builds/.new" "$builds/$id"
    touch "$builds/$id/.lock"
    printf '%s\n' "$id" "$(wanted_libtorch)" >"$current.new"
    touch -r "$started" "$current.new"
    mv "$current.new" "$current"
    build=$id
    remove_old_builds "$builds" 2
  fi
  unlock_clone
}

# publish_cli DIRECTORY: without analyzers and servers; those are for the tests.
publish_cli() {
  rm -rf "$1"
  logged "building Bam" "$dotnet" publish "$root/src/Bam.Cli/Bam.Cli.csproj" --configuration Release --output "$1" \
    --nologo --verbosity quiet -nodeReuse:false -p:UseSharedCompilation=false -p:RunAnalyzers=false -p:TreatWarningsAsErrors=false
}

# remove_old_builds DIRECTORY KEEP: all but the newest KEEP and those that someone runs.
remove_old_builds() {
  local old
  while read -r old; do
    flock --nonblock "$old/.lock" rm -rf "$old" || true
  done < <(find "$1" -mindepth 1 -maxdepth 1 -type d -name '2*' | sort | head -n "-$2")
}
