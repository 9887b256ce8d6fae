// @ts-check
// The video's file, followed by its own frames; where the browser cannot show it, slice pictures stand in for it.

/** @import { Player } from "./player.js" */
/** @import { Video } from "./contract.js" */

const PATIENCE_MS = 20_000 // for the first frame of a file
const WITHIN_MS = 80 // after a seek that presents nothing new
const OTHER_SHAPE = 0.02 // of the aspect ratio

export class Source {
  /** @param {Player} player */
  constructor(player) {
    this.player = player
    this.video = player.video
    /** @type {number | null} media time of the first frame */
    this.origin = null
    /** @type {object | null} */
    this.watching = null
    this.presented = 0
    /** @type {string | null} why pictures are shown */
    this.why = null
    this.video.onerror = () => player.data?.video.url && !player.pictures && this.fallBack("this browser cannot play the file")
    this.video.onseeked = () => this.#checkSeek()
  }

  /**
   * A file that is open stays so when other windows of it are shown: nothing new is presented by itself then.
   * @param {Video} video
   */
  open({ url, why }) {
    if (url && this.video.getAttribute("src") === url) return
    this.origin = null
    this.player.mode("loading")
    if (!url) return this.fallBack(why)
    this.video.src = url
    this.#watch()
    clearTimeout(this.waiting)
    const giveUp = () => this.origin === null && !this.player.pictures && this.fallBack("the file has not shown a frame yet")
    this.waiting = setTimeout(giveUp, PATIENCE_MS)
  }

  // The first frame that is presented gives the time of frame 0.
  #watch() {
    const token = (this.watching = {})
    const presented = (/** @type {number} */ _, /** @type {VideoFrameCallbackMetadata} */ shown) => {
      if (this.watching !== token) return
      this.presented = shown.presentedFrames
      if (this.origin === null) this.#begin(shown.mediaTime)
      else if (!this.player.pictures) this.player.arrive(this.player.timeline.frame(shown.mediaTime - this.origin))
      this.video.requestVideoFrameCallback(presented)
    }
    this.video.requestVideoFrameCallback(presented)
  }

  /** @param {number} mediaTime */
  #begin(mediaTime) {
    const { width, height } = this.player.data.video
    const shape = this.video.videoWidth / this.video.videoHeight
    if (Math.abs(shape / (width / height) - 1) > OTHER_SHAPE) return this.fallBack("this browser shows the file in another shape than it was decoded in")
    this.origin = mediaTime
    this.player.mode("video")
    this.player.seek(this.player.wanted)
  }

  /** @param {number} frame */
  seek(frame) {
    const { timeline, data } = this.player
    if (this.origin !== null) this.video.currentTime = this.origin + timeline.time(frame) + 0.5 / data.video.fps
  }

  // A seek inside the frame that is shown presents nothing new.
  #checkSeek() {
    const { player, presented } = this
    const stays = () => this.presented === presented && this.origin !== null && !player.pictures && !player.playing
    setTimeout(() => stays() && player.show(player.wanted), WITHIN_MS)
  }

  /** @param {string | null} why */
  fallBack(why) {
    this.watching = null
    this.video.pause()
    this.why = why
    this.player.mode("pictures")
    this.player.show(this.player.wanted)
  }

  end() {
    clearTimeout(this.waiting)
    this.watching = null
    this.video.pause()
    this.video.removeAttribute("src")
    this.video.load()
  }
}
