// SPDX-License-Identifier: Apache-2.0
//
// Who calls: the web server alone may. It shows the token of
// NEXTJS_INTERNAL_TOKEN, or one that it has made with NEXTJS_INTERNAL_SECRET
// (ChatProviderKey jwt:...), which says for whom it asks.
import { createHash, timingSafeEqual } from "node:crypto";
import { jwtVerify } from "jose";

const digest = text => createHash("sha256").update(text).digest();

// The id of the user, null where the token does not say; undefined: go away.
export async function caller(request) {
  const { NEXTJS_INTERNAL_TOKEN: fixed, NEXTJS_INTERNAL_SECRET: secret } = process.env;
  const [, token] = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  if (!token)
    return undefined;
  if (fixed && timingSafeEqual(digest(token), digest(fixed)))
    return null;
  if (!secret)
    return undefined;
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret),
      { algorithms: ["HS256"], issuer: "mod_chat", requiredClaims: ["exp"] });
    return payload.sub ?? null;
  }
  catch {
    return undefined;
  }
}
