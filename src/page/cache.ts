// SPDX-License-Identifier: Apache-2.0
//
// What the server said last, in IndexedDB, so that the page opens with it and
// switches at once. It belongs to one user, and is emptied when another one comes.
// Without a database, as in some private windows, nothing is remembered.

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
    return (opened ??= new Promise((resolve, reject) => {
        const request = indexedDB.open("chat", 1);
        request.onupgradeneeded = () => request.result.createObjectStore("kept");
        request.onsuccess = () => resolve(request.result);
        request.onerror = request.onblocked = () => reject(request.error);
    }));
}

async function run<T>(mode: IDBTransactionMode, what: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
    try {
        const request = what((await open()).transaction("kept", mode).objectStore("kept"));
        return await new Promise((resolve, reject) => {
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(request.error);
        });
    } catch {
        return undefined;
    }
}

export const cache = {
    get: <T>(key: string) => run<T>("readonly", (s) => s.get(key) as IDBRequest<T>),
    put: (key: string, value: unknown) => void run("readwrite", (s) => s.put(value, key)),
    drop: (key: string) => void run("readwrite", (s) => s.delete(key)),
    clear: () => run("readwrite", (s) => s.clear()),
};
