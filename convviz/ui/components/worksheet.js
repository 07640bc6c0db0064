// A worksheet: the page as it stands, as one HTML file without scripts and without addresses.
//
// Texts go in as texts, never as HTML, since some are foreign. Figures become images.

const LEAST = 24; // pixels of a figure's sides: smaller ones are icons
const SHARP = 2; // pixels of a grid's image for one of the page
const INK = "#0c161e";
const LINES = 3; // to write on, below each question
const TEXTS = "p, li, dt, dd, figcaption, .section";
const ASKED = ".st-key-questions_predict"; // the sheet asks it at its end, and does not answer it
const LEFT_OUT = [
  "button, input, select, textarea, script, style, video, summary, nav, header",
  "label:not([data-testid=stMetricLabel])",
  "details:not([open]), .modebar, .katex-mathml, [role=tooltip], .tip",
  "[data-testid=stWidgetLabel], [data-testid=stTooltipIcon], [data-testid=stElementToolbar]",
  ".stButton, .stDownloadButton, .stButtonGroup, .stPageLink, .stPopover, .stSelectbox",
  ".stMultiSelect, .stSlider, .stRadio, .stCheckbox, .stTextInput, .stTextArea, .stNumberInput",
  ".stFileUploader, .stCameraInput, .stSpinner",
  ".st-key-next, .st-key-cards, .st-key-address, .st-key-tools",
  `${ASKED}, .st-key-course_reveal`,
  "[class*=st-key-page_questions], [class*=st-key-components_]",
].join(", ");
const SETTINGS =
  ".stSelectbox, .stMultiSelect, .stSlider, .stNumberInput, .stTextInput, .stTextArea, " +
  ".stCheckbox, .stRadio, .stButtonGroup";
const STYLE = `
body { max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; color: ${INK}; background: #fff;
  font: 1rem/1.45 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; } h3 { font-size: 1.05rem; }
.name { display: flex; gap: 2rem; } .name span { flex: 1; border-bottom: 1px solid #777; }
table { border-collapse: collapse; margin: 0.6rem 0; font-size: 0.9rem; }
th, td { padding: 0.15rem 0.7rem 0.15rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid #ddd; }
img { max-width: 100%; height: auto; margin: 0.2rem 0.4rem 0.2rem 0; }
img.values { image-rendering: pixelated; }
code { display: block; padding: 0.5rem; background: #f1f3f4; white-space: pre-wrap;
  overflow-wrap: anywhere; font-size: 0.85rem; }
.options span { margin-right: 1.5rem; } .options span::before { content: "☐ "; }
.line { height: 2.1rem; border-bottom: 1px solid #777; }
figure, .question, img, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
@page { margin: 15mm; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
`;

class Worksheet {
  constructor() {
    this.listeners = new AbortController();
    const options = { signal: this.listeners.signal, capture: true };
    document.addEventListener("click", (event) => this.click(event), options);
  }

  update(data) {
    this.data = data;
  }

  async click(event) {
    if (!event.target.closest?.(this.data.button)) return;
    const html = await sheet(this.data);
    const url = URL.createObjectURL(new Blob([html], { type: "text/html" }));
    saveAs(this.data.name, url);
    URL.revokeObjectURL(url);
  }

  destroy() {
    this.listeners.abort();
  }
}

