// Figures as images: an image or a canvas with what lies over it, a drawing, a chart, a grid.
//
// Each is { url, width, label, isOfValues }: the image's address or the promise of it, its width on
// the page, what screen readers say, and whether its values are to stay squares where it is enlarged.

const SHARP = 2; // pixels of such an image for one of the page
const INK = "#0c161e";
const PAPER = "#fff";

// A box that is no box of its own, as around components, is as visible as what it holds.
function isVisible(node) {
  if (node.checkVisibility({ visibilityProperty: true })) return true;
  return getComputedStyle(node).display === "contents";
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

  // The figure that an image or a canvas is part of.
  static of(drawn) {
    const images = [...drawn.getRootNode().querySelectorAll("img, canvas")].filter(isVisible);
    let figure;
    for (const image of images) {
      if (figure?.isUnder(image)) figure.add(image);
      else if (figure?.holds(drawn)) break;
      else figure = new Figure(image);
    }
    return figure;
  }

  get width() {
    return this.box.width;
  }

  get url() {
    return this.draw();
  }

  holds(drawn) {
    return this.layers.some(([layer]) => layer === drawn);
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
    context.fillStyle = PAPER;
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

function imageOfDrawing(drawing) {
  const { width, height } = drawing.getBoundingClientRect();
  const copy = copyOfDrawing(drawing);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  if (!copy.hasAttribute("viewBox")) copy.setAttribute("viewBox", `0 0 ${width} ${height}`);
  return { url: urlOf(copy), width, label: drawing.getAttribute("aria-label") ?? "" };
}

function urlOf(drawing) {
  const text = new XMLSerializer().serializeToString(drawing);
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

// Plotly lays several drawings of one size on one another.
function imageOfChart(chart) {
  const { width, height } = chart.getBoundingClientRect();
  const viewBox = `0 0 ${width} ${height}`;
  const whole = svgElement("svg", { xmlns: SVG, width, height, viewBox });
  whole.append(svgElement("rect", { width, height, fill: PAPER }));
  for (const layer of chart.querySelectorAll(".main-svg")) whole.append(layer.cloneNode(true));
  for (const text of whole.querySelectorAll("text")) text.style.fill = INK; // of the dark theme too
  const label = chart.closest("[aria-label]")?.getAttribute("aria-label") ?? "";
  return { url: urlOf(whole), width, label };
}

// A grid of channels as one image: its maps are cut out of one image by their backgrounds.
function imageOfGrid(grid) {
  const box = grid.getBoundingClientRect();
  const shown = (selector) =>
    [...grid.querySelectorAll(selector)].filter((each) => each.checkVisibility());
  const maps = shown(".map").map((map) => [map.getBoundingClientRect(), part(map)]);
  const texts = shown(".number, .section").map((each) => ({
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
    for (const [at, cut] of maps) {
      if (cut) context.drawImage(...(await cut()), at.left, at.top, at.width, at.height);
      else drawCross(context, at);
    }
    context.fillStyle = INK;
    context.font = "11px sans-serif";
    for (const { at, text } of texts) context.fillText(text, at.left, at.bottom - 2);
    return canvas.toDataURL();
  };
  const label = grid.getAttribute("aria-label") ?? "";
  return { url: draw(), width: box.width, label, isOfValues: true };
}

// One map of such a grid, each value a pixel; undefined for a channel that is empty or dead.
function imageOfMap(map) {
  const cut = part(map);
  if (!cut) return undefined;
  const draw = async () => {
    const [image, x, y, width, height] = await cut();
    const canvas = element("canvas");
    canvas.width = Math.round(width);
    canvas.height = Math.round(height);
    const [w, h] = [canvas.width, canvas.height];
    canvas.getContext("2d").drawImage(image, Math.round(x), Math.round(y), w, h, 0, 0, w, h);
    return canvas.toDataURL();
  };
  const label = map.closest("[aria-label]")?.getAttribute("aria-label") ?? "";
  return { url: draw(), width: map.getBoundingClientRect().width, label, isOfValues: true };
}

// The part of an image that a map shows as its background: a function that promises the image, left,
// top, width and height of the part; undefined where it shows none.
function part(map) {
  const style = getComputedStyle(map);
  const url = style.backgroundImage.match(/^url\("(.*)"\)$/)?.[1];
  if (!url) return undefined;
  const parts = style.backgroundSize.split(" ").map((each) => parseFloat(each) / 100);
  const places = style.backgroundPosition.split(" ").map((each) => parseFloat(each) / 100);
  return async () => {
    const image = await loaded(url);
    const [w, h] = [image.naturalWidth / parts[0], image.naturalHeight / (parts[1] ?? parts[0])];
    return [
      image,
      (image.naturalWidth - w) * places[0],
      (image.naturalHeight - h) * places[1],
      w,
      h,
    ];
  };
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

const loadedImages = new Map(); // those that parts are cut out of, by address; a few at a time

async function loaded(url) {
  if (!loadedImages.has(url)) {
    if (loadedImages.size >= 4) loadedImages.delete(loadedImages.keys().next().value);
    const image = new Image();
    image.src = url;
    loadedImages.set(url, image);
  }
  const image = loadedImages.get(url);
  await image.decode();
  return image;
}

