// @ts-check
// Tokens as points that turn under the pointer, a finger or the arrow keys; a chosen one is shown in the player.

import { BYTES, checkLength, fetchChecked } from "../shared/fetching.js"
import { follow } from "../shared/clock.js"
import { drawSwatches } from "../shared/legend.js"
import { find, mountOnce } from "../shared/mounting.js"
import { locateToken } from "../shared/sheets.js"
import { dimOutside, readArea, traceArea, writeArea } from "./area.js"
import { Hands } from "./hands.js"
import { POINT_BYTES, PointPainter } from "./painter.js"
import { START, findPoint, flatMatrix, sizePoints, viewMatrix } from "./points.js"
import { Tip, describeToken } from "./tip.js"

/** @import { Chosen, Data, Token } from "./contract.js" */
/** @import { Eye } from "./points.js" */
/** @import { Moment } from "../shared/clock.js" */

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
    /** @type {(name: string, value: unknown) => void} */
    this.say = () => {}
    this.tool = "view" // what a drag does: "view", "area" or "box"
    this.flat = false
    /** @type {ArrayBuffer | null} the points as they came */
    this.bytes = null
    this.shown = "" // clip whose tokens are drawn, where they are those of one
    /** @type {[number, number]} the points that stand out: the first, and how many */
    this.here = [0, 0]
    /** @type {Map<string, ArrayBuffer>} points of other windows */
    this.others = new Map()
    this.places = new Float32Array(0)
    /** @type {Float32Array | null} of the view, once drawn */
    this.matrix = null
    /** @type {string | null} why nothing can be drawn */
    this.broken = null
    this.painter = this.#prepare()
    this.closing = new AbortController()
    this.#watchContext()
    this.hands = new Hands(this)
    this.#wireTools()
    this.unfollow = follow(moment => this.#follow(moment))
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
    const old = this.data
    if (old?.lookup !== data.lookup) this.tokens = new Map()
    this.data = data
    this.tell = chosen => setStateValue("chosen", chosen)
    this.say = setStateValue
    this.#say()
    this.#look(data)
    this.here = [data.here[0], data.here[1]]
    if (old?.url !== data.url && this.painter) return void this.#fetch(data)
    if (this.painter && (old?.area !== data.area || (data.clip && this.shown !== data.clip.id))) this.#paint()
    this.draw()
  }

  /**
   * Flat or not, and what the colors mean.
   * @param {Data} data
   */
  #look({ flat, legend, noun }) {
    if (this.flat !== flat) this.eye = START
    this.flat = flat
    find(this.root, '[data-tool="view"]').textContent = flat ? "Move" : "Turn"
    this.root.setAttribute("aria-label", `Map of ${noun}s`)
    this.canvas.setAttribute("aria-label", `${noun[0].toUpperCase()}${noun.slice(1)}s as points`)
    find(this.root, ".keys").textContent = `Keyboard: arrow keys ${flat ? "move" : "turn"}, + and − zoom, Home resets the view, Enter selects the ${noun} in the middle.`
    find(this.root, ".legend").replaceChildren(...drawSwatches(legend))
  }

  #wireTools() {
    for (const button of this.#tools()) button.onclick = () => this.chooseTool(button.dataset.tool ?? "view")
    find(this.root, ".reset").onclick = () => (this.chooseTool("view"), this.clear(), this.move(START))
  }

  /** @returns {NodeListOf<HTMLButtonElement>} */
  #tools() {
    return this.root.querySelectorAll(".tool")
  }

  /** @param {string} tool "view", "area" or "box" */
  chooseTool(tool) {
    this.tool = tool
    this.root.dataset.tool = tool
    for (const button of this.#tools()) button.setAttribute("aria-pressed", String(button.dataset.tool === tool))
  }

  /**
   * Show the outline of an area while it is drawn.
   * @param {[number, number][]} path pixels
   */
  outline(path) {
    find(this.root, ".outline polygon").setAttribute("points", path.map(at => at.join(",")).join(" "))
  }

  /**
   * An area is drawn: the page is told, and what lies outside becomes faint.
   * @param {[number, number][]} path pixels
   */
  select(path) {
    if (!this.matrix) return
    const { clientWidth, clientHeight } = this.canvas
    this.outline([])
    this.say("area", writeArea(traceArea(this.matrix, path, [clientWidth, clientHeight])))
  }

  clear() {
    if (this.data?.area) this.say("area", "")
  }

  /**
   * The player moves: the tokens of its slice stand out, those of the next window are fetched.
   * @param {Moment} moment
   */
  #follow({ player, clip, slice, playing }) {
    if (!this.data || player !== "first" || !clip) return
    const { slices, clip: own, other } = this.data
    if (own) {
      const size = own.h * own.w
      this.here = [slice * size, size]
      if (playing && clip !== this.shown && other) return void this.#enter(clip, other)
    } else {
      const starts = slices[clip]
      if (starts) this.here = [starts[slice], starts[slice + 1] - starts[slice]]
    }
    this.root.dataset.here = this.here.join(" ")
    this.redraw()
  }

  /**
   * Draw the tokens of another window.
   * @param {string} clip
   * @param {string} address
   */
  async #enter(clip, address) {
    this.shown = clip
    try {
      const kept = this.others.get(clip) ?? (await (await fetchChecked(address.replace("{clip}", clip), BYTES)).arrayBuffer())
      this.others.set(clip, kept)
      if (this.shown === clip && this.data.clip) this.#show(kept)
    } catch {
      this.shown = "" // the page says why once it has followed
    }
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
    this.bytes = bytes
    this.others = new Map()
    this.#paint()
  }

  // The points of the page's own window or sample, those outside the area faint.
  #paint() {
    this.shown = this.data.clip?.id ?? ""
    if (this.bytes) this.#show(dimOutside(this.bytes, readArea(this.data.area)))
  }

  /** @param {ArrayBuffer} bytes */
  #show(bytes) {
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
    const { painter, data, canvas, hover, here, flat } = this
    if (!painter?.count || !canvas.clientWidth || !canvas.clientHeight) return
    this.matrix = (flat ? flatMatrix : viewMatrix)(this.eye, canvas.clientWidth / canvas.clientHeight)
    const own = !data.clip || this.shown === data.clip.id
    const drawn = (/** @type {number[]} */ numbers) => numbers.filter(number => number < painter.count)
    const ringed = drawn([...(own ? data.marked : []), ...(hover >= 0 ? [hover] : [])])
    const near = own ? drawn(data.near) : []
    painter.draw({ matrix: this.matrix, here, raised: data.clip ? RAISED.clip : RAISED.corpus, ringed, near, every })
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
    if (clip) return { ...clip, ...this.#otherWindow(), where: "", patch: locateToken(number, clip) }
    const known = this.tokens.get(number) ?? askToken(`${lookup}/${number}`)
    this.tokens.set(number, known)
    return known
  }

  // The id and picture of the window whose tokens are drawn, where the player has gone on to another.
  #otherWindow() {
    const { clip } = this.data
    if (!clip || this.shown === clip.id || !this.shown) return {}
    return { id: this.shown, pictures: clip.pictures?.replace(clip.id, this.shown) ?? null }
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
    this.unfollow()
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
