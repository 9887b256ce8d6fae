// @ts-check
// The player's arithmetic, against the Python functions that it mirrors.

import assert from "node:assert/strict"
import { test } from "node:test"

import { unpackTrack } from "../../dashboard/components/player/layers.js"
import { FINE, THRESHOLD, enlargeScores, outlineMask } from "../../dashboard/components/player/masks.js"
import { EDGE, HEAT, MASK } from "../../dashboard/components/player/painting.js"
import { moveCursor } from "../../dashboard/components/player/patch_grid.js"
import { addMarks, nameMarks, paintPatches, spreadPatches, togglePatches } from "../../dashboard/components/player/patches.js"
import { Timeline, covers, endOf, firstFrameOf, sliceOf } from "../../dashboard/components/player/timeline.js"
import { assignLanes, describeFrames, describePlace } from "../../dashboard/components/player/words.js"
import { assertClose, bytesOf, cases } from "./cases.js"

/**
 * A window of the timeline, 16 frames in 8 slices at 25 frames per second unless said otherwise.
 * @param {number} first
 * @param {object} [more]
 */
const windowAt = (first, more = {}) => {
  const made = { id: `clip${first}`, first, frames: 16, step: 1, slices: 8, h: 6, w: 6, embedded: true, start: first / 25, stop: 0, ...more }
  return { ...made, stop: made.stop || made.start + (made.frames * made.step) / 25 }
}

test("scores between patch centers are those of latent.masks.enlarged", () => {
  for (const { h, w, scores, enlarged } of cases["masks.enlarged"]) assertClose(enlargeScores(Float32Array.from(scores), w, h, true), enlarged)
})

test("a mask and its edge are those of films.masked", () => {
  for (const { h, w, smooth, scores, kinds } of cases["films.masked"]) {
    assert.deepEqual([...outlineMask(enlargeScores(Float32Array.from(scores), w, h, smooth), w * FINE)], kinds)
  }
})

test("colors and fineness are those of films", () => {
  assert.deepEqual({ HEAT, MASK, EDGE, FINE, THRESHOLD }, cases["films.colors"])
})

test("the slice of a frame is that of the film of its window", () => {
  for (const { window, slices } of cases["Scene.slice"]) {
    const shown = windowAt(window.first, window)
    assert.deepEqual(slices.map((/** @type {number} */ _, /** @type {number} */ n) => sliceOf(shown, window.first + n)), slices)
    for (let slice = 0; slice < window.slices; slice++) assert.equal(sliceOf(shown, firstFrameOf(shown, slice)), slice)
    assert.equal(covers(shown, endOf(shown) - 1), true)
    assert.equal(covers(shown, endOf(shown)), false)
  }
})

test("marks are named in addresses as marks.Marked names them", () => {
  for (const { clip, patches, background, name } of cases["Marked.name"]) assert.equal(nameMarks(clip, patches, background), name)
})

test("a track is read as tracks.packed writes it, and no other length", () => {
  for (const { slices, h, w, bytes, rows, heat } of cases["tracks.packed"]) {
    const { buffer } = bytesOf(bytes)
    const track = unpackTrack(buffer, windowAt(0, { slices, h, w }))
    assertClose(track.rows, rows.flat())
    assert.deepEqual([...track.heat], heat)
    assert.throws(() => unpackTrack(buffer.slice(1), windowAt(0, { slices, h, w })), /sent \d+ bytes in place of \d+/)
  }
})

test("frames and times lead to each other across windows of another pace", () => {
  const windows = [windowAt(0), windowAt(16, { start: 0.7, stop: 1.5 }), windowAt(32, { start: 1.6 })]
  const timeline = new Timeline(windows, 25, 50)
  for (let frame = 0; frame < 50; frame++) assert.equal(timeline.frame(timeline.time(frame)), frame)
  assert.equal(timeline.time(16), 0.7)
  assert.equal(timeline.frame(-5), 0)
  assert.equal(timeline.frame(99), 49)
  assert.equal(new Timeline([], 10, 20).time(5), 0.5)
})

