// @ts-check
// Everything a component fetches passes here: status, kind, version and length are checked before anything is drawn.

export const BYTES = "application/octet-stream"
const VERSION_HEADER = "tubelet-modules" // the version of the modules that the answering server has; see dashboard/media.py

/** The version in the address of these modules: components/VERSION/shared/fetching.js; empty where they were not served. */
export const version = versionOf(import.meta.url)

/** @param {string} address */
export function versionOf(address) {
  return /\/components\/([0-9a-f]+)\//.exec(address)?.[1] ?? ""
}

/**
 * Fetch an address and check what answers. Throws an Error whose message completes "No colors: ...".
 * @param {string} url
 * @param {string} kind media type, such as "application/octet-stream" or "image/jpeg"
 */
export async function fetchChecked(url, kind) {
  const response = await reach(url)
  const type = (response.headers.get("content-type") ?? "").split(";")[0].trim()
  if (!response.ok) throw new Error(await explain(response, type))
  if (type !== kind) throw new Error(`the server sent ${type || "data without a type"} in place of ${kind}; reload the page, and check the address if this stays`)
  const answering = response.headers.get(VERSION_HEADER)
  if (version && answering && answering !== version) throw new Error("the dashboard has been updated: reload the page")
  return response
}

/**
 * @param {Response} response
 * @param {number} length
 */
export async function readBytes(response, length) {
  const bytes = await response.arrayBuffer()
  checkLength(bytes.byteLength, length)
  return bytes
}

/**
 * @param {number} found
 * @param {number} wanted
 */
export function checkLength(found, wanted) {
  if (found !== wanted) throw new Error(`the server sent ${found} bytes in place of ${wanted}: reload the page`)
}

/** @param {string} url */
async function reach(url) {
  try {
    return await fetch(url)
  } catch {
    throw new Error("the dashboard's server does not answer: start it again with `tubelet dashboard --store STORE`")
  }
}

/**
 * Our routes say in one plain sentence why there is nothing; anything else is not ours.
 * @param {Response} response
 * @param {string} type
 */
async function explain(response, type) {
  if (type === "text/plain") return response.text()
  return `the server answered with status ${response.status}: reload the page`
}
