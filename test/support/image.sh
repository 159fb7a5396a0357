#!/usr/bin/env bash
# image.sh - builds deploy/Dockerfile without Docker, and runs what is in the image as its settings
# say: not as root, on a root that cannot be written, asked by its own health check.
#
#   image.sh DIR    works in DIR; prints name=value lines. 77: cannot be had here, with the reason.
#
# The base is a bare Debian by mmdebstrap, with this machine's settings for its package clients.
# It takes some minutes, and network for packages.
set -euo pipefail
cannot() { echo "image: cannot be had here: $*" >&2; exit 77; }
[ "$(id -u)" = 0 ] || cannot "only root may chroot"
for tool in buildah mmdebstrap unshare; do
    command -v $tool >/dev/null || cannot "no $tool (Debian packages buildah, mmdebstrap)"
done
top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$1
buildah=(buildah --root "$dir/store" --runroot "$dir/run" --storage-driver vfs)

mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$dir/base.tar" \
    >"$dir/words" 2>&1 || cannot "mmdebstrap: $(tail -n 1 "$dir/words")"
mkdir "$dir/base"
tar xf "$dir/base.tar" -C "$dir/base"
cp -a /etc/apt/apt.conf.d/. "$dir/base/etc/apt/apt.conf.d/"
rm -f "$dir"/base/etc/apt/apt.conf.d/*{appstream,packagekit}
cp -a /etc/ssl/certs/. "$dir/base/etc/ssl/certs/"
for kept in /usr/local/share/ca-certificates /etc/apt/sources.list.d; do
    if [ -d $kept ]; then cp -a $kept/. "$dir/base$kept/"; fi
done
if [ -e /etc/apt/sources.list ]; then cp /etc/apt/sources.list "$dir/base/etc/apt/"
else : >"$dir/base/etc/apt/sources.list"; fi
if [ -e ~/.npmrc ]; then cp ~/.npmrc "$dir/base/root/"; fi
made=$("${buildah[@]}" from scratch)
"${buildah[@]}" add -q "$made" "$dir/base" / >/dev/null
"${buildah[@]}" commit -q "$made" localhost/base >/dev/null
echo "base_mb=$(du -sm "$dir/base" | cut -f1)"

"${buildah[@]}" bud --isolation chroot --format docker --build-arg BASE=localhost/base \
    -f "$top/deploy/Dockerfile" -t sluice "$top" >"$dir/words" 2>&1 ||
    { tail -n 20 "$dir/words" >&2; exit 1; }
"${buildah[@]}" inspect --type image localhost/sluice >"$dir/about.json"
made=$("${buildah[@]}" from localhost/sluice)
root=$("${buildah[@]}" mount "$made")
echo "image_mb=$(du -sm "$root" | cut -f1)"
jq -r '.Docker.config | "user=\(.User)", "health=\(.Healthcheck.Test | join(" "))",
    "command=\(.Entrypoint + .Cmd | join(" "))"' "$dir/about.json" | tee "$dir/settings"

# Namespaces of its own: mounts, network (so the image's ports are free), processes.
cat >"$dir/inside" <<'INSIDE'
set -eu
root=$1 user=$2 health=$3 command=$4
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t tmpfs -o mode=0755 data "$root/data"
chown "$user" "$root/data"
mount -t tmpfs tmp "$root/tmp"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
ip link set lo up
as() { chroot --userspec="$user" "$root" "$@"; }
chroot --userspec="$user" "$root" $command >"$root/tmp/words" 2>&1 &
pid=$!
tries=100
until as ${health#CMD } 2>/dev/null; do
    if [ $((tries -= 1)) = 0 ]; then cat "$root/tmp/words" >&2; exit 1; fi
    sleep 0.1
done
echo "healthy=yes"
echo "uid=$(awk '/^Uid/{print $2}' "$root/proc/$pid/status")"
echo "capabilities=$(awk '/^CapEff/{print $2}' "$root/proc/$pid/status")"
as /bin/sh -c 'touch /x' 2>/dev/null && echo "root=writable" || echo "root=readonly"
kill $pid
wait $pid && echo "ended=0" || echo "ended=$?"
INSIDE
get() { sed -n "s/^$1=//p" "$dir/settings"; }
unshare -m -n -p -f bash "$dir/inside" "$root" "$(get user)" "$(get health)" "$(get command)"
"${buildah[@]}" umount "$made" >/dev/null
