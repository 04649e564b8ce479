#!/usr/bin/env bash
# Builds a real Kubernetes control plane from its Go modules into a cache folder, once for each version:
# etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and kwok, which plays the nodes and their pods.
# The two go.mod and go.sum files beside this one pin every module; nothing is resolved anew.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\).*|\1|p' "$here/control_plane/go.mod")
[ -n "$version" ] || { echo "NOT BUILT: control_plane/go.mod names no version of k8s.io/kubernetes; restore it from git" >&2; exit 1; }
into=${HEALSTREAM_KUBERNETES:-${XDG_CACHE_HOME:-$HOME/.cache}/healstream/kubernetes/$version}
mkdir -p "$into"

[ -e "$into/complete" ] && { echo "Kubernetes $version is already built in $into"; exit 0; }
command -v go >/dev/null || { echo "NOT BUILT: no Go here; install Go 1.26 or newer (golang-go), then run make test-kubernetes again" >&2; exit 1; }

# One package at a time: the machine stays usable, and the linker's memory stays bounded.
export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false -p=${HEALSTREAM_BUILD_JOBS:-1}"
minor=${version#v1.}
stamp="-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${minor%%.*}"

build() { # <module folder> <package> <name of the program>
  [ -x "$into/$3" ] && return 0
  echo "building $3"
  go build -C "$here/$1" -ldflags "$stamp" -o "$into/$3.part" "$2"
  mv "$into/$3.part" "$into/$3"
}

build control_plane go.etcd.io/etcd/server/v3 etcd
build node sigs.k8s.io/kwok/cmd/kwok kwok
build control_plane k8s.io/kubernetes/cmd/kube-apiserver kube-apiserver
build control_plane k8s.io/kubernetes/cmd/kube-controller-manager kube-controller-manager
build control_plane k8s.io/kubernetes/cmd/kube-scheduler kube-scheduler

# How a played node beats and how its pods come up and go, as kwok's authors ship it.
kwok=$(go list -C "$here/node" -m -f '{{.Dir}}' sigs.k8s.io/kwok)
: >"$into/stages.yaml.part"
for stage in "$kwok"/kustomize/stage/node/fast/*.yaml "$kwok"/kustomize/stage/node/heartbeat-with-lease/*.yaml "$kwok"/kustomize/stage/pod/fast/*.yaml; do
  [ "$(basename "$stage")" = kustomization.yaml ] && continue
  { cat "$stage"; echo; echo ---; } >>"$into/stages.yaml.part"
done
mv "$into/stages.yaml.part" "$into/stages.yaml"
touch "$into/complete"
echo "Kubernetes $version is built in $into"
