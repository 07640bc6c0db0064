// Keys that step through the layers: [ and ] along the trunk, with Shift through a branch's parts.
//
// On many keyboards [ and ] need AltGr, which some systems report as Ctrl and Alt: what counts is the
// character. Python is told how far the keys have gone in all, so that no press is lost while the
// script runs.

const STEPS = { "[": ["trunk", -1], "]": ["trunk", 1], "{": ["parts", -1], "}": ["parts", 1] };
const CODES = { BracketLeft: -1, BracketRight: 1 };

class LayerKeys {
  constructor() {
    this.id = `${performance.timeOrigin}-${performance.now()}`;
    this.totals = { trunk: 0, parts: 0 };
    this.onKey = (event) => this.press(event);
    this.onClick = (event) => this.click(event);
    window.addEventListener("keydown", this.onKey);
    window.addEventListener("click", this.onClick, true);
  }

  update(data, send) {
    this.data = data;
    this.send = send;
    for (const [selector, by] of Object.entries(data.buttons)) {
      for (const button of document.querySelectorAll(`${selector} button`))
        button.setAttribute("aria-keyshortcuts", by < 0 ? "[" : "]");
    }
  }

  press(event) {
    if (event.defaultPrevented || isTyping(event) || hasCommand(event)) return;
    const found = STEPS[event.key];
    if (!found) return;
    const isPart = event.shiftKey && event.code in CODES;
    this.step(isPart ? "parts" : found[0], found[1]);
    event.preventDefault();
  }

  // A click with Shift on one of the buttons steps through the parts; Streamlit does not say how a
  // button was clicked.
  click(event) {
    if (!event.shiftKey) return;
    for (const [selector, by] of Object.entries(this.data.buttons)) {
      const button = event.target.closest?.(selector)?.querySelector("button");
      if (!button?.contains(event.target)) continue;
      event.preventDefault();
      event.stopPropagation();
      this.step("parts", by);
    }
  }

  step(along, by) {
    this.totals = { ...this.totals, [along]: this.totals[along] + by };
    this.send("steps", { id: this.id, ...this.totals });
  }

  destroy() {
    window.removeEventListener("keydown", this.onKey);
    window.removeEventListener("click", this.onClick, true);
  }
}

function isTyping(event) {
  const target = event.composedPath()[0];
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

// Whether a modifier makes it a command of the browser instead of a character.
function hasCommand(event) {
  if (event.metaKey) return true;
  if (event.getModifierState("AltGraph")) return false;
  if (event.ctrlKey) return !(event.altKey && !(event.code in CODES));
  return event.altKey && event.code in CODES;
}

export default mount(LayerKeys);