// What the page shows, gathered before anything else can change it, then written as HTML.
async function sheet(data) {
  const { image, about, questions, command, texts } = data;
  const isOfSidebar = Object.keys(image).length > 0;
  const main = document.querySelector("[data-testid=stMainBlockContainer]");
  const photographs = [...document.querySelectorAll("[data-testid=stSidebar] img")];
  const photograph = isOfSidebar && photographs.find(isLarge);
  const found = [];
  if (photograph) found.push(figureOf(photograph));
  const described = Object.entries(photograph ? { ...image, ...about } : about);
  gather(main, found);
  const widgets = [...document.querySelectorAll(SETTINGS)].filter((each) => !each.closest(ASKED));
  const read = widgets.map((widget) => setting(widget, texts)).filter(Boolean);
  const settings = data.settings ?? read;
  const paper = document.implementation.createHTMLDocument();
  const made = (tag, text, name) => {
    const node = paper.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (name) node.className = name;
    return node;
  };
  const title = main.querySelector("h1")?.textContent ?? "";
  paper.title = `${title} · convviz`;
  paper.documentElement.lang = data.language;
  const charset = made("meta");
  charset.setAttribute("charset", "utf-8");
  paper.head.prepend(charset);
  paper.head.append(made("style", STYLE));
  const name = made("p", undefined, "name");
  name.append(texts.name, made("span"), texts.date, made("span"));
  paper.body.append(name, made("h1", title), pairsTable(made, described));
  for (const each of found) paper.body.append(await each(made));
  if (questions.length) paper.body.append(made("h2", texts.questions));
  for (const [text, options] of questions) {
    const question = made("div", undefined, "question");
    const choices = made("p", undefined, "options");
    choices.append(...options.map((option) => made("span", option)));
    question.append(made("h3", text), choices, made("p", texts.why));
    for (let line = 0; line < LINES; line++) question.append(made("div", undefined, "line"));
    paper.body.append(question);
  }
  if (settings.length) paper.body.append(made("h2", texts.settings), pairsTable(made, settings));
  paper.body.append(made("h2", texts.again));
  if (command) paper.body.append(made("p", texts.command), made("code", command));
  if (data.commandNote) paper.body.append(made("p", data.commandNote));
  paper.body.append(made("p", texts.browser), made("code", address(data.link)));
  if (data.linkNote) paper.body.append(made("p", data.linkNote));
  return `<!doctype html>\n${paper.documentElement.outerHTML}\n`;
}

// Walk through what can be seen. Each part found is a function that makes its node.
function gather(node, found) {
  for (const each of node.children) {
    if (each.matches('[role="listbox"]')) {
      if (isLarge(each)) found.push(gridOf(each));
      continue;
    }
    if (each.matches(LEFT_OUT) || !isVisible(each)) continue;
    const tag = each.tagName.toLowerCase();
    if (/^h[2-4]$/.test(tag)) found.push(textOf(tag, each));
    else if (tag === "h1") continue; // it is the sheet's own
    else if (tag === "table") found.push(tableOf(each));
    else if (tag === "dl") found.push(listOf(each));
    else if (tag === "svg") {
      if (isLarge(each)) found.push(drawingOf(each));
    } else if (tag === "canvas" && each.querySelector("table")) {
      found.push(tableOf(each.querySelector("table"))); // what a table that is drawn says aloud
    } else if (tag === "canvas" || tag === "img") {
      const { figure } = found.at(-1) ?? {};
      if (figure?.isUnder(each)) figure.add(each);
      else if (isLarge(each)) found.push(figureOf(each));
    } else if (each.matches(".js-plotly-plot")) found.push(chartOf(each));
    else if (each.matches(TEXTS) && !each.querySelector(`img, canvas, ${TEXTS}`))
      found.push(textOf("p", each));
    else gather(each.shadowRoot ?? each, found);
  }
}

// A box that is no box of its own, as around components, is as visible as what it holds.
function isVisible(node) {
  if (node.checkVisibility({ visibilityProperty: true })) return true;
  return getComputedStyle(node).display === "contents";
}

function isLarge(drawn) {
  const box = drawn.getBoundingClientRect();
  return box.width >= LEAST && box.height >= LEAST;
}

function textOf(tag, node) {
  const text = node.innerText.trim();
  return (made) => (text ? made(tag, text) : "");
}

