// @ts-check
// What the page hands to the player, field by field; dashboard/components/player/__init__.py makes it, and a test compares the two.

/**
 * A patch: slice, row and column, each counted from 0.
 * @typedef {number[]} Patch
 */

/**
 * The frames first, first + step, ... of one clip.
 * @typedef {object} Window
 * @property {string} id of the clip
 * @property {number} first frame
 * @property {number} frames that were encoded
 * @property {number} step frames from one to the next
 * @property {number} start seconds
 * @property {number} stop seconds
 * @property {number} slices
 * @property {number} h rows of patches
 * @property {number} w columns of patches
 * @property {boolean} embedded whether its embeddings are stored
 */

/**
 * @typedef {object} Video
 * @property {string} id
 * @property {number} width pixels, as displayed
 * @property {number} height
 * @property {string} stem of the files that are saved
 * @property {number} fps
 * @property {number} frames as decoded
 * @property {string | null} url of the file; null where a browser cannot show it
 * @property {string | null} why it cannot
 */

/**
 * Fractions of a frame.
 * @typedef {object} Box
 * @property {number} top
 * @property {number} left
 * @property {number} height
 * @property {number} width
 */

/**
 * An entry of a legend.
 * @typedef {object} Swatch
 * @property {string} text
 * @property {string} color as CSS
 */

/**
 * @typedef {object} Colors
 * @property {string} url a window's bytes lie at url/CLIP
 * @property {Swatch[]} legend what the colors mean
 * @property {boolean} measured whether they are of tables, and of windows without embeddings too
 */

/**
 * Where the player is to go, once per nonce.
 * @typedef {object} Goto
 * @property {string} clip
 * @property {number} slice
 * @property {string} nonce
 */

/**
 * @typedef {object} Taken
 * @property {string} clip
 * @property {Patch[]} patches
 */

/**
 * @typedef {object} Segment
 * @property {string} clip
 * @property {Patch[]} foreground
 * @property {Patch[]} background
 */

/**
 * @typedef {object} Data
 * @property {Video} video
 * @property {Box} seen the part of a frame that the encoder saw
 * @property {number[]} tile height and width of a slice picture
 * @property {string} pictures addresses of the routes
 * @property {string} track
 * @property {string} mask
 * @property {string} mp4
 * @property {Window[]} windows the timeline
 * @property {Colors | null} colors null where there are none
 * @property {Goto} goto
 * @property {Taken} taken
 * @property {Segment} segment
 * @property {number} most patches of a kind
 * @property {boolean} selectable
 * @property {boolean} cuttable
 * @property {boolean} painting whether the selected patches are a mask: those of a slice hold until the next slice that has some
 * @property {string} name "first" or "second" on the page
 * @property {boolean} mirrored whether another player shows the same marks on the same clock
 */

/**
 * What the player tells the page.
 * @typedef {object} Tell
 * @property {(place: {clip: string, slice: number}) => void} at where it came to rest
 * @property {(marks: Taken & {slice: number}) => void} picked
 * @property {(marks: Segment & {slice: number}) => void} cut
 */

export {}
