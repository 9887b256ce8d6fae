// @ts-check
// One view per element: made when Streamlit first mounts a component, told of every run of the script, ended once the element is gone.

const AGAIN = 500 // milliseconds until an element that is still there is looked at again

/**
 * What Streamlit calls a component with.
 * @template Data
 * @typedef {object} Component
 * @property {Data} data
 * @property {HTMLElement | ShadowRoot} parentElement
 * @property {(name: string, value: unknown) => void} setStateValue
 */

/**
 * @template Data
 * @typedef {object} View
 * @property {(data: Data, setStateValue: (name: string, value: unknown) => void) => void} update
 * @property {() => void} end
 */

/**
 * A component's default export. Streamlit may call the cleanup of an overtaken call after the next call has begun, and on a busy machine
 * long before the next call: only the cleanup of the latest call ends the view, and only once its element has left the page. An element
 * that stays keeps its view, what is typed there, and one set of listeners.
 * @template Data
 * @param {string} selector
 * @param {(root: HTMLElement) => View<Data>} create
 */
export function mountOnce(selector, create) {
  /** @type {WeakMap<HTMLElement, {view: View<Data>, calls: number}>} */
  const mounted = new WeakMap()
  return (/** @type {Component<Data>} */ { data, parentElement, setStateValue }) => {
    const root = /** @type {HTMLElement | null} */ (parentElement.querySelector(selector))
    if (!root || data === null || data === undefined) return () => {}
    const held = mounted.get(root) ?? { view: create(root), calls: 0 }
    mounted.set(root, held)
    const call = ++held.calls
    held.view.update(data, setStateValue)
    const endOnceGone = () => {
      if (held.calls !== call || mounted.get(root) !== held) return
      if (root.isConnected) return void setTimeout(endOnceGone, AGAIN)
      mounted.delete(root)
      held.view.end()
    }
    return () => setTimeout(endOnceGone)
  }
}

/**
 * The element of a selector, which the component's HTML must have.
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {any}
 */
export function find(root, selector) {
  const found = root.querySelector(selector)
  if (!found) throw new Error(`the component has no element ${selector}`)
  return found
}
