// SPDX-License-Identifier: Apache-2.0
//
// A page's client of ChatKit's simple contract, as its documentation writes it:
// getClientSecret() with the token it had, and /chatkit with the Bearer. Commands
// are lines of standard input, answers lines of JSON on standard output.
//
//   node chatkit.mjs ORIGIN COOKIE
import readline from 'node:readline';

const [origin, cookie] = process.argv.slice(2);
const asked = [];

// What a browser adds by itself.
const browser = globalThis.fetch;
const fetch = async (path, init) => {
    const headers = { ...init.headers, ...(path.startsWith('/api/') ? { Cookie: cookie } : {}) };
    const res = await browser(origin + path, { ...init, headers });
    asked.push(`${path} ${res.status}`);
    return res;
};
const router = { push: (path) => asked.push(`push ${path}`) };

const api = {
    // Called when widget needs authentication
    async getClientSecret(existingToken) {
        // Try to refresh existing token
        if (existingToken) {
            const res = await fetch('/api/chatkit/refresh', {
                method: 'POST',
                body: JSON.stringify({ token: existingToken }),
                headers: { 'Content-Type': 'application/json' },
            });
            if (res.ok) {
                return (await res.json()).client_secret;
            }
            // Token refresh failed, create new session
        }

        // Create new session
        const res = await fetch('/api/chatkit/session', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
        });

        if (!res.ok) {
            // Not authenticated, redirect to login
            router.push('/login');
            throw new Error('Authentication required');
        }

        return (await res.json()).client_secret;
    },
};

let secret;
async function say(content, thread) {
    for (;;) {
        secret ??= await api.getClientSecret();
        const res = await fetch('/chatkit', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${secret}` },
            body: JSON.stringify({ ...(thread ? { thread_id: thread } : {}), message: { role: 'user', content } }),
        });
        if (res.status !== 401) return res;
        secret = await api.getClientSecret(secret);
    }
}

const lines = readline.createInterface({ input: process.stdin });
for await (const line of lines) {
    const { content, thread } = JSON.parse(line);
    asked.length = 0;
    let told;
    try {
        const res = await say(content, thread);
        told = { status: res.status, type: res.headers.get('content-type'), text: await res.text() };
    } catch (err) {
        told = { error: err.message };
    }
    console.log(JSON.stringify({ ...told, asked, secret }));
}
