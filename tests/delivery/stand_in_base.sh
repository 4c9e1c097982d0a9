#!/bin/sh
# Make a local image that stands in for the base where no registry can be reached:
#     sh tests/delivery/stand_in_base.sh [NAME]
# Debian's own Python 3.11 with pip and venv, found as /usr/local/bin/python, as in the official image. Needs root,
# debootstrap, and buildah, docker or podman. Takes a minute and 300 MB.
set -eu
name=${1:-localhost/leadline-stand-in-base:bookworm}
engine=${ENGINE:-}
for one in buildah docker podman; do
    if [ -z "$engine" ] && command -v "$one" >/dev/null; then engine=$one; fi
done
[ -n "$engine" ] || { echo "stand_in_base.sh: none of buildah, docker, podman is here" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "stand_in_base.sh: debootstrap is not here; apt-get install debootstrap" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "stand_in_base.sh: debootstrap needs root" >&2; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=python3.11,python3-venv,python3-pip,ca-certificates bookworm "$folder/root" >"$folder/log" 2>&1 ||
    { tail -5 "$folder/log" >&2; exit 1; }
rm -rf "$folder"/root/var/cache/apt/archives/*.deb "$folder"/root/var/lib/apt/lists/*
for link in python python3 python3.11; do ln -s /usr/bin/python3.11 "$folder/root/usr/local/bin/$link"; done
# Whose network has an authority of its own trusts it here as well.
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then cp /etc/ssl/certs/ca-certificates.crt "$folder/root/etc/ssl/certs/"; fi

if [ "$engine" = buildah ]; then
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$folder/root" / >/dev/null
    buildah config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin --cmd python3 "$container"
    buildah commit --quiet --rm "$container" "$name" >/dev/null
else
    tar -C "$folder/root" -c . | "$engine" import --change 'ENV PATH=/usr/local/bin:/usr/bin:/sbin:/bin' - "$name" >/dev/null
fi
echo "$name"
