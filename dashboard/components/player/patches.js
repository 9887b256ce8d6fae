// @ts-check
// Patches under the reader's hand: those selected to be followed, and the foreground and background from which a mask spreads.
// `taken` and `segment` belong to one window each, by its id; a tool says what a click, a touch or the Enter key does.

import { PatchGrid } from "./patch_grid.js"

/** @import { Patch, Segment, Taken, Window, Data } from "./contract.js" */
/** @import { Player } from "./player.js" */

/** @typedef {"take" | "foreground" | "background"} Tool */

/** @type {Record<Tool, string>} */
const TOOLS = {
  take: "Click a patch to follow it, drag over several, hold Shift to add one.",
  foreground: "Click or drag over the object. Click a mark to remove it.",
  background: "Click or drag over what is not part of the object. Click a mark to remove it.",
}
const PAINT = "Click or drag over the patches to hide, hold Shift to add some. What you paint on a slice holds until the next slice that you paint on."
const KEYS = "Arrow keys move, Enter selects, Shift + Enter adds, Page Up and Page Down change the slice."
const NO_EMBEDDINGS = "Segmentation needs embeddings; these clips were ingested with --keep statistics"

/** @param {Patch} patch */
export const nameOf = patch => patch.join(".")
/** @param {Patch[]} patches */
const namesOf = patches => patches.map(nameOf).join(",")

/**
 * Marked patches as the addresses of the server name them (dashboard/marks.py); empty where there are none.
 * @param {string} clip
 * @param {Patch[]} patches
 * @param {Patch[]} [background]
 */
export function nameMarks(clip, patches, background = []) {
  if (!patches.length && !background.length) return ""
  return `${clip}-${namesOf(patches)}${background.length ? "~" : ""}${namesOf(background)}`
}

/**
 * Selected patches after another selection: it takes the place of the old one, or is added to it; a selected patch is deselected by itself.
 * @param {Patch[]} old
 * @param {Patch[]} patches
 */
export function togglePatches(old, patches) {
  const [known, fresh] = [new Set(old.map(nameOf)), new Set(patches.map(nameOf))]
  const kept = old.filter(patch => !fresh.has(nameOf(patch)))
  return [...kept, ...(patches.length === 1 ? patches.filter(patch => !known.has(nameOf(patch))) : patches)]
}

/**
 * Painted patches after another stroke on a slice: it takes the place of what was painted there, or is added to it. Other slices keep theirs.
 * @param {Patch[]} old
 * @param {number} slice
 * @param {Patch[]} patches
 * @param {boolean} more
 */
export function paintPatches(old, slice, patches, more) {
  return togglePatches(more ? old : old.filter(patch => patch[0] !== slice), patches)
}

/**
 * What a painted mask hides of a slice: the patches of the last painted slice up to it, moved there.
 * @param {Patch[]} painted
 * @param {number} slice
 * @returns {Patch[]}
 */
export function spreadPatches(painted, slice) {
  const from = Math.max(...painted.map(patch => patch[0]).filter(at => at <= slice))
  return painted.filter(patch => patch[0] === from).map(([, y, x]) => [slice, y, x])
}

/**
 * Marks after some more of a kind: a patch is of one kind, and a single mark of its own kind is removed.
 * @param {{foreground: Patch[], background: Patch[]}} marks
 * @param {"foreground" | "background"} kind
 * @param {Patch[]} patches
 * @param {number} most
 */
export function addMarks(marks, kind, patches, most) {
  const fresh = new Set(patches.map(nameOf))
  const again = patches.length === 1 && marks[kind].some(patch => fresh.has(nameOf(patch)))
  const without = (/** @type {Patch[]} */ others) => others.filter(patch => !fresh.has(nameOf(patch)))
  const result = { foreground: without(marks.foreground), background: without(marks.background) }
  if (!again) result[kind] = [...result[kind], ...patches].slice(0, most)
  return result
}

export class Patches {
  /** @param {Player} player */
  constructor(player) {
    this.player = player
    /** @type {Taken} */
    this.taken = { clip: "", patches: [] }
    /** @type {Segment} */
    this.segment = { clip: "", foreground: [], background: [] }
    /** @type {Tool} */
    this.tool = "take"
    /** @type {NodeListOf<SVGSVGElement>} */
    const surfaces = player.root.querySelectorAll(".marks")
    this.grids = Array.from(surfaces, svg => new PatchGrid(svg, this))
    for (const button of this.#buttons()) button.onclick = () => this.choose(/** @type {Tool} */ (button.dataset.tool))
    player.el(".clear").onclick = () => this.clear()
  }

  /** @returns {NodeListOf<HTMLButtonElement>} */
  #buttons() {
    return this.player.root.querySelectorAll(".tool")
  }

