// @ts-check
// Which changes of the address are steps of the Back button. On the way from page to page Streamlit first takes the last page's parameters
// out of the last page's address, and makes a step of that: Back would then lead to that page without what was chosen on it.

const PAGE_LINK = '[data-testid^="stPageLink"]'
const PATIENCE_MS = 10_000 // that a click on a link may take to lead away

/** Leaves out the steps between the click on a link to another page and the page itself. */
export class Steps {
  constructor(/** @type {() => number} */ now = () => Date.now()) {
    this.now = now
    this.since = -Infinity
  }

  /** A link to another page was followed. */
  follow() {
    this.since = this.now()
  }

  /**
   * Whether a step that a page wants is one.
   * @param {URL} from
   * @param {URL} to
   */
  isStep(from, to) {
    const between = this.now() - this.since < PATIENCE_MS && to.pathname === from.pathname
    if (!between) this.since = -Infinity
    return !between
  }

  /** The Back button or something else on the page was used: nobody is on the way any more. */
  arrive() {
    this.since = -Infinity
  }
}

let watched = false

/** Has the page's history take steps alone; once, for as long as the page is open. */
export function watchSteps() {
  if (watched) return
  watched = true
  const steps = new Steps()
  const push = window.history.pushState.bind(window.history)
  window.history.pushState = (state, unused, url) => {
    const here = new URL(window.location.href)
    if (steps.isStep(here, new URL(url ?? here, here))) push(state, unused, url)
  }
  window.addEventListener("popstate", () => steps.arrive(), true)
  document.addEventListener("click", event => {
    if (event.target instanceof Element && event.target.closest(PAGE_LINK)) steps.follow()
    else steps.arrive()
  }, true)
}
