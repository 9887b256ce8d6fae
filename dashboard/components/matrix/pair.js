// @ts-check
// A pair's differences as dashboard/components/matrix/__init__.py packs them: a number of bytes, JSON of that length, then the arrays that it
// names, each [first byte, bytes]. Codes are differences in 8 bits: 128 is none, 1 and 255 are the range or beyond.

export const FORMAT = 1 // of the buffer
export const NONE = 128
export const STEPS = 127

/** @typedef {{dim: number, patch: number}} Cell */

/**
 * @typedef {object} Head
 * @property {number} format of the buffer
 * @property {string} id of the pair and its measurement
 * @property {number} slices that both windows share
 * @property {number} rows of patches
 * @property {number} columns of patches
 * @property {number} dim dimensions
 * @property {number} range largest difference that a code can say
 * @property {number} offset slices by which A is ahead
 * @property {number[][]} times start and stop of each shared slice, in seconds
 * @property {number[]} tile height and width of a slice picture
 * @property {number} tiles_a_row pictures per row of a sheet
 * @property {Record<string, [number, number]>} parts
 */

/**
 * @param {Uint8Array} bytes
 * @returns {Head}
 */
export function readHead(bytes) {
  const length = bytes.length > 4 ? new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) : 0
  if (!length || 4 + length > bytes.length) throw new Error("the differences arrived incomplete: reload the page")
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  if (head.format !== FORMAT) throw new Error("the dashboard has been updated: reload the page")
  return head
}

export class Pair {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.head = readHead(bytes)
    const part = (/** @type {string} */ name) => cut(bytes, this.head.parts[name])
    const floats = (/** @type {string} */ name) => new Float32Array(part(name).slice().buffer)
    const { slices, rows, columns, dim } = this.head
    this.patches = rows * columns
    this.codes = part("differences") // (slices, patches, dim)
    this.values = part("values") // of A, in 8 bits; none where the pair is large
    this.low = floats("low")
    this.step = floats("step")
    this.order = new Uint16Array(part("order").slice().buffer) // dimensions by effect
    this.sheets = { a: part("sheet_a"), b: part("sheet_b") } // JPEG; empty where none is stored
    const cells = slices * this.patches * dim
    if (this.codes.length !== cells || ![0, cells].includes(this.values.length) || this.order.length !== dim) throw new Error("the differences arrived incomplete: reload the page")
    /** @type {number[]} mean |B - A| of whole slices, once asked for */
    this.means = []
  }

  /**
   * @param {number} slice
   * @param {Cell} cell
   */
  code(slice, { patch, dim }) {
    return this.codes[(slice * this.patches + patch) * this.head.dim + dim]
  }

  /** The difference that a code means.
   * @param {number} code
   */
  difference(code) {
    return ((code - NONE) * this.head.range) / STEPS
  }

  /**
   * The value of A in a cell; null where the values were left out.
   * @param {number} slice
   * @param {Cell} cell
   */
  valueOfA(slice, { patch, dim }) {
    if (!this.values.length) return null
    return this.low[dim] + this.values[(slice * this.patches + patch) * this.head.dim + dim] * this.step[dim]
  }

  /**
   * Mean |B - A| over some cells of a slice: from `first`, `step` apart, up to `stop`.
   * @param {number} slice
   * @param {number} first
   * @param {number} stop
   * @param {number} step
   */
  #mean(slice, first, stop, step) {
    const start = slice * this.patches * this.head.dim
    let [sum, count] = [0, 0]
    for (let at = start + first; at < start + stop; at += step, count++) sum += Math.abs(this.codes[at] - NONE)
    return ((sum / count) * this.head.range) / STEPS
  }

  /** @param {number} slice */
  meanOfSlice(slice) {
    return (this.means[slice] ??= this.#mean(slice, 0, this.patches * this.head.dim, 1))
  }

  /**
   * @param {number} slice
   * @param {number} dim
   */
  meanOfDim(slice, dim) {
    return this.#mean(slice, dim, this.patches * this.head.dim, this.head.dim)
  }

  /**
   * @param {number} slice
   * @param {number} patch
   */
  meanOfPatch(slice, patch) {
    return this.#mean(slice, patch * this.head.dim, (patch + 1) * this.head.dim, 1)
  }

  /** @param {number} patch */
  place(patch) {
    return { y: Math.floor(patch / this.head.columns), x: patch % this.head.columns }
  }

  /** @param {number} patch */
  namePatch(patch) {
    const { y, x } = this.place(patch)
    return `patch (${y}, ${x})`
  }

  /**
   * What a cell holds, in words.
   * @param {number} slice
   * @param {Cell} cell
   */
  describe(slice, cell) {
    const { range } = this.head
    const code = this.code(slice, cell)
    const beyond = Math.abs(code - NONE) === STEPS && range > 0 ? " or beyond" : ""
    const change = `B − A = ${formatNumber(this.difference(code))}${beyond} (± ${formatNumber(range / STEPS / 2)})`
    const a = this.valueOfA(slice, cell)
    const values = a === null ? [] : [`A = ${formatNumber(a)}, B = ${formatNumber(a + this.difference(code))} (± ${formatNumber(this.step[cell.dim] / 2)})`]
    return [`${this.namePatch(cell.patch)}, dimension ${cell.dim}`, change, ...values]
  }

  /**
   * The slice and the cell that a URL names, where this pair has them.
   * @param {URLSearchParams} query
   * @returns {{slice: number, cell: Cell | null}}
   */
  find(query) {
    const number = (/** @type {string} */ name, /** @type {number} */ size) => {
      const given = query.get(name)
      return given !== null && /^\d+$/.test(given) && Number(given) < size ? Number(given) : null
    }
    const { dim, rows, columns, slices } = this.head
    const [d, y, x] = [number("dim", dim), number("y", rows), number("x", columns)]
    return { slice: number("shared-slice", slices) ?? 0, cell: d === null || y === null || x === null ? null : { dim: d, patch: y * columns + x } }
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {[number, number] | undefined} part
 */
function cut(bytes, part) {
  if (!part || part[0] + part[1] > bytes.length) throw new Error("the differences arrived incomplete: reload the page")
  return bytes.subarray(part[0], part[0] + part[1])
}

/**
 * Three digits, with an exponent where zeros would fill the line.
 * @param {number} value
 */
export function formatNumber(value) {
  if (value === 0) return "0"
  return Math.abs(value) >= 0.001 && Math.abs(value) < 10000 ? value.toPrecision(3) : value.toExponential(2)
}
