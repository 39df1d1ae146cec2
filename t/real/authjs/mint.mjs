// SPDX-License-Identifier: Apache-2.0
//
// Tokens as NextAuth 4, Auth.js 5 and jose make them. Standard input is a list
// of {by, ...}; standard output the list of what became of each: {token}, and
// for the keys {jwks}.
import { encode as encode4 } from 'next-auth/jwt';
import { encode as encode5 } from '@auth/core/jwt';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';

const pairs = {};

// One key pair for each algorithm, with its name as kid.
async function pair(alg) {
    pairs[alg] ??= await generateKeyPair(alg, { extractable: true, crv: alg === 'EdDSA' ? 'Ed25519' : undefined });
    return pairs[alg];
}

const makers = {
    'next-auth': ({ claims, secret, maxAge }) => encode4({ token: claims, secret, maxAge }),
    'auth-core': ({ claims, secret, salt, maxAge }) => encode5({ token: claims, secret, salt, maxAge }),
    hs256: ({ claims, secret, header }) =>
        new SignJWT(claims).setProtectedHeader({ alg: 'HS256', ...header }).sign(new TextEncoder().encode(secret)),
    key: async ({ claims, alg, kid }) =>
        new SignJWT(claims).setProtectedHeader({ alg, kid: kid ?? alg }).sign((await pair(alg)).privateKey),
};

// Under the name prefix + algorithm.
async function jwks(algs, prefix = '') {
    const keys = [];
    for (const alg of algs)
        keys.push({ ...(await exportJWK((await pair(alg)).publicKey)), kid: prefix + alg, alg, use: 'sig' });
    return { keys };
}

let text = '';
for await (const piece of process.stdin) text += piece;
const out = [];
for (const wish of JSON.parse(text))
    out.push(wish.by === 'jwks' ? { jwks: await jwks(wish.algs, wish.prefix) } : { token: await makers[wish.by](wish) });
process.stdout.write(JSON.stringify(out));
