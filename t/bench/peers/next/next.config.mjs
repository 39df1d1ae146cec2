// SPDX-License-Identifier: Apache-2.0
export default {
    compress: false,
    poweredByHeader: false,
    serverExternalPackages: ["better-auth", "pg", "ioredis"],
};
