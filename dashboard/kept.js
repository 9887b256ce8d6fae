// What is fetched of each window, once an address: a value, or an Error that says why there is none.

class Kept {
  constructor(read, arrived) {
    this.read = read // (Response, window) -> value
    this.arrived = arrived // called with the window when there is news of it
    this.held = new Map() // window id -> {url, value, underWay}
  }

  clear() {
    this.held.clear()
  }

  // What there is, without asking for it; null while it is under way.
  seen(window) {
    const entry = this.held.get(window?.id)
    return entry && !entry.underWay ? entry.value : null
  }

  // What is drawn: until the answer of a new address is there, that of the last one.
  of(window, url) {
    if (this.held.get(window.id)?.url !== url) this.fetch(window, url)
    return this.held.get(window.id).value
  }

  fetch(window, url) {
    const last = this.held.get(window.id)?.value
    const entry = { url, value: last instanceof Error ? null : last ?? null, underWay: true }
    const settle = value => Object.assign(entry, { value, underWay: false })
    this.held.set(window.id, entry)
    fetch(url)
      .then(async answer => (answer.ok ? this.read(answer, window) : Promise.reject(new Error(await answer.text()))))
      .then(settle, settle)
      .finally(() => this.held.get(window.id) === entry && this.arrived(window))
  }
}
