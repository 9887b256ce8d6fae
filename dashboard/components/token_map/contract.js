// @ts-check
// What the page hands to the map, field by field; dashboard/components/token_map/__init__.py makes it, and a test compares the two.

/**
 * A clip whose tokens are the points, row by row and slice by slice; describe_clip makes it.
 * @typedef {object} Clip
 * @property {string} id
 * @property {string} video
 * @property {string | null} pictures address of the sheet of slice pictures
 * @property {number} slices
 * @property {number} h rows of patches
 * @property {number} w columns of patches
 * @property {number[]} tile height and width of a slice picture
 */

/**
 * An entry of a legend.
 * @typedef {object} Swatch
 * @property {string} text
 * @property {string} color as CSS
 */

/**
 * @typedef {object} Data
 * @property {string} url 16 bytes per point: see painter.js
 * @property {string} axes what the points show, in words
 * @property {number[]} here the first of the points that stand out, and how many
 * @property {number[]} marked points with a ring
 * @property {number[]} near points with a ring of another color: the neighbors of the marked ones
 * @property {Swatch[]} legend what the colors mean
 * @property {boolean} flat whether the third axis is left out
 * @property {string} area the area that is drawn, as area.js reads it; "" for none
 * @property {Record<string, number[]>} slices by clip, where each slice begins among the points, and where the last one ends
 * @property {string | null} other the address of another window's points, where {clip} stands for its id
 * @property {Clip | null} clip where the points come from, or else
 * @property {string} noun what a point is: token, or video
 * @property {string | null} lookup an address below which a point's number leads to its token
 */

/**
 * Where a point comes from; `problem` says why that is not known. A point that is a video has `words` and a `thumbnail` (a data URI) in place of a patch of its own.
 * @typedef {Clip & {patch: number[], where?: string, problem?: string, words?: string, thumbnail?: string | null}} Token
 */

/**
 * What the map tells the page of a point that was chosen.
 * @typedef {{video: string, clip: string, patch: number[]}} Chosen
 */

export {}
