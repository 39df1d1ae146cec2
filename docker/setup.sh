#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# In the image: switch Debian's httpd to the event MPM, mod_chat and our site.
# APACHE_CONFDIR names another configuration than /etc/apache2.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
etc=${APACHE_CONFDIR:-/etc/apache2}

# Our site does what the sample would.
rm -f "$etc/mods-available/chat.conf"
install -m 644 "$here/site.conf" "$etc/sites-available/chat.conf"
install -m 644 "$here/../conf/chat-mpm.conf" "$etc/conf-available/"
a2dismod -q mpm_prefork mpm_worker
a2enmod -q mpm_event http2 status dbd socache_shmcb chat
a2enconf -q chat-mpm
a2dissite -q 000-default
a2ensite -q chat
