// The matrix of a pair: patches x dimensions, a shared slice at a time. Everything is drawn from bytes that came once;
// the server hears only of a cell that was clicked.

const NONE = 128
const STEPS = 127
const PLAY_MS = 350
const CELL = 12 // pixels of a patch in the map

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".matrix")
  if (!root || !data) return
  const known = root.viewer
  if (known && known.id === header(data).id) {
    known.tell = setStateValue
    known.restyle()
    return known.stop
  }
  if (known) known.stop()
  root.viewer = viewer(root, unpacked(data), setStateValue)
  return root.viewer.stop
}

// A number of bytes, JSON of that length, then the arrays that it names, each [first byte, bytes].
function header(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true)
  return JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
}

function unpacked(bytes) {
  const head = header(bytes)
  const part = name => bytes.subarray(head.parts[name][0], head.parts[name][0] + head.parts[name][1])
  const floats = name => new Float32Array(part(name).slice().buffer)
  const order = new Uint16Array(part("order").slice().buffer)
  return { ...head, codes: part("differences"), values: part("values"), low: floats("low"), step: floats("step"), order, a: part("sheet_a"), b: part("sheet_b") }
}

// The cell and the slice that the address names, where this pair has them.
function addressed(pair) {
  const given = new URLSearchParams(window.location.search)
  const whole = (name, size) => (given.has(name) && Number(given.get(name)) < size && Number(given.get(name)) >= 0 ? Math.floor(Number(given.get(name))) : null)
  const [dim, y, x] = [whole("dim", pair.dim), whole("y", pair.rows), whole("x", pair.columns)]
  return { slice: whole("slice", pair.slices) || 0, cell: dim === null || y === null || x === null ? null : { dim, patch: y * pair.columns + x } }
}

