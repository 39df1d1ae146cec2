// SPDX-License-Identifier: Apache-2.0
export default { outputFileTracingRoot: import.meta.dirname, poweredByHeader: false };
