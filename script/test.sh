#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Run tests under prove: those named, else all of them. "make check" calls it
# when everything is built. Files are run side by side, but for those that have a
# line "# Runs alone: WHY": they load the machine themselves, or look at how
# processes share it.
#
#   CHAT_JOBS        how many files are run at a time (two for each processor, for
#                    they wait as long as they work)
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
            --exec 'valgrind --quiet --error-exitcode=99 --leak-check=full --suppressions=t/valgrind.supp' "$@"
    else
        prove --timer "$@"
    fi
}

if (($#)); then
    exec prove --timer "$@"
fi

jobs=${CHAT_JOBS:-$((2 * $(nproc)))}
[[ $CHAT_VARIANT == plain && -z ${CHAT_VALGRIND-} ]] || jobs=${CHAT_JOBS:-1}

shopt -s nullglob
together=() alone=()
for file in t/check/*.t t/*.t; do
    if grep -q '^# Runs alone: ' "$file"; then
        alone+=("$file")
    else
        together+=("$file")
    fi
done

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
{
    units -j "$jobs" "build/$CHAT_VARIANT"/unit/test_* || failed=1
    prove --timer -j "$jobs" "${together[@]}" || failed=1
    prove --timer "${alone[@]}" || failed=1
    ((failed == 0))
} 2>&1 | tee "$log" || failed=1

# What failed stands far above the end of so long a text: it is said once more.
if ((failed)); then
    printf '\nWhat failed:\n'
    grep -aA1 '^ *# *Failed test' "$log" | cut -c1-160 | tail -n 24 || true
fi
exit "$failed"
