// Patches under the reader's hand: those taken to be followed, and the foreground and background from which a mask spreads.
// A patch is [slice, y, x]. `taken` and `segment` belong to one window each, by its id; a tool says what a click does.

const SVG = "http://www.w3.org/2000/svg"
const TOOLS = {
  take: "Click a patch to follow it, drag over several, hold Shift to add one.",
  foreground: "Click or drag over what is to be cut out, on any slice. Click a mark to take it away.",
  background: "Click or drag over what is not to be cut out, on any slice. Click a mark to take it away.",
}
const key = patch => patch.join(".")
const listed = patches => patches.map(key).join(",")

class Patches {
  constructor(player) {
    this.player = player
    this.taken = { clip: "", patches: [] }
    this.segment = { clip: "", foreground: [], background: [] }
    this.tool = "take"
    for (const svg of player.root.querySelectorAll(".marks")) this.wire(svg)
    for (const button of player.root.querySelectorAll(".tool")) button.onclick = () => this.choose(button.dataset.tool)
    player.el(".clear").onclick = () => this.clear()
  }

  // What the page says is marked; from then on it is the reader's own.
  set({ taken, segment }, first) {
    this.taken = taken
    this.segment = segment
    this.choose(first && segment.foreground.length + segment.background.length ? "foreground" : "take")
  }

  choose(tool) {
    this.tool = this.player.data.cuttable ? tool : "take"
    for (const button of this.player.root.querySelectorAll(".tool")) {
      button.setAttribute("aria-pressed", button.dataset.tool === this.tool)
      button.disabled = button.dataset.tool !== "take" && !this.player.data.cuttable
      button.title = button.disabled ? "Nothing can be cut out: the clips were kept without embeddings" : TOOLS[button.dataset.tool]
    }
    this.player.root.dataset.tool = this.tool
    this.changed()
  }

  changed() {
    this.player.el(".hint").textContent = TOOLS[this.tool]
    this.player.el(".clear").hidden = !this.any
    this.player.redraw()
  }

  get cutting() {
    return this.tool !== "take"
  }

  get any() {
    const { foreground, background } = this.segment
    return this.cutting ? foreground.length + background.length > 0 : this.taken.patches.length > 0
  }

  // As the addresses of the server name them; empty where there is nothing to ask for.
  get takenName() {
    return this.taken.patches.length ? `${this.taken.clip}-${listed(this.taken.patches)}` : ""
  }

  get segmentName() {
    const { clip, foreground, background } = this.segment
    return foreground.length && background.length ? `${clip}-${listed(foreground)}~${listed(background)}` : ""
  }

  clear() {
    const { window } = this.player
    if (window && this.cutting) this.told({ clip: window.id, foreground: [], background: [] })
    else if (window) this.pick([], false)
  }

  // Taken patches: new ones in place of the old, or added to them; one that was taken already is let go of.
  pick(patches, more) {
    const { window } = this.player
    const same = more && this.taken.clip === window.id ? this.taken.patches : []
    const [old, fresh] = [new Set(same.map(key)), new Set(patches.map(key))]
    const kept = same.filter(patch => !fresh.has(key(patch)))
    const added = patches.length === 1 ? patches.filter(patch => !old.has(key(patch))) : patches
    this.taken = { clip: window.id, patches: [...kept, ...added].slice(0, this.player.data.most) }
    this.player.tell.picked({ clip: window.id, slice: this.player.slice, patches: this.taken.patches })
    this.changed()
  }

  // Marks add up; a patch is of one kind; a click on a mark of its own kind takes it away.
  mark(patches) {
    const { window, data } = this.player
    const { foreground, background } = this.segment.clip === window.id ? this.segment : { foreground: [], background: [] }
    const fresh = new Set(patches.map(key))
    const own = this.tool === "foreground" ? foreground : background
    const again = patches.length === 1 && own.some(patch => fresh.has(key(patch)))
    const without = marks => marks.filter(patch => !fresh.has(key(patch)))
    const marks = { foreground: without(foreground), background: without(background) }
    if (!again) marks[this.tool] = [...marks[this.tool], ...patches].slice(0, data.most)
    this.told({ clip: window.id, ...marks })
  }

  told(segment) {
    this.segment = segment
    this.player.tell.cut({ ...segment, slice: this.player.slice })
    this.changed()
  }

  // The patch under the pointer.
  at(event) {
    const { window, slice } = this.player
    const box = event.currentTarget.getBoundingClientRect()
    const x = Math.floor(((event.clientX - box.left) / box.width) * window.w)
    const y = Math.floor(((event.clientY - box.top) / box.height) * window.h)
    return x >= 0 && y >= 0 && x < window.w && y < window.h ? [slice, y, x] : null
  }

  draw() {
    const { window } = this.player
    for (const svg of this.player.root.querySelectorAll(".marks")) {
      svg.setAttribute("viewBox", window ? `0 0 ${window.w} ${window.h}` : "0 0 1 1")
      svg.replaceChildren(...(window ? this.boxes(window) : []))
    }
  }

  boxes(window) {
    const { segment, taken } = this
    const marked = this.cutting
      ? ["foreground", "background"].flatMap(kind => this.here(window, segment.clip, segment[kind], kind))
      : [...this.here(window, taken.clip, taken.patches, "line"), ...this.best(window)]
    const brushed = (this.brushed ?? []).flatMap(patch => outlined(patch, this.cutting ? this.tool : "line"))
    return [...marked, ...brushed, ...(this.hover ? [box(this.hover, "hover")] : [])]
  }

  here(window, clip, patches, kind) {
    return clip === window.id ? patches.filter(patch => patch[0] === this.player.slice).flatMap(patch => outlined(patch, kind)) : []
  }

  // The best match of the slice, where it is not lost.
  best(window) {
    const { slice, layers } = this.player
    const track = this.taken.patches.length ? layers.tracks.seen(window) : null
    if (!track?.rows) return []
    const [y, x, , lost] = track.rows.subarray(4 * slice)
    return lost ? [] : outlined([slice, y, x], "best")
  }

  wire(svg) {
    svg.onpointerdown = event => {
      const { window, data } = this.player
      if (!window || !data.selectable || event.button) return
      svg.setPointerCapture(event.pointerId)
      this.player.pause()
      const patch = this.at(event)
      this.brushed = patch ? [patch] : []
      this.draw()
    }
    svg.onpointermove = event => {
      if (!this.player.window) return
      this.hover = this.at(event)
      if (this.brushed && this.hover && !this.brushed.some(other => key(other) === key(this.hover))) this.brushed.push(this.hover)
      this.draw()
    }
    svg.onpointerleave = () => ((this.hover = null), this.draw())
    svg.onpointercancel = () => ((this.brushed = null), this.draw())
    svg.onpointerup = event => {
      const brushed = this.brushed
      this.brushed = null
      if (!brushed?.length) return
      if (this.cutting) this.mark(brushed)
      else this.pick(brushed, event.shiftKey || event.ctrlKey || event.metaKey)
    }
  }
}

function outlined(patch, kind) {
  return [box(patch, "halo"), box(patch, kind)]
}

function box([, y, x], kind) {
  const rect = document.createElementNS(SVG, "rect")
  for (const [name, value] of Object.entries({ x, y, width: 1, height: 1, class: kind })) rect.setAttribute(name, value)
  return rect
}
