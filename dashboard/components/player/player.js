// @ts-check
// The player: one video or its slice pictures, and the colors of the tokens of the shown frame's slice, scrubbed without the server.
// Its parts: source (the file), layers (what is drawn), patches (what is marked), words, saving.

import { announce, follow } from "../shared/clock.js"
import { find, mountOnce } from "../shared/mounting.js"
import { Layers } from "./layers.js"
import { Patches } from "./patches.js"
import { Saving } from "./saving.js"
import { Source } from "./source.js"
import { Timeline, covers, firstFrameOf, sliceOf } from "./timeline.js"
import { Words } from "./words.js"

/** @import { Data, Tell, Window } from "./contract.js" */
/** @import { Moment } from "../shared/clock.js" */

const SETTLED_MS = 350 // after the last movement the place is told to the page
const WHOLE = { top: 0, left: 0, height: 1, width: 1 }
const HEIGHT = [240, 440] // pixels of the stage, least and most
const NARROWEST = 560 // pixels of the seek bar
const GAP = 8 // pixels between frame and grid

/** @param {Data} data */
const timelineOf = ({ video, windows }) => `${video.id} ${windows.length} ${windows[0]?.id}`

export class Player {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.el = (/** @type {string} */ name) => find(root, name)
    this.video = /** @type {HTMLVideoElement} */ (this.el("video"))
    this.wanted = 0 // frame that a seek is under way to
    this.frame = 0
    this.slice = 0
    /** @type {Window | null} */
    this.window = null
    this.data = /** @type {Data} */ (/** @type {unknown} */ (null)) // until the first update
    this.tell = /** @type {Tell} */ (/** @type {unknown} */ (null))
    this.timeline = new Timeline([], 1, 0)
    this.told = "" // place that the page knows of
    /** @type {number | null} request of the next frame of pictures */
    this.clock = null
    this.source = new Source(this)
    this.layers = new Layers(this)
    this.words = new Words(this)
    this.saving = new Saving(this)
    this.patches = new Patches(this)
    this.led = false // whether another player of the page leads this one
    this.#wire()
    this.unfollow = follow(moment => this.#join(moment))
  }

  /**
   * What the page asks for; called again whenever it changes.
   * @param {Data} data
   * @param {(name: string, value: unknown) => void} setStateValue
   */
  update(data, setStateValue) {
    const old = this.data
    const news = (/** @type {string} */ name) => (/** @type {object} */ place) => setStateValue(name, { ...place, nonce: this.data.goto.nonce })
    this.data = data
    this.tell = { at: news("at"), picked: news("picked"), cut: news("cut") }
    if (old?.colors?.url !== data.colors?.url) this.layers.colors.clear()
    if (!old || timelineOf(old) !== timelineOf(data)) this.#load()
    this.words.legend()
    this.mount()
    if (old?.goto.nonce === data.goto.nonce) {
      if (data.mirrored && JSON.stringify(old.taken) !== JSON.stringify(data.taken)) this.patches.taken = data.taken
      this.patches.choose(this.patches.tool)
      return this.show(this.frame)
    }
    this.led = data.name !== "first"
    this.patches.set(data, !old)
    this.goto(data.goto)
    this.told = `${this.window?.id} ${this.slice}` // the page led here and need not be told
  }

