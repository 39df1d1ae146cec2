#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Build versitygw, an object store that checks signatures, of the version and
# with the checksums of go.mod and go.sum beside this. Does nothing when it is
# there already.
set -euo pipefail
cd "$(dirname "$0")"

[[ versitygw -nt go.sum ]] && exit 0
if ! command -v go >/dev/null; then
    echo 'versitygw: there is no go to build it with' >&2
    exit 1
fi
nice go build -p 2 -trimpath -o versitygw github.com/versity/versitygw/cmd/versitygw
touch versitygw
