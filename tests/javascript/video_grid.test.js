// @ts-check
// Which slice a place on a picture means, and where its picture lies on the sheet.

import assert from "node:assert/strict"
import { test } from "node:test"

import { cutSlice, findSlice } from "../../dashboard/components/video_grid/scrub.js"

test("the width of a picture is shared among the slices, and beyond it are the first and the last", () => {
  assert.deepEqual([0, 24, 25, 99].map(left => findSlice(left, 100, 4)), [0, 0, 1, 3])
  assert.deepEqual([-5, 100, 250].map(left => findSlice(left, 100, 4)), [0, 3, 3])
  assert.equal(findSlice(10, 0, 4), 0)
  assert.equal(findSlice(10, 100, 1), 0)
})

test("a slice is cut out of its row and column of the sheet", () => {
  const scrub = { url: "pictures/a", slices: 8, tile: [144, 256] } // 3 columns, 3 rows
  assert.deepEqual(cutSlice(5, scrub), { aspectRatio: "256 / 144", backgroundSize: "300% 300%", backgroundPosition: "100% 50%" })
  assert.deepEqual(cutSlice(6, scrub).backgroundPosition, "0% 100%")
  const single = { url: "pictures/a", slices: 1, tile: [16, 16] }
  assert.deepEqual(cutSlice(0, single), { aspectRatio: "16 / 16", backgroundSize: "100% 100%", backgroundPosition: "0% 0%" })
})
