// @ts-check
// The colors of differences: blue below, orange above, the page's own background where nothing differs; told apart by every kind of color vision.

import { NONE, STEPS } from "./pair.js"

const DARK = [[96, 190, 245], [250, 165, 70]] // ends on a dark page: below, above
const LIGHT = [[8, 81, 156], [179, 80, 4]]

/**
 * Red, green and blue of a CSS color: #rrggbb or rgb(...); white for anything else.
 * @param {string} text
 */
export function parseColor(text) {
  const hex = text.trim().replace("#", "")
  if (/^[0-9a-f]{6}/i.test(hex)) return [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16))
  const found = text.match(/\d+/g)
  return found && found.length >= 3 ? found.slice(0, 3).map(Number) : [255, 255, 255]
}

/** @param {number[]} color */
function measureLuminance([red, green, blue]) {
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
}

/**
 * Of each code: a pixel as little-endian alpha, blue, green, red.
 * @param {string} background of the page
 */
export function makeScale(background) {
  const middle = parseColor(background)
  const ends = measureLuminance(middle) < 0.5 ? DARK : LIGHT
  const table = new Uint32Array(256)
  for (let code = 1; code < 256; code++) {
    const share = Math.abs(code - NONE) / STEPS
    const end = ends[code < NONE ? 0 : 1]
    const [red, green, blue] = middle.map((value, channel) => Math.round(value + (end[channel] - value) * share))
    table[code] = (255 << 24) | (blue << 16) | (green << 8) | red
  }
  return table
}

/**
 * A pixel of the scale in CSS.
 * @param {number} pixel
 * @param {number} opacity
 */
export function cssOf(pixel, opacity) {
  return `rgba(${pixel & 255}, ${(pixel >> 8) & 255}, ${(pixel >> 16) & 255}, ${opacity})`
}
