// SPDX-License-Identifier: Apache-2.0
//
// What the peers and the tests take for granted and Node 18, which Debian 12
// has, lacks. script/test.sh has older Nodes load it first.
"use strict";
// Later ones try both addresses of "localhost".
require("node:dns").setDefaultResultOrder("ipv4first");
globalThis.crypto ??= require("node:crypto").webcrypto;
String.prototype.isWellFormed ??= function () {
    return !/\p{Surrogate}/u.test(this);
};
