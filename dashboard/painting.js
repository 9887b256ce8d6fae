// Pixels of one slice on a canvas: colors, heat, mask, picture. A canvas says in its data which slice it shows, and nothing while it shows none.

const HEAT = [255, 150, 20]
const MASK = [30, 200, 255, 255]
const EDGE = [255, 255, 255, 255]
const FINE = 8 // pixels of a mask a patch

const painting = {
  blank(canvas) {
    delete canvas.dataset.slice
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height)
  },

  // bytes: uint8 (S, H, W, 3)
  colors(canvas, { id, w, h }, slice, bytes) {
    put(canvas, w, h, data => {
      for (let to = 0, from = 3 * w * h * slice; to < data.length; to += 4, from += 3) {
        data[to] = bytes[from]
        data[to + 1] = bytes[from + 1]
        data[to + 2] = bytes[from + 2]
        data[to + 3] = 255
      }
    })
    canvas.dataset.clip = id
    canvas.dataset.slice = slice
  },

  // Likeness to the patches that were taken, uint8 (S, H, W): nothing below the level that unrelated patches reach, full at a cosine of 1.
  heat(canvas, { w, h }, slice, heat) {
    put(canvas, w, h, data => {
      for (let patch = 0; patch < w * h; patch++) data.set([...HEAT, heat[slice * w * h + patch]], 4 * patch)
    })
    canvas.dataset.slice = slice
  },

  // Foreground by scores, float32 (S, H, W): above one half, patch by patch or, smooth, between their centers; as in dashboard/films.py.
  mask(canvas, { w, h }, slice, scores, smooth) {
    const fine = enlarged(scores.subarray(slice * w * h, (slice + 1) * w * h), w, h, smooth).map(score => score > 0.5)
    const wide = w * FINE
    const edge = pixel => {
      const x = pixel % wide
      return (x && !fine[pixel - 1]) || (x < wide - 1 && !fine[pixel + 1]) || fine[pixel - wide] === 0 || fine[pixel + wide] === 0
    }
    put(canvas, wide, h * FINE, data => fine.forEach((inside, pixel) => inside && data.set(edge(pixel) ? EDGE : MASK, 4 * pixel)))
    canvas.dataset.slice = slice
  },

  // One slice's picture from the sheet of its window; tile: height and width in pixels.
  picture(canvas, window, slice, sheet, [height, width]) {
    fit(canvas, width, height)
    const columns = Math.ceil(Math.sqrt(window.slices))
    const from = [(slice % columns) * width, Math.floor(slice / columns) * height]
    canvas.getContext("2d").drawImage(sheet, ...from, width, height, 0, 0, width, height)
    canvas.dataset.slice = slice
  },
}

function fit(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
}

function put(canvas, width, height, fill) {
  fit(canvas, width, height)
  const context = canvas.getContext("2d")
  const image = context.createImageData(width, height)
  fill(image.data)
  context.putImageData(image, 0, 0)
}

// Smooth: bilinear between patch centers, level beyond the outermost, as latent/masks.py has it. Else patch by patch.
function enlarged(scores, w, h, smooth) {
  const result = new Float32Array(w * h * FINE * FINE)
  const [across, down] = [between(w, smooth), between(h, smooth)]
  for (let y = 0; y < h * FINE; y++) {
    const [top, bottom, low] = down[y]
    for (let x = 0; x < w * FINE; x++) {
      const [left, right, far] = across[x]
      const upper = scores[top * w + left] * (1 - far) + scores[top * w + right] * far
      const lower = scores[bottom * w + left] * (1 - far) + scores[bottom * w + right] * far
      result[y * w * FINE + x] = upper * (1 - low) + lower * low
    }
  }
  return result
}

// Of each pixel of a side: the patches before and after it, and how much the second one counts.
function between(patches, smooth) {
  return Array.from({ length: patches * FINE }, (_, pixel) => {
    const place = (pixel + 0.5) / FINE - 0.5
    const center = Math.min(Math.max(smooth ? place : Math.round(place), 0), patches - 1)
    const before = Math.floor(center)
    return [before, Math.min(before + 1, patches - 1), center - before]
  })
}
