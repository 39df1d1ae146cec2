#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Run tests under prove: those named, else all of them, cheapest first. "make
# check" calls it when everything is built.
#
#   CHAT_VARIANT     which build is tested (plain)
#   CHAT_VALGRIND    memcheck: the unit tests and httpd run under it
set -euo pipefail
cd "$(dirname "$0")/.."

export CHAT_VARIANT=${CHAT_VARIANT:-plain}
unset MAKEFLAGS MAKELEVEL MFLAGS CHAT_PORT CHAT_RUN_DIR OPENAI_API_KEY

# Debian 12 has Node 18.
if node=$(node -p 'process.versions.node' 2>/dev/null) && ((${node%%.*} < 20)); then
    export NODE_OPTIONS="${NODE_OPTIONS-} --require \"$PWD/t/real/older-node.cjs\""
fi

units() {
    if [[ -n ${CHAT_VALGRIND-} ]]; then
        prove --timer \
            --exec 'valgrind --quiet --error-exitcode=99 --leak-check=full' "$@"
    else
        prove --timer "$@"
    fi
}

if (($#)); then
    exec prove --timer "$@"
fi

shopt -s nullglob
failed=0
units "build/$CHAT_VARIANT"/unit/test_* || failed=1
prove --timer t/check/*.t t/*.t || failed=1
exit "$failed"
