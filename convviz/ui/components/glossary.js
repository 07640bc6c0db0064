// Explains marked words: a dotted line under each, and its sentence on hover, focus and tap.
//
// Streamlit draws a marked word as a span of one class. Its attributes are set here, which React
// leaves alone; the sentences stand in elements of their own, which screen readers find by their id.

const MARKED = "span.stMarkdownColoredText";
const LINGER = 200; // milliseconds, for the way from the word to its sentence

class Glossary {
  constructor() {
    this.tips = new Map(); // by sentence
    this.later = new Delayed(LINGER);
    this.marking = new Delayed(30);
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    const on = (name, act) => document.addEventListener(name, act, { signal });
    on("pointerover", (event) => this.over(event));
    on("pointerout", (event) => this.out(event));
    on("focusin", (event) => this.focus(event.target));
    on("focusout", () => this.hide());
    on("click", (event) => this.tap(event));
    on("keydown", (event) => this.press(event));
    window.addEventListener("scroll", () => this.hide(), { capture: true, signal });
    this.watcher = new MutationObserver(() => this.marking.run(() => this.mark()));
    this.watcher.observe(document.body, { childList: true, characterData: true, subtree: true });
  }

  update({ meanings }) {
    this.meanings = meanings;
    this.mark();
  }

  mark() {
    for (const word of document.querySelectorAll(MARKED)) {
      const text = word.textContent.replace(/\s+/g, " ").trim().toLowerCase();
      const meaning = this.meanings[text];
      if (!meaning) continue;
      const { id } = this.tip(meaning);
      // Some words are spelled the same in another language, but explained in it.
      const isKnown = word.getAttribute("aria-describedby") === id;
      if (isKnown && word.dataset.convvizTerm === text) continue;
      word.dataset.convvizTerm = text;
      word.tabIndex = 0;
      word.setAttribute("role", "button");
      word.setAttribute("aria-describedby", id);
    }
  }

  // The element with a sentence; made when first needed.
  tip(meaning) {
    let tip = this.tips.get(meaning);
    if (!tip) {
      tip = element("div", "convviz-term-tip", meaning);
      tip.id = `convviz-term-${this.tips.size}`;
      tip.setAttribute("role", "tooltip");
      tip.hidden = true;
      document.querySelector(".stApp").append(tip);
      this.tips.set(meaning, tip);
    }
    return tip;
  }

  show(word) {
    this.later.cancel();
    if (this.word === word) return;
    this.hide();
    this.word = word;
    const tip = document.getElementById(word.getAttribute("aria-describedby"));
    this.shown = tip;
    showTip(tip, tip.textContent, word.getClientRects()[0], 6);
  }

  hide() {
    this.later.cancel();
    if (this.shown) this.shown.hidden = true;
    this.shown = this.word = undefined;
  }

  over(event) {
    if (event.pointerType === "touch") return; // a tap follows
    const word = event.target.closest?.("[data-convviz-term]");
    if (word) this.show(word);
    else if (event.target === this.shown) this.later.cancel();
  }

  out(event) {
    const from = event.target;
    if (event.pointerType !== "touch" && (from === this.word || from === this.shown))
      this.later.run(() => this.hide());
  }

  focus(target) {
    if (target.matches?.("[data-convviz-term]")) this.show(target);
  }

  tap(event) {
    const word = event.target.closest?.("[data-convviz-term]");
    if (word) this.show(word);
    else if (event.target !== this.shown) this.hide();
  }

  press(event) {
    if (event.key === "Escape") this.hide();
    const isWord = event.target.matches?.("[data-convviz-term]");
    if (!isWord || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    if (this.word === event.target) this.hide();
    else this.show(event.target);
  }

  destroy() {
    this.listeners.abort();
    this.watcher.disconnect();
    this.later.cancel();
    this.marking.cancel();
    for (const tip of this.tips.values()) tip.remove();
    for (const word of document.querySelectorAll("[data-convviz-term]"))
      delete word.dataset.convvizTerm;
  }
}

export default mount(Glossary);
