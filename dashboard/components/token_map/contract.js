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
 * @typedef {object} Data
 * @property {string} url 16 bytes per point: see painter.js
 * @property {string} axes what the points show, in words
 * @property {number[]} here the first of the points that stand out, and how many
 * @property {number[]} marked points with a ring
 * @property {Clip | null} clip where the points come from, or else
 * @property {string | null} lookup an address below which a point's number leads to its token
 */

/**
 * Where a point comes from; `problem` says why that is not known.
 * @typedef {Clip & {patch: number[], where?: string, problem?: string}} Token
 */

/**
 * What the map tells the page of a point that was chosen.
 * @typedef {{video: string, clip: string, patch: number[]}} Chosen
 */

export {}
