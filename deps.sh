#!/bin/bash
# Installs what is missing, and nothing else; says what it does.
#   deps.sh packages NAME...       Debian packages, with apt
#   deps.sh rust VERSION           Rust of at least VERSION, with rustup
#   deps.sh cargo-tool NAME        a program from crates.io, with cargo
set -eu

# Is version $1 at least $2?
at_least() { printf '%s\n%s\n' "$2" "$1" | sort --version-sort --check=quiet; }

packages() {
    local missing=()
    for name in "$@"; do
        dpkg-query --show --showformat='${Status}' "$name" 2>/dev/null | grep -q '^install ok installed$' \
            || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return
    echo "deps: installing ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        echo "deps: run as root: apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

rust() {
    local line='curl --proto "=https" --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile default'
    local have=""
    command -v cargo >/dev/null && have=$(rustc --version | cut -d' ' -f2)
    if [ -n "$have" ] && at_least "$have" "$1"; then
        return
    fi
    if [ -n "$have" ] && command -v rustup >/dev/null; then
        echo "deps: Rust $have is older than $1: rustup update stable"
        rustup update stable && rustup default stable
        return
    fi
    echo "deps: Rust ${have:-is absent}${have:+ is older than $1}; installing it with rustup"
    sh -c "$line" || { echo "deps: that failed; Rust $1 or later is needed: $line" >&2; exit 1; }
}

cargo_tool() {
    command -v "$1" >/dev/null && return
    echo "deps: installing $1 with cargo"
    cargo install --locked "$1"
}

what=$1
shift
case $what in
    packages) packages "$@" ;;
    rust) rust "$@" ;;
    cargo-tool) cargo_tool "$@" ;;
    *) echo "deps: unknown: $what" >&2; exit 2 ;;
esac
