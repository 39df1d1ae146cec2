#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Healthy: httpd answers, and mod_chat is in it.
curl -fsS "http://127.0.0.1:${1:-80}/server-status?auto" | grep -q '^ChatLive: '
