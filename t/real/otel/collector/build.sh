#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Build the OpenTelemetry Collector of the version and with the checksums of
# go.mod and go.sum beside this: minutes. Does nothing when it is there already.
set -euo pipefail
cd "$(dirname "$0")"

[[ collector -nt go.sum && collector -nt main.go ]] && exit 0
if ! command -v go >/dev/null; then
    echo 'collector: there is no go to build it with' >&2
    exit 1
fi
nice go build -p 2 -trimpath -o collector .
touch collector
