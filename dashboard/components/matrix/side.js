// @ts-check
// What stands beside and below the matrix: pictures of both windows, the map over the frame, and the curves over shared slices.

import { find } from "../shared/mounting.js"
import { findCorner } from "../shared/sheets.js"
import { NONE, STEPS, formatNumber } from "./pair.js"
import { cssOf } from "./scale.js"

/** @import { MatrixView } from "./matrix.js" */

const CELL = 12 // pixels of a patch in the map
const [WIDE, HIGH] = [240, 72] // of a curve's drawing
const OVER = 0.8 // opacity of the map over a picture
const SVG = "http://www.w3.org/2000/svg"

export class Side {
  /** @param {MatrixView} view */
  constructor(view) {
    this.view = view
    /** @type {{a?: ImageBitmap, b?: ImageBitmap}} */
    this.pictures = {}
  }

  load() {
    const { root, pair } = this.view
    this.pictures = {}
    for (const name of /** @type {("a" | "b")[]} */ (["a", "b"])) {
      const bytes = pair.sheets[name]
      find(root, `.picture.${name}`).parentElement.hidden = !bytes.length
      if (bytes.length) this.#decode(name, bytes)
    }
  }

  /**
   * @param {"a" | "b"} name
   * @param {Uint8Array} bytes
   */
  async #decode(name, bytes) {
    const { view } = this
    const { pair } = view
    const picture = await createImageBitmap(new Blob([bytes.slice()], { type: "image/jpeg" }))
    if (pair !== view.pair) return
    this.pictures[name] = picture
    view.draw()
  }

  draw() {
    const { pair, slice, cell } = this.view
    const { offset } = pair.head
    this.#picture("a", slice + offset)
    this.#picture("b", slice)
    this.#map()
    this.#curves(cell)
  }

  /**
   * @param {"a" | "b"} name
   * @param {number} slice
   */
  #picture(name, slice) {
    const { root, pair } = this.view
    find(root, `.slice-${name}`).textContent = slice
    const picture = this.pictures[name]
    if (!picture) return
    const [height, width] = pair.head.tile
    const canvas = Object.assign(find(root, `.picture.${name}`), { width, height })
    canvas.getContext("2d").drawImage(picture, ...this.#tile(slice), 0, 0, width, height)
    canvas.setAttribute("aria-label", `Slice ${slice} of window ${name.toUpperCase()}`)
  }

  /**
   * Left, top, width and height of a slice's picture on its sheet.
   * @param {number} slice
   */
  #tile(slice) {
    const { tile, tiles_a_row: columns } = this.view.pair.head
    const [top, left] = findCorner(slice, columns, tile)
    return [left, top, tile[1], tile[0]]
  }

  // Over the frame: the chosen dimension in the colors of the matrix, or how far each patch differs, up to the largest.
  #map() {
    const { root, pair, slice, cell, scale } = this.view
    const { rows, columns, offset } = pair.head
    const means = cell ? [] : Array.from({ length: pair.patches }, (_, patch) => pair.meanOfPatch(slice, patch))
    const most = Math.max(...means, 0)
    const canvas = Object.assign(find(root, ".map"), { width: columns * CELL, height: rows * CELL })
    const context = canvas.getContext("2d")
    const picture = this.pictures.a
    if (picture) context.drawImage(picture, ...this.#tile(slice + offset), 0, 0, canvas.width, canvas.height)
    for (let patch = 0; patch < pair.patches; patch++) {
      const code = cell ? pair.code(slice, { patch, dim: cell.dim }) : NONE + Math.round((STEPS * means[patch]) / (most || 1))
      const { y, x } = pair.place(patch)
      context.fillStyle = cssOf(scale[code], picture ? OVER : 1)
      context.fillRect(x * CELL, y * CELL, CELL, CELL)
    }
    if (cell) this.#outline(context, cell.patch)
    const title = cell ? `dimension ${cell.dim} over the frame of A` : `mean |B − A| of each patch, 0 to ${formatNumber(most)}`
    find(root, ".map-title").textContent = title
    canvas.setAttribute("aria-label", title)
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} patch
   */
  #outline(context, patch) {
    const { y, x } = this.view.pair.place(patch)
    context.strokeStyle = getComputedStyle(this.view.root).color
    context.lineWidth = 2
    context.strokeRect(x * CELL, y * CELL, CELL, CELL)
  }

  /** @param {import("./pair.js").Cell | null} cell */
  #curves(cell) {
    const { root, pair } = this.view
    const of = cell ? `dimension ${cell.dim}` : "all cells"
    this.#curve(".of-dim", ".curve-title", `${of}: mean |B − A|`, slice => (cell ? pair.meanOfDim(slice, cell.dim) : pair.meanOfSlice(slice)))
    find(root, ".patch").style.display = cell ? "block" : "none"
    if (cell) this.#curve(".of-patch", ".patch-title", `${pair.namePatch(cell.patch)}: mean |B − A| over dimensions`, slice => pair.meanOfPatch(slice, cell.patch))
  }

  /**
   * @param {string} curve
   * @param {string} title
   * @param {string} what
   * @param {(slice: number) => number} mean
   */
  #curve(curve, title, what, mean) {
    const { root, pair, slice: shown } = this.view
    const { slices } = pair.head
    const values = Array.from({ length: slices }, (_, slice) => mean(slice))
    const most = Math.max(...values)
    const x = (/** @type {number} */ slice) => (slices > 1 ? (WIDE * slice) / (slices - 1) : WIDE / 2)
    const y = (/** @type {number} */ value) => HIGH - 2 - ((HIGH - 6) * value) / (most || 1)
    const points = values.map((value, slice) => `${x(slice).toFixed(1)},${y(value).toFixed(1)}`).join(" ")
    find(root, curve).replaceChildren(drawShape("line", { x1: x(shown), x2: x(shown), y1: 0, y2: HIGH }), drawShape("polyline", { points }))
    find(root, title).textContent = `${what}, by shared slice, 0 to ${formatNumber(most)}`
    find(root, curve).setAttribute("aria-label", find(root, title).textContent)
  }
}

/**
 * @param {string} kind
 * @param {Record<string, string | number>} attributes
 */
function drawShape(kind, attributes) {
  const shape = document.createElementNS(SVG, kind)
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, String(value))
  return shape
}
