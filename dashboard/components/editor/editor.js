// @ts-check
// An editor over the page's text area, which stays the one that holds the query: colors, completion, the place of an error, history.
// Where this module does not load, the text area is there as it is.

import { find, mountOnce } from "../shared/mounting.js"
import {
  autocompletion, bracketMatching, classHighlighter, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap, defaultKeymap,
  drawSelection, EditorState, EditorView, highlightSelectionMatches, history, historyKeymap, keymap, lineNumbers, lintKeymap, placeholder, PostgreSQL, Prec,
  searchKeymap, setDiagnostics, sql, SQLDialect, syntaxHighlighting,
} from "./codemirror.js"
import { formatQuery } from "./layout.js"
import { locateFailure, readRecent, rememberQuery } from "./recent.js"

/** @typedef {import("./contract.js").Data} Data */

const AREA = ".st-key-query"
const RUN = ".st-key-run-query button"
const WORDS = "qualify pivot unpivot summarize describe show asof positional anti semi sample tablesample exclude replace columns struct list map using ilike glob macro lateral ordinality"
const DIALECT = SQLDialect.define({ ...PostgreSQL.spec, keywords: `${PostgreSQL.spec.keywords} ${WORDS}`, caseInsensitiveIdentifiers: true })

const THEME = EditorView.theme({ // over the colors that CodeMirror brings: those of the page, light or dark
  ".cm-tooltip, .cm-panels": { background: "var(--st-background-color)", color: "var(--st-text-color)", border: "1px solid var(--st-border-color)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { background: "var(--st-primary-color)", color: "var(--st-background-color)" },
  ".cm-cursor": { borderLeftColor: "var(--st-text-color)" },
  ".cm-gutters": { background: "transparent", color: "var(--st-gray-color)", border: "none" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "color-mix(in srgb, var(--st-primary-color) 28%, transparent)" },
  ".cm-selectionMatch": { background: "color-mix(in srgb, var(--st-primary-color) 16%, transparent)" },
})

class Editor {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.known = /** @type {string | null} */ (null)
    this.sent = /** @type {string | null} */ (null)
    this.view = /** @type {any} */ (null)
    this.select = find(root, ".history")
    this.select.addEventListener("change", () => this.#takeRecent())
    this.told = find(root, ".told")
    find(root, ".format").addEventListener("click", () => { this.#format() })
  }

  /** @param {Data} data */
  update(data) {
    if (!this.view) this.#take(data)
    this.#showArea(false)
    const text = this.view.state.doc.toString()
    if (data.query !== this.known && data.query !== this.sent && data.query !== text) this.#replace(data.query)
    this.known = data.query
    if (data.query === this.sent) this.sent = null
    if (data.ran) this.#listRecent(rememberQuery(localStorage, data.query))
    this.#mark(data)
  }

  end() {
    this.view?.destroy()
    this.#showArea(true)
  }

  /** Take the place of the text area, with what is already being typed there. @param {Data} data */
  #take(data) {
    const area = this.#area()
    const typing = area !== null && document.activeElement === area
    this.#create(data)
    if (!typing) return
    this.#replace(area.value)
    this.known = data.query
    this.view.dispatch({ selection: { anchor: area.selectionEnd } })
    this.view.focus()
  }

  /** @param {Data} data */
  #create(data) {
    const parent = find(this.root, ".text")
    const named = data.functions.map(one => ({ label: one.name, type: "function", detail: one.type, info: one.about, boost: 1 }))
    const schema = Object.fromEntries(Object.entries(data.tables).map(([table, columns]) => [table, columns.map(column => (
      { label: column.name, type: "property", detail: column.type, info: column.about }
    ))]))
    const words = Object.values(schema).flat().filter((one, place, all) => all.findIndex(other => other.label === one.label) === place)
    const commands = [
      { key: "Mod-Enter", run: () => this.#run(), stopPropagation: true, preventDefault: true },
      { key: "Shift-Alt-f", run: () => { this.#format(); return true }, preventDefault: true },
    ]
    this.view = new EditorView({
      parent,
      root: /** @type {ShadowRoot | Document} */ (this.root.getRootNode()),
      state: EditorState.create({
        doc: data.query,
        extensions: [
          Prec.highest(keymap.of(commands)), lineNumbers(), history(), drawSelection(), bracketMatching(), closeBrackets(),
          highlightSelectionMatches(), syntaxHighlighting(classHighlighter), EditorView.lineWrapping, THEME, placeholder("SELECT ..."),
          sql({ dialect: DIALECT, schema, upperCaseKeywords: true }),
          DIALECT.language.data.of({ autocomplete: /** @param {any} context */ context => completeWord(context, [...named, ...words]) }),
          autocompletion({ maxRenderedOptions: 60 }),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
          EditorView.contentAttributes.of({ "aria-label": "Query", "aria-multiline": "true" }),
          EditorView.domEventHandlers({ blur: () => { this.#commit() } }),
        ],
      }),
    })
    this.#listRecent(readRecent(localStorage))
    find(this.root, ".below").hidden = false
  }

  /** @returns {HTMLTextAreaElement | null} */
  #area() {
    return document.querySelector(`${AREA} textarea`)
  }

  /** @param {boolean} shown */
  #showArea(shown) {
    const place = /** @type {HTMLElement | null} */ (document.querySelector(AREA))
    if (shown) place?.style.removeProperty("display")
    else place?.style.setProperty("display", "none", "important")
  }

  /** @param {string} text */
  #replace(text) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } })
  }

  /** Hand the text to the page's text area, as if it had been typed there. Whether that changed something. */
  #commit() {
    const area = this.#area()
    const text = this.view.state.doc.toString()
    if (!area || text === area.value) return false
    const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value")?.set
    set?.call(area, text)
    area.dispatchEvent(new Event("input", { bubbles: true }))
    area.dispatchEvent(new FocusEvent("focusout", { bubbles: true }))
    this.sent = text
    return true
  }

  #run() {
    const button = /** @type {HTMLButtonElement | null} */ (document.querySelector(RUN))
    closeCompletion(this.view)
    this.#commit()
    setTimeout(() => button?.click(), 50)
    return true
  }

  /** Lay the query out anew, as one step that can be undone. */
  async #format() {
    const text = this.view.state.doc.toString()
    const formatted = await formatQuery(text)
    this.told.textContent = formatted === null ? "This query cannot be formatted: it stays as it is." : ""
    if (formatted === null || text !== this.view.state.doc.toString()) return
    if (formatted !== text) this.#replace(formatted)
    this.view.focus()
  }

  #takeRecent() {
    const query = this.select.value
    this.select.selectedIndex = 0
    if (!query) return
    this.#replace(query)
    this.view.focus()
  }

  /** @param {string[]} queries */
  #listRecent(queries) {
    const none = new Option(queries.length ? `${queries.length} of this browser` : "none yet", "")
    this.select.replaceChildren(none, ...queries.map(query => new Option(query.replace(/\s+/g, " ").slice(0, 100), query)))
  }

  /** @param {Data} data */
  #mark(data) {
    const text = this.view.state.doc.toString()
    const found = data.failure && text === data.query
      ? [{ ...locateFailure(text, data.failure), severity: "error", message: data.failure.message }]
      : []
    this.view.dispatch(setDiagnostics(this.view.state, found))
  }
}

/**
 * Columns and functions for a word that is being typed, wherever it stands.
 * @param {any} context
 * @param {object[]} options
 */
function completeWord(context, options) {
  const word = context.matchBefore(/\w+/)
  if (!word && !context.explicit) return null
  return { from: word ? word.from : context.pos, options, validFor: /^\w*$/ }
}

export default mountOnce(".editor", root => new Editor(root))
