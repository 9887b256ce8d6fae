// @ts-check
// Pixels of one slice on a canvas. A canvas says in its data which slice it shows, and nothing while it shows none.

import { countColumns, findCorner } from "../shared/sheets.js"
import { FINE, enlargeScores, outlineMask } from "./masks.js"

/** @import { Window } from "./contract.js" */

export const HEAT = [255, 150, 20] // as dashboard/films.py has them
export const MASK = [30, 200, 255]
export const EDGE = [255, 255, 255]

/** @param {HTMLCanvasElement} canvas */
export function clearCanvas(canvas) {
  delete canvas.dataset.slice
  contextOf(canvas).clearRect(0, 0, canvas.width, canvas.height)
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Window} window
 * @param {number} slice
 * @param {Uint8Array} bytes (S, H, W, 3)
 */
export function paintColors(canvas, { id, w, h }, slice, bytes) {
  putPixels(canvas, w, h, data => {
    for (let to = 0, from = 3 * w * h * slice; to < data.length; to += 4, from += 3) {
      data[to] = bytes[from]
      data[to + 1] = bytes[from + 1]
      data[to + 2] = bytes[from + 2]
      data[to + 3] = 255
    }
  })
  canvas.dataset.clip = id
  canvas.dataset.slice = String(slice)
}

/**
 * Likeness to the selected patches: nothing below the level that unrelated patches reach, full at a cosine of 1.
 * @param {HTMLCanvasElement} canvas
 * @param {Window} window
 * @param {number} slice
 * @param {Uint8Array} heat (S, H, W)
 */
export function paintHeat(canvas, { w, h }, slice, heat) {
  putPixels(canvas, w, h, data => {
    for (let patch = 0; patch < w * h; patch++) data.set([...HEAT, heat[slice * w * h + patch]], 4 * patch)
  })
  canvas.dataset.slice = String(slice)
}

/**
 * Foreground by scores, with a white edge.
 * @param {HTMLCanvasElement} canvas
 * @param {Window} window
 * @param {number} slice
 * @param {Float32Array} scores (S, H, W)
 * @param {boolean} smooth
 */
export function paintMask(canvas, { w, h }, slice, scores, smooth) {
  const kinds = outlineMask(enlargeScores(scores.subarray(slice * w * h, (slice + 1) * w * h), w, h, smooth), w * FINE)
  putPixels(canvas, w * FINE, h * FINE, data => kinds.forEach((kind, pixel) => kind && data.set([...(kind === 2 ? EDGE : MASK), 255], 4 * pixel)))
  canvas.dataset.slice = String(slice)
}

/**
 * One slice's picture from the sheet of its window.
 * @param {HTMLCanvasElement} canvas
 * @param {Window} window
 * @param {number} slice
 * @param {CanvasImageSource} sheet
 * @param {number[]} tile height and width in pixels
 */
export function paintPicture(canvas, window, slice, sheet, tile) {
  const [height, width] = tile
  const [top, left] = findCorner(slice, countColumns(window.slices), tile)
  fitCanvas(canvas, width, height)
  contextOf(canvas).drawImage(sheet, left, top, width, height, 0, 0, width, height)
  canvas.dataset.slice = String(slice)
}

/** @param {HTMLCanvasElement} canvas */
export function contextOf(canvas) {
  const context = canvas.getContext("2d")
  if (!context) throw new Error("this browser has no canvas to draw on: close other tabs, then reload the page")
  return context
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
function fitCanvas(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @param {(data: Uint8ClampedArray) => void} fill
 */
function putPixels(canvas, width, height, fill) {
  fitCanvas(canvas, width, height)
  const context = contextOf(canvas)
  const image = context.createImageData(width, height)
  fill(image.data)
  context.putImageData(image, 0, 0)
}