  #load() {
    const { video, windows } = this.data
    this.timeline = new Timeline(windows, video.fps, video.frames)
    this.layers.clear()
    this.window = null
    this.el(".seek").max = video.frames - 1
    this.words.strip()
    this.source.open(video)
  }

  /** @param {"loading" | "video" | "pictures"} name */
  mode(name) {
    this.root.dataset.mode = name
    this.mount()
  }

  get pictures() {
    return this.root.dataset.mode === "pictures"
  }

  /** Where things stand: the frame's shape, the part the encoder saw, the grid's shape. */
  mount() {
    const { video, seen, tile } = this.data
    const part = this.pictures ? WHOLE : seen
    const frame = this.pictures ? tile[1] / tile[0] : video.width / video.height
    const grid = tile[1] / tile[0]
    const beside = this.root.dataset.view === "beside"
    const height = Math.min(HEIGHT[1], Math.max(HEIGHT[0], window.innerHeight * 0.5))
    const width = Math.round(height * (frame + (beside ? grid : 0))) + GAP
    const lengths = { "--widest": `${Math.max(NARROWEST, width)}px`, "--frame-aspect": frame, "--grid-aspect": grid }
    const places = { "--top": part.top, "--left": part.left, "--wide": part.width, "--high": part.height }
    for (const [name, value] of Object.entries(lengths)) this.root.style.setProperty(name, String(value))
    for (const [name, value] of Object.entries(places)) this.root.style.setProperty(name, `${100 * value}%`)
    this.el(".stage").style.maxWidth = `${width}px`
    this.el(".seen .marks").setAttribute("tabindex", beside ? "-1" : "0") // one of the two grids is reached by keyboard
  }

  /** @param {{clip: string, slice: number}} place */
  goto({ clip, slice }) {
    const { windows } = this.timeline
    const window = windows.find(other => other.id === clip) ?? windows[0]
    if (!window) return
    clearTimeout(this.timer) // a pending report of the old place is outdated
    this.timeline.preferred = window.frames
    this.window = window
    this.slice = Math.max(0, Math.min(window.slices - 1, slice))
    this.seek(firstFrameOf(window, this.slice))
  }

  /** @param {number} frame */
  seek(frame) {
    this.wanted = Math.max(0, Math.min(this.data.video.frames - 1, frame))
    if (this.pictures) this.show(this.wanted)
    else this.source.seek(this.wanted)
  }

  /**
   * A frame that is presented while the video plays or after a seek.
   * @param {number} frame
   */
  arrive(frame) {
    const { loop } = this
    if (loop && this.playing && this.window && !covers(this.window, frame)) return this.seek(this.window.first)
    this.show(frame)
  }

  /**
   * Draw everything that belongs to a frame.
   * @param {number} frame
   */
  show(frame) {
    if (!this.data) return
    this.frame = frame
    this.window = this.timeline.at(frame, this.window)
    this.slice = this.window ? sliceOf(this.window, frame) : 0
    this.words.place()
    this.redraw()
    this.settle()
    this.#announce()
  }

  #announce() {
    const { window, slice, frame, timeline, playing } = this
    announce({ player: this.data.name, time: timeline.time(frame), clip: window?.id ?? "", slice, playing, led: this.led })
  }

  /**
   * Stand where the other player of the page stands.
   * @param {Moment} moment
   */
  #join({ player, time, led }) {
    if (led || !this.data?.mirrored || player === this.data.name) return
    this.led = true
    if (this.playing) this.pause()
    const frame = this.timeline.frame(time)
    if (frame !== this.wanted) this.seek(frame)
  }

  /** What is drawn and said of the shown slice, again. */
  redraw() {
    if (!this.data) return
    this.layers.draw()
    this.patches.draw()
    this.words.note()
  }

  /** The place is told once nothing moves any more. */
  settle() {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      if (this.playing || !this.window) return
      const place = `${this.window.id} ${this.slice}`
      if (place === this.told) return
      this.told = place
      this.tell.at({ clip: this.window.id, slice: this.slice })
    }, SETTLED_MS)
  }

  // Playing

  get playing() {
    return this.pictures ? this.clock !== null : !this.video.paused && !this.video.ended
  }

  /** @returns {boolean} */
  get loop() {
    return this.el(".loop").checked
  }

  toggle() {
    if (this.playing) return this.pause()
    if (this.frame >= this.data.video.frames - 1) this.seek(this.loop && this.window ? this.window.first : 0)
    if (this.pictures) this.#run()
    else this.video.play().catch(() => this.#label()) // paused again before it began
    this.#label()
  }

  pause() {
    if (this.clock !== null) cancelAnimationFrame(this.clock)
    this.clock = null
    this.video.pause()
    this.#label()
    this.settle()
  }

  #label() {
    const word = this.playing ? "Pause" : "Play"
    this.el(".play").textContent = word
    this.el(".play").setAttribute("aria-label", word)
  }

  // A window that ends with its video is followed by no frame outside of it. Returns whether it begins again.
  #repeat() {
    if (!this.loop || !this.window) return false
    this.seek(this.window.first)
    return true
  }

  // Pictures follow the clock of the screen.
  #run() {
    let last = performance.now()
    let exact = this.frame
    const tick = (/** @type {number} */ now) => {
      exact += ((now - last) / 1000) * this.data.video.fps * Number(this.el(".speed").value)
      last = now
      if (exact >= this.data.video.frames) {
        if (!this.#repeat()) return this.seek(this.data.video.frames - 1), this.pause()
        exact = this.frame
      } else if (Math.floor(exact) !== this.frame) {
        this.arrive(Math.floor(exact))
        if (this.frame > exact || this.frame < Math.floor(exact)) exact = this.frame
      }
      this.clock = requestAnimationFrame(tick)
    }
    this.clock = requestAnimationFrame(tick)
  }

  /** @param {number} by slices, 1 or -1 */
  step(by) {
    this.pause()
    const to = this.window ? this.timeline.beside(this.window, this.slice, by) : { window: this.timeline.windows[0], slice: 0 }
    if (!to?.window) return
    this.window = to.window
    this.seek(firstFrameOf(to.window, to.slice))
  }

  // Hands

  #wire() {
    const { video, root } = this
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => (this.#label(), this.settle()))
    video.addEventListener("ended", () => !this.pictures && this.#repeat() && this.video.play().catch(() => this.#label()))
    this.el(".play").onclick = () => this.toggle()
    this.el(".back").onclick = () => this.step(-1)
    this.el(".on").onclick = () => this.step(1)
    this.#onValue(".seek", "input", value => (this.pause(), this.seek(Number(value))))
    this.#onValue(".speed", "change", value => (video.playbackRate = Number(value)))
    this.#onValue(".view", "change", value => ((root.dataset.view = value), this.mount(), this.patches.draw()))
    this.#onValue(".opacity input", "input", value => root.style.setProperty("--opacity", value))
    this.el(".smooth").onchange = () => ((root.dataset.smooth = this.el(".smooth").checked), this.redraw())
    root.style.setProperty("--opacity", this.el(".opacity input").value)
    root.onkeydown = event => this.#key(event)
    for (const name of ["pointerdown", "keydown", "input", "click"]) root.addEventListener(name, () => (this.led = false), { capture: true })
  }

  /**
   * @param {string} name
   * @param {string} event
   * @param {(value: string) => void} act
   */
  #onValue(name, event, act) {
    const input = this.el(name)
    input.addEventListener(event, () => act(input.value))
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = /** @type {HTMLElement} */ (event.target)
    if (["SELECT", "INPUT"].includes(target.tagName) && /** @type {HTMLInputElement} */ (target).type !== "checkbox") return
    /** @type {Record<string, () => void>} */
    const acts = { " ": () => this.toggle(), ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1), Escape: () => this.patches.clear() }
    if (!acts[event.key] || (event.key === " " && target.tagName !== "SECTION")) return
    event.preventDefault()
    acts[event.key]()
  }

  end() {
    this.unfollow()
    this.source.end()
    clearTimeout(this.timer)
    if (this.clock !== null) cancelAnimationFrame(this.clock)
  }
}

export default mountOnce(".player", root => new Player(root))
