// @ts-check
// Scores of patches as pixels of a mask, as latent/masks.py has them.

export const FINE = 8 // pixels of a mask per patch
export const THRESHOLD = 0.5

/**
 * Scores of one slice at every pixel. Smooth: bilinear between patch centers, level beyond the outermost; else patch by patch.
 * @param {Float32Array} scores (H, W)
 * @param {number} w
 * @param {number} h
 * @param {boolean} smooth
 */
export function enlargeScores(scores, w, h, smooth) {
  const result = new Float32Array(w * h * FINE * FINE)
  const [across, down] = [weighPatches(w, smooth), weighPatches(h, smooth)]
  for (let y = 0; y < h * FINE; y++) {
    const [top, bottom, low] = down[y]
    for (let x = 0; x < w * FINE; x++) {
      const [left, right, far] = across[x]
      const upper = scores[top * w + left] * (1 - far) + scores[top * w + right] * far
      const lower = scores[bottom * w + left] * (1 - far) + scores[bottom * w + right] * far
      result[y * w * FINE + x] = upper * (1 - low) + lower * low
    }
  }
  return result
}

/**
 * Of each pixel of a side: the patches before and after it, and how much the second one counts.
 * @param {number} patches
 * @param {boolean} smooth
 */
function weighPatches(patches, smooth) {
  return Array.from({ length: patches * FINE }, (_, pixel) => {
    const place = (pixel + 0.5) / FINE - 0.5
    const center = Math.min(Math.max(smooth ? place : Math.round(place), 0), patches - 1)
    const before = Math.floor(center)
    return [before, Math.min(before + 1, patches - 1), center - before]
  })
}

/**
 * Which pixels of an enlarged slice are foreground (1), and which of those are its edge (2).
 * @param {Float32Array} enlarged
 * @param {number} wide pixels per row
 */
export function outlineMask(enlarged, wide) {
  const inside = Uint8Array.from(enlarged, score => (score > THRESHOLD ? 1 : 0))
  const onEdge = (/** @type {number} */ pixel) => {
    const x = pixel % wide
    return (x && !inside[pixel - 1]) || (x < wide - 1 && !inside[pixel + 1]) || inside[pixel - wide] === 0 || inside[pixel + wide] === 0
  }
  return inside.map((is, pixel) => (is && onEdge(pixel) ? 2 : is))
}
