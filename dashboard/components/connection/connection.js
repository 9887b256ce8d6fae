// @ts-check
// Streamlit's dialog about a lost connection, in our words: the server of a dashboard is a command that somebody runs, not the internet.

import { mountOnce } from "../shared/mounting.js"
import { watchSteps } from "./steps.js"

/** @typedef {{command: string}} Data how the server is started */

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
  constructor() {
    this.command = ""
    watchSteps()
    this.observer = new MutationObserver(() => this.#reword())
    this.observer.observe(document.body, { childList: true, subtree: true })
  }

  /** @param {Data} data */
  update({ command }) {
    this.command = command
    this.#reword()
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
    this.observer.disconnect()
  }
}

export default mountOnce(".connection", () => new Connection())
