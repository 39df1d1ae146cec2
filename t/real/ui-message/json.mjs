// SPDX-License-Identifier: Apache-2.0
//
// A value whose members are in the order of their names, so that texts of two
// that are equal are equal.
export function sorted(v) {
  if (Array.isArray(v))
    return v.map(sorted);
  if (v === null || typeof v !== "object")
    return v;
  return Object.fromEntries(Object.keys(v).sort().map(key => [key, sorted(v[key])]));
}
