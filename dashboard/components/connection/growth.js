// @ts-check
// What was added to the store since the page was drawn: asked for quietly, told in one line, and shown when the reader wants it.

/** @typedef {{videos: number, clips: number}} Held what the store holds */

/**
 * The line that tells it; empty where nothing has changed.
 * @param {Held} drawn
 * @param {Held} now
 */
export function describeGrowth(drawn, now) {
  for (const noun of /** @type {const} */ (["videos", "clips"])) {
    const more = now[noun] - drawn[noun]
    if (more > 0) return `${more.toLocaleString("en")} new ${more === 1 ? noun.slice(0, -1) : noun}`
    if (more < 0) return `The store holds fewer ${noun} now`
  }
  return ""
}
