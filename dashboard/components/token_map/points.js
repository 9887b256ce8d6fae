// @ts-check
// Where points lie on the screen, and which of them a place on it means: arithmetic, no WebGL.

const FIELD = 1.6 // of view: cotangent of half its angle
const FLAT = 0.92 * 2.6 // of a flat map: at the first distance the cloud fills so much of the shorter side
const [NEAR, FAR] = [0.05, 50]
const LARGEST_TILT = 1.5
const DISTANCES = [1.2, 12]
const SIZES = [3, 14] // pixels of a point at the middle of the cloud

/** Where the eye is: turned around the vertical and tilted, in radians, and how far away. */
export const START = Object.freeze({ turn: 0.5, tilt: 0.35, distance: 2.6, x: 0, y: 0 })

/**
 * x and y: what a flat map has in its middle.
 * @typedef {{turn: number, tilt: number, distance: number, x: number, y: number}} Eye
 */

/**
 * Column-major: perspective x distance x tilt x turn.
 * @param {Eye} eye
 * @param {number} aspect width by height
 */
export function viewMatrix({ turn, tilt, distance }, aspect) {
  const [ca, sa, cb, sb] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)]
  const [x, y, z] = [[ca, 0, sa], [sa * sb, cb, -ca * sb], [-sa * cb, sb, ca * cb]] // camera axes
  const p = (FAR + NEAR) / (NEAR - FAR)
  const q = (2 * FAR * NEAR) / (NEAR - FAR)
  const column = (/** @type {number} */ n) => [(FIELD / aspect) * x[n], FIELD * y[n], p * z[n], -z[n]]
  return new Float32Array([...column(0), ...column(1), ...column(2), 0, 0, -p * distance + q, distance])
}

/**
 * The same of a flat map: x to the right, y upwards, z only decides what lies in front.
 * @param {Eye} eye
 * @param {number} aspect width by height
 */
export function flatMatrix({ distance, x, y }, aspect) {
  const high = FLAT * Math.min(1, aspect)
  const wide = high / aspect
  return new Float32Array([wide, 0, 0, 0, 0, high, 0, 0, 0, 0, -0.1 * distance, 0, -wide * x, -high * y, 0, distance])
}

/**
 * Slide a flat map under the pointer.
 * @param {Eye} eye
 * @param {number} across pixels
 * @param {number} down
 * @param {number} side the shorter one of the canvas, in pixels
 * @returns {Eye}
 */
export function slideEye(eye, across, down, side) {
  const scale = (2 * eye.distance) / (FLAT * Math.max(1, side))
  return { ...eye, x: eye.x - across * scale, y: eye.y + down * scale }
}

/**
 * @param {Eye} eye
 * @param {number} across radians
 * @param {number} down
 * @returns {Eye}
 */
export function turnEye(eye, across, down) {
  return { ...eye, turn: eye.turn + across, tilt: Math.max(-LARGEST_TILT, Math.min(LARGEST_TILT, eye.tilt + down)) }
}

/**
 * @param {Eye} eye
 * @param {number} factor above 1 for further away
 * @returns {Eye}
 */
export function moveEye(eye, factor) {
  return { ...eye, distance: Math.max(DISTANCES[0], Math.min(DISTANCES[1], eye.distance * factor)) }
}

/**
 * Of a point, in pixels at the middle of the cloud: many points are small.
 * @param {number} count
 */
export function sizePoints(count) {
  return Math.max(SIZES[0], Math.min(SIZES[1], 900 / Math.sqrt(count)))
}

/**
 * The point that a place means: of those within reach the nearest to the eye; -1 for none.
 * @param {Float32Array} matrix of the view
 * @param {Float32Array} places four numbers per point, the first three its place
 * @param {[number, number]} at pixels from left and top
 * @param {[number, number]} size width and height of the canvas in pixels
 * @param {number} reach pixels
 */
export function findPoint(matrix, places, at, size, reach) {
  const m = matrix
  const [left, top, wide, high] = [at[0], at[1], size[0] / 2, size[1] / 2]
  let found = -1
  let best = Infinity
  for (let number = 0, n = 0; n < places.length; number++, n += 4) {
    const [x, y, z] = [places[n], places[n + 1], places[n + 2]]
    const depth = m[3] * x + m[7] * y + m[11] * z + m[15]
    const right = ((m[0] * x + m[4] * y + m[8] * z + m[12]) / depth + 1) * wide - left
    if (right > reach || right < -reach || depth <= 0) continue
    const away = Math.hypot(right, (1 - (m[1] * x + m[5] * y + m[9] * z + m[13]) / depth) * high - top)
    if (away < reach && depth + away / reach < best) [found, best] = [number, depth + away / reach]
  }
  return found
}
