// @ts-check
// What pointer, fingers, wheel and keys do to the map: turn, come nearer, point at a token, choose it.

import { find } from "../shared/mounting.js"
import { START, moveEye, slideEye, turnEye } from "./points.js"

/** @import { TokenMap } from "./token_map.js" */
/** @import { Eye } from "./points.js" */

const DRAG = 150 // pixels per radian
const STILL_PX = 3 // a press that moves less is a click
const FINGER_PX = 22 // how far a finger may miss a point
const AIM_PX = 40 // from the middle to the point that the keyboard means
const WHEEL = 700 // of a wheel's units, by which the distance grows e-fold
const [TURN, ZOOM] = [0.12, 1.15] // per key
const SLIDE = 40 // pixels per key
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
/** @type {Record<string, (eye: Eye) => Eye>} */
const KEYS = {
  "+": eye => moveEye(eye, 1 / ZOOM),
  "=": eye => moveEye(eye, 1 / ZOOM),
  "-": eye => moveEye(eye, ZOOM),
  Home: () => START,
}

/** @typedef {[number, number]} Place pixels from left and top of the canvas */

export class Hands {
  /** @param {TokenMap} map */
  constructor(map) {
    this.map = map
    this.canvas = map.canvas
    /** @type {Map<number, Place>} where each finger or button is */
    this.pressed = new Map()
    /** @type {Eye} when the press began */
    this.from = START
    this.spread = 0 // pixels between two fingers when they came down
    this.moved = false
    /** @type {Place} */
    this.start = [0, 0]
    /** @type {Place[]} of the pointer since the press */
    this.path = []
    this.#wirePointers()
    this.#wireKeys()
  }

  /**
   * @param {PointerEvent} event
   * @returns {Place}
   */
  #place(event) {
    const box = this.canvas.getBoundingClientRect()
    return [event.clientX - box.left, event.clientY - box.top]
  }

  #wirePointers() {
    const { canvas, map } = this
    canvas.onpointerdown = event => this.#press(event)
    canvas.onpointermove = event => {
      this.aim(false)
      if (this.pressed.has(event.pointerId)) this.#drag(event)
      else if (event.pointerType === "mouse") this.#point(event)
    }
    canvas.onpointerup = event => this.#release(event)
    canvas.onpointercancel = event => this.pressed.delete(event.pointerId)
    canvas.onpointerleave = () => (map.point(-1), map.redraw())
    const wheel = (/** @type {WheelEvent} */ event) => (event.preventDefault(), map.move(moveEye(map.eye, Math.exp(event.deltaY / WHEEL))))
    canvas.addEventListener("wheel", wheel, { passive: false })
  }

  /** @param {PointerEvent} event */
  #press(event) {
    this.canvas.setPointerCapture(event.pointerId)
    this.pressed.set(event.pointerId, this.#place(event))
    this.moved = this.pressed.size > 1
    this.#begin()
  }

  // A drag or a pinch starts from where the eye is now.
  #begin() {
    const [first, second] = [...this.pressed.values()]
    this.from = this.map.eye
    this.start = first ?? [0, 0]
    this.path = [this.start]
    this.spread = second ? Math.hypot(first[0] - second[0], first[1] - second[1]) : 0
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    this.pressed.set(event.pointerId, this.#place(event))
    const [first, second] = [...this.pressed.values()]
    const [across, down] = [first[0] - this.start[0], first[1] - this.start[1]]
    this.moved ||= Math.hypot(across, down) > STILL_PX
    this.map.point(-1)
    if (this.map.tool === "area" && !second) return this.#trace(first)
    if (this.map.tool === "box" && !second) return this.#stretch(first)
    if (second && this.spread) this.map.move(moveEye(this.from, this.spread / Math.max(1, Math.hypot(first[0] - second[0], first[1] - second[1]))))
    else if (this.map.flat) this.map.move(slideEye(this.from, across, down, this.#shorter))
    else this.map.move(turnEye(this.from, across / DRAG, down / DRAG))
  }

  /**
   * The outline of an area grows.
   * @param {Place} at
   */
  #trace(at) {
    this.path.push(at)
    this.map.outline(this.path)
  }

  /**
   * A box grows from where the press began.
   * @param {Place} at
   */
  #stretch([right, bottom]) {
    const [left, top] = this.start
    this.path = [[left, top], [right, top], [right, bottom], [left, bottom]]
    this.map.outline(this.path)
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const at = this.#place(event)
    const number = this.map.find(at)
    if (number === this.map.hover) return
    this.map.point(number, at)
    this.map.redraw()
  }

  /** @param {PointerEvent} event */
  #release(event) {
    const held = this.pressed.delete(event.pointerId)
    const { path } = this
    this.#begin()
    if (held && this.moved && this.map.tool !== "view" && path.length > 2) return this.map.select(path)
    if (!held || this.moved || this.pressed.size) return
    this.map.choose(this.map.find(this.#place(event), event.pointerType === "mouse" ? 0 : FINGER_PX))
  }

  #wireKeys() {
    const { root } = this.map
    root.onkeydown = event => {
      if (event.altKey || event.ctrlKey || event.metaKey || !this.#key(event.key)) return
      event.preventDefault()
      event.stopPropagation()
    }
    root.onblur = () => this.aim(false)
  }

  /**
   * Whether a key means something here.
   * @param {string} key
   */
  #key(key) {
    const { map } = this
    if (KEYS[key] || ARROWS[key]) {
      this.aim(true)
      map.move(KEYS[key] ? KEYS[key](map.eye) : this.#step(ARROWS[key]))
      this.#pointAtMiddle()
    } else if (key === "Enter" || key === " ") map.choose(map.hover >= 0 ? map.hover : map.find(this.#middle, AIM_PX))
    else if (key === "Escape") this.aim(false)
    else return false
    return true
  }

  /**
   * The eye one key further.
   * @param {[number, number]} way
   */
  #step([across, down]) {
    const { eye, flat } = this.map
    return flat ? slideEye(eye, -SLIDE * across, -SLIDE * down, this.#shorter) : turnEye(eye, TURN * across, TURN * down)
  }

  // The shorter side of the canvas in pixels, by which a flat map is scaled.
  get #shorter() {
    return Math.min(this.canvas.clientWidth, this.canvas.clientHeight)
  }

  /** @returns {Place} */
  get #middle() {
    return [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]
  }

  // Once the map has come to rest: the token in the middle, in the tooltip and for a screen reader.
  #pointAtMiddle() {
    const { map } = this
    clearTimeout(this.waiting)
    this.waiting = setTimeout(async () => {
      map.draw()
      const said = map.point(map.find(this.#middle, AIM_PX), this.#middle)
      map.redraw()
      find(map.root, ".spoken").textContent = (await said) || `no ${map.data.noun} in the middle`
    }, 120)
  }

  /**
   * Show or hide the cross at which the keyboard aims.
   * @param {boolean} on
   */
  aim(on) {
    const cross = find(this.map.root, ".aim")
    if (cross.hidden !== on) return
    cross.hidden = !on
    if (!on) (clearTimeout(this.waiting), this.map.point(-1))
  }
}
