#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's package, of what is built. "make deb" calls it:
#
#   script/package.sh OUT build/package/mod_chat.so build/package/chat-migrate build/package/chat-keys
#
# OUT gets libapache2-mod-chat_VERSION_ARCH.deb and mod_chat-VERSION.cdx.json, the
# bill of materials. The same files give the same bytes, whenever and wherever.
#
#   SOURCE_DATE_EPOCH   of all that has a time; else that of the last commit
#   DEB_REVISION        behind the version (1)
#   DEBFULLNAME, DEBEMAIL   who makes it
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd -P)
out=$(mkdir -p "$1" && cd "$1" && pwd -P)
so=$(realpath "$2") migrate=$(realpath "$3") keys=$(realpath "$4")
name=libapache2-mod-chat
cd "$root"
version=$(sed -n 's/^#define CHAT_VERSION "\(.*\)"$/\1/p' include/chat_types.h)
full=$version-${DEB_REVISION:-1}
maintainer="${DEBFULLNAME:-The mod_chat authors} <${DEBEMAIL:-authors@mod-chat.invalid}>"
arch=$(dpkg --print-architecture)
api=$(sed -n 's/^#define MODULE_MAGIC_NUMBER_MAJOR \([0-9]*\)$/\1/p' "$(apxs -q INCLUDEDIR)/ap_mmn.h")
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGES)}"
export SOURCE_DATE_EPOCH
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/debian/$name
doc=$tree/usr/share/doc/$name

put() {
    install -D -m "${3:-644}" "$1" "$tree$2"
}

compressed() {
    mkdir -p "$(dirname "$tree$2")"
    gzip -9n <"$1" >"$tree$2"
}

stage() {
    put "$so" /usr/lib/apache2/modules/mod_chat.so
    put "$migrate" /usr/bin/chat-migrate 755
    put "$keys" /usr/bin/chat-keys 755
    strip --strip-unneeded --remove-section=.comment --remove-section=.note \
        "$tree/usr/lib/apache2/modules/mod_chat.so" "$tree"/usr/bin/*
    put conf/chat.conf /etc/apache2/mods-available/chat.conf
    put packaging/debian/chat.load /etc/apache2/mods-available/chat.load
    local page file
    for page in chat-migrate chat-keys; do
        compressed "packaging/debian/$page.1" "/usr/share/man/man1/$page.1.gz"
    done
    # All that the README links to, from where it links to it.
    find README.md CHANGES NOTICE conf docs t/README.md -path conf/page -prune -o -type f ! -name '.*' -print | sort |
        while read -r file; do
            put "$file" "/usr/share/doc/$name/$file"
        done
    # The chat page, and what serves it.
    put conf/chat-page.conf /usr/share/mod_chat/chat-page.conf
    (cd conf && find . -path './page/*' -type f) | sort |
        while read -r file; do
            put "conf/$file" "/usr/share/mod_chat/${file#./}"
        done
    put packaging/debian/copyright "/usr/share/doc/$name/copyright"
    put packaging/debian/README.Debian "/usr/share/doc/$name/README.Debian"
    compressed CHANGES "/usr/share/doc/$name/changelog.gz"
    put packaging/debian/lintian-overrides "/usr/share/lintian/overrides/$name"
    ln -s ../../common-licenses/Apache-2.0 "$doc/LICENSE"
    changelog >"$work/changelog"
    compressed "$work/changelog" "/usr/share/doc/$name/changelog.Debian.gz"
}

changelog() {
    printf '%s (%s) unstable; urgency=medium\n\n  * Version %s; CHANGES says what is new.\n\n -- %s  %s\n' \
        "$name" "$full" "$version" "$maintainer" \
        "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
}

# dpkg-shlibdeps wants to stand in a source package.
depends() {
    printf 'Source: mod-chat\n\nPackage: %s\nArchitecture: any\n' "$name" >"$work/debian/control"
    (cd "$work" && dpkg-shlibdeps -O --ignore-missing-info \
        "debian/$name/usr/lib/apache2/modules/mod_chat.so" "debian/$name"/usr/bin/* 2>/dev/null) |
        sed -n 's/^shlibs:Depends=//p'
}

control() {
    local size
    mkdir -p "$tree/DEBIAN"
    size=$(find "$tree" -path "$tree/DEBIAN" -prune -o -type f -printf '%s\n' | awk '{ n += int(($1 + 1023) / 1024) } END { print n }')
    sed -e "s/@VERSION@/$full/; s/@ARCH@/$arch/; s/@API@/$api/; s/@MAINTAINER@/$maintainer/; s/@SIZE@/$size/; s/@DEPENDS@/$(depends)/" \
        packaging/debian/control.in >"$tree/DEBIAN/control"
    install -m 755 packaging/debian/{postinst,prerm,postrm} "$tree/DEBIAN/"
    (cd "$tree" && find etc -type f -printf '/%p\n' | LC_ALL=C sort >DEBIAN/conffiles)
    (cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    chmod 644 "$tree"/DEBIAN/{control,conffiles,md5sums}
}

stage
control
find "$tree" -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0 -r touch -h -d "@$SOURCE_DATE_EPOCH"
dpkg-deb --root-owner-group -Zxz -b "$tree" "$out/${name}_${full}_$arch.deb" >/dev/null
script/sbom.pl "$so" >"$out/mod_chat-$version.cdx.json"
printf '%s\n' "$out/${name}_${full}_$arch.deb" "$out/mod_chat-$version.cdx.json"
