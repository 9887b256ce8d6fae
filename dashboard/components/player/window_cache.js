// @ts-check
// What is fetched of each window, once per address: a value, or an Error that says why there is none.

import { fetchChecked } from "../shared/fetching.js"

/** @import { Window } from "./contract.js" */

/**
 * @template Value
 * @typedef {object} Entry
 * @property {string} url
 * @property {Value | Error | null} value
 * @property {boolean} underWay
 */

/** @template Value */
export class WindowCache {
  /**
   * @param {string} kind media type of the answers
   * @param {(response: Response, window: Window) => Promise<Value>} read
   * @param {(window: Window) => void} arrived called when there is news of a window
   */
  constructor(kind, read, arrived) {
    this.kind = kind
    this.read = read
    this.arrived = arrived
    /** @type {Map<string, Entry<Value>>} by the window's id */
    this.held = new Map()
  }

  clear() {
    this.held.clear()
  }

  /**
   * What there is, without asking for it; null while it is under way.
   * @param {Window | null} window
   * @returns {Value | Error | null}
   */
  peek(window) {
    const entry = window && this.held.get(window.id)
    return entry && !entry.underWay ? entry.value : null
  }

  /**
   * What is drawn: until the answer of a new address is there, that of the last one.
   * @param {Window} window
   * @param {string} url
   * @returns {Value | Error | null}
   */
  get(window, url) {
    const entry = this.held.get(window.id)
    return entry?.url === url ? entry.value : this.#fetch(window, url)
  }

  /**
   * @param {Window} window
   * @param {string} url
   */
  #fetch(window, url) {
    const last = this.held.get(window.id)?.value
    /** @type {Entry<Value>} */
    const entry = { url, value: last instanceof Error ? null : last ?? null, underWay: true }
    const settle = (/** @type {Value | Error} */ value) => Object.assign(entry, { value, underWay: false })
    this.held.set(window.id, entry)
    fetchChecked(url, this.kind)
      .then(response => this.read(response, window))
      .then(settle, settle)
      .finally(() => this.held.get(window.id) === entry && this.arrived(window))
    return entry.value
  }
}
