// @ts-check
// The buffer of a pair, read as dashboard/components/matrix packs it.

import assert from "node:assert/strict"
import { test } from "node:test"

import { Pair, formatNumber, readHead } from "../../dashboard/components/matrix/pair.js"
import { cssOf, makeScale, parseColor } from "../../dashboard/components/matrix/scale.js"
import { assertClose, bytesOf, cases } from "./cases.js"

/** @param {Pair} pair */
function* cellsOf(pair) {
  for (let slice = 0; slice < pair.head.slices; slice++) {
    for (let patch = 0; patch < pair.patches; patch++) {
      for (let dim = 0; dim < pair.head.dim; dim++) yield { slice, patch, dim }
    }
  }
}

test("differences, values and means are those that Python packed", () => {
  for (const { bytes, differences, values, means, means_of_dims, means_of_patches, order, head } of cases["matrix.packed"]) {
    const pair = new Pair(bytesOf(bytes))
    const cells = [...cellsOf(pair)]
    for (const [name, value] of Object.entries(head)) assert.deepEqual(/** @type {any} */ (pair.head)[name], value)
    assertClose(cells.map(({ slice, patch, dim }) => pair.difference(pair.code(slice, { patch, dim }))), differences)
    const found = cells.map(({ slice, patch, dim }) => pair.valueOfA(slice, { patch, dim }))
    if (values) assertClose(/** @type {number[]} */ (found), values)
    else assert.ok(found.every(value => value === null))
    const slices = [0, 1, 2]
    assertClose(slices.map(slice => pair.meanOfSlice(slice)), means)
    assertClose(slices.flatMap(slice => [0, 1, 2, 3, 4].map(dim => pair.meanOfDim(slice, dim))), means_of_dims)
    assertClose(slices.flatMap(slice => [0, 1, 2, 3].map(patch => pair.meanOfPatch(slice, patch))), means_of_patches)
    assert.deepEqual([...pair.order], order)
    assert.equal(new TextDecoder().decode(pair.sheets.a), "JPEG of A")
    assert.equal(pair.sheets.b.length, 0)
  }
})

test("what is cut short, of another format or no buffer at all is refused before anything is drawn", () => {
  const bytes = bytesOf(cases["matrix.packed"][0].bytes)
  for (const length of [0, 3, 20, bytes.length - 1]) assert.throws(() => new Pair(bytes.slice(0, length)), /incomplete/)
  assert.throws(() => readHead(new TextEncoder().encode("<!doctype html><title>Another page</title>")), /incomplete/)
  const other = bytes.slice()
  const text = new TextDecoder("latin1").decode(other)
  other[text.indexOf('"format": 1') + '"format": '.length] = "7".charCodeAt(0)
  assert.throws(() => new Pair(other), /reload the page/)
})

test("a cell is read out with its precision", () => {
  const pair = new Pair(bytesOf(cases["matrix.packed"][0].bytes))
  const [where, change, values] = pair.describe(1, { patch: 3, dim: 2 })
  assert.equal(where, "patch (1, 1), dimension 2")
  assert.match(change, /^B − A = -?[\d.]+(e-\d+)?( or beyond)? \(± [\d.]+(e-\d+)?\)$/)
  assert.match(values, /^A = .+, B = .+ \(± .+\)$/)
})

test("the cell of a URL is found where this pair has it", () => {
  const pair = new Pair(bytesOf(cases["matrix.packed"][0].bytes))
  const find = (/** @type {string} */ query) => pair.find(new URLSearchParams(query))
  assert.deepEqual(find("shared-slice=2&dim=4&y=1&x=0"), { slice: 2, cell: { dim: 4, patch: 2 } })
  assert.deepEqual(find("dim=5&y=1&x=0"), { slice: 0, cell: null })
  assert.deepEqual(find("shared-slice=3&dim=-1&y=a&x="), { slice: 0, cell: null })
})

test("numbers have three digits", () => {
  assert.deepEqual([0, 1.23456, -0.00123456, 0.000123456, 123456].map(formatNumber), ["0", "1.23", "-0.00123", "1.23e-4", "1.23e+5"])
})

test("nothing has the page's background, and the ends differ from it and from each other", () => {
  for (const [background, wanted] of /** @type {[string, number[]][]} */ ([["#ffffff", [255, 255, 255]], ["rgb(14, 17, 23)", [14, 17, 23]]])) {
    const scale = makeScale(background)
    assert.deepEqual(parseColor(background), wanted)
    assert.equal(cssOf(scale[128], 1), `rgba(${wanted.join(", ")}, 1)`)
    assert.equal(new Set([scale[1], scale[128], scale[255]]).size, 3)
  }
})
