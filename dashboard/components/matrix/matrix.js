// @ts-check
// The matrix of a pair: patches x dimensions, one shared slice at a time. Everything is drawn from bytes that came once; the server hears
// only of a cell that was clicked.

import { find, mountOnce } from "../shared/mounting.js"
import { Pair, formatNumber, readHead } from "./pair.js"
import { makeScale } from "./scale.js"
import { Side } from "./side.js"

/** @import { Cell } from "./pair.js" */

const PLAY_MS = 350 // per slice
/** @type {Record<string, [number, number]>} columns and rows */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
/** @type {Record<string, number>} slices */
const STEPS = { PageUp: -1, PageDown: 1 }
const INVITATION = "Point at a cell to read it; click it to keep its dimension and its patch. Arrow keys move the cell, Page Up and Page Down the slice."

/**
 * @param {number} value
 * @param {number} size
 */
const clamp = (value, size) => Math.min(size - 1, Math.max(0, value))

export class MatrixView {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.canvas = /** @type {HTMLCanvasElement} */ (find(root, ".values"))
    this.pair = /** @type {Pair} */ (/** @type {unknown} */ (null)) // until the first update
    /** @type {Cell | null} */
    this.cell = null
    this.slice = 0
    this.byEffect = false
    /** @type {ReturnType<typeof setInterval> | null} */
    this.timer = null
    this.scale = new Uint32Array(256)
    /** @type {(name: string, value: unknown) => void} */
    this.tell = () => {}
    this.side = new Side(this)
    this.observer = new ResizeObserver(() => this.draw())
    this.#wirePointer()
    this.#wireKeys()
    this.#wireBar()
    this.observer.observe(this.canvas)
  }

  /**
   * @param {Uint8Array} bytes
   * @param {(name: string, value: unknown) => void} setStateValue
   */
  update(bytes, setStateValue) {
    this.tell = setStateValue
    try {
      if (readHead(bytes).id !== this.pair?.head.id) this.#load(new Pair(bytes))
      this.#restyle()
    } catch (error) {
      find(this.root, ".axes").textContent = `No matrix: ${/** @type {Error} */ (error).message}.`
    }
  }

  /** @param {Pair} pair */
  #load(pair) {
    this.play(false)
    this.pair = pair
    Object.assign(this, pair.find(new URLSearchParams(window.location.search)))
    Object.assign(this.canvas, { width: pair.head.dim, height: pair.patches })
    find(this.root, ".slice").max = pair.head.slices - 1
    this.side.load()
  }

  #restyle() {
    const { root, pair } = this
    this.scale = makeScale(getComputedStyle(root).getPropertyValue("--st-background-color"))
    this.#legend()
    find(root, ".axes").textContent = `${pair.patches} patches (rows, from the top left) × ${pair.head.dim} dimensions (columns)`
    this.draw()
  }

  #legend() {
    const { root, scale } = this
    const { range } = this.pair.head
    const context = find(root, ".scale").getContext("2d")
    const image = context.createImageData(255, 1)
    new Uint32Array(image.data.buffer).set(scale.subarray(1))
    context.putImageData(image, 0, 0)
    find(root, ".low").textContent = range ? `B − A: ≤ ${formatNumber(-range)}` : "B − A is 0 everywhere"
    find(root, ".frame").toggleAttribute("data-zero", !range)
    find(root, ".high").textContent = range ? `≥ ${formatNumber(range)}` : ""
  }

  /**
   * The dimension in a column.
   * @param {number} place
   */
  #dimAt(place) {
    return this.byEffect ? this.pair.order[place] : place
  }

  /** @param {number} dim */
  #placeOf(dim) {
    return this.byEffect ? this.pair.order.indexOf(dim) : dim
  }

  draw() {
    if (!this.pair) return
    this.#cells()
    this.#bar()
    this.side.draw()
    this.mark()
  }

  #cells() {
    const { canvas, pair, scale } = this
    const { dim, slices } = pair.head
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"))
    const image = context.createImageData(dim, pair.patches)
    const pixels = new Uint32Array(image.data.buffer)
    const places = Uint16Array.from({ length: dim }, (_, place) => this.#dimAt(place))
    for (let patch = 0, pixel = 0, row = this.slice * pair.patches * dim; patch < pair.patches; patch++, row += dim) {
      for (let place = 0; place < dim; place++) pixels[pixel++] = scale[pair.codes[row + places[place]]]
    }
    context.putImageData(image, 0, 0)
    canvas.style.imageRendering = canvas.clientWidth < dim || canvas.clientHeight < pair.patches ? "auto" : "pixelated"
    canvas.setAttribute("aria-label", `Differences on shared slice ${this.slice} of 0 to ${slices - 1}: ${pair.patches} patches by ${dim} dimensions`)
  }

  #bar() {
    const { root, slice } = this
    const { slices, times } = this.pair.head
    const where = `shared slice ${slice} of 0–${slices - 1}, ${times[slice].map(time => time.toFixed(2)).join("–")} s`
    find(root, ".slice").value = slice
    find(root, ".slice").setAttribute("aria-valuetext", where)
    find(root, ".where").textContent = where
  }

  /** The cross over the chosen cell, and its reading. */
  mark() {
    const { root, cell, pair } = this
    if (!pair) return
    for (const name of [".column", ".row"]) find(root, name).style.display = cell ? "block" : "none"
    this.#read(cell)
    if (!cell) return
    const { dim } = pair.head
    Object.assign(find(root, ".column").style, { left: `${(100 * this.#placeOf(cell.dim)) / dim}%`, width: `max(3px, ${100 / dim}%)` })
    Object.assign(find(root, ".row").style, { top: `${(100 * cell.patch) / pair.patches}%`, height: `max(3px, ${100 / pair.patches}%)` })
  }

  /** @param {Cell | null} cell */
  #read(cell) {
    const [where, ...rest] = cell ? this.pair.describe(this.slice, cell) : [INVITATION]
    const name = document.createElement(cell ? "b" : "span")
    name.textContent = where
    find(this.root, ".reading").replaceChildren(name, ...rest.map(text => ` · ${text}`))
  }

  /**
   * @param {MouseEvent} event
   * @returns {Cell | null}
   */
  #cellAt(event) {
    const { canvas, pair } = this
    if (!pair) return null
    const box = canvas.getBoundingClientRect()
    const place = Math.floor(((event.clientX - box.left - canvas.clientLeft) / canvas.clientWidth) * pair.head.dim)
    const patch = Math.floor(((event.clientY - box.top - canvas.clientTop) / canvas.clientHeight) * pair.patches)
    if (place < 0 || place >= pair.head.dim || patch < 0 || patch >= pair.patches) return null
    return { dim: this.#dimAt(place), patch }
  }

  /** @param {Cell | null} cell */
  choose(cell) {
    this.cell = cell
    this.side.draw()
    this.mark()
    if (cell) this.tell("cell", { dim: cell.dim, ...this.pair.place(cell.patch), slice: this.slice })
  }

  /** @param {number} slice */
  show(slice) {
    this.slice = clamp(slice, this.pair.head.slices)
    this.draw()
  }

  /** @param {boolean} wanted */
  play(wanted) {
    if (this.timer) clearInterval(this.timer)
    this.timer = wanted ? setInterval(() => this.show((this.slice + 1) % this.pair.head.slices), PLAY_MS) : null
    const button = find(this.root, ".play")
    button.textContent = wanted ? "❚❚" : "▶"
    button.setAttribute("aria-label", wanted ? "Pause" : "Play the shared slices")
  }

  #wirePointer() {
    const { canvas, root } = this
    canvas.onmousemove = event => {
      const cell = this.#cellAt(event)
      if (cell) this.#read(cell)
    }
    canvas.onmouseleave = () => this.mark()
    canvas.onclick = event => this.choose(this.#cellAt(event))
    find(root, ".map").onclick = (/** @type {MouseEvent} */ event) => {
      const { rows, columns } = this.pair.head
      const box = find(root, ".map").getBoundingClientRect()
      const [x, y] = [Math.floor(((event.clientX - box.left) / box.width) * columns), Math.floor(((event.clientY - box.top) / box.height) * rows)]
      this.choose({ dim: this.cell?.dim ?? this.pair.order[0], patch: clamp(y, rows) * columns + clamp(x, columns) })
    }
  }

  #wireKeys() {
    this.canvas.onkeydown = event => {
      const { pair } = this
      const move = MOVES[event.key]
      if (!pair || !(move || STEPS[event.key])) return
      event.preventDefault()
      if (!move) return this.show(this.slice + STEPS[event.key])
      const cell = this.cell ?? { dim: this.#dimAt(0), patch: 0 }
      this.choose({ dim: this.#dimAt(clamp(this.#placeOf(cell.dim) + move[0], pair.head.dim)), patch: clamp(cell.patch + move[1], pair.patches) })
    }
  }

  #wireBar() {
    const { root } = this
    const [slider, order] = [find(root, ".slice"), find(root, ".by-effect")]
    slider.oninput = () => (this.play(false), this.show(Number(slider.value)))
    order.onchange = () => ((this.byEffect = order.checked), this.draw())
    find(root, ".play").onclick = () => this.pair && this.play(!this.timer)
  }

  end() {
    this.play(false)
    this.observer.disconnect()
  }
}

export default mountOnce(".matrix", root => new MatrixView(root))
