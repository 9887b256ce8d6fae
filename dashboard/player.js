// The player: one video or its slice pictures, and the colours of the tokens of the shown frame's slice, scrubbed without the server.
// data: {video, windows, tile, seen, pictures, colours, goto, patches, selectable}; see dashboard/player.py.

const STATE = new WeakMap()
const SETTLED_MS = 350 // after the last movement the place is told to the page
const PATIENCE_MS = 20_000 // for the first frame of a file
const SVG = "http://www.w3.org/2000/svg"

class Player {
  constructor(root) {
    this.root = root
    this.el = name => root.querySelector(name)
    this.video = this.el("video")
    this.sheets = new Map() // window id -> ImageBitmap, or a promise of one
    this.tracks = new Map() // window id -> {rows, heat}, or a promise of it
    this.colours = new Map() // window id -> Uint8Array (S, H, W, 3), or a promise of one
    this.wanted = 0 // frame that a seek is under way to
    this.frame = 0
    this.window = null
    this.slice = 0
    this.origin = null // media time of the first frame
    this.patches = []
    this.wire()
  }

  // What the page asks for; called again whenever it changes.
  update(data, tell) {
    const old = this.data
    this.data = data
    this.tell = tell
    if (old?.colours?.url !== data.colours?.url) this.colours.clear()
    if (!old || old.video.id !== data.video.id || old.windows.length !== data.windows.length || old.windows[0]?.id !== data.windows[0]?.id) this.load()
    this.legend()
    this.mount()
    if (old?.goto.nonce === data.goto.nonce) return this.show(this.frame)
    this.patches = data.patches // from now on they are the reader's own
    this.marked = data.marked
    this.tracks.clear()
    this.goto(data.goto)
  }

  load() {
    const { video, windows } = this.data
    this.timeline = new Timeline(windows, video.fps, video.frames)
    this.sheets.clear()
    this.colours.clear()
    this.tracks.clear()
    this.window = null
    this.el(".seek").max = video.frames - 1
    this.segments()
    if (!video.url || this.video.getAttribute("src") !== video.url) this.open(video)
  }

  // A file that is open stays so when other windows of it are shown: nothing new is presented by itself then.
  open(video) {
    this.origin = null
    this.mode("loading")
    if (video.url) {
      this.video.src = video.url
      this.watch()
      clearTimeout(this.waiting)
      this.waiting = setTimeout(() => this.origin === null && !this.pictures && this.fallBack("the file has not shown a frame yet"), PATIENCE_MS)
    } else this.fallBack(video.why)
  }

  mode(name) {
    this.root.dataset.mode = name
    this.mount()
  }

  get pictures() {
    return this.root.dataset.mode === "pictures"
  }

  // Where things stand: the frame's shape, the part the encoder saw, the grid's shape.
  mount() {
    const { video, seen, tile } = this.data
    const whole = this.pictures ? { top: 0, left: 0, height: 1, width: 1 } : seen
    const frame = this.pictures ? tile[1] / tile[0] : video.width / video.height
    const grid = tile[1] / tile[0]
    const beside = this.root.dataset.view === "beside"
    const height = Math.min(440, Math.max(240, window.innerHeight * 0.5))
    const style = this.root.style
    const set = (name, value) => style.setProperty(name, value)
    set("--frame-aspect", frame)
    set("--grid-aspect", grid)
    set("--widest", `${Math.max(560, Math.round(height * (frame + (beside ? grid : 0))) + 8)}px`)
    this.el(".stage").style.maxWidth = `${Math.round(height * (frame + (beside ? grid : 0))) + 8}px`
    for (const [name, value] of Object.entries({ top: whole.top, left: whole.left, wide: whole.width, high: whole.height })) set(`--${name}`, `${100 * value}%`)
  }

  // Follow the video's own frames; the first one that is presented gives the time of frame 0.
  watch() {
    const token = (this.watching = {})
    const presented = (_, shown) => {
      if (this.watching !== token) return
      this.presented = shown.presentedFrames
      if (this.origin === null) this.begin(shown.mediaTime)
      else if (!this.pictures) this.arrive(this.timeline.frame(shown.mediaTime - this.origin))
      this.video.requestVideoFrameCallback(presented)
    }
    this.video.requestVideoFrameCallback(presented)
  }

  // A seek inside the frame that is shown presents nothing new.
  seeked() {
    const presented = this.presented
    setTimeout(() => this.presented === presented && this.origin !== null && !this.pictures && !this.playing && this.show(this.wanted), 80)
  }

