// @ts-check
// What the page hands to the grid, field by field; dashboard/components/video_grid/__init__.py makes it, and a test compares the two.

/**
 * The sheet of slice pictures of one clip.
 * @typedef {object} Scrub
 * @property {string} url address of the JPEG
 * @property {number} slices
 * @property {number[]} tile height and width of a slice picture
 */

/**
 * A video.
 * @typedef {object} Card
 * @property {string} video its id
 * @property {string} name
 * @property {string} facts what stands below the name
 * @property {string | null} thumbnail a data URI
 * @property {Scrub | null} scrub null where no slice pictures are stored
 * @property {boolean} chosen
 */

/**
 * @typedef {object} Data
 * @property {Card[]} cards
 */

export {}
