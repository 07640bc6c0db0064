// What the components share. Each component's own script follows in the same module.

const SEND_AFTER = 130; // milliseconds; holding an arrow key down sends the last pick only
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const SVG = "http://www.w3.org/2000/svg";

// Make a component's function from a class with update(data, send, tell) and, if need be, destroy().
// Streamlit calls the function again whenever the data change. What is sent stays known to Python;
// what is told is known in the next run alone.
function mount(View) {
  const views = new WeakMap();
  return ({ data, parentElement, setStateValue, setTriggerValue }) => {
    if (!views.has(parentElement)) views.set(parentElement, new View(parentElement));
    write(parentElement, data.texts);
    views.get(parentElement).update(data, setStateValue, setTriggerValue);
    return () => {
      views.get(parentElement)?.destroy?.();
      views.delete(parentElement);
    };
  };
}

// Write a component's texts to where its page names them: data-text, data-text-label, data-text-alt.
function write(root, texts) {
  for (const node of root.querySelectorAll("[data-text]")) {
    const text = texts[node.dataset.text];
    if (node.textContent !== text) node.textContent = text;
  }
  for (const node of root.querySelectorAll("[data-text-label]"))
    node.setAttribute("aria-label", texts[node.dataset.textLabel]);
  for (const node of root.querySelectorAll("[data-text-alt]"))
    node.alt = texts[node.dataset.textAlt];
}

// One of a component's texts with its holes, "{row}", filled.
function say(texts, name, values) {
  return texts[name].replace(/\{(\w+)\}/g, (_, hole) => {
    const value = values[hole];
    return typeof value === "number" ? numeral(texts, String(value)) : value;
  });
}

// A number as the reader's language writes it, from how English does.
function numeral({ point, comma }, text) {
  return text.replace(/[.,]/g, (sign) => (sign === "." ? point : comma));
}

// Runs the last of several quick calls, a moment after it.
class Delayed {
  constructor(milliseconds = SEND_AFTER) {
    this.milliseconds = milliseconds;
  }

  run(action) {
    this.cancel();
    this.timer = setTimeout(action, this.milliseconds);
  }

  cancel() {
    clearTimeout(this.timer);
  }
}

// Plays what has stops, one after the other, until it is paused. Where the visitor's system asks for
// little motion nothing plays and the button is hidden; who uses this offers steps beside it.
class Player {
  // advance() goes to the next stop, every() gives the milliseconds between two, and paused() is
  // called when it comes to rest.
  constructor(button, { advance, every, paused = () => {} }) {
    Object.assign(this, { button, advance, every, paused });
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    button.hidden = this.still;
    button.addEventListener("click", () => this.play(!this.playing));
  }

  get playing() {
    return this.timer !== undefined;
  }

  // Name the button by two of the texts, "play" and "pause".
  name(texts) {
    this.texts = texts;
    this.button.textContent = this.playing ? texts.pause : texts.play;
  }

  play(on) {
    if (on === this.playing || (on && this.still)) return;
    clearInterval(this.timer);
    this.timer = on ? setInterval(this.advance, this.every()) : undefined;
    this.name(this.texts);
    this.button.setAttribute("aria-pressed", String(on));
    if (!on) this.paused();
  }
}

function clamp(index, count) {
  return Math.max(0, Math.min(count - 1, index));
}

function hasModifier(event) {
  return event.ctrlKey || event.metaKey || event.altKey;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function svgElement(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Show a text above a box, or below it where there is no room.
function showTip(tip, text, box, gap) {
  tip.textContent = text;
  tip.hidden = false;
  const width = tip.offsetWidth;
  const left = Math.min(Math.max(4, box.left + box.width / 2 - width / 2), innerWidth - width - 4);
  const above = box.top - tip.offsetHeight - gap;
  tip.style.left = `${left}px`;
  tip.style.top = `${above > 60 ? above : box.bottom + gap}px`;
}

// The page's address, with other values of some parameters, and without those that have none.
function address(changes) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.href;
}

function saveAs(name, url) {
  const link = document.createElement("a");
  link.download = name;
  link.href = url;
  link.click();
}

// A copy of a drawing that looks the same elsewhere: the theme's colours are written into it.
function copyOfDrawing(drawing) {
  const copy = drawing.cloneNode(true);
  const originals = [drawing, ...drawing.querySelectorAll("*")];
  const copies = [copy, ...copy.querySelectorAll("*")];
  originals.forEach((original, i) => {
    const style = getComputedStyle(original);
    if (style.display === "none") {
      copies[i].setAttribute("display", "none");
      return;
    }
    for (const property of ["fill", "stroke", "stroke-width", "font-size", "font-weight"]) {
      copies[i].setAttribute(property, style.getPropertyValue(property));
    }
    copies[i].removeAttribute("style");
    copies[i].style.filter = style.filter;
    copies[i].setAttribute("font-family", "sans-serif");
  });
  copy.setAttribute("xmlns", SVG);
  return copy;
}

// Save a drawing as an SVG file.
function saveDrawing(drawing, name) {
  const copy = copyOfDrawing(drawing);
  const { x, y, width, height } = drawing.viewBox.baseVal;
  const fill = getComputedStyle(drawing).getPropertyValue("--st-background-color");
  copy.prepend(svgElement("rect", { x, y, width, height, fill }));
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const file = new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
  const url = URL.createObjectURL(file);
  saveAs(`${name}.svg`, url);
  URL.revokeObjectURL(url);
}

// What the component `layers_ahead` received of a layer.
function knownLayer(id) {
  return window.convvizLayers?.get(id);
}

// Whether Python has not followed all steps to other layers yet that the visitor took. It will, in a
// moment; if not, what it says counts all the same.
function isBehind(steps) {
  const last = window.convvizSteps;
  if (!last || performance.now() - last.at > 5000) return false;
  return JSON.stringify(steps) !== JSON.stringify(last.steps);
}

// The images that the component `store` received under a token, and what it was told with them.
function stored(token) {
  return window.convvizStore?.get(token);
}

