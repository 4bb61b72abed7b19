#!/usr/bin/env bash
# Resolves requirements/*.txt anew: pinned, with hashes, for Python 3.11 and newer; no address is written down.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python -m pip --disable-pip-version-check --quiet install --requirement "${1:-requirements/lock.txt}"

compile() {
    local target=$1
    shift
    .venv/bin/uv pip compile "$@" --universal --python-version 3.11 --generate-hashes --upgrade --quiet --no-config \
        --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file "$target"
    if grep -nE '://|^-' "$target"; then
        echo "$target names an address or an index; it must not" >&2
        exit 1
    fi
}

compile requirements/dev.txt pyproject.toml requirements/build.in --group dev --extra notifications
# the same versions as in development
compile requirements/run.txt pyproject.toml requirements/build.in --constraint requirements/dev.txt
compile requirements/notifications.txt pyproject.toml requirements/build.in --extra notifications \
    --constraint requirements/dev.txt
compile requirements/page.txt --group pyproject.toml:page --constraint requirements/dev.txt
compile requirements/lock.txt requirements/lock.in
