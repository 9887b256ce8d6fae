// @ts-check
// Videos as pictures: the pointer or the arrow keys scrub through the slices of one, a click opens it, its checkbox chooses it.

import { find, mountOnce } from "../shared/mounting.js"
import { cutSlice, findSlice } from "./scrub.js"

/** @import { Card, Data } from "./contract.js" */

/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1 }
/** @type {Record<string, number>} */
const MOVES = { ArrowUp: -1, ArrowDown: 1 }

/** One card: its elements, and the slice that its picture shows, -1 for the thumbnail. */
class Picture {
  /**
   * @param {Card} card
   * @param {Element} element
   */
  constructor(card, element) {
    this.card = card
    this.element = element
    this.slice = -1
    this.box = /** @type {HTMLInputElement} */ (find(element, "input"))
    this.button = /** @type {HTMLButtonElement} */ (find(element, ".picture"))
    this.frame = /** @type {HTMLElement} */ (find(element, ".frame"))
    /** @type {Promise<boolean> | null} whether the sheet has come */
    this.sheet = null
    this.#fill()
    this.rest()
  }

  #fill() {
    const { card, button, element } = this
    find(element, ".name").textContent = card.name
    find(element, ".facts").textContent = card.facts
    button.setAttribute("aria-label", `Open ${card.name}`)
    button.classList.toggle("empty", !card.thumbnail && !card.scrub)
    if (card.scrub) button.setAttribute("aria-description", `Left and right arrow keys show its ${card.scrub.slices} slices`)
  }

  /** @param {boolean} chosen */
  mark(chosen) {
    this.box.checked = chosen
    this.element.classList.toggle("chosen", chosen)
  }

  // The thumbnail, as before anything was scrubbed.
  rest() {
    this.slice = -1
    this.button.dataset.slice = ""
    find(this.element, ".at").style.width = "0"
    const { thumbnail } = this.card
    this.#draw(thumbnail, { aspectRatio: "", backgroundSize: "contain", backgroundPosition: "center" })
  }

  /**
   * Show a slice, once its sheet has come.
   * @param {number} slice
   */
  async seek(slice) {
    const { scrub } = this.card
    if (!scrub) return
    this.slice = slice
    this.sheet ??= loadPicture(scrub.url)
    if (!(await this.sheet) || this.slice !== slice) return
    this.button.dataset.slice = String(slice)
    find(this.element, ".at").style.width = `${(100 * (slice + 1)) / scrub.slices}%`
    this.#draw(scrub.url, cutSlice(slice, scrub))
  }

  /**
   * @param {string | null} url
   * @param {Record<string, string>} style
   */
  #draw(url, style) {
    Object.assign(this.frame.style, style, { backgroundImage: url ? `url("${encodeURI(url)}")` : "none" })
  }
}

export class VideoGrid {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.list = find(root, ".cards")
    this.pattern = /** @type {HTMLTemplateElement} */ (find(root, "template"))
    /** @type {Picture[]} */
    this.pictures = []
    this.said = ""
    /** @type {(name: string, value: unknown) => void} */
    this.say = () => {}
  }

  /**
   * @param {Data} data
   * @param {(name: string, value: unknown) => void} setStateValue
   */
  update({ cards }, setStateValue) {
    this.say = setStateValue
    const said = JSON.stringify(cards.map(card => ({ ...card, chosen: false })))
    if (said !== this.said) this.#build(cards)
    this.said = said
    cards.forEach((card, number) => this.pictures[number].mark(card.chosen))
  }

  /** @param {Card[]} cards */
  #build(cards) {
    this.pictures = cards.map(card => {
      const copy = /** @type {DocumentFragment} */ (this.pattern.content.cloneNode(true))
      return new Picture(card, /** @type {Element} */ (copy.firstElementChild))
    })
    this.pictures.forEach((picture, number) => this.#wire(picture, number))
    this.list.replaceChildren(...this.pictures.map(picture => picture.element))
  }

  /**
   * @param {Picture} picture
   * @param {number} number
   */
  #wire(picture, number) {
    const { button, box, card } = picture
    button.onclick = () => this.#tell("opened", [card.video])
    button.onpointermove = event => {
      const { left, width } = button.getBoundingClientRect()
      picture.seek(findSlice(event.clientX - left, width, card.scrub?.slices ?? 1))
    }
    button.onpointerleave = () => picture.rest()
    button.onblur = () => picture.rest()
    button.onkeydown = event => this.#key(event, picture, number)
    box.onchange = () => {
      picture.mark(box.checked)
      this.#tell("chosen", this.pictures.filter(other => other.box.checked).map(other => other.card.video))
    }
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Picture} picture
   * @param {number} number
   */
  #key(event, picture, number) {
    const { scrub } = picture.card
    if (event.altKey || event.ctrlKey || event.metaKey) return
    if (event.key in STEPS && scrub) {
      const next = picture.slice + STEPS[event.key]
      picture.seek(Math.max(0, Math.min(scrub.slices - 1, next)))
    } else if (event.key in MOVES) this.pictures[number + MOVES[event.key]]?.button.focus()
    else return
    event.preventDefault()
  }

  /**
   * `at` makes the same ids, said twice, two events.
   * @param {string} name
   * @param {string[]} ids
   */
  #tell(name, ids) {
    this.say(name, { ids, at: performance.now() })
  }

  end() {
    this.pictures = []
  }
}

/**
 * Whether a picture can be drawn, once it has come.
 * @param {string} url
 * @returns {Promise<boolean>}
 */
function loadPicture(url) {
  const image = new Image()
  return new Promise(done => {
    image.onload = () => done(true)
    image.onerror = () => done(false)
    image.src = url
  })
}

export default mountOnce(".video-grid", root => new VideoGrid(root))
