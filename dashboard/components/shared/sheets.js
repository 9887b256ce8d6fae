// @ts-check
// Where a slice and a patch lie on a sheet of slice pictures, as store/pictures.py has it.

/**
 * @param {number} slices
 * @returns {number} pictures per row of the sheet
 */
export function countColumns(slices) {
  return Math.ceil(Math.sqrt(slices))
}

/**
 * Top and left of a slice's picture in pixels of the sheet.
 * @param {number} slice
 * @param {number} columns
 * @param {number[]} tile height and width of a picture
 * @returns {[number, number]}
 */
export function findCorner(slice, columns, [height, width]) {
  return [Math.floor(slice / columns) * height, (slice % columns) * width]
}

/**
 * Slice, row and column of a token's number, in the order of addresses.
 * @param {number} number
 * @param {{h: number, w: number}} grid
 * @returns {[number, number, number]}
 */
export function locateToken(number, { h, w }) {
  const rest = number % (h * w)
  return [Math.floor(number / (h * w)), Math.floor(rest / w), rest % w]
}
