// What the player says: the place, the notes below it, the legend, and the windows as a strip of segments.

const CHANNELS = ["#d62728", "#2ca02c", "#1f5fd0"]

class Words {
  constructor(player) {
    this.player = player
  }

  place() {
    const { window, slice, frame, timeline, root, el } = this.player
    const of = window ? `slice ${slice + 1} of ${window.slices}` : "no window covers this frame"
    el(".place").textContent = `${timeline.time(frame).toFixed(2)} s · frame ${frame} · ${of}`
    root.dataset.slice = window ? slice : ""
    root.dataset.clip = window?.id ?? ""
    root.dataset.frame = frame
    el(".seek").value = frame
    for (const segment of el(".strip").children) segment.classList.toggle("shown", segment.dataset.clip === window?.id)
  }

  note() {
    const { el } = this.player
    const text = [...this.aboutVideo(), ...this.aboutPatches()].join(" ")
    if (el(".note").textContent !== text) el(".note").textContent = text
  }

  aboutVideo() {
    const { window, root, timeline, source, pictures, layers } = this.player
    const { windows } = timeline // those of the latest data may be equal, not the same
    const sentences = root.dataset.mode === "loading" ? ["The video is being loaded."] : []
    const last = window && window.first + (window.frames - 1) * window.step
    if (window && windows.length > 1) sentences.push(`${this.numbered(window.id)}: frames ${window.first} to ${last}.`)
    if (pictures) sentences.push(`Slice pictures are shown in place of the video: ${source.why}.`)
    const [sheet, painted] = [layers.sheets.seen(window), layers.colors.seen(window)]
    const absent = pictures && sheet instanceof Error
    if (absent) sentences.push(`There is nothing to show of the picture itself: ${sheet.message}; ingest with pictures to keep them.`)
    if (painted instanceof Error) sentences.push(`No colors: ${painted.message}.`)
    return sentences
  }

  numbered(clip) {
    const { windows } = this.player.timeline
    return `Window ${windows.findIndex(window => window.id === clip) + 1} of ${windows.length}`
  }

  aboutPatches() {
    const { patches, saving } = this.player
    return [...(patches.cutting ? this.aboutMask() : this.aboutTrack()), ...(saving.news ? [saving.news] : [])]
  }

  aboutTrack() {
    const { window, slice, patches, root, layers } = this.player
    const track = patches.taken.patches.length ? layers.tracks.seen(window) : null
    root.dataset.lost = track?.rows ? Boolean(track.rows[4 * slice + 3]) : ""
    if (track instanceof Error) return [`The patch cannot be followed: ${track.message}.`]
    if (!track) return []
    const [, , score, lost] = track.rows.subarray(4 * slice)
    return [lost ? "The patch is lost in this slice." : `Best match in this slice: cosine ${score.toFixed(2)}.`]
  }

  aboutMask() {
    const { window, slice, patches, layers } = this.player
    const { clip, foreground, background } = patches.segment
    if (!foreground.length && !background.length) return []
    if (clip !== window?.id) return [`The marks belong to ${this.numbered(clip).toLowerCase()}; a mark here begins anew.`]
    const missing = foreground.length ? "background" : "foreground"
    if (!foreground.length || !background.length) return [`Mark some ${missing}, too: the mask spreads from both.`]
    const scores = layers.masks.seen(window)
    if (scores instanceof Error) return [`There is no mask: ${scores.message}.`]
    if (!scores) return ["The mask is being worked out."]
    const [first, size] = [slice * window.w * window.h, window.w * window.h]
    const inside = scores.subarray(first, first + size).filter(score => score > 0.5).length
    return [`Foreground in this slice: ${inside} of ${size} patches.`]
  }

  legend() {
    this.player.el(".legend").replaceChildren(...(this.player.data.colors?.legend ?? []).map((text, index) => {
      const item = document.createElement("span")
      const bar = document.createElement("b")
      bar.style.background = `linear-gradient(90deg, #000, ${CHANNELS[index]})`
      item.append(bar, text)
      return item
    }))
  }

  strip() {
    const { data, el } = this.player
    const total = data.video.frames
    const lanes = [0, 0]
    el(".strip").replaceChildren(...data.windows.map(window => {
      const segment = document.createElement("i")
      const last = window.first + window.frames * window.step
      const lane = lanes[0] <= window.first ? 0 : 1
      lanes[lane] = last
      const wide = `calc(${(100 * (Math.min(last, total) - window.first)) / total}% - 2px)`
      Object.assign(segment.style, { left: `${(100 * window.first) / total}%`, width: wide, top: `${6 * lane}px` })
      segment.dataset.clip = window.id
      segment.onclick = () => this.player.goto({ clip: window.id, slice: 0 })
      return segment
    }))
  }
}
