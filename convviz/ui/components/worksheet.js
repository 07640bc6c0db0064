// A worksheet: the page as it stands, as one HTML file without scripts and without addresses.
//
// Texts go in as texts, never as HTML, since some are foreign. Figures become images.

const LEAST = 24; // pixels of a figure's sides: smaller ones are icons
const LINES = 3; // to write on, below each question
const TEXTS = "p, li, dt, dd, figcaption, .section, .figure .text";
const ASKED = ".st-key-questions_predict"; // the sheet asks it at its end, and does not answer it
const LEFT_OUT = [
  "button:not(.figure), input, select, textarea, script, style, video, summary, nav, header",
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
      if (isLarge(each)) found.push(imageMaker(imageOfGrid(each)));
      continue;
    }
    if (each.matches(LEFT_OUT) || !isVisible(each)) continue;
    const tag = each.tagName.toLowerCase();
    if (/^h[2-4]$/.test(tag)) found.push(textOf(tag, each));
    else if (tag === "h1") continue; // it is the sheet's own
    else if (tag === "table") found.push(tableOf(each));
    else if (tag === "dl") found.push(listOf(each));
    else if (tag === "svg") {
      if (isLarge(each)) found.push(imageMaker(imageOfDrawing(each)));
    } else if (tag === "canvas" && each.querySelector("table")) {
      found.push(tableOf(each.querySelector("table"))); // what a table that is drawn says aloud
    } else if (tag === "canvas" || tag === "img") {
      const { figure } = found.at(-1) ?? {};
      if (figure?.isUnder(each)) figure.add(each);
      else if (isLarge(each)) found.push(figureOf(each));
    } else if (each.matches(".js-plotly-plot")) found.push(imageMaker(imageOfChart(each)));
    else if (each.matches(TEXTS) && !each.querySelector(`img, canvas, ${TEXTS}`))
      found.push(textOf("p", each));
    else gather(each.shadowRoot ?? each, found);
  }
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

function imageMaker({ url, width, label, isOfValues }) {
  return async (made) => {
    const image = made("img", undefined, isOfValues ? "values" : "");
    image.src = await url;
    image.alt = label;
    image.setAttribute("width", Math.round(width));
    return image;
  };
}

// A figure is drawn at the end, once all that lies over it has been found.
function figureOf(drawn) {
  const figure = new Figure(drawn);
  return Object.assign((made) => imageMaker(figure)(made), { figure });
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
