# shellcheck shell=bash
# The packages that the native bridge needs: libtorch, the headers of its process groups, a BLAS that shares OpenMP with it, and
# a compiler. Root installs them by apt-get; others, who have a compiler, get the libraries unpacked below artifacts/libtorch.
# Sourced after common.sh.

unpacked=$artifacts/libtorch

# Whether FILE, a path below /usr, is installed or unpacked.
have() { [[ -e /usr/$1 || -e $unpacked/usr/$1 ]]; }

# search_unpacked: lets the loader find what was unpacked, in unpacked_path, unless another libtorch is asked for.
search_unpacked() {
  unpacked_path=
  [[ -e $unpacked && -z ${LIBTORCH-} && ${LIBTORCH_USE_PYTORCH-} != 1 ]] || return 0
  unpacked_path=$unpacked/usr/lib/x86_64-linux-gnu/openblas-openmp:$unpacked/usr/lib/x86_64-linux-gnu
  unpacked_path+=:$unpacked/usr/lib:$unpacked/lib/x86_64-linux-gnu
  export LD_LIBRARY_PATH=$unpacked_path${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}

# find_missing: the names of what is missing, in libraries=() and tools=().
find_missing() {
  local tool own=
  libraries=() tools=()
  if [[ -n ${LIBTORCH-} || ${LIBTORCH_USE_PYTORCH-} == 1 ]]; then own=1; fi
  for tool in cmake g++ make; do command -v "$tool" >/dev/null || tools+=("$tool"); done
  [[ -z $own ]] || return 0
  if ! have lib/x86_64-linux-gnu/libtorch_cpu.so || ! have include/ATen/core/dispatch/Dispatcher.h; then
    libraries+=(libtorch-dev)
  fi
  have lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0 || libraries+=(libopenblas0-openmp)
  # One process computes without these headers, so that they alone are no reason to ask for root or to download.
  if ! have include/gloo/context.h && [[ $EUID == 0 || ${#libraries[@]} != 0 || ${#tools[@]} != 0 ]]; then
    libraries+=(libgloo-dev)
  fi
}

has_packages() { find_missing && [[ ${#libraries[@]} == 0 && ${#tools[@]} == 0 ]]; }

# require_packages: refuses where what is missing can be neither installed nor unpacked; asks no network.
require_packages() {
  local missing
  find_missing
  missing="${libraries[*]} ${tools[*]}"
  missing=${missing# } missing=${missing% }
  [[ -n $missing ]] || return 0
  if ! command -v apt-get >/dev/null; then
    refuse "needs $missing (Debian's names), and there is no apt-get here; \
install them, or point LIBTORCH at a libtorch of 1.13 or newer"
  fi
  if [[ $EUID != 0 && ${#tools[@]} != 0 ]] || { [[ $EUID != 0 ]] && ! command -v dpkg-deb >/dev/null; }; then
    refuse "set-up needs root for this line, once: apt-get install --yes --no-install-recommends $missing"
  fi
}

# provide_packages: installs or unpacks what is missing.
provide_packages() {
  if has_packages; then return; fi
  mkdir -p "$artifacts"
  if [[ $EUID == 0 ]]; then
    local missing=("${libraries[@]}" "${tools[@]}")
    logged "installing ${missing[*]} by apt-get (about 300 MB)" install_packages "${missing[@]}"
  else
    logged "unpacking ${libraries[*]} into $unpacked (300 MB to download, 1.3 GB on disk; no root needed)" unpack_packages
  fi
}

quiet_apt() {
  env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

install_packages() {
  local install=(install --yes --no-install-recommends "$@")
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || quiet_apt update
  # Old lists name packages that the mirror no longer has.
  quiet_apt "${install[@]}" || { quiet_apt update && quiet_apt "${install[@]}"; }
}

# Apt with lists and a cache of its own, and the machine's sources, keys and status: it verifies signatures as for root. What a
# machine runs after an update needs root.
own_apt() {
  printf '#clear APT::Update::%s;\n' Pre-Invoke Post-Invoke Post-Invoke-Success >"$artifacts/apt/apt.conf" || return 1
  quiet_apt -c "$artifacts/apt/apt.conf" -o Dir::State="$artifacts/apt/state" -o Dir::State::status=/var/lib/dpkg/status \
    -o Dir::Cache="$artifacts/apt/cache" -o Debug::NoLocking=1 "$@"
}

# The packages with all that they depend on and the machine lacks. What was downloaded before is not downloaded again.
unpack_packages() {
  local deb download=(install --download-only --yes --no-install-recommends libtorch-dev libgloo-dev libopenblas0-openmp)
  mkdir -p "$artifacts"/apt/{state/lists,cache/archives}/partial || return 1
  compgen -G "$artifacts/apt/state/lists/*_Packages*" >/dev/null || own_apt update || return 1
  own_apt "${download[@]}" || { own_apt update && own_apt "${download[@]}"; } || return 1
  # Versions that the archive no longer has.
  own_apt autoclean || return 1
  rm -rf "$unpacked.new" && mkdir "$unpacked.new" || return 1
  for deb in "$artifacts"/apt/cache/archives/*.deb; do
    dpkg-deb --extract "$deb" "$unpacked.new" || return 1
  done
  (unpacked=$unpacked.new && find_missing && [[ ${#libraries[@]} == 0 ]]) || return 1
  rm -rf "$unpacked" && mv "$unpacked.new" "$unpacked"
}
