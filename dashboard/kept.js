// What is fetched of each window, once: null until it is there, then the value, or an Error that says why there is none.

class Kept {
  constructor(read, arrived) {
    this.read = read // (Response, window) -> value
    this.arrived = arrived // called with the window when there is news of it
    this.held = new Map() // window id -> value, or a promise of one
  }

  clear() {
    this.held.clear()
  }

  // What there is, without asking for it.
  seen(window) {
    const value = this.held.get(window?.id)
    return value instanceof Promise ? null : value ?? null
  }

  of(window, url) {
    if (!this.held.has(window.id)) this.fetch(window, url)
    return this.seen(window)
  }

  fetch(window, url) {
    const settle = value => this.held.get(window.id) === fetched && this.held.set(window.id, value)
    const fetched = fetch(url)
      .then(async answer => (answer.ok ? this.read(answer, window) : Promise.reject(new Error(await answer.text()))))
      .then(settle, settle)
      .finally(() => this.arrived(window))
    this.held.set(window.id, fetched)
  }
}
