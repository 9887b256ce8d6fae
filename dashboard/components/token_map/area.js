// @ts-check
// An area drawn on the map: its outline, and the view it was drawn in; as text it is what tubelet.latent.area reads.

const CORNERS = 60 // of an outline that is sent
const DIM = 0.12 // of the opacity of the points outside

/** @typedef {{view: number[], outline: number[][]}} Area twelve numbers: the rows of the view's matrix that give x, y and w */

/**
 * @param {Float32Array} matrix of the view
 * @param {[number, number][]} path in pixels from left and top
 * @param {[number, number]} size of the canvas in pixels
 * @returns {Area}
 */
export function traceArea(matrix, path, [width, height]) {
  const every = Math.ceil(path.length / CORNERS)
  const outline = path.filter((_, n) => n % every === 0).map(([left, top]) => [(2 * left) / width - 1, 1 - (2 * top) / height])
  const view = [0, 1, 3].flatMap(row => [0, 4, 8, 12].map(column => matrix[row + column]))
  return { view, outline }
}

/** @param {Area} area */
export function writeArea({ view, outline }) {
  return `${view.map(n => n.toFixed(4)).join(",")};${outline.flat().map(n => n.toFixed(3)).join(",")}`
}

/**
 * @param {string} text
 * @returns {Area | null}
 */
export function readArea(text) {
  const [view, corners] = text.split(";").map(part => part.split(",").map(Number))
  if (view?.length !== 12 || !corners || corners.length < 6 || corners.length % 2) return null
  return { view, outline: Array.from({ length: corners.length / 2 }, (_, n) => [corners[2 * n], corners[2 * n + 1]]) }
}

/**
 * Whether a place lies in the area as it was seen, by the even-odd rule.
 * @param {Area} area
 * @param {number[]} place
 */
export function isInside({ view, outline }, [px, py, pz]) {
  const row = (/** @type {number} */ n) => view[n] * px + view[n + 1] * py + view[n + 2] * pz + view[n + 3]
  const w = row(8)
  const [x, y] = [row(0) / w, row(4) / w]
  let inside = false
  for (let n = 0, before = outline.length - 1; n < outline.length; before = n++) {
    const [[x0, y0], [x1, y1]] = [outline[before], outline[n]]
    if (y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) inside = !inside
  }
  return inside && w > 0
}

/**
 * The same points, those outside the area faint.
 * @param {ArrayBuffer} bytes 16 per point
 * @param {Area | null} area
 */
export function dimOutside(bytes, area) {
  if (!area) return bytes
  const copy = bytes.slice(0)
  const [places, shades] = [new Float32Array(copy), new Uint8Array(copy)]
  for (let n = 0; n < places.length; n += 4) {
    if (!isInside(area, [places[n], places[n + 1], places[n + 2]])) shades[4 * n + 15] *= DIM
  }
  return copy
}
