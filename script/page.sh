#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The chat page: conf/page from src/page, with Node 20.19 or later and npm. What is
# built is committed; nobody needs Node to install or to run it.
#
#   script/page.sh [DIRECTORY]   build into conf/page, or into DIRECTORY
#   script/page.sh --check       whether conf/page is what src/page gives
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root/src/page"

build() {
    [[ -d node_modules/vite ]] || npm ci --no-audit --no-fund --ignore-scripts
    npx tsc --noEmit
    npx vite build --logLevel warn --outDir "$1" --emptyOutDir
    node finish.mjs "$1"
}

if [[ ${1-} == --check ]]; then
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    build "$dir"
    diff -rq -x '*.gz' -x '*.br' "$root/conf/page" "$dir" && node finish.mjs --check "$root/conf/page"
else
    build "$(realpath -m -- "${1:-$root/conf/page}")"
fi
