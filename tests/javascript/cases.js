// @ts-check
// Cases that the Python functions have answered (tests/javascript_cases.py), and how numbers are compared with them.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"

/** @type {Record<string, any>} */
export const cases = JSON.parse(readFileSync(new URL("cases.json", import.meta.url), "utf8"))

/**
 * @param {ArrayLike<number>} found
 * @param {ArrayLike<number>} wanted
 * @param {number} [within]
 */
export function assertClose(found, wanted, within = 1e-5) {
  assert.equal(found.length, wanted.length)
  for (let at = 0; at < wanted.length; at++) assert.ok(Math.abs(found[at] - wanted[at]) <= within, `number ${at}: ${found[at]} in place of ${wanted[at]}`)
}

/** @param {string} hex */
export function bytesOf(hex) {
  return Uint8Array.from(Buffer.from(hex, "hex"))
}
