// Presenter mode: keys and images that fill the screen. The style of all pages does the rest, where
// the page's root carries a mark.

const ROOT = document.documentElement;
const LAYER_KEYS = { back: "[", forward: "]" }; // of the component layer_keys
const COPIED_FOR = 2000; // milliseconds

class Presenter {
  constructor() {
    this.said = new Delayed(COPIED_FOR);
    this.listeners = new AbortController();
    const options = { signal: this.listeners.signal };
    window.addEventListener("keydown", (event) => this.press(event), options);
    document.addEventListener("click", (event) => this.click(event), { ...options, capture: true });
  }

  update(data, send, tell) {
    this.data = data;
    this.toggle = () => tell("toggle", true);
    ROOT.toggleAttribute("data-convviz-present", data.on);
    if (!data.on) this.clear();
    else if (!this.leave) {
      this.leave = element("button", "convviz-leave");
      this.leave.type = "button";
      this.leave.addEventListener("click", this.toggle);
      document.querySelector(".stApp").append(this.leave);
    }
    if (this.leave) this.leave.textContent = data.texts.leave;
  }

  press(event) {
    if (event.defaultPrevented || hasModifier(event) || isTyping(event)) return;
    if (event.key in ARROWS && isChoosing(event)) return;
    if (event.key === "p") this.toggle();
    else if (!this.data.on) return;
    else if (event.key === "Escape") {
      if (this.filled) this.empty();
      else this.toggle();
    } else if (event.key === "ArrowRight") this.step("forward");
    else if (event.key === "ArrowLeft") this.step("back");
    else return;
    event.preventDefault();
  }

  step(way) {
    this.empty();
    const button = document.querySelector(this.data[way]);
    if (button) button.click();
    else window.dispatchEvent(new KeyboardEvent("keydown", { key: LAYER_KEYS[way] }));
  }

  click(event) {
    const button = event.target.closest?.(this.data.copy);
    if (button) this.copyAddress(button);
    if (!this.data.on) return;
    if (this.filled) {
      this.empty();
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const path = event.composedPath();
    if (!path.some((each) => each.matches?.("[data-testid=stMain]"))) return;
    const picture = pictureIn(path);
    if (!picture) return;
    this.fill(picture);
    if (path.some((each) => each.matches?.(".tile"))) return; // it is picked as well
    event.preventDefault();
    event.stopPropagation();
  }

  async copyAddress(button) {
    const { left_out: leftOut, texts } = this.data;
    const copied = await copy(address(Object.fromEntries(leftOut.map((name) => [name, null]))));
    const label = button.querySelector("p") ?? button;
    // Beside the label, which React writes: the style shows it in the label's place.
    label.dataset.convvizSaid = copied ? texts.copied : texts.not_copied;
    this.said.run(() => delete label.dataset.convvizSaid);
  }

  // Show an image over the whole screen.
  async fill({ url, label, isOfValues }) {
    this.filled = element("div", "convviz-filled");
    this.filled.setAttribute("role", "dialog");
    this.filled.setAttribute("aria-label", label || this.data.texts.filled);
    const shown = element("img");
    shown.alt = label;
    if (isOfValues) shown.style.imageRendering = "pixelated";
    this.filled.append(shown);
    document.querySelector(".stApp").append(this.filled);
    shown.src = await url;
  }

  empty() {
    this.filled?.remove();
    this.filled = undefined;
  }

  clear() {
    this.empty();
    this.leave?.remove();
    this.leave = undefined;
  }

  destroy() {
    this.listeners.abort();
    this.clear();
    ROOT.removeAttribute("data-convviz-present");
  }
}

// What of the page fills the screen after a click: a channel of a grid or the whole grid, a chart, a
// drawing, an image or a canvas with all that lies over it. Undefined for what is none of these, and
// where a click means a place in the figure.
function pictureIn(path) {
  const find = (selector) => path.find((each) => each.matches?.(selector));
  const root = path[0].getRootNode();
  if (root !== document && root.querySelector("[role=application]")) return undefined;
  if (find("[role=slider]")) return undefined;
  const map = find(".tile")?.querySelector(".map");
  if (map) return imageOfMap(map);
  const grid = find("[role=listbox]");
  if (grid?.querySelector(".map")) return imageOfGrid(grid);
  const chart = find(".js-plotly-plot");
  if (chart) return imageOfChart(chart);
  const drawn = path.find((each) => each.matches?.("img, canvas, svg") && isLarge(each));
  if (!drawn) return undefined;
  if (drawn.tagName.toLowerCase() === "svg") return imageOfDrawing(drawn);
  const figure = Figure.of(drawn);
  const { label, layers } = figure;
  if (layers.length > 1) return figure;
  const isImage = drawn.tagName === "IMG";
  // A map's values stay squares, also where the page shows them small.
  const isOfValues = figure.isOfValues || (!isImage && drawn.width < innerWidth / 2);
  return { url: isImage ? drawn.src : figure.url, label, isOfValues };
}

// Whether text is typed where the focus is.
function isTyping(event) {
  const target = event.composedPath()[0];
  if (target.isContentEditable) return true;
  return !!target.matches?.("textarea, select, input:not([type=radio], [type=checkbox])");
}

// Whether arrow keys choose something where the focus is.
function isChoosing(event) {
  return event
    .composedPath()
    .some((each) => each.matches?.("input, [role=option], [role=listbox], [role=slider]"));
}

function isLarge(drawn) {
  const box = drawn.getBoundingClientRect();
  return box.width >= 60 && box.height >= 60; // not an icon
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByHand(text); // no clipboard on an address without https
  }
}

function copyByHand(text) {
  const field = element("textarea");
  field.value = text;
  field.style.position = "fixed";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}

export default mount(Presenter);
