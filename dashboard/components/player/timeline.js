// @ts-check
// Frames, times, windows and slices: arithmetic, no pictures. Frames are counted as decoded, times are seconds since the first frame.

/** @import { Window } from "./contract.js" */

/**
 * Number of the slice that a frame belongs to.
 * @param {Window} window
 * @param {number} frame
 */
export function sliceOf(window, frame) {
  const fed = Math.floor((frame - window.first) / window.step)
  return Math.max(0, Math.min(window.slices - 1, Math.floor((fed * window.slices) / window.frames)))
}

/**
 * @param {Window} window
 * @param {number} slice
 */
export function firstFrameOf(window, slice) {
  return window.first + Math.ceil((slice * window.frames) / window.slices) * window.step
}

/**
 * The frame after the last one that shows a window: its own, and those passed over after each of them.
 * @param {Window} window
 */
export function endOf(window) {
  return window.first + window.frames * window.step
}

/**
 * @param {Window} window
 * @param {number} frame
 */
export function covers(window, frame) {
  return window.first <= frame && frame < endOf(window)
}

export class Timeline {
  /**
   * @param {Window[]} windows by first frame
   * @param {number} fps
   * @param {number} frames
   */
  constructor(windows, fps, frames) {
    this.windows = windows
    this.fps = fps
    this.frames = frames
    this.preferred = windows.length ? windows[0].frames : 0
  }

  /**
   * The window shown at a frame: the one shown already while it covers the frame, else one of the length that was chosen, else the latest.
   * @param {number} frame
   * @param {Window | null} shown
   * @returns {Window | null}
   */
  at(frame, shown) {
    if (shown && covers(shown, frame)) return shown
    const covering = this.windows.filter(window => covers(window, frame))
    const alike = covering.filter(window => window.frames === this.preferred)
    return (alike.length ? alike : covering).at(-1) ?? null
  }

  /**
   * Seconds from one frame to the next, as they were decoded.
   * @param {Window} window
   */
  pace(window) {
    const steps = (window.frames - 1) * window.step
    return steps ? (window.stop - 1 / this.fps - window.start) / steps : 1 / this.fps
  }

  /** @param {number} frame */
  time(frame) {
    const window = this.#last(other => other.first <= frame)
    return window ? window.start + (frame - window.first) * this.pace(window) : frame / this.fps
  }

  /** @param {number} time */
  frame(time) {
    const window = this.#last(other => other.start <= time + 0.5 / this.fps)
    const frame = window ? window.first + (time - window.start) / this.pace(window) : time * this.fps
    return Math.max(0, Math.min(this.frames - 1, Math.round(frame)))
  }

  /**
   * The last window of which something holds that holds of all before it.
   * @param {(window: Window) => boolean} holds
   * @returns {Window | null}
   */
  #last(holds) {
    let low = 0
    let high = this.windows.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (holds(this.windows[middle])) low = middle + 1
      else high = middle
    }
    return this.windows[low - 1] ?? null
  }

  /**
   * The place one slice forward or back, in the next or previous window at an end.
   * @param {Window | null} window
   * @param {number} slice
   * @param {number} by 1 or -1
   * @returns {{window: Window, slice: number} | null}
   */
  beside(window, slice, by) {
    if (!window) return null
    if (slice + by >= 0 && slice + by < window.slices) return { window, slice: slice + by }
    const next = by > 0 ? this.#following(window) : this.#preceding(window)
    return next ? { window: next, slice: by > 0 ? 0 : next.slices - 1 } : null
  }

  /** @param {Window} window */
  #following(window) {
    const later = this.windows.filter(other => other.first >= endOf(window))
    return later.find(other => other.frames === window.frames) ?? later[0]
  }

  /** @param {Window} window */
  #preceding(window) {
    return this.windows.filter(other => other.frames === window.frames && endOf(other) <= window.first).at(-1)
  }
}
