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
  [[ -e $builds/$build/Bam.Cli.dll && $built_for == "$wanted_libtorch" ]] || return 1
  [[ ${1-} != libtorch || -e $builds/$build/libbam_torch.so ]] || return 1
  [[ -z $(find "$root"/{src,native,recipes,tasks,eng/{build,start-native}.sh,Directory.{Build,Packages}.props,global.json} \
    \( -name bin -o -name obj -o -name results \) -prune -o -newer "$current" -print -quit 2>/dev/null) ]]
}

# build_cli [libtorch]: brings artifacts/cli/current up to date, once for all who wait. With libtorch, the packages arrive and the
# bridge is compiled while the managed code is.
build_cli() {
  [[ -z ${1-} ]] || require_packages
  lock_clone
  if ! is_current "${1-}"; then
    require_sdk
    mkdir -p "$builds"
    # Directories count as sources, so the build must not be the one that makes these.
    mkdir -p "$root"/src/{Bam.Torch,Bam,Bam.Experiments,Bam.Server,Bam.Cli}/{bin,obj}
    if is_current; then
      compile_bridge
      add_bridge "$builds/$build"
    else
      build_both "${1-}"
    fi
  fi
  unlock_clone
}

# build_both [libtorch]: a new build, with the bridge if that is asked for.
build_both() {
  local id started=$builds/.started managed
  id=$(date +%Y%m%d-%H%M%S)-$$
  touch "$started"
  rm -rf "$builds/.new"
  if [[ -z $1 ]]; then
    publish_cli "$builds/.new" || exit 1
  else
    # A process group of its own, so that all of it ends when this script does.
    set -m
    publish_cli "$builds/.new" &
    managed=$!
    set +m
    trap 'kill -- -$managed 2>/dev/null || true' EXIT
    compile_bridge
    wait "$managed" || exit 1
    trap - EXIT
    add_bridge "$builds/.new"
  fi
  mv "$builds/.new" "$builds/$id"
  touch "$builds/$id/.lock"
  printf '%s\n' "$id" "$wanted_libtorch" >"$current.new"
  touch -r "$started" "$current.new"
  mv "$current.new" "$current"
  build=$id
  remove_old_builds "$builds" 2
}

# publish_cli DIRECTORY: the managed code, compiled ahead of time where that tool can be had; without analyzers and servers, which
# are for the tests.
publish_cli() {
  logged "building Bam" "$dotnet" publish "$root/src/Bam.Cli/Bam.Cli.csproj" --configuration Release --output "$1" \
    --nologo --verbosity quiet -nodeReuse:false -p:UseSharedCompilation=false -p:RunAnalyzers=false \
    -p:TreatWarningsAsErrors=false -p:SkipNative=true -p:Precompile=true
}

native=$root/src/Bam.Torch/obj/native

# compile_bridge: the packages, then native/, into the folder that dotnet build uses as well.
compile_bridge() {
  provide_packages || exit 1
  logged "compiling the bridge to libtorch" "$dotnet" msbuild "$root/src/Bam.Torch/Native.targets" -target:CompileNative \
    -nologo -verbosity:quiet -nodeReuse:false -property:NativeRequired=true || exit 1
}

# add_bridge DIRECTORY: puts the bridge into a build. What else is there stays, so that it may be in use.
add_bridge() {
  cp "$native/bam_torch.txt" "$1/"
  [[ ! -e $native/unused ]] || cp -r --remove-destination "$native/unused" "$1/"
  cp "$native/libbam_torch.so" "$1/.libbam_torch.so"
  mv "$1/.libbam_torch.so" "$1/libbam_torch.so"
}

# compile_native: the command line as one program of machine code, beside the newest build; eng/start-native.sh says what for.
compile_native() {
  local new=$builds/.native made=$artifacts/native
  [[ ! -e $builds/$build/native ]] || return 0
  require_sdk
  rm -rf "$new" "$made"
  # Projects and packages in folders of their own: a publication for one machine changes what dotnet build finds.
  logged "compiling Bam to machine code, more than a minute" "$dotnet" publish "$root/src/Bam.Cli/Bam.Cli.csproj" \
    --configuration Release --runtime linux-x64 --artifacts-path "$made" --output "$made/out" --nologo --verbosity quiet \
    -nodeReuse:false -p:UseSharedCompilation=false -p:RunAnalyzers=false -p:TreatWarningsAsErrors=false -p:SkipNative=true \
    -p:PublishAot=true || exit 1
  mkdir "$new"
  cp "$made/out/Bam.Cli" "$new/bam"
  cp "$root/eng/start-native.sh" "$new/start.sh"
  mv "$new" "$builds/$build/native"
  rm -rf "$made"
}

# remove_old_builds DIRECTORY KEEP: all but the newest KEEP and those that someone runs.
remove_old_builds() {
  local old
  while read -r old; do
    flock --nonblock "$old/.lock" rm -rf "$old" || true
  done < <(find "$1" -mindepth 1 -maxdepth 1 -type d -name '2*' | sort | head -n "-$2")
}
