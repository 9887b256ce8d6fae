// @ts-check
// The editor: the queries of this browser, the place of a failure, and a bundle made of the packages that are pinned.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"

import { locateFailure, readRecent, rememberQuery } from "../../dashboard/components/editor/recent.js"

const ROOT = new URL("../../", import.meta.url)

/** @returns {any} what a browser keeps texts in */
function createStorage() {
  /** @type {Map<string, string>} */
  const held = new Map()
  return {
    getItem: (/** @type {string} */ key) => held.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => { held.set(key, value) },
  }
}

test("the newest query stands first, each once, at most fifty", () => {
  const storage = createStorage()
  for (const query of ["a", "b", "a", "  "]) rememberQuery(storage, query)
  assert.deepEqual(readRecent(storage), ["a", "b"])
  for (let number = 0; number < 60; number++) rememberQuery(storage, `SELECT ${number}`)
  assert.equal(readRecent(storage).length, 50)
  assert.equal(readRecent(storage)[0], "SELECT 59")
})

test("what something else has written there is no history", () => {
  for (const text of ["{", "3", '{"a": 1}', "null", '[1, "SELECT 1"]']) {
    const storage = createStorage()
    storage.setItem("tubelet-queries", text)
    assert.deepEqual(readRecent(storage), text.includes("SELECT") ? ["SELECT 1"] : [])
  }
  const full = { getItem: () => null, setItem: () => { throw new Error("full") } }
  assert.deepEqual(rememberQuery(/** @type {any} */ (full), "a"), ["a"])
})

test("a failure is marked where it is", () => {
  const text = "SELECT 1,\n  nam, 2\nFROM videos"
  const found = locateFailure(text, { line: 2, before: "  ", message: "" })
  assert.equal(text.slice(found.from, found.to), "nam")
  assert.deepEqual(locateFailure("", { line: 9, before: "x", message: "" }), { from: 0, to: 0 })
  const end = locateFailure("SELECT", { line: 1, before: "SELECT", message: "" })
  assert.ok(end.from <= end.to && end.to === 6)
})

test("the bundle is made of the pinned packages", () => {
  const head = readFileSync(new URL("dashboard/components/editor/codemirror.js", ROOT), "utf8").slice(0, 3000)
  const pinned = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")).devDependencies
  const parts = Object.entries(pinned).filter(([name]) => /^@(codemirror|lezer)\//.test(name))
  assert.equal(parts.length, 9)
  for (const [name, version] of parts) assert.ok(head.includes(`${name} ${version}`), `run \`make editor\`: ${name}`)
  assert.ok(head.includes("MIT License"))
})
