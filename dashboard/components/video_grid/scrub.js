// @ts-check
// Which slice a place on a picture means, and how its picture is cut out of the sheet: arithmetic, no DOM.

import { countColumns } from "../shared/sheets.js"

/** @import { Scrub } from "./contract.js" */

/**
 * The slice at a place along the width of a picture.
 * @param {number} left pixels from the picture's left edge
 * @param {number} width of the picture in pixels
 * @param {number} slices
 */
export function findSlice(left, width, slices) {
  const part = width > 0 ? left / width : 0
  return Math.max(0, Math.min(slices - 1, Math.floor(part * slices)))
}

/**
 * How an element shows one slice of a sheet as its background; the element has the shape of a slice picture.
 * @param {number} slice
 * @param {Scrub} scrub
 */
export function cutSlice(slice, { slices, tile }) {
  const columns = countColumns(slices)
  const rows = Math.ceil(slices / columns)
  const [row, column] = [Math.floor(slice / columns), slice % columns]
  return {
    aspectRatio: `${tile[1]} / ${tile[0]}`,
    backgroundSize: `${100 * columns}% ${100 * rows}%`,
    backgroundPosition: `${percent(column, columns)}% ${percent(row, rows)}%`,
  }
}

// A background's position is a percentage of the room that the sheet has beside what is shown.
/**
 * @param {number} at
 * @param {number} count
 */
function percent(at, count) {
  return count > 1 ? (100 * at) / (count - 1) : 0
}
