// @ts-check
// Where a player of the page stands, for the components that follow it: all of them import this one module.

/**
 * @typedef {object} Moment
 * @property {string} player name of the player that moved
 * @property {number} time seconds since the first frame
 * @property {string} clip "" where no window covers the frame
 * @property {number} slice
 * @property {boolean} playing
 * @property {boolean} led whether it only follows another player
 */

/** @type {Set<(moment: Moment) => void>} */
const followers = new Set()
/** @type {Map<string, Moment>} */
const latest = new Map()

/** @param {Moment} moment */
export function announce(moment) {
  latest.set(moment.player, moment)
  for (const follower of followers) follower(moment)
}

/**
 * Be told of every movement, and of where the players stand now; what it returns ends that.
 * @param {(moment: Moment) => void} follower
 */
export function follow(follower) {
  followers.add(follower)
  for (const moment of latest.values()) follower(moment)
  return () => void followers.delete(follower)
}