function tableOf(table) {
  const rows = [...table.rows].map((row) =>
    [...row.cells].map((cell) => [cell.tagName, cell.textContent.trim()]),
  );
  return (made) => {
    const copy = made("table");
    for (const cells of rows) {
      const row = made("tr");
      row.append(...cells.map(([tag, text]) => made(tag, text)));
      copy.append(row);
    }
    return copy;
  };
}

function listOf(list) {
  const terms = [...list.querySelectorAll("dt")].map((term) => [
    term.innerText.trim(),
    term.nextElementSibling?.innerText.trim() ?? "",
  ]);
  return (made) => pairsTable(made, terms);
}

// Pairs of a name and a value, a row each.
function pairsTable(made, pairs) {
  const table = made("table");
  for (const [name, value] of pairs) {
    const row = made("tr");
    row.append(made("th", name), made("td", value));
    table.append(row);
  }
  return table;
}

function imageMaker(url, width, label, isOfValues) {
  return async (made) => {
    const image = made("img", undefined, isOfValues ? "values" : "");
    image.src = await url;
    image.alt = label;
    image.setAttribute("width", Math.round(width));
    return image;
  };
}

function figureOf(drawn) {
  const figure = new Figure(drawn);
  const make = async (made) =>
    imageMaker(figure.draw(), figure.box.width, figure.label, figure.isOfValues)(made);
  return Object.assign(make, { figure });
}

// An image or a canvas, and what lies over it, as one image.
class Figure {
  constructor(drawn) {
    this.box = drawn.getBoundingClientRect();
    this.root = drawn.getRootNode();
    this.label =
      drawn.getAttribute("aria-label") ||
      drawn.alt ||
      drawn.closest("[aria-label]")?.getAttribute("aria-label") ||
      "";
    this.isOfValues = getComputedStyle(drawn).imageRendering === "pixelated";
    this.layers = [];
    this.add(drawn);
  }

  // Whether something covers this figure.
  isUnder(drawn) {
    const box = drawn.getBoundingClientRect();
    const near = (edge) => Math.abs(box[edge] - this.box[edge]) < 2;
    const isPlaced = getComputedStyle(drawn).position === "absolute";
    return isPlaced && this.root === drawn.getRootNode() && near("left") && near("top");
  }

  add(drawn) {
    this.layers.push([drawn, getComputedStyle(drawn)]);
  }

  async draw() {
    const [[drawn]] = this.layers;
    if (this.layers.length === 1 && drawn.tagName === "CANVAS") return drawn.toDataURL();
    const isPhotograph = drawn.tagName === "IMG";
    const canvas = element("canvas");
    canvas.width = Math.max(drawn.naturalWidth ?? drawn.width, SHARP * this.box.width);
    canvas.height = (canvas.width * this.box.height) / this.box.width;
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (const [layer, style] of this.layers) {
      context.imageSmoothingEnabled = style.imageRendering !== "pixelated";
      context.globalAlpha = Number(style.opacity);
      context.filter = style.filter;
      context.drawImage(layer, 0, 0, canvas.width, canvas.height);
    }
    return isPhotograph ? canvas.toDataURL("image/jpeg", 0.9) : canvas.toDataURL();
  }
}

function drawingOf(drawing) {
  const { width, height } = drawing.getBoundingClientRect();
  const copy = copyOfDrawing(drawing);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  return imageMaker(urlOf(copy), width, drawing.getAttribute("aria-label") ?? "");
}

