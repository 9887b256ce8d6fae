// @ts-check
// Points in WebGL 2. A graphics context may be lost at any time (a driver that restarts, a tab with too many maps): what it held is kept and
// loaded again once the browser gives a new one.

import { sizePoints } from "./points.js"

export const POINT_BYTES = 16 // x, y, z as float32 in -1..1, then red, green, blue and opacity

const VERTEX = `#version 300 es
in vec3 place; in vec4 color; in float number;
uniform mat4 view; uniform float size; uniform float first; uniform float count; uniform float raised; uniform float lifted;
out vec4 shade;
void main() {
  gl_Position = view * vec4(place, 1.0);
  bool here = number >= first && number < first + count;
  gl_PointSize = (lifted > 0.5 ? 2.6 : here ? raised : 1.0) * size / gl_Position.w;
  shade = lifted > 1.5 ? vec4(1.0, 0.59, 0.08, 1.0) : lifted > 0.5 ? vec4(1.0, 1.0, 1.0, 1.0) : color;
}`

const FRAGMENT = `#version 300 es
precision highp float;
in vec4 shade; out vec4 pixel; uniform float lifted;
void main() {
  float away = length(gl_PointCoord - 0.5) * 2.0;
  if (away > 1.0 || (lifted > 0.5 && away < 0.62)) discard;
  pixel = vec4(shade.rgb * shade.a, shade.a);
}`

const BACKGROUND = /** @type {const} */ ([0.063, 0.09, 0.11, 1])

/**
 * @typedef {object} Picture
 * @property {Float32Array} matrix of the view
 * @property {number[]} here first of the points that stand out, and how many
 * @property {number} raised how many times larger those are
 * @property {number[]} ringed points with a white ring around them
 * @property {number[]} near points with an orange one
 * @property {number} every one of so many points is drawn
 */

export class PointPainter {
  /**
   * Throws an Error where the browser cannot draw.
   * @param {HTMLCanvasElement} canvas
   */
  constructor(canvas) {
    this.canvas = canvas
    const gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true })
    if (!gl) throw new Error("this browser has no WebGL 2: turn on hardware acceleration, or use another browser")
    this.gl = gl
    /** @type {ArrayBuffer | null} */
    this.bytes = null
    this.count = 0
    /** @type {WebGLProgram | null} */
    this.program = null
    /** @type {WebGLBuffer | null} */
    this.points = null
    /** @type {WebGLBuffer | null} */
    this.numbers = null
    this.prepare()
  }

  /** Make what the graphics context holds; called again for a new context. Throws an Error where a shader fails. */
  prepare() {
    const { gl } = this
    this.program = linkProgram(gl, [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]])
    gl.useProgram(this.program)
    this.points = gl.createBuffer()
    this.numbers = gl.createBuffer()
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
    gl.enable(gl.DEPTH_TEST)
    if (this.bytes) this.load(this.bytes)
  }

  /** @param {ArrayBuffer} bytes 16 per point */
  load(bytes) {
    const { gl } = this
    this.bytes = bytes
    this.count = bytes.byteLength / POINT_BYTES
    gl.bindBuffer(gl.ARRAY_BUFFER, this.points)
    gl.bufferData(gl.ARRAY_BUFFER, bytes, gl.STATIC_DRAW)
    gl.bindBuffer(gl.ARRAY_BUFFER, this.numbers)
    gl.bufferData(gl.ARRAY_BUFFER, Float32Array.from({ length: this.count }, (_, n) => n), gl.STATIC_DRAW)
  }

  /** @param {Picture} picture */
  draw({ matrix, here, raised, ringed, near, every }) {
    const { gl } = this
    if (gl.isContextLost() || !this.program) return
    this.#fit()
    gl.clearColor(...BACKGROUND)
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT)
    gl.uniformMatrix4fv(gl.getUniformLocation(this.program, "view"), false, matrix)
    this.#set({ size: sizePoints(this.count) * window.devicePixelRatio * 1.6, first: here[0], count: here[1], raised, lifted: 0 })
    this.#read(every)
    gl.drawArrays(gl.POINTS, 0, Math.floor(this.count / every))
    this.#read(1)
    gl.disable(gl.DEPTH_TEST)
    this.#set({ lifted: 2 })
    for (const number of near) gl.drawArrays(gl.POINTS, number, 1)
    this.#set({ lifted: 1 })
    for (const number of ringed) gl.drawArrays(gl.POINTS, number, 1)
    gl.enable(gl.DEPTH_TEST)
  }

  #fit() {
    const { canvas, gl } = this
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map(side => Math.round(side * window.devicePixelRatio))
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    gl.viewport(0, 0, width, height)
  }

  /** @param {Record<string, number>} values */
  #set(values) {
    const { gl, program } = this
    if (program) for (const [name, value] of Object.entries(values)) gl.uniform1f(gl.getUniformLocation(program, name), value)
  }

  /**
   * Read one of so many points.
   * @param {number} every
   */
  #read(every) {
    const { gl } = this
    gl.bindBuffer(gl.ARRAY_BUFFER, this.points)
    this.#point("place", [3, gl.FLOAT, false], POINT_BYTES * every, 0)
    this.#point("color", [4, gl.UNSIGNED_BYTE, true], POINT_BYTES * every, 12)
    gl.bindBuffer(gl.ARRAY_BUFFER, this.numbers)
    this.#point("number", [1, gl.FLOAT, false], 4 * every, 0)
  }

  /**
   * @param {string} name
   * @param {[number, number, boolean]} layout numbers, their type, whether 255 means 1
   * @param {number} stride
   * @param {number} offset
   */
  #point(name, [size, type, scaled], stride, offset) {
    const { gl, program } = this
    const at = program ? gl.getAttribLocation(program, name) : -1
    if (at < 0) return
    gl.enableVertexAttribArray(at)
    gl.vertexAttribPointer(at, size, type, scaled, stride, offset)
  }

  end() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext()
  }
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {[number, string][]} shaders
 */
function linkProgram(gl, shaders) {
  const program = gl.createProgram()
  for (const [kind, text] of shaders) {
    const shader = gl.createShader(kind)
    if (!shader) throw new Error("the graphics driver does not answer: reload the page")
    gl.shaderSource(shader, text)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
  }
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`the graphics driver refuses the map's shaders (${explainFailure(gl, program)})`)
  return program
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {WebGLProgram} program
 */
function explainFailure(gl, program) {
  const logs = (gl.getAttachedShaders(program) ?? []).map(shader => gl.getShaderInfoLog(shader))
  return [...logs, gl.getProgramInfoLog(program)].filter(Boolean).join(" ").trim() || "it does not say why"
}
