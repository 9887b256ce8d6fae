// What is drawn of the shown slice: colors, heat or mask, picture; each fetched a window at a time and kept.

class Layers {
  constructor(player) {
    this.player = player
    const keep = read => new Kept(read, window => player.window?.id === window.id && player.redraw())
    this.sheets = keep(async answer => createImageBitmap(await answer.blob()))
    this.colors = keep(async answer => new Uint8Array(await answer.arrayBuffer())) // (S, H, W, 3)
    this.masks = keep(async answer => new Float32Array(await answer.arrayBuffer())) // (S, H, W)
    this.tracks = keep(async (answer, window) => followed(await answer.arrayBuffer(), window)) // {rows, heat}
  }

  clear() {
    for (const kept of [this.sheets, this.colors, this.masks, this.tracks]) kept.clear()
  }

  draw() {
    const { window, root, el, timeline, pictures } = this.player
    if (!window) for (const canvas of root.querySelectorAll("canvas")) painting.blank(canvas)
    else {
      const bytes = this.bytes(window)
      this.paint(el(".latent.beside"), bytes)
      this.cover(window, bytes)
      const next = timeline.beside(window, window.slices - 1, 1)
      if (next) this.bytes(next.window)
      if (pictures) this.picture(window)
    }
  }

  paint(canvas, bytes) {
    if (bytes instanceof Uint8Array) painting.colors(canvas, this.player.window, this.player.slice, bytes)
    else painting.blank(canvas)
  }

  // Over the frame: what the tool at hand has found, or else the colors.
  cover(window, bytes) {
    const { patches, root, el, slice, saving } = this.player
    const track = patches.cutting ? null : this.track(window)
    const mask = patches.cutting ? this.mask(window) : null
    const over = track?.heat ? "heat" : mask instanceof Float32Array ? "mask" : "colors"
    root.dataset.over = over
    if (over === "heat") painting.heat(el(".latent.over"), window, slice, track.heat)
    else if (over === "mask") painting.mask(el(".latent.over"), window, slice, mask, saving.smooth)
    else this.paint(el(".latent.over"), bytes)
  }

  picture(window) {
    const { el, data, slice } = this.player
    const sheet = this.sheets.of(window, `${data.pictures}/${window.id}`)
    if (sheet instanceof ImageBitmap) painting.picture(el(".picture"), window, slice, sheet, data.tile)
    else painting.blank(el(".picture"))
  }

  bytes(window) {
    const { colors } = this.player.data
    return colors && window.embedded ? this.colors.of(window, `${colors.url}/${window.id}`) : null
  }

  track(window) {
    const { patches, data } = this.player
    const name = patches.takenName
    return name && window.embedded ? this.tracks.of(window, `${data.track}/${name}/${window.id}`) : null
  }

  mask(window) {
    const { patches, data } = this.player
    const name = patches.segmentName
    return name && window.embedded && patches.segment.clip === window.id ? this.masks.of(window, `${data.mask}/${name}`) : null
  }
}

// See dashboard/tracks.py: (y, x, score, lost) of each slice, and the likeness of every token.
function followed(buffer, { slices }) {
  return { rows: new Float32Array(buffer, 0, 4 * slices), heat: new Uint8Array(buffer, 16 * slices) }
}