function viewer(root, pair, setStateValue) {
  const find = name => root.querySelector(name)
  const patches = pair.rows * pair.columns
  const places = new Uint16Array(pair.dim)
  const state = { id: pair.id, tell: setStateValue, ...addressed(pair), byEffect: false, timer: 0, pictures: {}, means: [], colors: null }
  const canvas = find(".values")
  canvas.width = pair.dim
  canvas.height = patches
  find(".slice").max = pair.slices - 1

  const shown = place => (state.byEffect ? pair.order[place] : place)
  const code = (slice, patch, dim) => pair.codes[(slice * patches + patch) * pair.dim + dim]
  const difference = (slice, patch, dim) => ((code(slice, patch, dim) - NONE) * pair.range) / STEPS
  const number = value => (value === 0 ? "0" : Math.abs(value) >= 0.001 && Math.abs(value) < 10000 ? value.toPrecision(3) : value.toExponential(2))

  const patchName = patch => `patch (${Math.floor(patch / pair.columns)}, ${patch % pair.columns})`

  function draw() {
    const context = canvas.getContext("2d")
    const image = context.createImageData(pair.dim, patches)
    const pixels = new Uint32Array(image.data.buffer)
    const first = state.slice * patches * pair.dim
    for (let place = 0; place < pair.dim; place++) places[place] = shown(place)
    for (let patch = 0, pixel = 0; patch < patches; patch++) {
      const row = first + patch * pair.dim
      for (let place = 0; place < pair.dim; place++) pixels[pixel++] = state.colors[pair.codes[row + places[place]]]
    }
    context.putImageData(image, 0, 0)
    canvas.style.imageRendering = canvas.clientWidth < pair.dim || canvas.clientHeight < patches ? "auto" : "pixelated"
    canvas.setAttribute("aria-label", `Differences on shared slice ${state.slice} of 0 to ${pair.slices - 1}: ${patches} patches by ${pair.dim} dimensions`)
    find(".slice").value = state.slice
    find(".where").textContent = `shared slice ${state.slice} of 0\u2013${pair.slices - 1}, ${pair.times[state.slice].map(time => time.toFixed(2)).join("\u2013")} s`
    find(".slice-a").textContent = state.slice + pair.offset
    find(".slice-b").textContent = state.slice
    drawPicture(".a", state.slice + pair.offset)
    drawPicture(".b", state.slice)
    mark()
  }

  function drawPicture(name, slice) {
    const picture = state.pictures[name], target = find(".picture" + name)
    if (!picture) return
    const [height, width] = pair.tile
    target.width = width
    target.height = height
    target.getContext("2d").drawImage(picture, ...tile(slice), 0, 0, width, height)
  }

  // Left, top, width and height of a slice's picture on the sheet of its clip.
  function tile(slice) {
    const [height, width] = pair.tile
    return [(slice % pair.tiles_a_row) * width, Math.floor(slice / pair.tiles_a_row) * height, width, height]
  }

  function mark() {
    const chosen = state.cell
    for (const name of [".column", ".row"]) find(name).style.display = chosen ? "block" : "none"
    if (!chosen) {
      find(".reading").textContent = "Point at a cell to read it; click it to keep its dimension and its patch."
    } else {
      const place = state.byEffect ? pair.order.indexOf(chosen.dim) : chosen.dim
      Object.assign(find(".column").style, { left: `${(100 * place) / pair.dim}%`, width: `max(3px, ${100 / pair.dim}%)` })
      Object.assign(find(".row").style, { top: `${(100 * chosen.patch) / patches}%`, height: `max(3px, ${100 / patches}%)` })
      find(".reading").innerHTML = reading(chosen)
    }
    drawMap(chosen)
    drawCurves(chosen)
  }

  function reading(cell) {
    const value = code(state.slice, cell.patch, cell.dim), change = difference(state.slice, cell.patch, cell.dim)
    const beyond = Math.abs(value - NONE) === STEPS && pair.range > 0 ? " or beyond" : ""
    const spot = `${patchName(cell.patch)}, dimension ${cell.dim}`
    const parts = [`<b>${spot}</b>`, `B &minus; A = <b>${number(change)}</b>${beyond} (&plusmn; ${number(pair.range / STEPS / 2)})`]
    if (pair.values.length) {
      const a = pair.low[cell.dim] + pair.values[(state.slice * patches + cell.patch) * pair.dim + cell.dim] * pair.step[cell.dim]
      parts.push(`A = ${number(a)}, B = ${number(a + change)} (&plusmn; ${number(pair.step[cell.dim] / 2)})`)
    }
    return parts.join(" &middot; ")
  }

  // Over the frame: the chosen dimension in the colors of the matrix, or how far each patch differs, up to the largest.
  function drawMap(chosen) {
    const means = chosen ? [] : Array.from({ length: patches }, (_, patch) => meanOfPatch(patch))
    const most = Math.max(...means, 0)
    const target = find(".map"), context = target.getContext("2d"), picture = state.pictures[".a"]
    target.width = pair.columns * CELL
    target.height = pair.rows * CELL
    if (picture) context.drawImage(picture, ...tile(state.slice + pair.offset), 0, 0, target.width, target.height)
    for (let patch = 0; patch < patches; patch++) {
      const value = chosen ? code(state.slice, patch, chosen.dim) : NONE + Math.round((STEPS * means[patch]) / (most || 1))
      const [y, x] = [Math.floor(patch / pair.columns), patch % pair.columns]
      const color = state.colors[value]
      context.fillStyle = `rgba(${color & 255}, ${(color >> 8) & 255}, ${(color >> 16) & 255}, ${picture ? 0.8 : 1})`
      context.fillRect(x * CELL, y * CELL, CELL, CELL)
    }
    if (chosen) outline(context, chosen.patch)
    find(".map-title").textContent = chosen ? `dimension ${chosen.dim} over the frame of A` : `mean |B \u2212 A| of each patch, 0 to ${number((most * pair.range) / STEPS)}`
    target.setAttribute("aria-label", find(".map-title").textContent)
  }

  function outline(context, patch) {
    context.strokeStyle = getComputedStyle(root).color
    context.lineWidth = 2
    context.strokeRect((patch % pair.columns) * CELL, Math.floor(patch / pair.columns) * CELL, CELL, CELL)
  }

  function meanOfPatch(patch) {
    let sum = 0
    const first = (state.slice * patches + patch) * pair.dim
    for (let dim = 0; dim < pair.dim; dim++) sum += Math.abs(pair.codes[first + dim] - NONE)
    return sum / pair.dim
  }

  // Mean |code| of a slice over the cells from `first`, `step` apart, up to `stop`.
  function meanOf(slice, first, stop, step) {
    const start = slice * patches * pair.dim
    let sum = 0, count = 0
    for (let at = first; at < stop; at += step, count++) sum += Math.abs(pair.codes[start + at] - NONE)
    return ((sum / count) * pair.range) / STEPS
  }

  function drawCurves(chosen) {
    const all = patches * pair.dim
    const ofAll = slice => (state.means[slice] ??= meanOf(slice, 0, all, 1))
    const ofDim = slice => meanOf(slice, chosen.dim, all, pair.dim)
    drawCurve(".of-dim", ".curve-title", `${chosen ? `dimension ${chosen.dim}` : "all cells"}: mean |B \u2212 A|`, chosen ? ofDim : ofAll)
    find(".patch").style.display = chosen ? "block" : "none"
    if (!chosen) return
    const row = chosen.patch * pair.dim
    drawCurve(".of-patch", ".patch-title", `${patchName(chosen.patch)}: mean |B \u2212 A| over dimensions`, slice => meanOf(slice, row, row + pair.dim, 1))
  }

  function drawCurve(curve, title, what, mean) {
    const values = Array.from({ length: pair.slices }, (_, slice) => mean(slice))
    const most = Math.max(...values)
    const x = slice => (pair.slices > 1 ? (240 * slice) / (pair.slices - 1) : 120)
    const points = values.map((value, slice) => `${x(slice).toFixed(1)},${(70 - (66 * value) / (most || 1)).toFixed(1)}`).join(" ")
    find(curve).innerHTML = `<line x1="${x(state.slice)}" x2="${x(state.slice)}" y1="0" y2="72"></line><polyline points="${points}"></polyline>`
    find(title).textContent = `${what}, by shared slice, 0 to ${number(most)}`
    find(curve).setAttribute("aria-label", find(title).textContent)
  }

  function cellAt(event) {
    const box = canvas.getBoundingClientRect(), edge = canvas.clientLeft
    const place = Math.floor(((event.clientX - box.left - edge) / canvas.clientWidth) * pair.dim)
    const patch = Math.floor(((event.clientY - box.top - edge) / canvas.clientHeight) * patches)
    if (place < 0 || place >= pair.dim || patch < 0 || patch >= patches) return null
    return { dim: shown(place), patch }
  }

  function choose(cell) {
    state.cell = cell
    mark()
    if (cell) state.tell("cell", { dim: cell.dim, y: Math.floor(cell.patch / pair.columns), x: cell.patch % pair.columns, slice: state.slice })
  }

  function play(wanted) {
    clearInterval(state.timer)
    state.timer = wanted ? setInterval(() => { state.slice = (state.slice + 1) % pair.slices; draw() }, PLAY_MS) : 0
    find(".play").textContent = wanted ? "\u275A\u275A" : "\u25B6"
  }

  canvas.onmousemove = event => { const cell = cellAt(event); if (cell) find(".reading").innerHTML = reading(cell) }
  canvas.onmouseleave = mark
  canvas.onclick = event => choose(cellAt(event))
  canvas.onkeydown = event => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
    if (!step) return
    event.preventDefault()
    const cell = state.cell || { dim: shown(0), patch: 0 }
    const place = state.byEffect ? pair.order.indexOf(cell.dim) : cell.dim
    const within = (value, size) => Math.min(size - 1, Math.max(0, value))
    choose({ dim: shown(within(place + step[0], pair.dim)), patch: within(cell.patch + step[1], patches) })
  }
  find(".map").onclick = event => {
    const box = find(".map").getBoundingClientRect()
    const x = Math.floor(((event.clientX - box.left) / box.width) * pair.columns), y = Math.floor(((event.clientY - box.top) / box.height) * pair.rows)
    choose({ dim: state.cell ? state.cell.dim : pair.order[0], patch: y * pair.columns + x })
  }
  find(".slice").oninput = event => { play(false); state.slice = Number(event.target.value); draw() }
  find(".by-effect").onchange = event => { state.byEffect = event.target.checked; draw() }
  find(".play").onclick = () => play(!state.timer)

  state.restyle = () => {
    state.colors = colors(root)
    drawLegend(find, pair, state.colors, number)
    find(".axes").textContent = `${patches} patches (rows, from the top left) \u00D7 ${pair.dim} dimensions (columns)`
    draw()
  }
  state.stop = () => { clearInterval(state.timer); state.observer.disconnect() }
  state.observer = new ResizeObserver(() => draw())
  state.restyle()
  state.observer.observe(canvas)
  for (const [name, bytes] of [[".a", pair.a], [".b", pair.b]]) {
    find(`.picture${name}`).parentElement.hidden = !bytes.length
    if (bytes.length) createImageBitmap(new Blob([bytes.slice()], { type: "image/jpeg" })).then(picture => { state.pictures[name] = picture; draw() })
  }
  return state
}

