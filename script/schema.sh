#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The files of conf/sql as C, for src/store/chat_store_schema.h:
#
#   script/schema.sh conf/sql/sqlite/001_chats.sql ... >schema.c
set -euo pipefail

printf '#include "chat_store_schema.h"\n\nconst chat_store_schema_t chat_store_schema[] = {\n'
for file; do
    name=$(basename "$file" .sql)
    driver=$(basename "$(dirname "$file")")
    printf '    {"%s", %d, "%s",\n' "$driver" "$((10#${name%%_*}))" "$name"
    sed -e 's/\\/\\\\/g; s/"/\\"/g; s/^/     "/; s/$/\\n"/' "$file"
    printf '    },\n'
done
printf '    {0},\n};\n'
