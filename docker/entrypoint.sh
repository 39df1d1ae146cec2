#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Start httpd in the container, with the secrets where only it can read them.
# Arguments go to httpd: -t checks the configuration.
#
#   CHAT_SECRETS    directory with better_auth_secret, db_password and, when
#                   OpenAI is to answer, openai_key (/run/secrets)
#   CHAT_DATABASE   libpq's words for the app's database
#   CHAT_SESSIONS   the layout of its tables, as in ChatAuthSession
#   CHAT_RUN_DIR    where the copies go (/run/chat)
set -eu
: "${CHAT_SECRETS:=/run/secrets}" "${CHAT_RUN_DIR:=/run/chat}"
: "${CHAT_DATABASE:=host=postgres dbname=app user=app}"
: "${CHAT_SESSIONS:=kysely-pgsql}"
export CHAT_RUN_DIR CHAT_DATABASE CHAT_SESSIONS

die() {
    printf 'entrypoint: %s\n' "$*" >&2
    exit 1
}

# Mounted secrets may be open to everybody; mod_chat refuses such files.
copy() {
    (umask 077 && cat "$CHAT_SECRETS/$1" >"$CHAT_RUN_DIR/$2")
}

need() {
    [ -s "$CHAT_SECRETS/$1" ] || die "$CHAT_SECRETS/$1 is missing or empty: $2"
}

# A field of libpq's password file: "\" and ":" are escaped.
write_pgpass() {
    (
        umask 077
        printf '*:*:*:*:%s\n' "$(sed 's/[\\:]/\\&/g' "$CHAT_SECRETS/db_password")" \
            >"$CHAT_RUN_DIR/pgpass"
    )
    # It is the children who connect.
    chown "$APACHE_RUN_USER:" "$CHAT_RUN_DIR/pgpass"
}

. "${APACHE_CONFDIR:=/etc/apache2}/envvars"
need better_auth_secret 'the BETTER_AUTH_SECRET of the app'
need db_password "the password for \"$CHAT_DATABASE\""
mkdir -p "$CHAT_RUN_DIR" "$APACHE_RUN_DIR" "$APACHE_LOCK_DIR" "$APACHE_LOG_DIR"
chmod 711 "$CHAT_RUN_DIR"
rm -f "$CHAT_RUN_DIR/openai.key" "$APACHE_PID_FILE"
copy better_auth_secret better-auth.secret
[ ! -s "$CHAT_SECRETS/openai_key" ] || copy openai_key openai.key
write_pgpass
exec apache2 -d "$APACHE_CONFDIR" -DFOREGROUND "$@"
