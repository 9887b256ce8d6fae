// @ts-check
// What the player says: the place, the notes below it, the legend, what a screen reader hears, and the windows as a strip of segments.

import { drawSwatches } from "../shared/legend.js"
import { endOf } from "./timeline.js"

/** @import { Window } from "./contract.js" */
/** @import { Player } from "./player.js" */

/**
 * Where one stands; slices and frames count from 0.
 * @param {number} time seconds
 * @param {number} frame
 * @param {Window | null} window
 * @param {number} slice
 */
export function describePlace(time, frame, window, slice) {
  const where = window ? `slice ${slice} of 0–${window.slices - 1}` : "no window covers this frame"
  return `${time.toFixed(2)} s · frame ${frame} · ${where}`
}

/**
 * Which frames of the video a window was encoded from.
 * @param {Window} window
 */
export function describeFrames(window) {
  return `frames ${window.first}–${window.first + (window.frames - 1) * window.step}`
}

/**
 * The lane of each segment of the strip, 0 or 1: windows that overlap lie in two.
 * @param {Window[]} windows
 */
export function assignLanes(windows) {
  const ends = [0, 0]
  return windows.map(window => {
    const lane = ends[0] <= window.first ? 0 : 1
    ends[lane] = endOf(window)
    return lane
  })
}

export class Words {
  /** @param {Player} player */
  constructor(player) {
    this.player = player
  }

  place() {
    const { window, slice, frame, timeline, root, el } = this.player
    const place = describePlace(timeline.time(frame), frame, window, slice)
    el(".place").textContent = place
    root.dataset.slice = window ? String(slice) : ""
    root.dataset.clip = window?.id ?? ""
    root.dataset.frame = String(frame)
    el(".seek").value = frame
    el(".seek").setAttribute("aria-valuetext", place)
    for (const segment of el(".strip").children) segment.classList.toggle("shown", segment.dataset.clip === window?.id)
  }

  note() {
    const { el } = this.player
    const text = [...this.#video(), ...this.#patches()].join(" ")
    if (el(".note").textContent !== text) el(".note").textContent = text
  }

  /**
   * What a screen reader hears of the keyboard's cursor.
   * @param {string} text
   */
  speak(text) {
    this.player.el(".spoken").textContent = text
  }

  /**
   * @param {number} y
   * @param {number} x
   */
  patch(y, x) {
    const { window, slice, patches } = this.player
    const marked = window ? patches.marked(window).filter(([[, row, column]]) => row === y && column === x) : []
    const kinds = marked.map(([, kind]) => ({ line: "selected", best: "best match" })[kind] ?? kind)
    return [`slice ${slice}, row ${y}, column ${x}`, ...kinds].join(", ")
  }

  #video() {
    const { window, root, timeline, source, pictures, layers } = this.player
    const sentences = root.dataset.mode === "loading" ? ["Loading video..."] : []
    if (window && timeline.windows.length > 1) sentences.push(`${this.#number(window.id)}: ${describeFrames(window)}.`)
    const [sheet, colors] = [layers.sheets.peek(window), layers.colors.peek(window)]
    if (pictures && sheet instanceof Error) sentences.push(`Neither the video nor slice images can be shown: ${source.why}, and ${sheet.message}; ingest with pictures to store them.`)
    else if (pictures) sentences.push(`Showing stored slice images instead of the video: ${source.why}.`)
    if (colors instanceof Error) sentences.push(`No colors: ${colors.message}.`)
    return sentences
  }

  /** @param {string} clip */
  #number(clip) {
    const { windows } = this.player.timeline // those of the latest data may be equal, not the same
    return `Window ${windows.findIndex(window => window.id === clip) + 1} of ${windows.length}`
  }

  #patches() {
    const { patches, saving } = this.player
    return [...(patches.cutting ? this.#mask() : this.#track()), ...(saving.news ? [saving.news] : [])]
  }

  #track() {
    const { window, slice, patches, root, layers } = this.player
    const track = patches.taken.patches.length ? layers.tracks.peek(window) : null
    root.dataset.lost = track && !(track instanceof Error) ? String(Boolean(track.rows[4 * slice + 3])) : ""
    if (track instanceof Error) return [`Could not follow the patch: ${track.message}.`]
    if (!track) return []
    const [, , score, lost] = track.rows.subarray(4 * slice)
    return [lost ? "Lost in this slice: no patch is above the chance level." : `Best match in this slice: cosine ${score.toFixed(2)}.`]
  }

  #mask() {
    const { window, slice, patches, layers } = this.player
    const { clip, foreground, background } = patches.segment
    if (!foreground.length && !background.length) return []
    if (!window || clip !== window.id) return [`The marks belong to ${this.#number(clip).toLowerCase()}; a mark here starts a new mask.`]
    if (!foreground.length || !background.length) return [`Mark some ${foreground.length ? "background" : "foreground"}, too: a mask needs both.`]
    const scores = layers.masks.peek(window)
    if (scores instanceof Error) return [`Could not compute the mask: ${scores.message}.`]
    if (!scores) return ["Computing mask..."]
    const size = window.w * window.h
    const inside = scores.subarray(slice * size, (slice + 1) * size).filter(score => score > 0.5).length
    return [`Foreground in this slice: ${inside} of ${size} patches.`]
  }

  legend() {
    const { el, data } = this.player
    el(".legend").replaceChildren(...drawSwatches(data.colors?.legend ?? []))
  }

  strip() {
    const { data, el } = this.player
    const lanes = assignLanes(data.windows)
    el(".strip").replaceChildren(...data.windows.map((window, index) => this.#segment(window, lanes[index])))
  }

  /**
   * @param {Window} window
   * @param {number} lane
   */
  #segment(window, lane) {
    const { player } = this
    const total = player.data.video.frames
    const segment = document.createElement("i")
    const wide = `calc(${(100 * (Math.min(endOf(window), total) - window.first)) / total}% - 2px)`
    Object.assign(segment.style, { left: `${(100 * window.first) / total}%`, width: wide, top: `${6 * lane}px` })
    segment.dataset.clip = window.id
    segment.title = describeFrames(window)
    segment.onclick = () => player.goto({ clip: window.id, slice: 0 })
    return segment
  }
}
