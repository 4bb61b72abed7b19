#!/usr/bin/env bash
# Installs Debian packages, as root, without starting the services that come with them: scripts/apt.sh PACKAGE...
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

# Debian's way to say "do not start services": a database or an engine installed for tests must not take the ports,
# or the firewall, of what already runs here
policy=/usr/sbin/policy-rc.d
if ! [ -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

echo "Installing with apt: $*" >&2
log=$(mktemp)
install() { apt-get install --yes --no-install-recommends "$@" </dev/null >"$log" 2>&1; }
if ! install "$@" && ! { apt-get update >"$log" 2>&1 && install "$@"; }; then
    tail -n 20 "$log" >&2
    printf '\napt could not install %s; above are the last lines of %s\n' "$*" "$log" >&2
    exit 1
fi
rm -f "$log"