function urlOf(drawing) {
  const text = new XMLSerializer().serializeToString(drawing);
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

// Plotly lays several drawings of one size on one another.
function chartOf(chart) {
  const box = chart.getBoundingClientRect();
  const whole = svgElement("svg", { xmlns: SVG, width: box.width, height: box.height });
  whole.append(svgElement("rect", { width: box.width, height: box.height, fill: "#fff" }));
  for (const layer of chart.querySelectorAll(".main-svg")) whole.append(layer.cloneNode(true));
  for (const text of whole.querySelectorAll("text")) text.style.fill = INK; // of the dark theme too
  const label = chart.closest("[aria-label]")?.getAttribute("aria-label") ?? "";
  return imageMaker(urlOf(whole), box.width, label);
}

// A grid of channels as one image: its maps are cut out of one image by their backgrounds.
function gridOf(grid) {
  const box = grid.getBoundingClientRect();
  const maps = [...grid.querySelectorAll(".map")].map((map) => {
    const style = getComputedStyle(map);
    return {
      at: map.getBoundingClientRect(),
      url: style.backgroundImage.match(/^url\("(.*)"\)$/)?.[1],
      parts: style.backgroundSize.split(" ").map((each) => parseFloat(each) / 100),
      places: style.backgroundPosition.split(" ").map((each) => parseFloat(each) / 100),
    };
  });
  const texts = [...grid.querySelectorAll(".number, .section")].map((each) => ({
    at: each.getBoundingClientRect(),
    text: each.textContent,
  }));
  const draw = async () => {
    const canvas = element("canvas");
    canvas.width = box.width * SHARP;
    canvas.height = box.height * SHARP;
    const context = canvas.getContext("2d");
    context.scale(SHARP, SHARP);
    context.translate(-box.left, -box.top);
    context.imageSmoothingEnabled = false;
    const images = new Map();
    for (const { at, url, parts, places } of maps) {
      const { left, top, width, height } = at;
      if (!url) {
        drawCross(context, at);
        continue;
      }
      if (!images.has(url)) images.set(url, await loaded(url));
      const image = images.get(url);
      const [w, h] = [image.naturalWidth / parts[0], image.naturalHeight / (parts[1] ?? parts[0])];
      const [x, y] = [(image.naturalWidth - w) * places[0], (image.naturalHeight - h) * places[1]];
      context.drawImage(image, x, y, w, h, left, top, width, height);
    }
    context.fillStyle = INK;
    context.font = "11px sans-serif";
    for (const { at, text } of texts) context.fillText(text, at.left, at.bottom - 2);
    return canvas.toDataURL();
  };
  return imageMaker(draw(), box.width, grid.getAttribute("aria-label") ?? "", true);
}

// An empty or a dead channel: grey, crossed out.
function drawCross(context, { left, top, right, bottom, width, height }) {
  context.fillStyle = "#c8cdd0";
  context.fillRect(left, top, width, height);
  context.beginPath();
  context.moveTo(left, top);
  context.lineTo(right, bottom);
  context.moveTo(right, top);
  context.lineTo(left, bottom);
  context.strokeStyle = "#555";
  context.stroke();
}

async function loaded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

// What is chosen with a widget, as its name and its value.
function setting(widget, texts) {
  if (!isVisible(widget)) return undefined;
  const label = widget.querySelector("[data-testid=stWidgetLabel]");
  let name = label?.textContent.trim() || widget.getAttribute("aria-label") || "";
  let value;
  const box = widget.querySelector("input[type=checkbox]");
  // What stands at a thumb: the slider itself knows only the place among its choices.
  const thumbs = [...widget.querySelectorAll("[data-testid=stSliderThumbValue]")];
  const picked = widget.querySelectorAll(
    "[aria-checked=true], [aria-pressed=true], [kind$=Active], label:has(input:checked)",
  );
  const field = widget.querySelector("textarea, input:not([type=checkbox], [type=radio])");
  if (box) {
    name = name || widget.textContent.trim();
    value = box.checked ? texts.on : texts.off;
  } else if (thumbs.length) {
    const [low, high] = thumbs.map((each) => each.textContent.trim());
    value = high === undefined ? low : say(texts, "range", { low, high });
  } else if (picked.length) {
    value = [...picked].map((each) => each.textContent.trim()).join(", ");
  } else if (field) value = field.value || widget.textContent.replace(name, "").trim();
  return value ? [name, value] : undefined;
}

export default mount(Worksheet);
