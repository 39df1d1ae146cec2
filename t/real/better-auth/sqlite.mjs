// SPDX-License-Identifier: Apache-2.0
//
// A real SQLite file, written by SQLite compiled to WebAssembly.
import fs from "node:fs";
import sqlite from "node-sqlite3-wasm";

export function openSqlite(file) {
    // alone it would make a file that only its owner may read
    fs.closeSync(fs.openSync(file, "a", 0o644));
    const db = new sqlite.Database(file);
    // It locks with a directory beside the file, which no other SQLite knows:
    // the tests never write from two sides at once.
    return {
        all: (sql, values) => db.all(sql, values),
        run: (sql, values) => {
            const { changes, lastInsertRowId } = db.run(sql, values);
            return { changes, lastInsertRowid: lastInsertRowId };
        },
        close: () => db.close(),
    };
}
