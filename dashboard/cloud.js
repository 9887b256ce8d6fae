// A cloud of tokens in WebGL. data: {url, axes, here, marked, clip, lookup}.
// The url gives 16 bytes a point: x, y, z as float32 in -1..1, then red, green, blue and opacity as bytes. here: the first of those that stand
// out, and how many. clip: {id, video, slices, h, w, tile, pictures} where points are its tokens, row by row, slice by slice; else lookup/NUMBER
// tells where a point comes from: {id, video, patch, where, ...} of the same kind.

const CLOUDS = new WeakMap()
const NEAR_PX = [4, 9] // of the pointer to a point that it means: among many, and among few
const REST_MS = 60 // on a point before the server is asked about it
const SLOW_MS = 80 // a frame, above which fewer points are drawn while the cloud moves
const MOVED_MS = 200 // after the last movement all points are drawn again
const FEWEST = 8 // of so many points one is drawn at least; WebGL steps no further than 255 bytes

const VERTEX = `#version 300 es
in vec3 place; in vec4 color; in float number;
uniform mat4 view; uniform float size; uniform float first; uniform float count; uniform float raised; uniform float lifted;
out vec4 shade;
void main() {
  gl_Position = view * vec4(place, 1.0);
  bool here = number >= first && number < first + count;
  gl_PointSize = (lifted > 0.5 ? 2.6 : here ? raised : 1.0) * size / gl_Position.w;
  shade = lifted > 0.5 ? vec4(1.0, 1.0, 1.0, 1.0) : color;
}`

const FRAGMENT = `#version 300 es
precision highp float;
in vec4 shade; out vec4 pixel; uniform float lifted;
void main() {
  float away = length(gl_PointCoord - 0.5) * 2.0;
  if (away > 1.0 || (lifted > 0.5 && away < 0.62)) discard;
  pixel = vec4(shade.rgb * shade.a, shade.a);
}`

