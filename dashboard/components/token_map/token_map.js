// @ts-check
// Tokens as points that turn under the pointer, a finger or the arrow keys; a chosen one is shown in the player.

import { BYTES, checkLength, fetchChecked } from "../shared/fetching.js"
import { find, mountOnce } from "../shared/mounting.js"
import { locateToken } from "../shared/sheets.js"
import { Hands } from "./hands.js"
import { POINT_BYTES, PointPainter } from "./painter.js"
import { START, findPoint, sizePoints, viewMatrix } from "./points.js"
import { Tip, describeToken } from "./tip.js"

/** @import { Chosen, Data, Token } from "./contract.js" */
/** @import { Eye } from "./points.js" */

const NEAR_PX = [4, 9] // of the pointer to a point that it means: among many, and among few
const REST_MS = 60 // on a point before the server is asked about it
const SLOW_MS = 80 // a frame, above which fewer points are drawn while the map moves
const MOVED_MS = 200 // after the last movement all points are drawn again
const FEWEST = 8 // of so many points one is drawn at least; WebGL steps no further than 255 bytes
const RAISED = { clip: 1.25, corpus: 2 } // how many times larger the points are that stand out

export class TokenMap {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.canvas = /** @type {HTMLCanvasElement} */ (find(root, "canvas"))
    this.tip = new Tip(root)
    /** @type {Eye} */
    this.eye = START
    this.hover = -1
    this.every = 1
    this.last = 0
    /** @type {number | null} */
    this.asked = null
    /** @type {Map<number, Promise<Token>>} */
    this.tokens = new Map()
    this.data = /** @type {Data} */ (/** @type {unknown} */ (null)) // until the first update
    /** @type {(chosen: Chosen) => void} */
    this.tell = () => {}
    this.places = new Float32Array(0)
    /** @type {Float32Array | null} of the view, once drawn */
    this.matrix = null
    /** @type {string | null} why nothing can be drawn */
    this.broken = null
    this.painter = this.#prepare()
    this.closing = new AbortController()
    this.#watchContext()
    this.hands = new Hands(this)
    this.watcher = new ResizeObserver(() => this.draw())
    this.watcher.observe(this.canvas)
  }

  #prepare() {
    try {
      return new PointPainter(this.canvas)
    } catch (error) {
      this.#fail(/** @type {Error} */ (error))
      return null
    }
  }

  /** @param {Error} error */
  #fail(error) {
    this.broken = `No map: ${error.message}.`
    this.#say()
  }

  #watchContext() {
    const { signal } = this.closing
    this.canvas.addEventListener("webglcontextlost", event => {
      event.preventDefault() // else the browser gives no new one
      this.#fail(new Error("the browser has taken the graphics context away; it comes back by itself, or after a reload of the page"))
    }, { signal })
    this.canvas.addEventListener("webglcontextrestored", () => this.#restore(), { signal })
  }

  #restore() {
    try {
      this.painter?.prepare()
      this.broken = null
      this.#say()
      this.draw()
    } catch (error) {
      this.#fail(/** @type {Error} */ (error))
    }
  }

  /**
   * @param {Data} data
   * @param {(name: string, value: unknown) => void} setStateValue
   */
  update(data, setStateValue) {
    const fresh = this.data?.url !== data.url
    if (this.data?.lookup !== data.lookup) this.tokens = new Map()
    this.data = data
    this.tell = chosen => setStateValue("chosen", chosen)
    this.#say()
    if (fresh && this.painter) this.#fetch(data)
    else this.draw()
  }

  /** @param {Data} data */
  async #fetch(data) {
    try {
      const response = await fetchChecked(data.url, BYTES)
      const bytes = await response.arrayBuffer()
      const { clip } = data
      checkLength(bytes.byteLength, clip ? POINT_BYTES * clip.slices * clip.h * clip.w : POINT_BYTES * Math.floor(bytes.byteLength / POINT_BYTES))
      if (data.url === this.data.url) this.#load(bytes)
    } catch (error) {
      if (data.url === this.data.url) this.#fail(/** @type {Error} */ (error))
    }
  }

  /** @param {ArrayBuffer} bytes */
  #load(bytes) {
    this.places = new Float32Array(bytes)
    this.every = 1
    this.painter?.load(bytes)
    if (!this.painter?.gl.isContextLost()) this.broken = null
    this.#say()
    this.draw()
  }

  #say() {
    const words = find(this.root, ".axes")
    const text = this.broken ?? this.data?.axes ?? ""
    if (words.textContent !== text) words.textContent = text
  }

  redraw() {
    this.asked ??= requestAnimationFrame(() => ((this.asked = null), this.draw()))
  }

  /**
   * Redraw while the map moves: fewer points where all of them take long, and all of them again at rest.
   * @param {Eye} eye
   */
  move(eye) {
    this.eye = eye
    clearTimeout(this.rest)
    this.rest = setTimeout(() => ((this.last = 0), this.redraw()), MOVED_MS)
    this.asked ??= requestAnimationFrame(now => {
      if (this.last && now - this.last > SLOW_MS) this.every = Math.min(FEWEST, this.every * 2)
      this.asked = null
      this.last = now
      this.draw(this.every)
    })
  }

  draw(every = 1) {
    const { painter, data, canvas, hover } = this
    if (!painter?.count || !canvas.clientWidth || !canvas.clientHeight) return
    this.matrix = viewMatrix(this.eye, canvas.clientWidth / canvas.clientHeight)
    const ringed = [...data.marked, ...(hover >= 0 ? [hover] : [])].filter(number => number < painter.count)
    painter.draw({ matrix: this.matrix, here: data.here, raised: data.clip ? RAISED.clip : RAISED.corpus, ringed, every })
    this.root.dataset.drawn = String(painter.count)
  }

  /**
   * The point at a place of the canvas; -1 for none.
   * @param {[number, number]} at
   * @param {number} [reach] pixels
   */
  find(at, reach = 0) {
    const { canvas, matrix, places } = this
    if (!matrix) return -1
    const near = Math.max(NEAR_PX[0], Math.min(NEAR_PX[1], sizePoints(this.painter?.count ?? 0)))
    return findPoint(matrix, places, at, [canvas.clientWidth, canvas.clientHeight], Math.max(reach, near))
  }

  /**
   * Where a point comes from: known in a clip, asked for once in a sample.
   * @param {number} number
   * @returns {Promise<Token>}
   */
  async #token(number) {
    const { clip, lookup } = this.data
    if (clip) return { ...clip, where: "", patch: locateToken(number, clip) }
    const known = this.tokens.get(number) ?? askToken(`${lookup}/${number}`)
    this.tokens.set(number, known)
    return known
  }

  /**
   * Ring a point and say in the tooltip what it is.
   * @param {number} number -1 for none
   * @param {[number, number]} [at]
   * @returns {Promise<string>} the same in words
   */
  async point(number, at = [0, 0]) {
    this.hover = number
    this.root.dataset.hover = ""
    this.tip.hide()
    if (number < 0) return ""
    if (!this.data.clip && !this.tokens.has(number)) await new Promise(done => setTimeout(done, REST_MS))
    if (number !== this.hover) return ""
    const token = await this.#token(number)
    if (number !== this.hover) return ""
    this.tip.show(token, at)
    this.root.dataset.hover = token.patch?.join(".") ?? ""
    return describeToken(token)
  }

  /** @param {number} number */
  async choose(number) {
    if (number < 0) return
    const token = await this.#token(number)
    if (token.patch) this.tell({ video: token.video, clip: token.id, patch: token.patch })
  }

  end() {
    this.closing.abort()
    this.watcher.disconnect()
    clearTimeout(this.rest)
    if (this.asked !== null) cancelAnimationFrame(this.asked)
    this.painter?.end()
  }
}

/**
 * @param {string} url
 * @returns {Promise<Token>}
 */
async function askToken(url) {
  try {
    return await (await fetchChecked(url, "application/json")).json()
  } catch (error) {
    return /** @type {Token} */ (/** @type {unknown} */ ({ problem: /** @type {Error} */ (error).message }))
  }
}

export default mountOnce(".cloud", root => new TokenMap(root))
