# Sourced by scripts/demo, scripts/test and .ci/run from the repository's root: finds Python and keeps the packages of .venv current.
# It needs a POSIX shell and Python 3.11 or newer, and nothing else: no make, no compiler, no pip, no venv package of the system.

environment=.venv
python=$environment/bin/python

say() {
    printf '%s\n' "== $*" >&2
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Prints the first command that is Python 3.11 or newer.
find_python() {
    for candidate in python3 python3.11 python3.12 python3.13 python3.14; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

make_environment() {
    if "$python" -m pip --version >/dev/null 2>&1; then
        return 0
    fi
    found=$(find_python) || fail \
        'Python 3.11 or newer was not found (tried python3, python3.11 … python3.14).' \
        'On Debian 12 or newer: apt-get install python3'
    say "Making the virtual environment $environment with $found"
    rm -rf "$environment"
    # Debian keeps ensurepip in a package of its own; without it an environment can be made, and pip is fetched into it.
    if "$found" -c 'import ensurepip, venv' >/dev/null 2>&1 && "$found" -m venv "$environment"; then
        return 0
    fi
    rm -rf "$environment"
    "$found" -m venv --without-pip "$environment" && "$python" scripts/bootstrap_pip.py || fail \
        'The virtual environment could not be made with this Python alone.' \
        'On Debian or Ubuntu: apt-get install python3-venv; then run this script again.'
}

# Installs the package with the extras named in $1 (as 'digits,images'), unless that was done for this pyproject.toml in this place.
use_extras() {
    make_environment
    stamp=$environment/.installed-$(printf '%s' "$1" | tr ',' '-')
    current="$(cksum <pyproject.toml) $(pwd)"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$current" ]; then
        return 0
    fi
    say "Installing lamina[$1] into $environment (only when pyproject.toml has changed; a few minutes the first time)"
    "$python" -m pip install --quiet --disable-pip-version-check --editable ".[$1]" || fail \
        'The packages could not be installed; see what pip says above. They come from the package index that pip is configured for.'
    printf '%s\n' "$current" >"$stamp"
}