class Cloud {
  constructor(root) {
    this.root = root
    this.canvas = root.querySelector("canvas")
    this.tip = root.querySelector(".tip")
    this.turn = [0.5, 0.35]
    this.distance = 2.6
    this.gl = this.canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true })
    if (this.gl) this.prepare()
    else root.querySelector(".axes").textContent = "This browser has no WebGL 2, which the map of tokens needs."
    this.wire()
    this.watcher = new ResizeObserver(() => this.draw())
    this.watcher.observe(this.canvas)
    this.tokens = new Map()
    this.every = 1
  }

  prepare() {
    const { gl } = this
    const program = (this.program = gl.createProgram())
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind)
      gl.shaderSource(shader, text)
      gl.compileShader(shader)
      gl.attachShader(program, shader)
    }
    gl.linkProgram(program)
    gl.useProgram(program)
    this.buffer = gl.createBuffer()
    this.numbers = gl.createBuffer()
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
    gl.enable(gl.DEPTH_TEST)
  }

  update(data, tell) {
    this.tell = tell
    const fresh = this.data?.url !== data.url
    if (this.data?.lookup !== data.lookup) this.tokens = new Map()
    this.data = data
    this.say(data.axes)
    if (fresh && this.gl) this.fetch(data.url)
    else this.draw()
  }

  async fetch(url) {
    const answer = await fetch(url)
    if (url !== this.data.url) return
    if (!answer.ok) return this.say(`No map: ${await answer.text()}`)
    this.load(await answer.arrayBuffer())
    this.draw()
  }

  say(text) {
    const words = this.root.querySelector(".axes")
    if (this.gl && words.textContent !== text) words.textContent = text
  }

  load(bytes) {
    const { gl } = this
    this.places = new Float32Array(bytes)
    this.count = bytes.byteLength / 16
    this.every = 1
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer)
    gl.bufferData(gl.ARRAY_BUFFER, bytes, gl.STATIC_DRAW)
    gl.bindBuffer(gl.ARRAY_BUFFER, this.numbers)
    gl.bufferData(gl.ARRAY_BUFFER, Float32Array.from({ length: this.count }, (_, n) => n), gl.STATIC_DRAW)
  }

  // Read one of so many points.
  step(every) {
    const { gl } = this
    const read = (name, size, type, scaled, bytes, offset) => {
      const at = gl.getAttribLocation(this.program, name)
      gl.enableVertexAttribArray(at)
      gl.vertexAttribPointer(at, size, type, scaled, bytes * every, offset)
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer)
    read("place", 3, gl.FLOAT, false, 16, 0)
    read("color", 4, gl.UNSIGNED_BYTE, true, 16, 12)
    gl.bindBuffer(gl.ARRAY_BUFFER, this.numbers)
    read("number", 1, gl.FLOAT, false, 4, 0)
  }

  // Column-major: perspective x distance x tilt x turn.
  view() {
    const [a, b] = this.turn
    const aspect = this.canvas.clientWidth / this.canvas.clientHeight
    const f = 1.6
    const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)]
    const rows = [[ca, 0, sa], [sa * sb, cb, -ca * sb], [-sa * cb, sb, ca * cb]] // camera axes
    const [x, y, z] = rows
    const near = 0.05
    const far = 50
    const p = (far + near) / (near - far)
    const q = (2 * far * near) / (near - far)
    const column = n => [(f / aspect) * x[n], f * y[n], p * z[n], -z[n]]
    return new Float32Array([...column(0), ...column(1), ...column(2), 0, 0, -p * this.distance + q, this.distance])
  }

  redraw() {
    this.asked ??= requestAnimationFrame(() => ((this.asked = null), this.draw()))
  }

  // Redraw while the cloud moves: fewer points where all of them take long, and all of them again at rest.
  move() {
    clearTimeout(this.rest)
    this.rest = setTimeout(() => ((this.last = 0), this.redraw()), MOVED_MS)
    this.asked ??= requestAnimationFrame(now => {
      if (this.last && now - this.last > SLOW_MS) this.every = Math.min(FEWEST, this.every * 2)
      this.asked = null
      this.last = now
      this.draw(this.every)
    })
  }

  draw(every = 1) {
    const { gl, data, canvas } = this
    if (!gl || !this.count || !canvas.clientWidth) return
    const ratio = window.devicePixelRatio
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map(side => Math.round(side * ratio))
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    gl.viewport(0, 0, width, height)
    gl.clearColor(0.063, 0.09, 0.11, 1)
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT)
    const set = (name, value) => gl.uniform1f(gl.getUniformLocation(this.program, name), value)
    this.matrix = this.view()
    gl.uniformMatrix4fv(gl.getUniformLocation(this.program, "view"), false, this.matrix)
    set("size", this.size() * ratio * 1.6)
    set("first", data.here[0])
    set("count", data.here[1])
    set("raised", data.clip ? 1.25 : 2)
    set("lifted", 0)
    this.step(every)
    gl.drawArrays(gl.POINTS, 0, Math.floor(this.count / every))
    this.step(1)
    gl.disable(gl.DEPTH_TEST)
    set("lifted", 1)
    for (const number of [...data.marked, ...(this.hover >= 0 ? [this.hover] : [])]) gl.drawArrays(gl.POINTS, number, 1)
    gl.enable(gl.DEPTH_TEST)
    this.root.dataset.drawn = this.count
  }

  // Of a point, in pixels at the middle of the cloud.
  size() {
    return Math.max(3, Math.min(14, 900 / Math.sqrt(this.count)))
  }

  // The point under the pointer: of those within reach the nearest to the eye; -1 for none.
  under(event) {
    const box = this.canvas.getBoundingClientRect()
    const [left, top, wide, high] = [event.clientX - box.left, event.clientY - box.top, box.width / 2, box.height / 2]
    const [m, places] = [this.matrix, this.places]
    const reach = Math.max(NEAR_PX[0], Math.min(NEAR_PX[1], this.size()))
    let found = -1
    let best = Infinity
    for (let number = 0, at = 0; number < this.count; number++, at += 4) {
      const [x, y, z] = [places[at], places[at + 1], places[at + 2]]
      const depth = m[3] * x + m[7] * y + m[11] * z + m[15]
      const right = ((m[0] * x + m[4] * y + m[8] * z + m[12]) / depth + 1) * wide - left
      if (right > reach || right < -reach || depth <= 0) continue
      const away = Math.hypot(right, (1 - (m[1] * x + m[5] * y + m[9] * z + m[13]) / depth) * high - top)
      if (away < reach && depth + away / reach < best) [found, best] = [number, depth + away / reach]
    }
    return found
  }

  // Where a point comes from: known in a clip, asked for once in a sample.
  async token(number) {
    const { clip, lookup } = this.data
    if (clip) return { ...clip, where: "", patch: [Math.floor(number / (clip.h * clip.w)), Math.floor((number % (clip.h * clip.w)) / clip.w), number % clip.w] }
    if (!this.tokens.has(number)) this.tokens.set(number, ask(`${lookup}/${number}`))
    return this.tokens.get(number)
  }

  async tell_of(number, event) {
    this.hover = number
    this.root.dataset.hover = ""
    if (number < 0) return (this.tip.hidden = true)
    const box = this.root.getBoundingClientRect()
    const [left, top] = [event.clientX - box.left, event.clientY - box.top]
    if (!this.data.clip && !this.tokens.has(number)) await new Promise(done => setTimeout(done, REST_MS))
    if (number !== this.hover) return
    const token = await this.token(number)
    if (number !== this.hover) return
    this.show(token)
    this.root.dataset.hover = token.patch?.join(".") ?? ""
    Object.assign(this.tip.style, { left: `${Math.max(0, Math.min(left + 14, box.width - this.tip.offsetWidth))}px`, top: `${top + 14}px` })
  }

  // The patch of a token, cut out of the sheet of its clip, and its address.
  show(token) {
    const patch = this.tip.querySelector(".patch")
    this.tip.hidden = false
    patch.hidden = !token.pictures
    this.tip.querySelector("span").textContent = token.problem ?? `${token.where}slice ${token.patch[0] + 1}, patch (${token.patch[1]}, ${token.patch[2]})`
    if (!token.pictures) return
    const [slice, y, x] = token.patch
    const columns = Math.ceil(Math.sqrt(token.slices))
    const [high, wide] = [token.tile[0] / token.h, token.tile[1] / token.w]
    const scale = 48 / Math.max(high, wide)
    Object.assign(patch.style, {
      backgroundImage: `url(${token.pictures})`,
      backgroundSize: `${columns * token.tile[1] * scale}px auto`,
      backgroundPosition: `${-((slice % columns) * token.tile[1] + x * wide) * scale}px ${-(Math.floor(slice / columns) * token.tile[0] + y * high) * scale}px`,
    })
  }

  wire() {
    const { canvas } = this
    canvas.onpointerdown = event => {
      canvas.setPointerCapture(event.pointerId)
      this.grip = [event.clientX, event.clientY, ...this.turn]
      this.moved = false
    }
    canvas.onpointermove = event => {
      if (this.grip) {
        const [x, y, a, b] = this.grip
        this.moved ||= Math.hypot(event.clientX - x, event.clientY - y) > 3
        this.turn = [a + (event.clientX - x) / 150, Math.max(-1.5, Math.min(1.5, b + (event.clientY - y) / 150))]
        this.tell_of(-1)
        this.move()
      } else if (this.matrix) {
        const number = this.under(event)
        if (number === this.hover) return
        this.tell_of(number, event)
        this.redraw()
      }
    }
    canvas.onpointerup = async event => {
      this.grip = null
      if (this.moved || !this.matrix) return
      const number = this.under(event)
      const token = number < 0 ? {} : await this.token(number)
      if (token.patch) this.tell({ video: token.video, clip: token.id, patch: token.patch })
    }
    canvas.onpointerleave = () => (this.tell_of(-1), this.redraw())
    canvas.addEventListener("wheel", event => {
      event.preventDefault()
      this.distance = Math.max(1.2, Math.min(12, this.distance * Math.exp(event.deltaY / 700)))
      this.move()
    }, { passive: false })
  }
}

async function ask(url) {
  const answer = await fetch(url)
  return answer.ok ? answer.json() : { problem: await answer.text() }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".cloud")
  if (!CLOUDS.has(root)) CLOUDS.set(root, new Cloud(root))
  const cloud = CLOUDS.get(root)
  cloud.update(data, chosen => setStateValue("chosen", chosen))
  return () => (cloud.watcher.disconnect(), cloud.gl?.getExtension("WEBGL_lose_context")?.loseContext(), CLOUDS.delete(root))
}