  /**
   * What the page says is marked; from then on it is the reader's own.
   * @param {Data} data
   * @param {boolean} first
   */
  set({ taken, segment }, first) {
    this.taken = taken
    this.segment = segment
    this.choose(first && segment.foreground.length + segment.background.length ? "foreground" : "take")
  }

  /** @param {Tool} tool */
  choose(tool) {
    const { root, data } = this.player
    this.tool = data.cuttable ? tool : "take"
    for (const button of this.#buttons()) {
      const name = /** @type {Tool} */ (button.dataset.tool)
      button.setAttribute("aria-pressed", String(name === this.tool))
      button.disabled = name !== "take" && !data.cuttable
      button.title = button.disabled ? NO_EMBEDDINGS : TOOLS[name]
      button.hidden = data.painting
    }
    root.dataset.tool = this.tool
    this.refresh()
  }

  refresh() {
    this.hint()
    this.player.el(".clear").hidden = !this.any
    this.player.redraw()
  }

  /** Says what the hand at work does: keys while the grid has the keyboard's focus. */
  hint() {
    this.player.el(".hint").textContent = this.grids.some(grid => grid.keyed) ? KEYS : this.player.data.painting ? PAINT : TOOLS[this.tool]
  }

  get cutting() {
    return this.tool !== "take"
  }

  get any() {
    const { foreground, background } = this.segment
    return this.cutting ? foreground.length + background.length > 0 : this.taken.patches.length > 0
  }

  get takenName() {
    return nameMarks(this.taken.clip, this.taken.patches)
  }

  /** Empty unless both kinds are marked: a mask spreads from both. */
  get segmentName() {
    const { clip, foreground, background } = this.segment
    return foreground.length && background.length ? nameMarks(clip, foreground, background) : ""
  }

  clear() {
    const { window } = this.player
    if (window && this.cutting) this.#tellSegment({ clip: window.id, foreground: [], background: [] })
    else if (window) this.#take(window, [])
  }

  /**
   * What the tool at hand does with patches of the shown slice.
   * @param {Patch[]} patches
   * @param {boolean} more
   */
  apply(patches, more) {
    if (this.cutting) this.#mark(patches)
    else this.#select(patches, more)
  }

  /**
   * @param {Patch[]} patches
   * @param {boolean} more
   */
  #select(patches, more) {
    const { window, data, slice } = this.player
    if (!window) return
    const known = this.taken.clip === window.id ? this.taken.patches : []
    this.#take(window, data.painting ? paintPatches(known, slice, patches, more) : togglePatches(more ? known : [], patches))
  }

  /**
   * @param {Window} window
   * @param {Patch[]} patches
   */
  #take(window, patches) {
    const { data, slice, tell } = this.player
    this.taken = { clip: window.id, patches: patches.slice(0, data.most) }
    tell.picked({ clip: window.id, slice, patches: this.taken.patches })
    this.refresh()
  }

  /** @param {Patch[]} patches */
  #mark(patches) {
    const { window, data } = this.player
    if (!window || this.tool === "take") return
    const marks = this.segment.clip === window.id ? this.segment : { foreground: [], background: [] }
    this.#tellSegment({ clip: window.id, ...addMarks(marks, this.tool, patches, data.most) })
  }

  /** @param {Segment} segment */
  #tellSegment(segment) {
    this.segment = segment
    this.player.tell.cut({ ...segment, slice: this.player.slice })
    this.refresh()
  }

  draw() {
    for (const grid of this.grids) grid.draw()
  }

  /**
   * The patches of a slice and how each is drawn: "foreground", "background", "line" for selected ones, "best" for the match.
   * @param {Window} window
   * @returns {[Patch, string][]}
   */
  marked(window) {
    const { segment, taken } = this
    /** @type {(clip: string, patches: Patch[], kind: string) => [Patch, string][]} */
    const here = (clip, patches, kind) => (clip === window.id ? patches.filter(([slice]) => slice === this.player.slice).map(patch => [patch, kind]) : [])
    if (this.cutting) return [...here(segment.clip, segment.foreground, "foreground"), ...here(segment.clip, segment.background, "background")]
    if (this.player.data.painting) return here(taken.clip, spreadPatches(taken.patches, this.player.slice), "foreground")
    return [...here(taken.clip, taken.patches, "line"), ...this.#best(window)]
  }

  /**
   * The best match of the slice, where it is not lost.
   * @param {Window} window
   * @returns {[Patch, string][]}
   */
  #best(window) {
    const { slice, layers } = this.player
    const track = this.taken.patches.length ? layers.tracks.peek(window) : null
    if (!track || track instanceof Error) return []
    const [y, x, , lost] = track.rows.subarray(4 * slice)
    return lost ? [] : [[[slice, y, x], "best"]]
  }
}
