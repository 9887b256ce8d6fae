// @ts-check
// The grid of patches as a surface to point at, touch, and walk over by keyboard: over the frame, and beside it.

/** @import { Patch } from "./contract.js" */
/** @import { Patches } from "./patches.js" */

const SVG = "http://www.w3.org/2000/svg"
/** @type {Record<string, [number, number]>} rows and columns */
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }
/** @type {Record<string, number>} slices */
const STEPS = { PageUp: -1, PageDown: 1 }

/**
 * The row and column after a move that ends at the border.
 * @param {[number, number]} from
 * @param {[number, number]} move
 * @param {{h: number, w: number}} grid
 * @returns {[number, number]}
 */
export function moveCursor([y, x], [down, right], { h, w }) {
  return [Math.max(0, Math.min(h - 1, y + down)), Math.max(0, Math.min(w - 1, x + right))]
}

export class PatchGrid {
  /**
   * @param {SVGSVGElement} svg
   * @param {Patches} patches
   */
  constructor(svg, patches) {
    this.svg = svg
    this.patches = patches
    this.player = patches.player
    /** @type {Patch | null} under the pointer */
    this.hover = null
    /** @type {Patch[] | null} under the pointer since it went down */
    this.brushed = null
    /** @type {[number, number] | null} row and column of the keyboard's cursor */
    this.cursor = null
    this.#wirePointer()
    this.#wireKeys()
  }

  /** Whether the keyboard is at work here. */
  get keyed() {
    return this.cursor !== null
  }

  /** @param {PointerEvent} event */
  #patchAt(event) {
    const { window, slice } = this.player
    if (!window) return null
    const box = this.svg.getBoundingClientRect()
    const x = Math.floor(((event.clientX - box.left) / box.width) * window.w)
    const y = Math.floor(((event.clientY - box.top) / box.height) * window.h)
    return x >= 0 && y >= 0 && x < window.w && y < window.h ? [slice, y, x] : null
  }

  #wirePointer() {
    const { svg } = this
    svg.onpointerdown = event => this.#press(event)
    svg.onpointermove = event => this.#move(event)
    svg.onpointerleave = () => ((this.hover = null), this.draw())
    svg.onpointercancel = () => ((this.brushed = null), (this.hover = null), this.draw())
    svg.onpointerup = event => {
      const { brushed } = this
      this.brushed = null
      if (event.pointerType !== "mouse") this.hover = null // a finger that is lifted points nowhere
      if (brushed?.length) this.patches.apply(brushed, event.shiftKey || event.ctrlKey || event.metaKey)
    }
  }

  /** @param {PointerEvent} event */
  #press(event) {
    const { window, data } = this.player
    if (!window || !data.selectable || event.button) return
    this.svg.setPointerCapture(event.pointerId)
    this.player.pause()
    const patch = this.#patchAt(event)
    this.brushed = patch ? [patch] : []
    this.draw()
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (!this.player.window) return
    const patch = (this.hover = this.#patchAt(event))
    if (this.brushed && patch && !this.brushed.some(other => other.join() === patch.join())) this.brushed.push(patch)
    this.draw()
  }

  #wireKeys() {
    const { svg } = this
    svg.onfocus = () => svg.matches(":focus-visible") && this.#place(this.cursor ?? this.#start())
    svg.onblur = () => ((this.cursor = null), this.patches.hint(), this.draw())
    svg.onkeydown = event => {
      if (!this.player.window || event.altKey || event.ctrlKey || event.metaKey) return
      if (this.#key(event)) (event.preventDefault(), event.stopPropagation())
    }
  }

  /**
   * Whether a key means something here.
   * @param {KeyboardEvent} event
   */
  #key({ key, shiftKey }) {
    const { player, patches } = this
    const grid = /** @type {import("./contract.js").Window} */ (player.window)
    const cursor = this.cursor ?? this.#start()
    if (MOVES[key]) this.#place(moveCursor(cursor, MOVES[key], grid))
    else if (STEPS[key]) player.step(STEPS[key])
    else if (key === "Enter" || key === " ") {
      player.pause()
      this.#place(cursor)
      patches.apply([[player.slice, ...cursor]], shiftKey)
    } else return false
    return true
  }

  /**
   * Where the keyboard begins: at a selected patch of the slice, or in the middle.
   * @returns {[number, number]}
   */
  #start() {
    const { window } = this.player
    if (!window) return [0, 0]
    const [, y, x] = this.patches.marked(window)[0]?.[0] ?? [0, window.h >> 1, window.w >> 1]
    return [y, x]
  }

  /** @param {[number, number]} cursor */
  #place(cursor) {
    this.cursor = cursor
    this.patches.hint()
    this.player.words.speak(this.player.words.patch(...cursor))
    this.draw()
  }

  draw() {
    const { window, slice } = this.player
    this.svg.setAttribute("viewBox", window ? `0 0 ${window.w} ${window.h}` : "0 0 1 1")
    this.svg.setAttribute("aria-label", window ? `Patches: ${window.h} rows, ${window.w} columns` : "Patches")
    if (!window) return this.svg.replaceChildren()
    const { patches, hover, brushed, cursor } = this
    const kind = patches.cutting ? patches.tool : "line"
    this.svg.replaceChildren(
      ...patches.marked(window).flatMap(([patch, drawn]) => outline(patch, drawn)),
      ...(brushed ?? []).flatMap(patch => outline(patch, kind)),
      ...(hover ? [drawBox(hover, "hover")] : []),
      ...(cursor ? outline([slice, ...cursor], "cursor") : []),
    )
  }
}

/**
 * @param {Patch} patch
 * @param {string} kind
 */
function outline(patch, kind) {
  return [drawBox(patch, "halo"), drawBox(patch, kind)]
}

/**
 * @param {Patch} patch
 * @param {string} kind
 */
function drawBox([, y, x], kind) {
  const rect = document.createElementNS(SVG, "rect")
  for (const [name, value] of Object.entries({ x, y, width: 1, height: 1, class: kind })) rect.setAttribute(name, String(value))
  return rect
}