// Blue below, orange above, the page's own background where nothing differs: apart for every kind of color vision.
function colors(root) {
  const style = getComputedStyle(root)
  const dark = luminance(rgb(style.getPropertyValue("--st-background-color"))) < 0.5
  const middle = rgb(style.getPropertyValue("--st-background-color"))
  const ends = dark ? [[96, 190, 245], [250, 165, 70]] : [[8, 81, 156], [179, 80, 4]]
  const table = new Uint32Array(256)
  for (let code = 1; code < 256; code++) {
    const share = Math.abs(code - NONE) / STEPS, end = ends[code < NONE ? 0 : 1]
    const [red, green, blue] = middle.map((value, channel) => Math.round(value + (end[channel] - value) * share))
    table[code] = (255 << 24) | (blue << 16) | (green << 8) | red
  }
  return table
}

function drawLegend(find, pair, table, number) {
  const context = find(".scale").getContext("2d"), image = context.createImageData(255, 1)
  new Uint32Array(image.data.buffer).set(table.subarray(1))
  context.putImageData(image, 0, 0)
  find(".low").textContent = pair.range ? `B \u2212 A: \u2264 ${number(-pair.range)}` : "B \u2212 A is 0 everywhere"
  find(".high").textContent = pair.range ? `\u2265 ${number(pair.range)}` : ""
}

function rgb(text) {
  const hex = text.trim().replace("#", "")
  if (/^[0-9a-f]{6}/i.test(hex)) return [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16))
  const found = text.match(/\d+/g)
  return found ? found.slice(0, 3).map(Number) : [255, 255, 255]
}

function luminance([red, green, blue]) {
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
}
