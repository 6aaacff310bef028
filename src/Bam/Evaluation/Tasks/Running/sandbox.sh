# Runs a command in a file system of its own: the system's programs, read-only, and an empty /tmp in memory. Started by unshare
# with new namespaces. $1 is an empty directory, $2 and so on the command; standard input and output are the command's.
set -e
box=$1
shift
mount -t tmpfs -o size=64m,mode=755 tmpfs "$box"
for name in usr bin sbin lib lib64; do
  if [ -L "/$name" ]; then
    cp -P "/$name" "$box/$name"
  elif [ -d "/$name" ]; then
    mkdir "$box/$name"
    mount --rbind -o ro "/$name" "$box/$name"
  fi
done
# Mounts below these were mounted as they are.
while read -r _ _ _ _ place _; do
  case $place in "$box"/*) mount -o remount,bind,ro "$place" ;; esac
done </proc/self/mountinfo
mkdir "$box/dev" "$box/tmp"
chmod 1777 "$box/tmp"
for name in null zero urandom; do
  : >"$box/dev/$name"
  mount --bind "/dev/$name" "$box/dev/$name"
done
# The first to go when memory runs out.
echo 1000 >/proc/self/oom_score_adj
cd "$box"
exec chroot "$box" "$@"