  begin(mediaTime) {
    const { video } = this.data
    const shape = this.video.videoWidth / this.video.videoHeight
    if (Math.abs(shape / (video.width / video.height) - 1) > 0.02) return this.fallBack("this browser shows the file in another shape than it was decoded in")
    this.origin = mediaTime
    this.mode("video")
    this.seek(this.wanted)
  }

  fallBack(why) {
    this.watching = null
    this.video.pause()
    this.why = why
    this.mode("pictures")
    this.note()
    this.show(this.wanted)
  }

  goto({ clip, slice }) {
    const { windows } = this.timeline
    const window = windows.find(other => other.id === clip) ?? windows[0]
    if (!window) return
    clearTimeout(this.timer) // where it stood is no news any more
    this.timeline.preferred = window.frames
    this.window = window
    this.slice = Math.max(0, Math.min(window.slices - 1, slice))
    this.seek(this.timeline.firstFrame(window, this.slice))
  }

  seek(frame) {
    this.wanted = Math.max(0, Math.min(this.data.video.frames - 1, frame))
    if (this.pictures) this.show(this.wanted)
    else if (this.origin !== null) this.video.currentTime = this.origin + this.timeline.time(this.wanted) + 0.5 / this.data.video.fps
  }

  arrive(frame) {
    const { loop } = this
    if (loop && this.playing && this.window && !this.timeline.covers(this.window, frame)) return this.seek(this.window.first)
    this.show(frame)
  }

  // Draw everything that belongs to a frame.
  show(frame) {
    if (!this.timeline) return
    this.frame = frame
    this.window = this.timeline.at(frame, this.window)
    this.slice = this.window ? this.timeline.slice(this.window, frame) : 0
    this.draw()
    this.place()
    this.settle()
  }