test("of overlapping windows the shown one stays, else one of the chosen length", () => {
  const [long, short, later] = [windowAt(0, { id: "long", frames: 32 }), windowAt(8, { id: "short" }), windowAt(16, { id: "later" })]
  const timeline = new Timeline([long, short, later], 25, 40)
  assert.equal(timeline.at(20, short), short)
  assert.equal(timeline.at(20, null), long)
  timeline.preferred = 16
  assert.equal(timeline.at(20, null), later)
  assert.equal(timeline.at(39, null), null)
})

test("steps go on in the next window and back in the previous one", () => {
  const [a, b, c] = [windowAt(0), windowAt(16), windowAt(32, { frames: 8, slices: 4 })]
  const timeline = new Timeline([a, b, c], 25, 40)
  assert.deepEqual(timeline.beside(a, 3, 1), { window: a, slice: 4 })
  assert.deepEqual(timeline.beside(a, 7, 1), { window: b, slice: 0 })
  assert.deepEqual(timeline.beside(b, 0, -1), { window: a, slice: 7 })
  assert.deepEqual(timeline.beside(b, 7, 1), { window: c, slice: 0 })
  assert.equal(timeline.beside(a, 0, -1), null)
  assert.equal(timeline.beside(null, 0, 1), null)
})

test("a click selects anew, Shift adds, and a selected patch is deselected", () => {
  const [a, b, c] = [[0, 1, 1], [0, 1, 2], [1, 0, 0]]
  assert.deepEqual(togglePatches([], [a]), [a])
  assert.deepEqual(togglePatches([a], [b]), [a, b])
  assert.deepEqual(togglePatches([a, b], [a]), [b])
  assert.deepEqual(togglePatches([a], [a, b, c]), [a, b, c])
})

test("a mark is of one kind, a second click removes it, and no more than so many are kept", () => {
  const [a, b, c] = [[0, 1, 1], [0, 1, 2], [1, 0, 0]]
  const marks = { foreground: [a], background: [b] }
  assert.deepEqual(addMarks(marks, "foreground", [a], 9), { foreground: [], background: [b] })
  assert.deepEqual(addMarks(marks, "background", [a], 9), { foreground: [], background: [b, a] })
  assert.deepEqual(addMarks(marks, "foreground", [b, c], 9), { foreground: [a, b, c], background: [] })
  assert.deepEqual(addMarks(marks, "foreground", [b, c], 2).foreground, [a, b])
})

test("what is painted on a slice replaces what was there, and holds until the next painted slice", () => {
  const [a, b, c] = [[1, 0, 0], [1, 0, 1], [4, 2, 2]]
  assert.deepEqual(paintPatches([a, c], 1, [b], false), [c, b])
  assert.deepEqual(paintPatches([a, c], 1, [b], true), [a, c, b])
  assert.deepEqual(spreadPatches([a, b, c], 0), [])
  assert.deepEqual(spreadPatches([a, b, c], 3), [[3, 0, 0], [3, 0, 1]])
  assert.deepEqual(spreadPatches([a, b, c], 7), [[7, 2, 2]])
})

test("the keyboard's cursor ends at the border", () => {
  const grid = { h: 3, w: 4 }
  assert.deepEqual(moveCursor([1, 1], [1, 0], grid), [2, 1])
  assert.deepEqual(moveCursor([2, 3], [1, 0], grid), [2, 3])
  assert.deepEqual(moveCursor([0, 3], [0, 1], grid), [0, 3])
  assert.deepEqual(moveCursor([0, 0], [0, -1], grid), [0, 0])
})

test("slices count from 0 in words, as in addresses and in SQL", () => {
  assert.equal(describePlace(1.5, 37, windowAt(32), 2), "1.50 s · frame 37 · slice 2 of 0–7")
  assert.equal(describePlace(1.5, 37, null, 0), "1.50 s · frame 37 · no window covers this frame")
  assert.equal(describeFrames(windowAt(48, { step: 2 })), "frames 48–78")
})

test("windows that overlap lie in two lanes of the strip", () => {
  assert.deepEqual(assignLanes([windowAt(0), windowAt(8), windowAt(16), windowAt(32)]), [0, 1, 0, 0])
})
