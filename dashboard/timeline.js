// Frames, times, windows and slices: arithmetic, no pictures. Frames are counted as decoded, times are seconds since the first frame.
// A window is {id, first, frames, step, start, stop, slices, h, w}: the frames first, first + step, ... of one clip.

class Timeline {
  constructor(windows, fps, frames) {
    this.windows = windows
    this.fps = fps
    this.frames = frames
    this.preferred = windows.length ? windows[0].frames : 0
  }

  // Frames that show this window: its own, and those passed over after each of them.
  covers(window, frame) {
    return window.first <= frame && frame < window.first + window.frames * window.step
  }

  // The window shown at a frame: the one shown already while it covers the frame, else one of the length that was chosen, else the latest.
  at(frame, shown) {
    if (shown && this.covers(shown, frame)) return shown
    const covering = this.windows.filter(window => this.covers(window, frame))
    const alike = covering.filter(window => window.frames === this.preferred)
    return (alike.length ? alike : covering).at(-1) ?? null
  }

  slice(window, frame) {
    const fed = Math.floor((frame - window.first) / window.step)
    return Math.max(0, Math.min(window.slices - 1, Math.floor((fed * window.slices) / window.frames)))
  }

  firstFrame(window, slice) {
    return window.first + Math.floor((slice * window.frames) / window.slices) * window.step
  }

  // Seconds from one frame to the next, as they were decoded.
  pace(window) {
    const steps = (window.frames - 1) * window.step
    return steps ? (window.stop - 1 / this.fps - window.start) / steps : 1 / this.fps
  }

  time(frame) {
    const window = this.anchor(other => other.first <= frame)
    return window ? window.start + (frame - window.first) * this.pace(window) : frame / this.fps
  }

  frame(time) {
    const window = this.anchor(other => other.start <= time + 0.5 / this.fps)
    const frame = window ? window.first + (time - window.start) / this.pace(window) : time * this.fps
    return Math.max(0, Math.min(this.frames - 1, Math.round(frame)))
  }

  // The last window of which something holds that holds of all before it.
  anchor(holds) {
    let low = 0
    let high = this.windows.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (holds(this.windows[middle])) low = middle + 1
      else high = middle
    }
    return this.windows[low - 1] ?? null
  }

  // The place one slice further or back: {window, slice}, in the next or previous window at an end.
  beside(window, slice, by) {
    if (!window) return null
    if (slice + by >= 0 && slice + by < window.slices) return { window, slice: slice + by }
    const others = this.windows.filter(other => other.frames === window.frames || other === window)
    const all = by > 0 ? others.filter(other => other.first >= window.first + window.frames * window.step) : others.filter(other => other.first + other.frames * other.step <= window.first)
    const next = by > 0 ? all[0] ?? this.windows.find(other => other.first >= window.first + window.frames * window.step) : all.at(-1)
    return next ? { window: next, slice: by > 0 ? 0 : next.slices - 1 } : null
  }
}
