// The player: one video or its slice pictures, and the colors of the tokens of the shown frame's slice, scrubbed without the server.
// data: see dashboard/player.py. Its parts: source (the file), layers (what is drawn), patches (what is marked), words, saving.

const STATE = new WeakMap()
const SETTLED_MS = 350 // after the last movement the place is told to the page

class Player {
  constructor(root) {
    this.root = root
    this.el = name => root.querySelector(name)
    this.video = this.el("video")
    this.wanted = 0 // frame that a seek is under way to
    this.frame = 0
    this.window = null
    this.slice = 0
    this.source = new Source(this)
    this.layers = new Layers(this)
    this.words = new Words(this)
    this.saving = new Saving(this)
    this.patches = new Patches(this)
    this.wire()
  }

  // What the page asks for; called again whenever it changes.
  update(data, tell) {
    const old = this.data
    this.data = data
    this.tell = tell
    if (old?.colors?.url !== data.colors?.url) this.layers.colors.clear()
    const timeline = ({ video, windows }) => `${video.id} ${windows.length} ${windows[0]?.id}`
    if (!old || timeline(old) !== timeline(data)) this.load()
    this.words.legend()
    this.mount()
    if (old?.goto.nonce === data.goto.nonce) {
      this.patches.choose(this.patches.tool)
      return this.show(this.frame)
    }
    this.patches.set(data, !old)
    this.goto(data.goto)
    this.told = `${this.window?.id} ${this.slice}` // where it was led to is no news
  }

  load() {
    const { video, windows } = this.data
    this.timeline = new Timeline(windows, video.fps, video.frames)
    this.layers.clear()
    this.window = null
    this.el(".seek").max = video.frames - 1
    this.words.strip()
    this.source.open(video)
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
    else this.source.seek(this.wanted)
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
    this.words.place()
    this.redraw()
    this.settle()
  }

  // What is drawn and said of the shown slice, anew.
  redraw() {
    if (!this.timeline) return
    this.layers.draw()
    this.patches.draw()
    this.words.note()
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

  // Hands

  wire() {
    const { video } = this
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => (this.label(), this.settle()))
    this.el(".play").onclick = () => this.toggle()
    this.el(".back").onclick = () => this.step(-1)
    this.el(".on").onclick = () => this.step(1)
    this.el(".seek").oninput = event => (this.pause(), this.seek(Number(event.target.value)))
    this.el(".speed").onchange = event => (video.playbackRate = Number(event.target.value))
    this.el(".view").onchange = event => ((this.root.dataset.view = event.target.value), this.mount(), this.patches.draw())
    this.el(".opacity input").oninput = event => this.root.style.setProperty("--opacity", event.target.value)
    this.el(".smooth").onchange = event => ((this.root.dataset.smooth = event.target.checked), this.redraw())
    this.root.style.setProperty("--opacity", 0.6)
    this.root.onkeydown = event => this.key(event)
  }

  key(event) {
    if (["SELECT", "INPUT"].includes(event.target.tagName) && event.target.type !== "checkbox") return
    const done = { " ": () => this.toggle(), ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1), Escape: () => this.patches.clear() }[event.key]
    if (!done || (event.key === " " && event.target.tagName !== "SECTION")) return
    event.preventDefault()
    done()
  }

  end() {
    this.source.end()
    clearTimeout(this.timer)
    cancelAnimationFrame(this.clock)
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".player")
  if (!STATE.has(root)) STATE.set(root, new Player(root))
  const player = STATE.get(root)
  const tell = name => place => setStateValue(name, { ...place, nonce: player.data.goto.nonce })
  player.update(data, { at: tell("at"), picked: tell("picked"), cut: tell("cut") })
  return () => (player.end(), STATE.delete(root))
}
