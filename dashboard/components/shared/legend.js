// @ts-check
// The entries of a legend: a color beside what it means.

/** @param {{text: string, color: string}[]} entries */
export function drawSwatches(entries) {
  return entries.map(({ text, color }) => {
    const item = document.createElement("span")
    const bar = document.createElement("b")
    bar.style.background = color
    if (!color.startsWith("linear")) bar.className = "one"
    item.append(bar, text)
    return item
  })
}
