#!/usr/bin/env bash
# Makes sure that the real engines and servers of the live tests are installed; installs what is missing, as root on
# Debian or Ubuntu, and otherwise says what is missing. What is installed is not started. `engines.sh bench`: also
# the program that the benchmarks compare with.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin:/usr/lib/podman

declare -A package_of=(
    [podman]=podman [runc]=runc [netavark]=netavark [aardvark-dns]=aardvark-dns [iptables]=iptables
    [dockerd]=docker.io [docker]=docker.io [containerd]=containerd [ip]=iproute2
    [redis-server]=redis-server [openssl]=openssl
    [docker-compose]=docker-compose [podman-compose]=podman-compose
    [prometheus]=prometheus [promtool]=prometheus
    [systemd-analyze]=systemd
    [debootstrap]=debootstrap
    [chromium]=chromium
)
if [ "${1:-}" = bench ]; then
    package_of[prometheus-blackbox-exporter]=prometheus-blackbox-exporter
fi
missing=()
for program in "${!package_of[@]}"; do
    command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)

if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
packages=$(printf '%s\n' "${missing[@]}" | sort -u | tr '\n' ' ')
if [ "$(id -u)" != 0 ]; then
    printf '\nThe live tests need packages that are missing here: %s\nInstall them, or run the tests as root: sudo apt-get install --no-install-recommends %s\n' "$packages" "$packages" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    printf '\nThe live tests need programs that are missing here; Debian has them in: %s\n' "$packages" >&2
    exit 1
fi
# shellcheck disable=SC2086 # package names, one word each
scripts/apt.sh $packages
