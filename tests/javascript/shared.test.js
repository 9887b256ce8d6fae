// @ts-check
// What every component relies on: checked answers, and one view per element. The server is a real one.

import assert from "node:assert/strict"
import { createServer } from "node:http"
import { after, before, test } from "node:test"

import { explainLoss } from "../../dashboard/components/connection/connection.js"
import { describeGrowth } from "../../dashboard/components/connection/growth.js"
import { Steps } from "../../dashboard/components/connection/steps.js"
import { BYTES, fetchChecked, readBytes, versionOf } from "../../dashboard/components/shared/fetching.js"
import { mountOnce } from "../../dashboard/components/shared/mounting.js"

/** @type {Record<string, [number, string, string]>} status, type and body by path */
const ANSWERS = {
  "/bytes": [200, BYTES, "12345678"],
  "/index": [200, "text/html; charset=utf-8", "<!doctype html>"],
  "/refused": [404, "text/plain; charset=utf-8", "the store holds no such clip"],
  "/broken": [500, "text/html", "<h1>Internal Server Error</h1>"],
}
let address = ""
const server = createServer((request, response) => {
  const [status, type, body] = ANSWERS[request.url ?? ""]
  response.writeHead(status, { "content-type": type }).end(body)
})

before(() => new Promise(done => {
  server.listen(0, "127.0.0.1", () => {
    address = `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`
    done(undefined)
  })
}))
after(() => server.close())

test("bytes of the promised type and length are handed on", async () => {
  const bytes = await readBytes(await fetchChecked(`${address}/bytes`, BYTES), 8)
  assert.equal(new TextDecoder().decode(bytes), "12345678")
})

test("a page in place of bytes, and bytes of another length, are refused", async () => {
  await assert.rejects(fetchChecked(`${address}/index`, BYTES), /sent text\/html in place of application\/octet-stream/)
  await assert.rejects(fetchChecked(`${address}/bytes`, BYTES).then(response => readBytes(response, 9)), /8 bytes in place of 9/)
})

test("a refusal of our own is said as it is, any other by its status", async () => {
  await assert.rejects(fetchChecked(`${address}/refused`, BYTES), { message: "the store holds no such clip" })
  await assert.rejects(fetchChecked(`${address}/broken`, BYTES), /status 500/)
})

test("a server that is gone is said to be, with what to do", async () => {
  await assert.rejects(fetchChecked("http://127.0.0.1:1/bytes", BYTES), /does not answer: start it again with `tubelet dashboard/)
})

test("a lost server is explained by what starts it again, and nothing else is reworded", () => {
  const command = "tubelet dashboard --store films"
  assert.match(explainLoss("Streamlit server is not responding. Are you connected to the internet?", command) ?? "", /Start it again with: tubelet dashboard --store films\./)
  assert.match(explainLoss("Is Streamlit still running? If you accidentally stopped Streamlit, just restart it in your terminal:", command) ?? "", /has stopped/)
  assert.equal(explainLoss("streamlit run yourscript.py", command), command)
  assert.equal(explainLoss("Clear caches", command), null)
})

test("modules know their version from their address", () => {
  assert.equal(versionOf("http://127.0.0.1:8501/base/components/0123abcd/shared/fetching.js"), "0123abcd")
  assert.equal(versionOf("file:///repository/dashboard/components/shared/fetching.js"), "")
})

/** A component that notes what happens to it, in an element of its own. */
function noteCalls() {
  /** @type {string[]} */
  const notes = []
  const root = { isConnected: false }
  const parentElement = /** @type {any} */ ({ querySelector: () => root })
  const mount = mountOnce(".it", () => (notes.push("made"), { update: (/** @type {string} */ data) => notes.push(data), end: () => notes.push("ended") }))
  return { notes, root, call: (/** @type {string | null} */ data) => mount({ data: /** @type {any} */ (data), parentElement, setStateValue: () => {} }) }
}

const settle = () => new Promise(done => setTimeout(done, 5))

test("a view is made once, told of every call, and ended after the last", async () => {
  const { notes, call } = noteCalls()
  call("one")
  const end = call("two")
  end()
  await settle()
  assert.deepEqual(notes, ["made", "one", "two", "ended"])
  call("three")
  assert.deepEqual(notes.slice(4), ["made", "three"])
})

test("the cleanup of an overtaken call ends nothing, whether it comes before or after the next call", async () => {
  const { notes, call } = noteCalls()
  const first = call("one")
  first()
  const second = call("two")
  first()
  await settle()
  assert.deepEqual(notes, ["made", "one", "two"])
  second()
  await settle()
  assert.equal(notes.at(-1), "ended")
})

test("an element that stays in the page keeps its view, however long the next call takes", async () => {
  const { notes, root, call } = noteCalls()
  root.isConnected = true
  call("one")()
  await new Promise(done => setTimeout(done, 600))
  const end = call("two")
  assert.deepEqual(notes, ["made", "one", "two"])
  end()
  await settle()
  root.isConnected = false
  await new Promise(done => setTimeout(done, 600))
  assert.deepEqual(notes, ["made", "one", "two", "ended"])
})

test("without data nothing is made", () => {
  const { notes, call } = noteCalls()
  call(null)
  assert.deepEqual(notes, [])
})

test("on the way to another page, only the arrival there is a step", () => {
  let now = 0
  const steps = new Steps(() => now)
  const url = (/** @type {string} */ path) => new URL(path, "http://127.0.0.1/")
  assert.ok(steps.isStep(url("/video?slice=1"), url("/video?slice=2")), "a change of the page's own")
  steps.follow()
  assert.ok(!steps.isStep(url("/?search=a"), url("/?encoder=e")), "the last page's parameters are taken out")
  assert.ok(steps.isStep(url("/?search=a"), url("/video?encoder=e")))
  assert.ok(steps.isStep(url("/video?encoder=e"), url("/video?encoder=f")), "and after it")
  steps.follow()
  steps.arrive()
  assert.ok(steps.isStep(url("/?search=a"), url("/?search=b")))
  steps.follow()
  now = 60_000
  assert.ok(steps.isStep(url("/?search=a"), url("/?search=b")), "a link that leads nowhere is forgotten")
})

test("a store that has grown is told in the largest unit that changed", () => {
  const drawn = { videos: 2, clips: 10 }
  assert.equal(describeGrowth(drawn, drawn), "")
  assert.equal(describeGrowth(drawn, { videos: 3, clips: 14 }), "1 new video")
  assert.equal(describeGrowth(drawn, { videos: 1202, clips: 14 }), "1,200 new videos")
  assert.equal(describeGrowth(drawn, { videos: 2, clips: 11 }), "1 new clip")
  assert.equal(describeGrowth(drawn, { videos: 1, clips: 14 }), "The store holds fewer videos now")
})
