#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Install what is missing, with apt, npm and pip, and nothing else:
#
#   script/deps.sh serve    what a server with mod_chat needs to run
#   script/deps.sh build    what building and the demo need as well
#   script/deps.sh test     what the tests need as well (and their packages of
#                           npm and PyPI)
#
# Needs no network when all is there. apt runs as root, or through sudo; npm
# runs as whoever calls. No service is started, no configuration changed.
set -euo pipefail
cd "$(dirname "$0")/.."

serve=(apache2 libcurl4 libjson-c5 libjose0 libsodium23 libpcre2-8-0 libutf8proc2
    libaprutil1-dbd-pgsql libaprutil1-dbd-sqlite3 ca-certificates curl)
build=(gcc libc6-dev make pkg-config apache2-dev libcurl4-openssl-dev
    libhiredis-dev libjose-dev libjson-c-dev libpcre2-dev libsodium-dev libssl-dev
    libutf8proc-dev openssl perl sqlite3)
test=(check dpkg-dev libio-socket-ssl-perl git postgresql redis-server
    nghttp2-client valgrind chromium-headless-shell python3 python3-venv
    libapache2-mod-security2 modsecurity-crs)
# Only "make fuzz" needs these: their absence is no error.
fuzz=(clang libclang-rt-14-dev)

say() {
    printf 'deps: %s\n' "$*" >&2
}

is_installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

missing() {
    local package
    for package; do
        is_installed "$package" || printf '%s\n' "$package"
    done
}

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "neither root nor sudo. As root: apt-get install $wanted"
        return 1
    fi
}

# Debian starts a service when its package comes; a policy-rc.d forbids it. One
# that is there already is the machine's own and stays. The paths are fixed, so
# that no name of ours reaches root's shell.
apt_quietly() {
    as_root sh -c '
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap "rm -f $policy" EXIT
            printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy"
        fi
        DEBIAN_FRONTEND=noninteractive apt-get "$@"' apt "$@"
}

install_packages() {
    wanted="$*"
    (($#)) || return 0
    say "installing $wanted"
    apt_quietly -qq update ||
        say 'apt-get update failed; going on with the lists that are there'
    apt_quietly -qq -y --no-install-recommends --no-remove \
        -o Dpkg::Use-Pty=0 install "$@" >&2
}

# Node may come from anywhere; Debian's only where there is none.
node_packages() {
    command -v node >/dev/null || printf 'nodejs\n'
    command -v npm >/dev/null || printf 'npm\n'
}

# npm notes in node_modules what it installed: fresh when newer than the lock.
install_npm() {
    local lock dir
    for lock in t/real/*/package-lock.json src/page/package-lock.json; do
        dir=${lock%/*}
        [[ -e $lock ]] || continue
        [[ $dir/node_modules/.package-lock.json -nt $lock ]] && continue
        say "npm ci in $dir"
        (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error >&2)
        touch "$dir/node_modules/.package-lock.json"
    done
}

# What comes from PyPI, each in a place of its own.
install_pip() {
    local list dir
    for list in t/real/*/requirements.txt; do
        dir=${list%/*}
        [[ -e $list ]] || continue
        [[ $dir/venv/installed -nt $list ]] && continue
        say "pip install in $dir"
        python3 -m venv "$dir/venv"
        "$dir/venv/bin/pip" install -q --disable-pip-version-check \
            -r "$list" >&2
        touch "$dir/venv/installed"
    done
}

packages=("${serve[@]}")
case ${1-} in
serve) ;;
build) packages+=("${build[@]}") ;;
test) packages+=("${build[@]}" "${test[@]}") ;;
*)
    say "usage: script/deps.sh serve|build|test"
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
    say "no Debian packages here: see to the like of ${packages[*]} yourself"
else
    mapfile -t todo < <(missing "${packages[@]}")
    [[ $1 != test ]] || mapfile -t -O "${#todo[@]}" todo < <(node_packages)
    install_packages "${todo[@]}"
    if [[ $1 == test ]]; then
        mapfile -t todo < <(missing "${fuzz[@]}")
        install_packages "${todo[@]}" || say 'going on without; make fuzz needs them'
    fi
fi
[[ $1 != test ]] || { install_npm && install_pip; }
