#!/bin/sh
# Pin the requirements of worker, console, training and development, each file a superset of the one before, and of the
# tools that check what is deployed, which pin what we do not: sh requirements.sh UV [--upgrade]
set -eu
uv=${1:?give the uv command, as "make lock" does}
shift
lock() {
    out=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links \
        --no-annotate --custom-compile-command "make lock" --output-file "$out" "$@"
}
lock requirements.txt pyproject.toml "$@"
lock requirements-console.txt --constraint requirements.txt --extra console pyproject.toml "$@"
lock requirements-train.txt --constraint requirements-console.txt --extra train --extra moto --extra console pyproject.toml build-requirements.in "$@"
lock requirements-bench.txt --constraint requirements.txt bench-requirements.in "$@"
lock requirements-dev.txt --constraint requirements-train.txt --extra train --extra moto --extra console --extra dev pyproject.toml build-requirements.in "$@"
for tools in delivery checkov; do
    lock "requirements-$tools.txt" "$tools-requirements.in" "$@"
done
