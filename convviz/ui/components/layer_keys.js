// Keys that step through the layers: [ and ] along the trunk, with Shift through a branch's parts.
//
// On many keyboards [ and ] need AltGr, which some systems report as Ctrl and Alt: what counts is the
// character. Python is told how far the keys have gone in all, so that no press is lost while the
// script runs; the page is told as well, so that it can draw the layer before Python answers.

const STEPS = { "[": ["trunk", -1], "]": ["trunk", 1], "{": ["parts", -1], "}": ["parts", 1] };
const CODES = { BracketLeft: -1, BracketRight: 1 };

class LayerKeys {
  constructor() {
    this.id = `${performance.timeOrigin}-${performance.now()}`;
    this.totals = { trunk: 0, parts: 0 };
    window.convvizSteps = undefined;
    this.onKey = (event) => this.press(event);
    this.onClick = (event) => this.click(event);
    window.addEventListener("keydown", this.onKey);
    window.addEventListener("click", this.onClick, true);
    // On a busy machine the buttons may come after this component, or be drawn anew.
    this.drawn = new MutationObserver(() => this.nameKeys());
    this.drawn.observe(document.body, { childList: true, subtree: true });
  }

  update(data, send) {
    this.data = data;
    this.send = send;
    this.nameKeys();
  }

  nameKeys() {
    for (const [selector, by] of Object.entries(this.data.buttons))
      for (const button of document.querySelectorAll(`${selector} button:not([aria-keyshortcuts])`))
        button.setAttribute("aria-keyshortcuts", by < 0 ? "[" : "]");
  }

  press(event) {
    if (event.defaultPrevented || isTyping(event) || hasCommand(event)) return;
    const found = STEPS[event.key];
    if (!found) return;
    const isPart = event.shiftKey && event.code in CODES;
    this.step(isPart ? "parts" : found[0], found[1]);
    event.preventDefault();
  }

  // A click on one of the buttons is a step as well. Streamlit would lose one of two quick clicks,
  // and does not say whether Shift was held.
  click(event) {
    const button = event.target.closest?.("button"); // the box has one for each width of the page
    const found = Object.entries(this.data.buttons).find(([selector]) => button?.closest(selector));
    if (!found || button.disabled) return;
    event.preventDefault();
    event.stopPropagation();
    this.step(event.shiftKey ? "parts" : "trunk", found[1]);
  }

  step(along, by) {
    this.totals = { ...this.totals, [along]: this.totals[along] + by };
    const steps = { id: this.id, ...this.totals };
    this.send("steps", steps);
    window.convvizSteps = { steps, at: performance.now() };
    window.dispatchEvent(new CustomEvent("convviz-step", { detail: { along, by } }));
  }

  destroy() {
    this.drawn.disconnect();
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
