#!/usr/bin/env bash
# Creates or refreshes .venv from one of the pinned lists: scripts/venv.sh requirements/dev.txt
# Does nothing when .venv already holds exactly that list. Installs into no other Python.
set -euo pipefail
cd "$(dirname "$0")/.."
list=${1:?which list of requirements}

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed and none of these is: ${PYTHON:-python3, python3.11 to python3.14}." \
        "On Debian 12 or Ubuntu 24.04: apt-get install python3 python3-venv. Elsewhere: make PYTHON=/path/to/python3.11 ..."
}

require_venv_module() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    local package
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        scripts/apt.sh "$package"
    else
        fail "$1 has no venv module. Install it first: sudo apt-get install $package"
    fi
}

# the path is part of it: a moved checkout has an environment that points to where it was
wanted=$(printf '%s\n' "$PWD" && cat "$list" pyproject.toml)
stamp=.venv/installed
holds() { [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null && [ "$(cat "$1" 2>/dev/null)" = "$wanted" ]; }
if holds "$stamp-$(basename "$list")"; then
    exit 0
fi

usable() {
    .venv/bin/python -m pip --version >/dev/null 2>&1 && [ "$(cat "$stamp" 2>/dev/null || echo "$PWD")" = "$PWD" ] &&
        .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))'
}
if ! usable; then
    python=$(find_python)
    require_venv_module "$python"
    echo "Creating .venv with $python"
    "$python" -m venv --clear .venv
fi
pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input --quiet --quiet "$@"; }
echo "Installing $list into .venv"
# --no-deps: the list is complete, and pip, asked to resolve it again, trips over extras as soon as a newer version of
# a pinned package is published ("all requirements must have their versions pinned")
pip install --no-deps --require-hashes --requirement "$list"
pip check
pip install --no-deps --no-build-isolation --editable .
printf '%s\n' "$PWD" >"$stamp"
printf '%s\n' "$wanted" >"$stamp-$(basename "$list")"
