// @ts-check
// What is true of every page: Streamlit's dialog about a lost connection in our words, since the server of a dashboard is a command that
// somebody runs, not the internet; and a line about what was added to the store since the page was drawn.

import { fetchChecked } from "../shared/fetching.js"
import { find, mountOnce } from "../shared/mounting.js"
import { describeGrowth } from "./growth.js"
import { watchSteps } from "./steps.js"

/** @import { Held } from "./growth.js" */
/** @typedef {{command: string, held: Held, every_s: number}} Data how the server is started, what the page was drawn from, how often to ask */

const DIALOG = '[data-testid="stDialog"], [role="dialog"]'
const COMMAND = "streamlit run yourscript.py"
const LOST = /server is not responding|Is Streamlit still running/

/**
 * What to say in place of a sentence of Streamlit's; null where it is about something else.
 * @param {string} sentence
 * @param {string} command
 */
export function explainLoss(sentence, command) {
  if (sentence.trim() === COMMAND) return command
  if (!LOST.test(sentence)) return null
  return `The dashboard's server has stopped or cannot be reached. Start it again with: ${command}. This page then reconnects by itself; its address keeps what you see.`
}

class Connection {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.command = ""
    /** @type {Held | null} */
    this.drawn = null
    this.news = find(root, ".news")
    this.button = find(root, ".refresh")
    this.button.addEventListener("click", () => this.refresh())
    this.refresh = () => {}
    this.look = () => void this.#ask()
    document.addEventListener("visibilitychange", this.look) // who comes back to a page sees at once what is new
    watchSteps()
    this.observer = new MutationObserver(() => this.#reword())
    this.observer.observe(document.body, { childList: true, subtree: true })
  }

  /**
   * @param {Data} data
   * @param {(name: string, value: unknown) => void} setStateValue
   */
  update({ command, held, every_s }, setStateValue) {
    this.command = command
    this.drawn = held
    this.refresh = () => setStateValue("refresh", Date.now())
    this.#tell("")
    clearInterval(this.timer)
    this.timer = setInterval(this.look, 1000 * every_s)
    this.#reword()
  }

  /** A page that nobody looks at does not ask. */
  async #ask() {
    const { drawn } = this
    if (!drawn || document.visibilityState === "hidden") return
    try {
      const response = await fetchChecked("held", "application/json")
      const now = /** @type {Held} */ (await response.json())
      if (drawn === this.drawn) this.#tell(describeGrowth(drawn, now))
    } catch {
      // a server that is gone is Streamlit's to notice
    }
  }

  /** @param {string} line */
  #tell(line) {
    if (this.news.textContent !== line) this.news.textContent = line
    this.button.hidden = !line
  }

  #reword() {
    for (const dialog of document.querySelectorAll(DIALOG)) {
      const leaves = Array.from(dialog.querySelectorAll("*")).filter(element => !element.childElementCount)
      for (const leaf of leaves) {
        const text = explainLoss(leaf.textContent ?? "", this.command)
        if (text) leaf.textContent = text
      }
    }
  }

  end() {
    clearInterval(this.timer)
    document.removeEventListener("visibilitychange", this.look)
    this.observer.disconnect()
  }
}

export default mountOnce(".connection", root => new Connection(root))
