"""The keyboard alone: every control of a page is reached by Tab, shows that it has the focus, and lets it go again."""

from dataclasses import dataclass

from tests.browsing import Visit

MOST, STAYS = (
    400,
    60,
)  # presses of Tab: on a page, and on one control, such as a table whose cells it goes through
CONTROLS = "a[href], button, input, select, textarea, summary, canvas[tabindex], [contenteditable=true], [tabindex='0']"
PREPARE = """selector => {
  const above = element => element.parentElement ?? element.getRootNode().host
  const look = element => { const s = getComputedStyle(element); return [s.outlineStyle === "none" ? "" : s.outlineWidth + s.outlineColor, s.boxShadow, s.borderColor, s.backgroundColor, s.color, s.opacity, s.textDecorationLine].join() }
  const around = element => { const found = []; for (let at = element; at && found.length < 6; at = above(at)) found.push(at); return found }
  const all = root => [...root.querySelectorAll("*")].flatMap(one => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])])
  const visible = element => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length && !element.closest("[inert], [aria-hidden=true]")
  const controls = all(document).filter(one => one.matches(selector) && visible(one) && !one.disabled && one.tabIndex >= 0 && !one.shadowRoot && one.tagName !== "MAIN")
  const active = () => { let at = document.activeElement; while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement; return at }
  const name = element => [element.tagName, element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 40), element.closest("[data-testid]")?.dataset.testid ?? ""].join(" ")
  document.head.append(Object.assign(document.createElement("style"), { textContent: "* { transition: none !important }" }))
  active()?.blur?.()
  window.keyboard = { seen: new Set(), dim: new Set(), controls, active, name, look, around, before: new Map(controls.map(control => [control, around(control).map(look)])) }
}"""
STEP = """async () => {
  const { seen, dim, look, around, before, active, name } = window.keyboard
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
  const at = active()
  if (!at || at === document.body || (at !== window.keyboard.last && at === [...seen][0])) return { where: "end" }
  const again = seen.has(at) && window.keyboard.last !== at
  window.keyboard.last = at
  if (seen.has(at)) return { where: again ? "again" : "same", name: name(at) }
  seen.add(at)
  const was = before.get(at)
  if (was && around(at).map(look).every((now, n) => now === was[n])) dim.add(at)
  return { where: "on", editor: at.matches(".cm-content") }
}"""
REPORT = """() => {
  const { seen, dim, controls, name } = window.keyboard
  const group = one => one.getAttribute("role") === "radio" || one.type === "radio" ? one.closest("[role=radiogroup]") ?? one.parentElement : null
  const groups = new Set([...seen].map(group).filter(Boolean)), names = new Set([...seen].map(name)) // what is drawn again is another node of the same name
  return { missed: controls.filter(one => one.isConnected && !names.has(name(one)) && !groups.has(group(one))).map(name), dim: [...dim].map(name) }
}"""


@dataclass(frozen=True)
class Tabbed:
    """Controls that Tab never reached, those that look no different with the focus, and where it went round before the end."""

    missed: list[str]
    unseen: list[str]
    trapped: str


def walk_by_tab(visit: Visit) -> Tabbed:
    """Press Tab from the top of the page until it leaves its end; Escape first in the editor, as its help says.

    What is drawn again while it has the focus loses it: a page whose controls were missed is walked once more.
    """
    found = _walk(visit)
    return _walk(visit) if found.missed or found.trapped else found


def _walk(visit: Visit) -> Tabbed:
    page, stays, trapped = visit.page, 0, ""
    page.evaluate(PREPARE, CONTROLS)
    step, before = {"where": "on"}, ""
    for _ in range(MOST):
        if step.get("editor"):
            page.keyboard.press("Escape")
        page.keyboard.press("Tab")
        before, step = step["where"], page.evaluate(STEP)
        stays = stays + 1 if step["where"] == "same" else 0
        if before == "end" and step["where"] != "on":
            break  # from the end to the top again; after a control that was drawn again, it goes on
        if step["where"] == "again" or stays > STAYS:
            trapped = step["name"]
            break
    found = page.evaluate(REPORT)
    return Tabbed(found["missed"], found["dim"], trapped)
