#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The container image, with docker or podman, whichever is there.
#
#   docker/image.sh build TAG
#   docker/image.sh check TAG    run it hardened, use it, stop it
#
# BASE names another base image to build on than debian:bookworm-slim.
set -euo pipefail
cd "$(dirname "$0")/.."
verb=${1:?usage: docker/image.sh build|check TAG}
tag=${2:?usage: docker/image.sh build|check TAG}
base=${BASE:-debian:bookworm-slim}
most=160 # MB
helper=../shared/bin/container # for a machine that cannot run an engine

if docker info >/dev/null 2>&1; then
    engine=docker
elif [[ -x $helper ]]; then
    engine=podman
    export CTR_STATE=$PWD/.ctr
    command -v podman >/dev/null && command -v buildah >/dev/null ||
        "$helper" tools >/dev/null
    "$helper" >/dev/null 2>&1 || true # writes its configuration
    export CONTAINERS_CONF=$CTR_STATE/containers.conf
    export CONTAINERS_STORAGE_CONF=$CTR_STATE/storage.conf
elif podman info >/dev/null 2>&1; then
    engine=podman
else
    echo "neither docker nor podman works here" >&2
    exit 1
fi
engine() { command $engine "$@"; }
[[ $engine == podman ]] && engine() { podman --log-level fatal "$@"; }

build() {
    if [[ -n ${CTR_STATE-} ]]; then
        engine image exists "$base" || "$helper" base
        "$helper" build "$tag" . -f docker/Dockerfile --build-arg BASE="$base"
    else
        local format=()
        [[ $engine == podman ]] && format=(--format docker) # keeps HEALTHCHECK
        engine build "${format[@]}" -f docker/Dockerfile \
            --build-arg BASE="$base" -t "$tag" .
    fi
    echo "image of $(megabytes) MB"
}
megabytes() {
    engine image inspect "$tag" --format '{{.Size}}' |
        awk '{ printf "%.0f", $1 / 1e6 }'
}

name=lipschitzd-check-$$
say() { printf 'ok    %s\n' "$*"; }
die() {
    printf 'FAIL  %s\n' "$*"
    engine logs "$name" 2>&1 | tail -n 30 | sed 's/^/      | /'
    exit 1
}

start() { # sets url
    local network
    if [[ -n ${CTR_STATE-} ]]; then # the host's network
        local port=$((20000 + RANDOM % 10000))
        network=(-e "LIPSCHITZD_LISTEN=127.0.0.1:$port")
        url=http://127.0.0.1:$port
    else
        network=(-p 127.0.0.1::8080)
    fi
    engine run -d --name "$name" "${network[@]}" \
        --read-only --cap-drop ALL --security-opt no-new-privileges \
        --memory 512m --cpus 1 --pids-limit 64 "$tag" >/dev/null ||
        die "the container starts"
    [[ -n ${CTR_STATE-} ]] ||
        url=http://$(engine port "$name" 8080/tcp | head -n 1)
    for _ in {1..100}; do
        curl -fs -o /dev/null -m 1 "$url/readyz" && return
        sleep 0.1
    done
    die "ready within 10 s"
}

# What is in the image is listed in it.
sbom() {
    local container list package
    container=$(engine create "$tag")
    list=$(engine cp "$container:/usr/share/lipschitzd/sbom.spdx.json" - |
        tar -xO)
    engine rm "$container" >/dev/null
    for package in libc6 libmicrohttpd12 libsqlite3-0 libopenblas0-pthread \
        libgfortran5 libflint-arb2 libhdf5-dev; do
        grep -q "\"name\": \"$package\"" <<<"$list" ||
            die "the list of packages names $package"
    done
    say "lists its $(grep -c '"versionInfo"' <<<"$list") packages"
}

check() {
    local url answer code
    (($(megabytes) <= most)) || die "at most $most MB, not $(megabytes)"
    say "$(megabytes) MB, at most $most"
    sbom
    trap 'engine rm -f "$name" >/dev/null 2>&1 || true' EXIT
    start
    say "runs with a read-only root, no capabilities, 512 MB, 1 CPU, 64 pids"
    [[ $(engine image inspect "$tag" --format '{{.Config.User}}') == 10001:10001 ]] ||
        die "runs as user 10001"
    say "runs as user 10001"
    ! engine exec "$name" /bin/sh -c : 2>/dev/null || die "there is no shell"
    say "there is no shell"
    for answer in lipschitz-check lipschitz-h5; do
        [[ $(engine exec "$name" $answer --help 2>&1) == "usage: $answer "* ]] ||
            die "$answer runs"
    done
    say "the checker and the reader of Keras files run"
    answer=$(curl -fsS -m 60 --data-binary @tests/models/mnist_mlp_128_64.safetensors \
        -H 'Content-Type: application/octet-stream' "$url/bound") ||
        die "bounds a posted model"
    grep -qE '"best": ?\{"method": ?"[a-z-]+", ?"upper_bound": ?[0-9.]+' <<<"$answer" ||
        die "bounds a posted model: $answer"
    say "bounds a posted model: $(grep -oE '"best": ?\{[^}]*\}' <<<"$answer")"
    code=$(curl -s -o /dev/null -w '%{http_code}' -m 60 "$url/models" \
        -H 'Content-Type: application/octet-stream' \
        --data-binary @tests/models/mnist_mlp_128_64.safetensors)
    [[ $code == 201 ]] || die "stores a model in the volume: status $code"
    say "stores a model in the volume"
    [[ $(engine image inspect "$tag" --format '{{.Config.Healthcheck}}{{.Healthcheck}}' 2>/dev/null ||
        engine image inspect "$tag" --format '{{.Config.Healthcheck}}') == *--probe* ]] ||
        die "the image has a health check"
    engine exec "$name" lipschitzd --probe || die "the health probe succeeds"
    say "the health probe succeeds"
    engine stop -t 35 "$name" >/dev/null
    code=$(engine inspect "$name" --format '{{.State.ExitCode}}')
    [[ $code == 0 ]] || die "SIGTERM ends it with status 0, not $code"
    say "SIGTERM ends it with status 0"
}

"$verb"