  draw() {
    const { window, slice } = this
    if (window) {
      const bytes = this.bytes(window)
      const track = this.track(window)
      this.root.dataset.tracking = Boolean(track?.heat)
      this.paint(this.el(".latent.beside"), window, bytes)
      if (track?.heat) this.glow(this.el(".latent.over"), window, track.heat)
      else this.paint(this.el(".latent.over"), window, bytes)
      const next = this.timeline.beside(window, window.slices - 1, 1)
      if (next) this.bytes(next.window)
      if (this.pictures) this.drawPicture(window, slice)
    } else for (const canvas of this.root.querySelectorAll("canvas")) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height)
    this.drawMarks()
  }

  paint(canvas, window, bytes) {
    if (canvas.width !== window.w || canvas.height !== window.h) Object.assign(canvas, { width: window.w, height: window.h })
    const context = canvas.getContext("2d")
    delete canvas.dataset.slice
    if (!(bytes instanceof Uint8Array)) return context.clearRect(0, 0, canvas.width, canvas.height)
    const image = context.createImageData(window.w, window.h)
    const patches = window.w * window.h
    for (let patch = 0, from = 3 * patches * this.slice; patch < patches; patch++, from += 3) {
      image.data[4 * patch] = bytes[from]
      image.data[4 * patch + 1] = bytes[from + 1]
      image.data[4 * patch + 2] = bytes[from + 2]
      image.data[4 * patch + 3] = 255
    }
    context.putImageData(image, 0, 0)
    canvas.dataset.clip = window.id
    canvas.dataset.slice = this.slice
  }

  // Likeness to the patches that were taken: nothing below the level that unrelated patches reach, full at a cosine of 1.
  glow(canvas, window, heat) {
    if (canvas.width !== window.w || canvas.height !== window.h) Object.assign(canvas, { width: window.w, height: window.h })
    const image = canvas.getContext("2d").createImageData(window.w, window.h)
    const patches = window.w * window.h
    for (let patch = 0; patch < patches; patch++) image.data.set([255, 150, 20, heat[this.slice * patches + patch]], 4 * patch)
    canvas.getContext("2d").putImageData(image, 0, 0)
    canvas.dataset.slice = this.slice
  }

  track(window) {
    if (!this.patches.length || !window.embedded) return null
    const name = `${this.marked}-${this.patches.map(patch => patch.join(".")).join(",")}`
    return this.kept(this.tracks, window, `${this.data.track}/${name}/${window.id}`, async answer => {
      const buffer = await answer.arrayBuffer()
      return { rows: new Float32Array(buffer, 0, 4 * window.slices), heat: new Uint8Array(buffer, 16 * window.slices) }
    })
  }

  bytes(window) {
    if (!this.data.colours || !window.embedded) return null
    return this.kept(this.colours, window, `${this.data.colours.url}/${window.id}`, async answer => new Uint8Array(await answer.arrayBuffer()))
  }

  sheet(window) {
    return this.kept(this.sheets, window, `${this.data.pictures}/${window.id}`, async answer => createImageBitmap(await answer.blob()))
  }

  // Fetched once; until then nothing, and drawn again when it is there.
  kept(store, window, url, read) {
    if (!store.has(window.id)) {
      const fetched = fetch(url)
        .then(async answer => (answer.ok ? read(answer) : Promise.reject(new Error(await answer.text()))))
        .then(value => store.get(window.id) === fetched && store.set(window.id, value))
        .catch(error => store.get(window.id) === fetched && store.set(window.id, error))
        .finally(() => this.window?.id === window.id && (this.draw(), this.note()))
      store.set(window.id, fetched)
    }
    const value = store.get(window.id)
    return value instanceof Promise ? null : value
  }

  drawPicture(window, slice) {
    const canvas = this.el(".picture")
    const sheet = this.sheet(window)
    const [height, width] = this.data.tile
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    const context = canvas.getContext("2d")
    delete canvas.dataset.slice
    if (!(sheet instanceof ImageBitmap)) return context.clearRect(0, 0, width, height)
    const columns = Math.ceil(Math.sqrt(window.slices))
    context.drawImage(sheet, (slice % columns) * width, Math.floor(slice / columns) * height, width, height, 0, 0, width, height)
    canvas.dataset.slice = slice
  }

  // Words

  place() {
    const { window, slice, frame } = this
    const seconds = this.timeline.time(frame)
    const of = window ? `slice ${slice + 1} of ${window.slices}` : "no window covers this frame"
    this.el(".place").textContent = `${seconds.toFixed(2)} s · frame ${frame} · ${of}`
    this.root.dataset.slice = window ? slice : ""
    this.root.dataset.clip = window?.id ?? ""
    this.root.dataset.frame = frame
    this.el(".seek").value = frame
    for (const segment of this.el(".strip").children) segment.classList.toggle("shown", segment.dataset.clip === window?.id)
    this.note()
  }

  note() {
    const { window } = this
    const { windows } = this.timeline // those of the latest data may be equal, not the same
    const number = windows.indexOf(window) + 1
    const sentences = this.root.dataset.mode === "loading" ? ["The video is being loaded."] : []
    if (window && windows.length > 1) sentences.push(`Window ${number} of ${windows.length}: frames ${window.first} to ${window.first + (window.frames - 1) * window.step}.`)
    if (this.pictures) sentences.push(`Slice pictures are shown in place of the video: ${this.why}.`)
    const sheet = this.pictures && window ? this.sheets.get(window.id) : null
    if (sheet instanceof Error) sentences.push(`There is nothing to show of the picture itself: ${sheet.message}; ingest with pictures to keep them.`)
    const colours = window ? this.colours.get(window.id) : null
    const track = window && this.patches.length ? this.tracks.get(window.id) : null
    if (track instanceof Error) sentences.push(`The patch cannot be followed: ${track.message}.`)
    if (track?.rows) {
      const [, , score, lost] = track.rows.subarray(4 * this.slice)
      sentences.push(lost ? "The patch is lost in this slice." : `Best match in this slice: cosine ${score.toFixed(2)}.`)
    }
    this.root.dataset.lost = track?.rows ? Boolean(track.rows[4 * this.slice + 3]) : ""
    if (colours instanceof Error) sentences.push(`No colours: ${colours.message}.`)
    const text = sentences.join(" ")
    if (this.el(".note").textContent !== text) this.el(".note").textContent = text
  }

  legend() {
    const box = this.el(".legend")
    const channels = ["#d62728", "#2ca02c", "#1f5fd0"]
    box.replaceChildren(...(this.data.colours?.legend ?? []).map((text, index) => {
      const item = document.createElement("span")
      const bar = document.createElement("b")
      bar.style.background = `linear-gradient(90deg, #000, ${channels[index]})`
      item.append(bar, text)
      return item
    }))
  }

  segments() {
    const strip = this.el(".strip")
    const total = this.data.video.frames
    const lanes = [0, 0]
    strip.replaceChildren(...this.data.windows.map(window => {
      const segment = document.createElement("i")
      const last = window.first + window.frames * window.step
      const lane = lanes[0] <= window.first ? 0 : 1
      lanes[lane] = last
      Object.assign(segment.style, { left: `${(100 * window.first) / total}%`, width: `calc(${(100 * (Math.min(last, total) - window.first)) / total}% - 2px)`, top: `${6 * lane}px` })
      segment.dataset.clip = window.id
      segment.onclick = () => this.goto({ clip: window.id, slice: 0 })
      return segment
    }))
  }

  // The place is told once nothing moves any more.
  settle() {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      if (this.playing || !this.window) return
      const told = `${this.window.id} ${this.slice}`
      if (told === this.told) return
      this.told = told
      this.tell.at({ clip: this.window.id, slice: this.slice })
    }, SETTLED_MS)
  }

  // Playing

  get playing() {
    return this.pictures ? Boolean(this.clock) : !this.video.paused && !this.video.ended
  }

  get loop() {
    return this.el(".loop").checked
  }

  toggle() {
    if (this.playing) return this.pause()
    if (this.frame >= this.data.video.frames - 1) this.seek(this.loop && this.window ? this.window.first : 0)
    if (this.pictures) this.run()
    else this.video.play()
    this.label()
  }

  pause() {
    cancelAnimationFrame(this.clock)
    this.clock = null
    this.video.pause()
    this.label()
    this.settle()
  }

  label() {
    const word = this.playing ? "Pause" : "Play"
    this.el(".play").textContent = word
    this.el(".play").setAttribute("aria-label", word)
  }

  run() {
    let last = performance.now()
    let exact = this.frame
    const tick = now => {
      exact += ((now - last) / 1000) * this.data.video.fps * Number(this.el(".speed").value)
      last = now
      if (exact > this.data.video.frames - 1) return this.pause()
      if (Math.floor(exact) !== this.frame) {
        this.arrive(Math.floor(exact))
        if (this.frame > exact || this.frame < Math.floor(exact)) exact = this.frame
      }
      this.clock = requestAnimationFrame(tick)
    }
    this.clock = requestAnimationFrame(tick)
  }

  step(by) {
    this.pause()
    const from = this.window ? { window: this.window, slice: this.slice } : null
    const to = from ? this.timeline.beside(from.window, from.slice, by) : { window: this.timeline.windows[0], slice: 0 }
    if (!to) return
    this.window = to.window
    this.seek(this.timeline.firstFrame(to.window, to.slice))
  }

  // Patches

  patchAt(event) {
    const { window } = this
    const box = event.currentTarget.getBoundingClientRect()
    const x = Math.floor(((event.clientX - box.left) / box.width) * window.w)
    const y = Math.floor(((event.clientY - box.top) / box.height) * window.h)
    return x >= 0 && y >= 0 && x < window.w && y < window.h ? [this.slice, y, x] : null
  }

  drawMarks() {
    const { window, slice } = this
    for (const svg of this.root.querySelectorAll(".marks")) {
      svg.setAttribute("viewBox", window ? `0 0 ${window.w} ${window.h}` : "0 0 1 1")
      const here = window ? this.patches.filter(patch => patch[0] === slice && this.marked === window.id) : []
      const drawn = [...here, ...(this.brushed ?? [])].flatMap(patch => [this.box(patch, "halo"), this.box(patch, "line")])
      if (window) drawn.push(...this.best(window, slice))
      if (this.hover && window) drawn.push(this.box(this.hover, "hover"))
      svg.replaceChildren(...drawn)
    }
  }

  // The best match of the slice, where it is not lost.
  best(window, slice) {
    const track = this.patches.length ? this.tracks.get(window.id) : null
    if (!track?.rows) return []
    const [y, x, , lost] = track.rows.subarray(4 * slice)
    return lost ? [] : [this.box([slice, y, x], "halo"), this.box([slice, y, x], "best")]
  }

  box([, y, x], kind) {
    const box = document.createElementNS(SVG, "rect")
    for (const [name, value] of Object.entries({ x, y, width: 1, height: 1, class: kind })) box.setAttribute(name, value)
    return box
  }

  pick(patches, more) {
    const same = this.marked === this.window.id ? this.patches : []
    const key = patch => patch.join(".")
    const old = new Set(same.map(key))
    const kept = more ? same.filter(patch => !patches.some(other => key(other) === key(patch))) : []
    const fresh = more && patches.length === 1 ? patches.filter(patch => !old.has(key(patch))) : patches
    this.patches = [...kept, ...fresh]
    this.marked = this.window.id
    this.tracks.clear()
    this.draw()
    this.note()
    this.tell.picked({ clip: this.window.id, slice: this.slice, patches: this.patches })
  }

  // What is shown, as a picture: the frame with what lies over it, and the grid beside it where that is the view.
  save() {
    const source = this.pictures ? this.el(".picture") : this.video
    const high = this.pictures ? source.height : source.videoHeight
    const wide = this.pictures ? source.width : source.videoWidth
    const beside = this.root.dataset.view === "beside"
    const grid = Math.round((high * this.data.tile[1]) / this.data.tile[0])
    const canvas = Object.assign(document.createElement("canvas"), { width: wide + (beside ? grid + 8 : 0), height: high })
    const context = canvas.getContext("2d")
    context.drawImage(source, 0, 0, wide, high)
    context.imageSmoothingEnabled = this.root.dataset.smooth === "true"
    const { top, left, height, width } = this.pictures ? { top: 0, left: 0, height: 1, width: 1 } : this.data.seen
    if (beside) context.drawImage(this.el(".latent.beside"), wide + 8, 0, grid, high)
    if (!beside || this.root.dataset.tracking === "true") {
      context.globalAlpha = Number(this.el(".opacity input").value)
      context.drawImage(this.el(".latent.over"), left * wide, top * high, width * wide, height * high)
    }
    canvas.toBlob(blob => {
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `${this.root.dataset.clip}-slice-${this.slice}.png` })
      link.click()
      URL.revokeObjectURL(link.href)
    })
  }

  // Hands

  wire() {
    const { video } = this
    video.onerror = () => this.data?.video.url && !this.pictures && this.fallBack("this browser cannot play the file")
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => (this.label(), this.settle()))
    video.onseeked = () => this.seeked()
    this.el(".play").onclick = () => this.toggle()
    this.el(".back").onclick = () => this.step(-1)
    this.el(".on").onclick = () => this.step(1)
    this.el(".save").onclick = () => this.save()
    this.el(".seek").oninput = event => (this.pause(), this.seek(Number(event.target.value)))
    this.el(".speed").onchange = event => (video.playbackRate = Number(event.target.value))
    this.el(".view").onchange = event => ((this.root.dataset.view = event.target.value), this.mount(), this.drawMarks())
    this.el(".opacity input").oninput = event => this.root.style.setProperty("--opacity", event.target.value)
    this.el(".smooth").onchange = event => (this.root.dataset.smooth = event.target.checked)
    this.root.style.setProperty("--opacity", 0.6)
    this.root.onkeydown = event => this.key(event)
    for (const svg of this.root.querySelectorAll(".marks")) this.wireMarks(svg)
  }

  key(event) {
    if (["SELECT", "INPUT"].includes(event.target.tagName) && event.target.type !== "checkbox") return
    const done = { " ": () => this.toggle(), ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1), Escape: () => this.window && this.pick([], false) }[event.key]
    if (!done || (event.key === " " && event.target.tagName !== "SECTION")) return
    event.preventDefault()
    done()
  }

  wireMarks(svg) {
    svg.onpointerdown = event => {
      if (!this.window || !this.data.selectable || event.button) return
      svg.setPointerCapture(event.pointerId)
      this.pause()
      const patch = this.patchAt(event)
      this.brushed = patch ? [patch] : []
      this.drawMarks()
    }
    svg.onpointermove = event => {
      if (!this.window) return
      this.hover = this.patchAt(event)
      const brushed = this.brushed
      if (brushed && this.hover && !brushed.some(other => other.join() === this.hover.join())) brushed.push(this.hover)
      this.drawMarks()
    }
    svg.onpointerleave = () => ((this.hover = null), this.drawMarks())
    svg.onpointercancel = () => ((this.brushed = null), this.drawMarks())
    svg.onpointerup = event => {
      const brushed = this.brushed
      this.brushed = null
      if (brushed?.length) this.pick(brushed, event.shiftKey || event.ctrlKey || event.metaKey)
    }
  }

  end() {
    clearTimeout(this.waiting)
    this.watching = null
    clearTimeout(this.timer)
    cancelAnimationFrame(this.clock)
    this.video.pause()
    this.video.removeAttribute("src")
    this.video.load()
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".player")
  if (!STATE.has(root)) STATE.set(root, new Player(root))
  const player = STATE.get(root)
  const tell = name => place => setStateValue(name, { ...place, nonce: player.data.goto.nonce })
  player.update(data, { at: tell("at"), picked: tell("picked") })
  return () => (player.end(), STATE.delete(root))
}
