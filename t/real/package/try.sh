#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Two versions of the package in a root of their own: installed, configured,
# served, upgraded, removed, purged. t/15-package.t runs it as root in a private
# mount namespace:
#
#   try.sh ROOT SCRATCH PORT OLD.deb NEW.deb SNIPPETS
#
# ROOT is what it begins with and is not written to; SNIPPETS/*.sh are run while
# it is configured. Says a line for each step:
# "ok WHAT" or "not ok WHAT".
set -u

root=$1 scratch=$2 port=$3 old=$4 new=$5 snippets=$6
mount -t tmpfs none "$scratch" && mkdir "$scratch/up" "$scratch/work" "$scratch/root" &&
    mount -t overlay -o "lowerdir=$root,upperdir=$scratch/up,workdir=$scratch/work" none "$scratch/root" || {
    echo "skip no overlay can be mounted here"
    exit
}
at=$scratch/root
mount -t proc none "$at/proc" 2>/dev/null || mount --bind /proc "$at/proc"
mount --bind /dev "$at/dev"
cp "$old" "$at/old.deb" && cp "$new" "$at/new.deb"
mkdir -p "$at/usr/sbin" && printf '#!/bin/sh\nexit 101\n' >"$at/usr/sbin/policy-rc.d" && chmod 755 "$at/usr/sbin/policy-rc.d"
rm -f "$at/var/lib/man-db/auto-update" # its index takes longer than all of this

in_root() {
    chroot "$at" "$@" >>"$scratch/said" 2>&1
}

# WHAT COMMAND...
step() {
    what=$1
    shift
    if "$@"; then
        echo "ok $what"
    else
        echo "not ok $what"
        tail -qn 12 "$scratch/said" "$at/var/log/apache2/error.log" 2>&1 | sed 's/^/# /'
    fi
}

not() {
    ! "$@"
}

# All that may be a trace. What dpkg, a2enmod and logs write is theirs.
files() {
    (cd "$at" && find etc usr var run -xdev \( -path var/lib/dpkg -o -path var/log -o -path var/cache \) -prune -o \( -type f -o -type l \) -print |
        LC_ALL=C sort)
}

get() {
    chroot "$at" /usr/bin/curl -s -m 10 --retry 20 --retry-delay 1 --retry-connrefused --retry-max-time 20 "http://127.0.0.1:$port$1"
}

serve() {
    in_root apache2ctl start && get /healthz | grep -q '"ok"' && get /openapi.json | grep -q '"getHealth"'
}

stop() {
    in_root apache2ctl stop
    while [ -e "$at/run/apache2/apache2.pid" ]; do sleep 0.1; done
}

# A site with a database and a master key.
configure() {
    mkdir -p "$at/etc/apache2/chat" "$at/var/lib/mod_chat"
    printf 'DBDriver sqlite3\nDBDParams "/var/lib/mod_chat/chats.db"\n' >"$at/etc/apache2/chat/db.conf"
    (umask 077 && printf '%064d\n' 7 >"$at/etc/apache2/chat/keys.secret")
    in_root chat-migrate -f /etc/apache2/chat/db.conf up
    in_root chown -R www-data: /var/lib/mod_chat
    printf 'Listen 127.0.0.1:%s\n' "$port" >"$at/etc/apache2/ports.conf"
    cat >"$at/etc/apache2/mods-available/chat.conf" <<'CONF'
Include /etc/apache2/chat/db.conf
ChatKeySecret file:/etc/apache2/chat/keys.secret
<Location "/healthz">
    SetHandler chat
    ChatRoute health
</Location>
<Location "/openapi.json">
    SetHandler chat
    ChatRoute openapi
    Require local
</Location>
CONF
}

chroot "$at" apache2ctl stop >/dev/null 2>&1
files >"$scratch/before"
step 'it is installed' in_root dpkg -i /old.deb
step '... and not enabled' not test -e "$at/etc/apache2/mods-enabled/chat.load"
step '... so that the server starts as before' in_root apache2ctl configtest
configure
step 'a2enmod enables it' in_root a2enmod chat
step 'configtest passes' in_root apache2ctl configtest
step 'it serves' serve
stop
step 'it is upgraded' in_root dpkg -i --force-confold /new.deb
step '... and what was configured stays' grep -q 'ChatRoute openapi' "$at/etc/apache2/mods-available/chat.conf"
step '... and serves again' serve
stop
step 'its tools are there' in_root chat-migrate -f /etc/apache2/chat/db.conf check
in_root apache2ctl start
# What docs/operations.md has to paste.
for file in "$snippets"/*.sh; do
    cp "$file" "$at/snippet.sh"
    step "docs/operations.md: $(basename "$file")" in_root bash -e -o pipefail /snippet.sh
done
stop
step 'it is removed' in_root dpkg -r libapache2-mod-chat
step '... and disabled' not test -e "$at/etc/apache2/mods-enabled/chat.load"
step '... so that the server starts without it' in_root apache2ctl configtest
step '... and what was configured stays' test -e "$at/etc/apache2/mods-available/chat.conf"
step 'it is purged' in_root dpkg -P libapache2-mod-chat
rm -rf "$at/etc/apache2/chat" "$at/var/lib/mod_chat" "$at"/var/backups/chat*
# Modules that a2enmod enabled beside it are the administrator's.
others='/(dbd|socache_shmcb|authz_host|authz_core)(\.(load|conf))?$'
files >"$scratch/after"
diff "$scratch/before" "$scratch/after" | grep '^[<>]' | grep -Ev "$others" >"$scratch/said"
step '... without a trace' not grep -q . "$scratch/said"
