// @ts-check
// The editor: the queries of this browser, the place of a failure, and a bundle made of the packages that are pinned.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"

import { formatQuery } from "../../dashboard/components/editor/layout.js"
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

test("a query is laid out with its parameters, comments and strings as they are", async () => {
  const query = "select a, $k as b, label['x'] -- note; here\nfrom tokens t join clips c using (clip_id) where c.x = 'B  c' /* keep */ limit $k;"
  const formatted = await formatQuery(query)
  assert.deepEqual(formatted?.split("\n").slice(0, 6), ["select", "  a,", "  $k as b,", "  label['x'] -- note; here", "from", "  tokens t"])
  assert.match(formatted ?? "", /'B {2}c' \/\* keep \*\/\nlimit\n\s+\$k;$/)
  assert.equal(await formatQuery(formatted ?? ""), formatted, "once more changes nothing")
})

test("what the formatter cannot read stays as it is, and only blanks ever change", async () => {
  for (const broken of ["SELECT (", "SELECT '", "$", "SELECT 1 /*"]) assert.equal(await formatQuery(broken), null)
  for (const query of [
    "FROM tokens SELECT avg(embedding[3])", "SELECT list_transform([1, 2], x -> x + 1)", "SELECT lambda x: x - -1", "SELECT a.* EXCLUDE (b) FROM a",
    "PIVOT a ON b USING count(*)", "SELECT $$ a  b $$, {'a': 1}, [1, 2][1:2], 1::INT", "EXPLAIN ANALYZE FROM clips", "SELECT 'é', \"ü  b\"",
    "FROM a QUALIFY row_number() OVER (PARTITION BY b ORDER BY c) = 1", "FROM a ASOF JOIN b USING (t)", "FROM range($k) AS r(n) -- end",
    "SELECT it = -1, a >= -2, 'it''s  so', 2 ** 3, 'x' ^@ 'y', a != b FROM a", "SELECT count(*)>0, x=$k, j ->> '$.a' FROM a",
  ]) {
    const formatted = await formatQuery(query)
    assert.ok(formatted !== null, query)
    assert.equal(formatted.replace(/\s+/g, ""), query.replace(/\s+/g, ""))
  }
})

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

test("the bundles are made of the pinned packages", () => {
  const pinned = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")).devDependencies
  for (const [bundle, names, count] of /** @type {[string, RegExp, number][]} */ ([["codemirror", /^@(codemirror|lezer)\//, 9], ["formatter", /^sql-formatter$/, 1]])) {
    const head = readFileSync(new URL(`dashboard/components/editor/${bundle}.js`, ROOT), "utf8").slice(0, 3000)
    const parts = Object.entries(pinned).filter(([name]) => names.test(name))
    assert.equal(parts.length, count)
    for (const [name, version] of parts) assert.ok(head.includes(`${name} ${version}`), `run \`make editor\`: ${name}`)
    assert.match(head, /MIT License/)
  }
})
