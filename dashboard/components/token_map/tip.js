// @ts-check
// The tooltip of a token: its patch, cut out of the sheet of its clip, and its address.

import { find } from "../shared/mounting.js"
import { countColumns, findCorner } from "../shared/sheets.js"

/** @import { Token } from "./contract.js" */

const SIDE = 48 // pixels of the patch
const OFFSET = 14 // from the pointer

/**
 * A token in words; slice, row and column count from 0.
 * @param {Token} token
 */
export function describeToken({ problem, where, patch, words }) {
  return problem ?? words ?? `${where ?? ""}slice ${patch[0]}, patch (${patch[1]}, ${patch[2]})`
}

/**
 * How to show a patch as the background of an element: the sheet's width, and left and top of it, in pixels.
 * @param {Token} token
 */
export function cutPatch({ patch: [slice, y, x], slices, h, w, tile }) {
  const columns = countColumns(slices)
  const [high, wide] = [tile[0] / h, tile[1] / w]
  const scale = SIDE / Math.max(high, wide)
  const [top, left] = findCorner(slice, columns, tile)
  return { width: columns * tile[1] * scale, left: -(left + x * wide) * scale, top: -(top + y * high) * scale }
}

export class Tip {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.element = /** @type {HTMLElement} */ (find(root, ".tip"))
  }

  hide() {
    this.element.hidden = true
  }

  /**
   * @param {Token} token
   * @param {[number, number]} at pixels from left and top
   */
  show(token, at) {
    const patch = find(this.element, ".patch")
    this.element.hidden = false
    patch.hidden = !token.pictures && !token.thumbnail
    find(this.element, "span").textContent = describeToken(token)
    if (token.pictures) {
      const { width, left, top } = cutPatch(token)
      Object.assign(patch.style, { backgroundImage: `url("${encodeURI(token.pictures)}")`, backgroundSize: `${width}px auto`, backgroundPosition: `${left}px ${top}px` })
    }
    if (token.thumbnail) Object.assign(patch.style, { backgroundImage: `url("${encodeURI(token.thumbnail)}")`, backgroundSize: "contain", backgroundPosition: "center" })
    const space = this.root.clientWidth - this.element.offsetWidth
    Object.assign(this.element.style, { left: `${Math.max(0, Math.min(at[0] + OFFSET, space))}px`, top: `${at[1] + OFFSET}px` })
  }
}
