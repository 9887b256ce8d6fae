// @ts-check
// Where points lie on the screen, and which of them is meant.

import assert from "node:assert/strict"
import { test } from "node:test"

import { countColumns, findCorner, locateToken } from "../../dashboard/components/shared/sheets.js"
import { dimOutside, isInside, readArea, traceArea, writeArea } from "../../dashboard/components/token_map/area.js"
import { START, findPoint, flatMatrix, moveEye, sizePoints, slideEye, turnEye, viewMatrix } from "../../dashboard/components/token_map/points.js"
import { cutPatch, describeToken } from "../../dashboard/components/token_map/tip.js"
import { cases } from "./cases.js"

/** @type {[number, number]} */
const SIZE = [800, 400]

/**
 * Pixels of a place, by the matrix that the shader multiplies with.
 * @param {Float32Array} m
 * @param {number[]} place
 * @returns {[number, number]}
 */
function project(m, [x, y, z]) {
  const row = (/** @type {number} */ n) => m[n] * x + m[n + 4] * y + m[n + 8] * z + m[n + 12]
  return [(row(0) / row(3) + 1) * (SIZE[0] / 2), (1 - row(1) / row(3)) * (SIZE[1] / 2)]
}

/** @param {number[][]} places */
const pointsOf = places => Float32Array.from(places.flatMap(place => [...place, 0]))

test("a slice's picture lies on its sheet where store.pictures.Sheet has it", () => {
  for (const { slices, tile, columns, corners } of cases["Sheet.corner"]) {
    assert.equal(countColumns(slices), columns)
    assert.deepEqual(Array.from({ length: slices }, (_, slice) => findCorner(slice, columns, tile)), corners)
  }
})

test("a token's number leads to the patch that marks.numbered numbers so", () => {
  for (const { h, w, patches, numbers } of cases["marks.numbered"]) assert.deepEqual(numbers.map((/** @type {number} */ n) => locateToken(n, { h, w })), patches)
})

test("the middle of the cloud is in the middle of the screen from everywhere", () => {
  for (const eye of [START, turnEye(START, 1, 1), moveEye(START, 3)]) {
    const [left, top] = project(viewMatrix(eye, 2), [0, 0, 0])
    assert.ok(Math.abs(left - 400) < 1e-3 && Math.abs(top - 200) < 1e-3)
  }
})

test("every point is found where it is drawn, and none far from all", () => {
  const places = [[0.5, 0.5, 0.5], [-0.5, 0.2, 0.1], [0.1, -0.7, 0.9]]
  const matrix = viewMatrix(START, 2)
  places.forEach((place, number) => assert.equal(findPoint(matrix, pointsOf(places), project(matrix, place), SIZE, 4), number))
  assert.equal(findPoint(matrix, pointsOf(places), [1, 1], SIZE, 4), -1)
})

test("of points behind each other the nearer one is meant", () => {
  const eye = { turn: 0, tilt: 0, distance: 2.6, x: 0, y: 0 }
  const matrix = viewMatrix(eye, 2)
  assert.equal(findPoint(matrix, pointsOf([[0, 0, -1], [0, 0, 1], [0, 0, 0]]), [400, 200], SIZE, 4), 1)
})

test("a finger reaches further than a pointer", () => {
  const matrix = viewMatrix(START, 2)
  const [left, top] = project(matrix, [0, 0, 0])
  assert.equal(findPoint(matrix, pointsOf([[0, 0, 0]]), [left + 15, top], SIZE, 4), -1)
  assert.equal(findPoint(matrix, pointsOf([[0, 0, 0]]), [left + 15, top], SIZE, 22), 0)
})

test("the eye neither tips over nor leaves nor enters the cloud", () => {
  assert.equal(turnEye(START, 0, 99).tilt, 1.5)
  assert.equal(turnEye(START, 0, -99).tilt, -1.5)
  assert.equal(moveEye(START, 1e9).distance, 12)
  assert.equal(moveEye(START, 1e-9).distance, 1.2)
})

test("many points are small, few are large", () => {
  assert.equal(sizePoints(300_000), 3)
  assert.equal(sizePoints(10), 14)
})

