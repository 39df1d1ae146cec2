#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Put mod_chat where this machine's httpd looks for modules, and its samples
# beside. "make install" and "make uninstall" call it.
#
#   script/install.sh build/plain/mod_chat.so build/plain/chat-migrate build/plain/chat-keys
#   script/install.sh -u        take it away; configuration stays
#
#   DESTDIR     is put before every path
#   APXS        whose httpd is meant
#
# share/mod_chat gets the chat page and conf/chat-page.conf, which serves it.
# Debian's layout gets mods-available/chat.load and chat.conf for a2enmod;
# others a directory chat/ with the same two, to Include.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd -P)
apxs=${APXS:-apxs}
modules=$("$apxs" -q LIBEXECDIR)
etc=$("$apxs" -q SYSCONFDIR)
prefix=$("$apxs" -q PREFIX)
samples=${prefix:-/usr}/share/doc/mod_chat
share=${prefix:-/usr}/share/mod_chat
bin=${prefix:-/usr}/bin
dest=${DESTDIR-}

if [[ -d $etc/mods-available ]]; then
    conf=$etc/mods-available
else
    conf=$etc/chat
fi

put() {
    install -D -m "${3:-644}" "$1" "$dest$2"
    printf '%s\n' "$dest$2"
}

# What an administrator has edited stays; ours is laid beside it.
put_conf() {
    if [[ -e $dest$2 ]] && ! cmp -s "$1" "$dest$2"; then
        put "$1" "$2.dist"
    else
        put "$1" "$2"
    fi
}

load_file() {
    cat <<LOAD
# Depends: dbd socache_shmcb authz_host
LoadModule chat_module $modules/mod_chat.so
LOAD
}

uninstall() {
    rm -f "$dest$modules/mod_chat.so" "$dest$bin"/chat-{migrate,keys} "$dest$conf/chat.load" \
        "$dest$etc"/mods-enabled/chat.{load,conf}
    rm -rf "$dest$samples" "$dest$share"
    printf 'removed; %s stays\n' "$dest$conf/chat.conf"
}

if [[ ${1-} == -u ]]; then
    uninstall
    exit
fi

load=$(mktemp)
trap 'rm -f "$load"' EXIT
load_file >"$load"
put "$1" "$modules/mod_chat.so"
put "$2" "$bin/chat-migrate" 755
put "$3" "$bin/chat-keys" 755
put "$load" "$conf/chat.load"
put_conf "$root/conf/chat.conf" "$conf/chat.conf"
# All that the README links to, from where it links to it.
cd "$root"
find README.md CHANGES LICENSE NOTICE conf docs t/README.md -path conf/page -prune -o -type f -print | sort |
    while read -r file; do
        put "$root/$file" "$samples/$file"
    done
# The chat page, and what serves it.
put "$root/conf/chat-page.conf" "$share/chat-page.conf"
(cd conf && find . -path './page/*' -type f) | sort |
    while read -r file; do
        put "$root/conf/$file" "$share/${file#./}"
    done
