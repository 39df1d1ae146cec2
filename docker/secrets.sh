#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Make the secrets that compose.yaml mounts, once: what is there stays. Write
# an OpenAI key into openai_key to have OpenAI answer instead of the mock.
set -eu
dir=${1:-$(cd "$(dirname "$0")" && pwd)/secrets}

umask 077
mkdir -p "$dir"
for name in better_auth_secret db_password; do
    [ -s "$dir/$name" ] || openssl rand -hex 32 >"$dir/$name"
done
[ -e "$dir/openai_key" ] || : >"$dir/openai_key"