test("a token is named with slice, row and column from 0, or by what is wrong", () => {
  const token = { id: "a", video: "v", pictures: "pictures/a", slices: 8, h: 6, w: 6, tile: [96, 96], patch: [0, 2, 3] }
  assert.equal(describeToken(token), "slice 0, patch (2, 3)")
  assert.equal(describeToken({ ...token, where: "cup.mp4, 0.32 s: " }), "cup.mp4, 0.32 s: slice 0, patch (2, 3)")
  assert.equal(describeToken({ ...token, problem: "gone" }), "gone")
  assert.deepEqual(cutPatch({ ...token, patch: [4, 2, 3] }), { width: 864, left: -(96 + 48) * 3, top: -(96 + 32) * 3 })
})

test("a flat map leaves the third axis out and slides under the pointer", () => {
  const matrix = flatMatrix(START, 2)
  for (const z of [-1, 0, 1]) assert.deepEqual(project(matrix, [0.5, 0.25, z]).map(Math.round), project(matrix, [0.5, 0.25, 0]).map(Math.round))
  assert.deepEqual(project(matrix, [0, 0, 0]), [400, 200])
  const [left, top] = project(matrix, [0.5, 0.25, 0])
  const slid = project(flatMatrix(slideEye(START, 30, -20, SIZE[1]), 2), [0.5, 0.25, 0])
  assert.ok(Math.abs(slid[0] - left - 30) < 1e-3 && Math.abs(slid[1] - top + 20) < 1e-3)
})

test("an area holds what was drawn around, and its text says the same", () => {
  const places = [[0.5, 0.5, 0.5], [-0.5, 0.2, 0.1], [0.1, -0.7, 0.9]]
  const matrix = viewMatrix(START, 2)
  const [left, top] = project(matrix, places[1])
  /** @type {[number, number][]} */
  const around = [[left - 20, top - 20], [left + 20, top - 20], [left + 20, top + 20], [left - 20, top + 20]]
  const area = traceArea(matrix, around, SIZE)
  assert.deepEqual(places.map(place => isInside(area, place)), [false, true, false])
  const read = readArea(writeArea(area))
  assert.ok(read)
  assert.deepEqual(places.map(place => isInside(read, place)), [false, true, false])
  const bytes = pointsOf(places)
  new Uint8Array(bytes.buffer).fill(200, 12, 16)
  const shades = new Uint8Array(dimOutside(bytes.buffer, read))
  assert.equal(shades[15], 24)
  assert.equal(new Uint8Array(bytes.buffer)[15], 200)
  assert.equal(readArea(""), null)
  assert.equal(readArea("1,2;3"), null)
})

test("a long outline is sent with few corners", () => {
  /** @type {[number, number][]} */
  const path = Array.from({ length: 1000 }, (_, n) => [400 + 100 * Math.cos(n / 159), 200 + 100 * Math.sin(n / 159)])
  const area = traceArea(viewMatrix(START, 2), path, SIZE)
  assert.ok(area.outline.length > 50 && area.outline.length <= 60 && writeArea(area).length < 1000)
})

test("a point that is a video is told in its own words", () => {
  const video = { id: "", video: "a", pictures: null, slices: 1, h: 1, w: 1, tile: [1, 1], patch: [0, 0, 0], words: "pour.mp4, 3.0 s" }
  assert.equal(describeToken(video), "pour.mp4, 3.0 s")
  assert.equal(describeToken({ ...video, problem: "removed" }), "removed")
})

test("a flat map shows all of the cloud on a canvas that is higher than wide, and slides with the pointer", () => {
  const size = [200, 400]
  const seen = (/** @type {import("../../dashboard/components/token_map/points.js").Eye} */ eye, /** @type {number[]} */ [x, y]) => {
    const m = flatMatrix(eye, size[0] / size[1])
    return [((m[0] * x + m[12]) / m[15] + 1) * (size[0] / 2), (1 - (m[5] * y + m[13]) / m[15]) * (size[1] / 2)]
  }
  for (const corner of [[-1, -1], [1, 1]]) seen(START, corner).forEach((at, axis) => assert.ok(at > 0 && at < size[axis]))
  const [before, after] = [START, slideEye(START, 10, -20, 200)].map(eye => seen(eye, [0.3, 0.2]))
  assert.ok(Math.abs(after[0] - before[0] - 10) < 1e-3 && Math.abs(after[1] - before[1] + 20) < 1e-3)
})
