#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The demo, as "make run" calls it: install what is missing, build, make a user
# and an administrator with a session each, serve the chat page and the routes in
# the foreground. All it writes is in .run/.
#
#   CHAT_PORT        where to listen on 127.0.0.1 (8080)
#   CHAT_RUN_DIR     another directory instead of .run
#   OPENAI_API_KEY   set: ask OpenAI; not set: the mock answers
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd -P)
make=${MAKE:-make}
apxs=${APXS:-apxs}
variant=${VARIANT:-plain}
port=${CHAT_PORT:-8080}
run=${CHAT_RUN_DIR:-$root/.run}
url=http://127.0.0.1:$port
model=gpt-4o-mini
data=
scratch=
httpd=
stopping=

say() {
    printf 'run: %s\n' "$*" >&2
}

die() {
    say "$@"
    exit 1
}

# ---- before anything is touched ----

check_port() {
    [[ $port =~ ^[0-9]{1,5}$ ]] && ((10#$port >= 1 && 10#$port <= 65535)) ||
        die "CHAT_PORT is \"$port\"; a port is a number from 1 to 65535"
    port=$((10#$port))
    url=http://127.0.0.1:$port
}

# The lock lives as long as the server: whoever holds it, runs.
take_run_dir() {
    [[ $run == /* ]] || run=$PWD/$run
    mkdir -p "$run" 2>/dev/null && [[ -w $run ]] && : 2>/dev/null >>"$run/lock" ||
        die "$run cannot be written by $(id -un): remove it, or name another in CHAT_RUN_DIR"
    exec 9>>"$run/lock"
    flock -n 9 ||
        die "it runs already, at $(cat "$run/url" 2>/dev/null || echo "a moment's notice"): stop that one first (Ctrl-C), or choose another CHAT_RUN_DIR and CHAT_PORT"
    chmod 711 "$run"
}

port_answers() {
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

check_port_free() {
    ! port_answers ||
        die "port $port on 127.0.0.1 is taken by another program; try: CHAT_PORT=$((port < 65535 ? port + 1 : 8080)) make run"
}

# ---- build ----

# Says how far it is. With V=1 make prints each command that it starts. With a
# "make -jN run" the jobs are that make's.
build() {
    local goal=("$make" --no-print-directory -C "$root" -f Makefile.apxs VARIANT="$variant" V=1)
    local files
    [[ ${MAKEFLAGS-} =~ (^|[[:space:]])-j|--jobserver ]] || goal+=("-j$(nproc)")
    files=$("${goal[@]}" -n all | grep -c -- ' -c -o ') || :
    if ((files)); then
        say "compiling $files files"
    fi
    "${goal[@]}" all | tell_progress "$files"
    ((!files)) || say "compiled"
}

# A line for each tenth of the files.
tell_progress() {
    local files=$1 line started=0 tenth=0
    while IFS= read -r line; do
        [[ $line == *' -c -o '* ]] || continue
        if ((++started * 10 / (files + 1) > tenth)); then
            tenth=$((started * 10 / (files + 1)))
            say "compiling, ${tenth}0 %"
        fi
    done
}

# ---- who serves, and where he can read ----

# httpd's children give root away, so they cannot pass a directory of root's
# alone, as a checkout in /root is: what they read goes to /tmp then.
choose_data_dir() {
    user=$(id -un)
    group=$(id -gn)
    data=$run/data
    rm -rf "$data"
    mkdir -m 700 "$data"
    [[ $(id -u) == 0 ]] || return 0
    user=nobody
    ! id www-data >/dev/null 2>&1 || user=www-data
    group=$(id -gn "$user")
    if ! setpriv --reuid "$user" --regid "$group" --clear-groups test -x "$run"; then
        scratch=$(mktemp -d "${TMPDIR:-/tmp}/mod_chat-run.XXXXXX")
        chmod 711 "$scratch"
        data=$scratch/data
        mkdir -m 700 "$data"
    fi
}

# ---- what there is to try ----

# demo/lines.txt: sentences that begin with "#", what to paste below them.
lines() {
    local text quoted
    text=$(<"$root/demo/lines.txt")
    quoted=$(printf '%q' "$run")
    text=${text//@URL@/"$url"}
    printf '%s\n' "${text//@RUN@/"$quoted"}"
}

# demo/lines.html with these lines in it, where people sign in, and the chat page.
make_pages() {
    local line
    mkdir "$data/www"
    mkdir -m 700 "$data/files"
    cp "$root/demo/sign-in.html" "$data/www/sign-in.html"
    while IFS= read -r line; do
        if [[ $line == '<!-- lines -->' ]]; then
            lines | sed -e 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' -e '1s/^/<pre>/; $s|$|</pre>|'
        else
            printf '%s\n' "$line"
        fi
    done <"$root/demo/lines.html" >"$data/www/lines.html"
    # A checkout in which the page was not built shows the lines in its place.
    mkdir "$data/page"
    cp -r "$root"/conf/page/. "$data/page" 2>/dev/null || cp "$data/www/lines.html" "$data/page/index.html"
    chmod -R a+rX "$data/page"
}

hand_over() {
    [[ $(id -u) != 0 ]] || chown -R "$user:$group" "$data"
}

# ---- people with a session, as better-auth would have made them ----

random_text() {
    local text
    text=$(openssl rand -base64 192 | tr -dc 'A-Za-z0-9')
    printf '%s' "${text:0:32}"
}

# encodeURIComponent for base64.
encode() {
    local text=${1//+/%2B}
    text=${text//\//%2F}
    printf '%s' "${text//=/%3D}"
}

# A date as better-auth keeps it in SQLite.
iso() {
    printf "strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now', '%s')" "${1/now/+0 days}"
}

# For this run, too: what users' keys are sealed with, and events signed.
make_secrets() {
    rm -f "$run/keys.secret" "$run/webhook.secret"
    (
        umask 077
        openssl rand -hex 32 >"$run/keys.secret"
        printf 'whsec_%s\n' "$(random_text)" >"$run/webhook.secret"
    )
}

make_sessions() {
    local secret
    secret=$(random_text)
    rm -f "$run"/{secret,cookie,cookie-admin,sign-in.conf}
    (
        umask 077
        printf '%s\n' "$secret" >"$run/secret"
        printf '# Written by script/run.sh at each start: who follows these links is signed in.\n' \
            >"$run/sign-in.conf"
        {
            cat "$root/demo/better-auth-sqlite.sql"
            make_person demo Demo user "$run/cookie"
            make_person admin Ada admin "$run/cookie-admin"
        } | sqlite3 -init /dev/null -batch -bail "$data/auth.db"
    )
}

# The rows of one, whose cookie goes into that file.
make_person() {
    local token sig cookie
    token=$(random_text)
    # ps could see this secret for a moment; it is good for this run alone.
    sig=$(printf %s "$token" | openssl dgst -sha256 -hmac "$secret" -binary | openssl base64 -A)
    cookie=better-auth.session_token=$token.$(encode "$sig")
    printf '%s\n' "$cookie" >"$4"
    # In a header "%" is written twice.
    cat >>"$run/sign-in.conf" <<CONF
<Location "/sign-in/$1">
    Require all granted
    Redirect 303 "/"
    Header always set Set-Cookie "${cookie//%/%%}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"
</Location>
CONF
    cat <<SQL
insert into "user" values ('$1', '$2', '$1@example.test', 1, null,
    $(iso now), $(iso now), '$3', 0, null, null);
insert into "session" values ('$1-session', $(iso '+7 days'), '$token',
    $(iso now), $(iso now), '127.0.0.1', 'make run', '$1', null);
SQL
}

# ---- the server's configuration ----

find_httpd() {
    program=$("$apxs" -q SBINDIR)/$("$apxs" -q PROGNAME)
    modules=$("$apxs" -q LIBEXECDIR)
    [[ -x $program ]] || die "no httpd at $program, where $apxs says it is"
}

load_modules() {
    local name builtin
    builtin=$("$program" -l)
    for name in mpm_event unixd authz_core authz_host log_config logio \
        authn_core socache_shmcb dbd status alias headers mime rewrite; do
        grep -qE "^ +(mod_)?$name\.c" <<<"$builtin" && continue
        [[ -e $modules/mod_$name.so ]] || die "$modules has no mod_$name.so"
        printf 'LoadModule %s_module "%s/mod_%s.so"\n' "$name" "$modules" "$name"
    done
    printf 'LoadModule chat_module "%s/build/%s/mod_chat.so"\n' "$root" "$variant"
}

# The mock is reached as OpenAI would be: by HTTP, through the same port.
provider() {
    if [[ -n ${OPENAI_API_KEY-} ]]; then
        printf '    ChatProviderURL https://api.openai.com/v1\n'
        printf '    ChatProviderKey env:OPENAI_API_KEY\n'
    else
        printf '    ChatProviderURL %s/mock/v1\n' "$url"
        # Who asks it to fail closes it for nobody else.
        printf '    ChatProviderBreaker off\n'
    fi
}

# What the page suggests to ask: docs/page.md says what the mock makes of it.
suggestions() {
    if [[ -n ${OPENAI_API_KEY-} ]]; then
        printf 'ChatPageSuggest "What does a reverse proxy do?" "Write a haiku about logs."\n'
    else
        printf 'ChatPageSuggest'
        printf ' "try: %s"' markdown think tool slow long break fail limit
        printf '\n'
    fi
}

# A route of the signed-in user's own things.
kept() {
    cat <<CONF
<Location "/api/v1/$1">
    Require all granted
    SetHandler chat
    ChatRoute $1
    ChatAuth better-auth bearer${2-}
    ChatAuthSecret "file:$run/secret"
    ChatModelDefault $model
    ChatStore chat
    ChatUsage on
    ChatStreamOnLeave finish
    ChatUserKeys allow
    ChatLimit guest 10/1m ip tier=guest
    ChatLimit month 5.00/1mo user unit=cost
</Location>
CONF
}

# Events of payments, signed with a secret that is made for this run.
webhook() {
    cat <<CONF
<Location "/api/v1/webhooks/$1">
    Require all granted
    SetHandler chat
    ChatRoute webhook
    ChatWebhook $1 live=off
    ChatWebhookSecret "file:$run/webhook.secret"
    ChatTierPrice $([[ $1 == stripe ]] && printf lookup || printf variant):standard standard
</Location>
CONF
}

write_conf() {
    cat <<CONF
# Written by script/run.sh at each start.
ServerRoot "$run"
ServerName 127.0.0.1:$port
Listen 127.0.0.1:$port
PidFile "$run/httpd.pid"
DefaultRuntimeDir "$run"
DocumentRoot "$data/www"
ErrorLog "$run/error.log"
LogLevel warn chat:info

$(load_modules)
TypesConfig /dev/null

$([[ $(id -u) != 0 ]] || printf 'User %s\nGroup %s' "$user" "$group")
StartServers 1
ServerLimit 4
ThreadsPerChild 32
MaxRequestWorkers 128

LogFormat "%h %{CHAT_USER}e \"%r\" %>s %O bytes model=%{CHAT_MODEL}e first=%{CHAT_TTFT_MS}ems all=%{CHAT_DURATION_MS}ems tokens=%{CHAT_INPUT_TOKENS}e+%{CHAT_OUTPUT_TOKENS}e %{CHAT_OUTCOME}e" chat
# Not what the mock is asked.
CustomLog "$run/access.log" chat "expr=!(%{REQUEST_URI} =~ m#^/mock/#)"

# Whose sessions count: better-auth's tables.
DBDriver sqlite3
DBDParams "$data/auth.db"
ChatAuthSession kysely-sqlite admin

# Conversations are kept in the same file; what is being answered, in another.
ChatKeySecret "file:$run/keys.secret"
ChatStoreMigrate on
ChatStreamResume "spool=$data/spool"
ChatUploads "dir:$data/files"

<ChatProvider openai>
$(provider)
</ChatProvider>

<Location "/">
    Require all denied
</Location>
<LocationMatch "^/(?:(?:lines|sign-in|index)\.html|sign-in|sign-out|assets/[^/]+)?\$">
    Require all granted
</LocationMatch>
<Files "*.html">
    ForceType "text/html; charset=utf-8"
</Files>

# The chat page, and who may sign in.
Define CHAT_PAGE_URL /
Define CHAT_PAGE_DIR "$data/page"
Include "$root/conf/chat-page.conf"
<Location "/api/v1">
    ChatPage "name=mod_chat, the demo" sign-in=/sign-in sign-out=/sign-out
</Location>
$(suggestions)
Alias "/sign-in" "$data/www/sign-in.html"
<Location "/sign-out">
    Redirect 303 "/"
    Header always set Set-Cookie "better-auth.session_token=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
</Location>
Include "$run/sign-in.conf"
<Location "/api/chat-openai">
    Require all granted
    SetHandler chat
    ChatRoute openai
    ChatUse openai
    ChatUsage on
    ChatLimit month 5.00/1mo user unit=cost
    ChatModelDefault $model
    ChatAuth better-auth bearer
    ChatAuthSecret "file:$run/secret"
</Location>
<Location "/mock">
    Require local
    SetHandler chat
    ChatRoute mock
    ChatMock pace=80ms words=40
</Location>

# The other contracts, for guests.
ChatModel $model openai "label=GPT-4o mini" context=128K price-in=0.15 price-out=0.60 price-cached=0.075
ChatModel gpt-5 openai label=GPT-5 context=400K price-in=1.25 price-out=10 price-cached=0.125 without=temperature,top-p
ChatModel gpt-5-pro openai "label=GPT-5 pro" context=400K price-in=15 price-out=120 without=temperature,top-p tier=standard
<Location "/api/v1/chat">
    Require all granted
    SetHandler chat
    ChatRoute message
    ChatAuth guest
    ChatModelDefault $model
    ChatLimit guest 10/1m ip tier=guest
</Location>
<Location "/api/v1/chat/stream">
    ChatRoute stream
    ChatAuth better-auth bearer guest
    ChatAuthSecret "file:$run/secret"
    ChatStore chat
    ChatUsage on
    ChatStreamOnLeave finish
    ChatLimit month 5.00/1mo user unit=cost
    ChatUserKeys allow
</Location>

# What users keep, and what administrators change.
$(for route in conversations search export import usage; do kept "$route"; done)
$(kept me ' guest')
ChatAdmin on limits=any
<Location "/api/v1/admin">
    SetHandler chat
    ChatRoute admin
    ChatAuth better-auth bearer
    ChatAuthSecret "file:$run/secret"
    AuthType Chat
    AuthzSendForbiddenOnFailure On
    Require chat-role admin
</Location>
<Location "/api/v1/keys">
    Require all granted
    SetHandler chat
    ChatRoute keys
    ChatAuth better-auth bearer
    ChatAuthSecret "file:$run/secret"
    ChatUserKeys allow
    ChatLimit key-writes 10/1h user
</Location>
<Location "/api/v1/uploads">
    Require all granted
    SetHandler chat
    ChatRoute uploads
    ChatAuth better-auth bearer
    ChatAuthSecret "file:$run/secret"
    ChatLimit uploads 60/1h user
</Location>
$(for service in stripe lemonsqueezy; do webhook "$service"; done)
<Location "/api/v1/shared">
    Require all granted
    SetHandler chat
    ChatRoute shared
    ChatStore chat
    ChatLimit visit 60/1m ip
</Location>
<Location "/api/v1/models">
    Require all granted
    SetHandler chat
    ChatRoute models
    ChatAuth better-auth bearer guest
    ChatAuthSecret "file:$run/secret"
    ChatModelDefault $model
</Location>
<Location "/v1/chat/completions">
    Require all granted
    SetHandler chat
    ChatRoute completions
    ChatAuth guest
    ChatModelDefault $model
    ChatLimit guest-sdk 60/1m ip
</Location>
<Location "/v1/models">
    Require all granted
    SetHandler chat
    ChatRoute models
</Location>
<Location "/healthz">
    Require all granted
    SetHandler chat
    ChatRoute health
</Location>
<Location "/server-status">
    Require local
    SetHandler server-status
</Location>
CONF
}

# ---- serving ----

# A session of its own: httpd takes a resized terminal (SIGWINCH) for the order
# to stop. So signals are passed on here, and it follows when this shell dies.
start() {
    ulimit -Sn "$(ulimit -Hn)" 2>/dev/null || :
    unset MAKEFLAGS MAKELEVEL MFLAGS
    setpriv --pdeathsig TERM setsid "$program" -DFOREGROUND -d "$run" -f "$run/httpd.conf" 9>&- &
    httpd=$!
    while ! port_answers; do
        kill -0 "$httpd" 2>/dev/null || fail_to_start
        sleep 0.05
    done
    kill -0 "$httpd" 2>/dev/null || fail_to_start
}

fail_to_start() {
    [[ -z $stopping ]] || exit 0
    tail -n 5 "$run/error.log" >&2 2>/dev/null || :
    die "httpd did not start; more in $run/error.log"
}

stop() {
    trap '' INT TERM HUP
    stopping=1
    [[ -z $httpd ]] || kill -TERM "$httpd" 2>/dev/null || :
}

clean_up() {
    [[ -z $scratch ]] || rm -rf "$scratch"
    rm -f "$run/url"
}

tell() {
    cat <<TEXT

mod_chat serves at $url/ ($([[ -n ${OPENAI_API_KEY-} ]] && echo "answers come from OpenAI" || echo "the mock answers")).
Open that page, whose "Sign in" needs no password, or paste these into another terminal:

$(lines | sed 's/^./  &/')

Logs: $run/access.log, $run/error.log
Ctrl-C stops it.
TEXT
}

check_port
take_run_dir
check_port_free
say "the page will be at $url/"
"$root/script/deps.sh" build
build
find_httpd
trap clean_up EXIT
choose_data_dir
make_sessions
make_secrets
make_pages
write_conf >"$run/httpd.conf"
: >"$run/error.log"
hand_over
"$program" -t -d "$run" -f "$run/httpd.conf" 2>"$run/configtest.log" || {
    cat "$run/configtest.log" >&2
    die "$run/httpd.conf is not accepted"
}
trap stop INT TERM HUP
start
printf '%s\n' "$url" >"$run/url"
tell
# wait returns early for each signal that was passed on.
while kill -0 "$httpd" 2>/dev/null; do
    wait "$httpd" && status=0 || status=$?
done
say "stopped"
exit "${status:-0}"
