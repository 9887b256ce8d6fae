// @ts-check
// What is shown, as files: the frame as PNG, made here; the window as MP4, rendered by the server on demand.

import { fetchChecked } from "../shared/fetching.js"
import { contextOf } from "./painting.js"

/** @import { Window } from "./contract.js" */
/** @import { Player } from "./player.js" */

const GAP = 8 // pixels between the frame and the grid beside it
const KEEP_MS = 10_000 // until the browser has read a file that was handed to it

export class Saving {
  /** @param {Player} player */
  constructor(player) {
    this.player = player
    this.news = ""
    player.el(".save").onclick = () => this.png()
    player.el(".film").onclick = () => this.mp4()
  }

  /** The frame with what lies over it, and the grid beside it where that is the view. */
  png() {
    const { pictures, root, el, data, video } = this.player
    const source = pictures ? el(".picture") : video
    const [wide, high] = pictures ? [source.width, source.height] : [source.videoWidth, source.videoHeight]
    const beside = root.dataset.view === "beside"
    const grid = Math.round((high * data.tile[1]) / data.tile[0])
    const canvas = Object.assign(document.createElement("canvas"), { width: wide + (beside ? grid + GAP : 0), height: high })
    const context = contextOf(canvas)
    context.drawImage(source, 0, 0, wide, high)
    context.imageSmoothingEnabled = this.smooth
    const { top, left, height, width } = pictures ? { top: 0, left: 0, height: 1, width: 1 } : data.seen
    if (beside) context.drawImage(el(".latent.beside"), wide + GAP, 0, grid, high)
    if (!beside || root.dataset.over !== "colors") {
      context.globalAlpha = this.opacity
      context.drawImage(el(".latent.over"), left * wide, top * high, width * wide, height * high)
    }
    canvas.toBlob(blob => blob && this.#hand(blob, `${this.name()}-picture-slice-${root.dataset.slice}.png`))
  }

  /** Of a file: the video, and the frames of the shown window. */
  name() {
    const { window, data } = this.player
    return window ? `${data.video.stem}_frames-${window.first}-${window.first + (window.frames - 1) * window.step}` : data.video.stem
  }

  async mp4() {
    const { window, el } = this.player
    if (!window || el(".film").disabled) return
    this.#tell("Rendering MP4...", true)
    try {
      const response = await fetchChecked(this.address(window), "video/mp4")
      this.#hand(await response.blob(), `${this.name()}.mp4`)
      this.#tell("", false)
    } catch (error) {
      this.#tell(`Could not render the MP4: ${/** @type {Error} */ (error).message}.`, false)
    }
  }

  /**
   * Of the server's film: the window, and all that says how it is drawn.
   * @param {Window} window
   */
  address(window) {
    const { root, data, patches } = this.player
    const { view = "", over = "" } = root.dataset
    /** @type {Record<string, string>} */
    const drawn = { view, over, opacity: String(this.opacity), smooth: String(this.smooth) }
    if (data.colors) drawn.colors = data.colors.url
    if (over === "heat") drawn.patches = patches.takenName
    if (over === "mask") drawn.segment = patches.segmentName
    return `${data.mp4}/${window.id}?${new URLSearchParams(drawn)}`
  }

  /**
   * @param {string} news
   * @param {boolean} busy
   */
  #tell(news, busy) {
    this.news = news
    this.player.el(".film").disabled = busy
    this.player.words.note()
  }

  get smooth() {
    return this.player.root.dataset.smooth === "true"
  }

  get opacity() {
    return Number(this.player.el(".opacity input").value)
  }

  /**
   * @param {Blob} blob
   * @param {string} name
   */
  #hand(blob, name) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name })
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), KEEP_MS)
  }
}
