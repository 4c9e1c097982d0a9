#!/bin/sh
# Build the images with docker, podman or buildah, whichever is here:
#
#     sh image.sh build TARGET...           worker, worker-lean, console, trainer; called leadline/TARGET:VERSION
#     sh image.sh size TARGET...            what each has beyond its base, as a registry stores it
#     sh image.sh parts TARGET              the Python packages in it, as NAME==VERSION
#     sh image.sh push TARGET REPOSITORY    under a tag of this build's own; prints the digest
#     sh image.sh version                   prints VERSION
#
# The environment may give ENGINE, BASE, BUNDLE (build/model), PUBLIC_KEY (build/release-key.pem), REVISION (the
# commit), VERSION (the model's, and the commit's first seven digits), BUILD (its number, by default the time), and
# BUILD_OPTIONS for the builder.
set -eu
cd "$(dirname "$0")"
# Of every file and layer, for a date of its own would make each layer a new one. What is of a day is in the labels.
one_date=315532800

fail() {
    echo "image.sh: $1" >&2
    exit 1
}

find_engine() {
    for one in docker podman buildah; do
        # A docker without its daemon cannot even tell its version.
        if "$one" version >/dev/null 2>&1; then echo "$one" && return; fi
    done
    fail "none of docker, podman, buildah is here and runs; install one, or name yours by ENGINE"
}

# Of the bundle: version, digest of the manifest (which has the digest of every file), when it was made.
about_bundle() {
    python3 -c '
import datetime, hashlib, json, pathlib, sys
text = pathlib.Path(sys.argv[1]).read_bytes()
manifest = json.loads(text)
made = datetime.datetime.fromisoformat(manifest["created_at"].replace("Z", "+00:00")).astimezone(datetime.timezone.utc)
print(manifest["version"], hashlib.sha256(text).hexdigest(), f"{made:%Y-%m-%dT%H:%M:%SZ}")
' "$bundle/manifest.json"
}

build_one() {
    set -- --target "$1" --tag "leadline/$1:$version" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
        --build-arg "CREATED=$created" --build-arg "MODEL_SHA256=$model_sha256" \
        --build-arg "BUNDLE=$bundle" --build-arg "PUBLIC_KEY=$public_key"
    if [ -n "${BASE:-}" ]; then set -- "$@" --build-arg "BASE=$BASE"; fi
    case $engine in
        # Without --layers, buildah makes one layer of all that is ours, and a new model means all of it again.
        *buildah) set -- build --layers --timestamp "$one_date" "$@" ;;
        *podman) set -- build --timestamp "$one_date" "$@" ;;
        *) set -- build "$@" ;;
    esac
    # The options are words.
    # shellcheck disable=SC2086
    SOURCE_DATE_EPOCH=$one_date BUILDX_NO_DEFAULT_ATTESTATIONS=1 "$engine" "$@" ${BUILD_OPTIONS:-} . >&2
}

build() {
    for target in "$@"; do
        if [ "$target" = trainer ]; then continue; fi
        [ -f "$bundle/manifest.json" ] || fail "$bundle is no bundle, and $target takes one in: make train"
        [ -f "$public_key" ] || fail "$public_key is not there, and $target checks its bundle by it; sign once more: \
.venv/bin/leadline model sign $bundle --public-key-out $public_key"
    done
    for target in base "$@"; do build_one "$target"; done
}

save() {
    case $engine in
        *buildah) "$engine" push --quiet "$1" "docker-archive:$2" ;;
        *) "$engine" save --output "$2" "$1" ;;
    esac
}

size() {
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    save "leadline/base:$version" "$folder/base.tar"
    for target in "$@"; do
        save "leadline/$target:$version" "$folder/image.tar"
        python3 -c '
import json, sys, tarfile, zlib

def stored(archive, name):
    """Return the size of a layer as gzip packs it, if the archive has not done so."""
    layer, packed, size = archive.extractfile(name), zlib.compressobj(6, wbits=31), 0
    if layer.read(2) == b"\x1f\x8b":
        return archive.getmember(name).size
    layer.seek(0)
    while piece := layer.read(1 << 20):
        size += len(packed.compress(piece))
    return size + len(packed.flush())

def layers(archive):
    return json.load(archive.extractfile("manifest.json"))[0]["Layers"]

with tarfile.open(sys.argv[2]) as base, tarfile.open(sys.argv[3]) as image:
    ours = sum(stored(image, name) for name in layers(image)[len(layers(base)):])
print(f"{sys.argv[1]}: {ours / 1e6:.1f} MB compressed beyond its base")
' "$target" "$folder/base.tar" "$folder/image.tar"
        rm "$folder/image.tar"
    done
}

parts() {
    "$engine" run --rm --read-only --network none --entrypoint python "leadline/$1:$version" -c '
from importlib.metadata import distributions
print(*sorted(f"{one.name}=={one.version}" for one in distributions()), sep="\n")'
}

# A tag of this build's own, and nothing is taken over from the registry: whoever may push there can put any image under
# any free tag, with any labels. The release names what was pushed here by its digest.
push() {
    ours=leadline/$1:$version
    theirs=$2:$version-${BUILD:-$(date -u +%Y%m%d%H%M%S)}
    "$engine" tag "$ours" "$theirs"
    "$engine" push --quiet "$theirs" >&2
    digest=$("$engine" image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$theirs" | sed -n "s|^$2@||p")
    case $digest in
        sha256:*) echo "$digest" | head -n 1 ;;
        *) fail "$engine does not say by which digest $theirs was pushed" ;;
    esac
}

bundle=${BUNDLE:-build/model}
public_key=${PUBLIC_KEY:-build/release-key.pem}
revision=${REVISION:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}
model_version=0 model_sha256=none created=1980-01-01T00:00:00Z
if [ -f "$bundle/manifest.json" ]; then
    about=$(about_bundle)
    read -r model_version model_sha256 created <<END
$about
END
fi
version=${VERSION:-$model_version-$(printf %.7s "$revision")}
case ${1:-} in
    version) echo "$version" && exit ;;
    build | size) [ $# -gt 1 ] || fail "$1 TARGET..., of worker, worker-lean, console, trainer" ;;
    parts) [ $# -eq 2 ] || fail "parts TARGET" ;;
    push) [ $# -eq 3 ] || fail "push TARGET REPOSITORY" ;;
    *) fail "build TARGET..., size TARGET..., parts TARGET, push TARGET REPOSITORY or version" ;;
esac
engine=${ENGINE:-$(find_engine)}
"$@"
