// @ts-check
// The queries that this browser has run, the newest first.

const KEY = "tubelet-queries"
const MOST = 50
const LONGEST = 20_000

/**
 * @param {Storage} storage
 * @returns {string[]}
 */
export function readRecent(storage) {
  try {
    const found = JSON.parse(storage.getItem(KEY) ?? "[]")
    return Array.isArray(found) ? found.filter(query => typeof query === "string") : []
  } catch {
    return []
  }
}

/**
 * @param {Storage} storage
 * @param {string} query
 * @returns {string[]} all of them
 */
export function rememberQuery(storage, query) {
  const kept = readRecent(storage)
  if (!query.trim() || query.length > LONGEST || kept[0] === query) return kept
  const all = [query, ...kept.filter(one => one !== query)].slice(0, MOST)
  try {
    storage.setItem(KEY, JSON.stringify(all))
  } catch {
    // a browser that keeps nothing: the list lasts as long as the page
  }
  return all
}

/**
 * Where a failure stands in a text: from and to, as offsets.
 * @param {string} text
 * @param {import("./contract.js").Failure} failure
 */
export function locateFailure(text, failure) {
  const lines = text.split("\n")
  const line = lines[failure.line - 1] ?? ""
  const start = lines.slice(0, failure.line - 1).reduce((sum, one) => sum + one.length + 1, 0)
  const place = line.lastIndexOf(failure.before)
  const from = start + (place < 0 ? 0 : place + failure.before.length)
  const word = /^[\w"]+/.exec(text.slice(from))?.[0].length ?? 0
  const to = Math.min(text.length, from + Math.max(word, 1))
  return { from: Math.min(from, to), to }
}
