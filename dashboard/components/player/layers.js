// @ts-check
// What is drawn of the shown slice: colors, heat or mask, picture; each fetched a window at a time and kept.

import { BYTES, checkLength, readBytes } from "../shared/fetching.js"
import { clearCanvas, paintColors, paintHeat, paintMask, paintPicture } from "./painting.js"
import { WindowCache } from "./window_cache.js"

/** @import { Window } from "./contract.js" */
/** @import { Player } from "./player.js" */

/**
 * Float32 of each slice (y, x, score, lost), and the likeness of each patch, uint8 (S, H, W).
 * @typedef {{rows: Float32Array, heat: Uint8Array}} Track
 */

/** @param {Window} window */
const countTokens = ({ slices, h, w }) => slices * h * w

/**
 * A track as dashboard/tracks.py packs it.
 * @param {ArrayBuffer} buffer
 * @param {Window} window
 * @returns {Track}
 */
export function unpackTrack(buffer, window) {
  checkLength(buffer.byteLength, 16 * window.slices + countTokens(window))
  return { rows: new Float32Array(buffer, 0, 4 * window.slices), heat: new Uint8Array(buffer, 16 * window.slices) }
}

export class Layers {
  /** @param {Player} player */
  constructor(player) {
    this.player = player
    const arrived = (/** @type {Window} */ window) => player.window?.id === window.id && player.redraw()
    this.sheets = new WindowCache("image/jpeg", async response => createImageBitmap(await response.blob()), arrived)
    this.colors = new WindowCache(BYTES, async (response, window) => new Uint8Array(await readBytes(response, 3 * countTokens(window))), arrived)
    this.masks = new WindowCache(BYTES, async (response, window) => new Float32Array(await readBytes(response, 4 * countTokens(window))), arrived)
    this.tracks = new WindowCache(BYTES, async (response, window) => unpackTrack(await response.arrayBuffer(), window), arrived)
  }

  clear() {
    for (const cache of [this.sheets, this.colors, this.masks, this.tracks]) cache.clear()
  }

  draw() {
    const { window, root, el, timeline, pictures } = this.player
    if (!window) {
      root.querySelectorAll("canvas").forEach(clearCanvas)
      return
    }
    const bytes = this.#colorsOf(window)
    this.#paint(el(".latent.beside"), bytes)
    this.#cover(window, bytes)
    const next = timeline.beside(window, window.slices - 1, 1)
    if (next) this.#colorsOf(next.window)
    if (pictures) this.#picture(window)
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Uint8Array | Error | null} bytes
   */
  #paint(canvas, bytes) {
    const { window, slice } = this.player
    if (window && bytes instanceof Uint8Array) paintColors(canvas, window, slice, bytes)
    else clearCanvas(canvas)
  }

  /**
   * Over the frame: what the tool at hand has found, or else the colors.
   * @param {Window} window
   * @param {Uint8Array | Error | null} bytes
   */
  #cover(window, bytes) {
    const { patches, root, el, slice, saving } = this.player
    const track = patches.cutting ? null : this.#track(window)
    const mask = patches.cutting ? this.#mask(window) : null
    const canvas = el(".latent.over")
    if (track && !(track instanceof Error)) {
      root.dataset.over = "heat"
      paintHeat(canvas, window, slice, track.heat)
    } else if (mask instanceof Float32Array) {
      root.dataset.over = "mask"
      paintMask(canvas, window, slice, mask, saving.smooth)
    } else {
      root.dataset.over = "colors"
      this.#paint(canvas, bytes)
    }
  }

  /** @param {Window} window */
  #picture(window) {
    const { el, data, slice } = this.player
    const sheet = this.sheets.get(window, `${data.pictures}/${window.id}`)
    if (sheet instanceof ImageBitmap) paintPicture(el(".picture"), window, slice, sheet, data.tile)
    else clearCanvas(el(".picture"))
  }

  /** @param {Window} window */
  #colorsOf(window) {
    const { colors } = this.player.data
    return colors && (window.embedded || colors.measured) ? this.colors.get(window, `${colors.url}/${window.id}`) : null
  }

  /** @param {Window} window */
  #track(window) {
    const { patches, data } = this.player
    const name = data.painting ? "" : patches.takenName
    return name && window.embedded ? this.tracks.get(window, `${data.track}/${name}/${window.id}`) : null
  }

  /** @param {Window} window */
  #mask(window) {
    const { patches, data } = this.player
    const name = patches.segmentName
    return name && window.embedded && patches.segment.clip === window.id ? this.masks.get(window, `${data.mask}/${name}`) : null
  }
}
