// A channel's map, alone or over the photograph. The map comes as levels of 0 to 255 and is coloured
// here; over the photograph it is smoothed, and the higher a level, the more it covers.

const SIDE = 448; // pixels of what covers the photograph, each made of the four values around it

class ChannelMap {
  constructor(root) {
    this.stage = root.querySelector(".stage");
    this.image = root.querySelector("img");
    this.canvas = root.querySelector("canvas");
    this.arrived = () => this.showPhotograph();
    window.addEventListener("convviz-store", this.arrived);
  }

  update(data) {
    this.data = data;
    this.stage.setAttribute("aria-label", data.label);
    this.image.hidden = !data.photograph;
    this.levels = decoded(data.levels);
    this.colours = decoded(data.colours);
    this.showPhotograph();
    if (data.photograph) this.drawOver();
    else this.drawAlone();
  }

  showPhotograph() {
    const url = this.data?.photograph && stored(this.data.photograph)?.urls[0][0];
    if (url && this.image.getAttribute("src") !== url) this.image.src = url;
  }

  drawAlone() {
    const { width, height } = this.data;
    const [context, pixels] = blank(this.canvas, width, height);
    this.levels.forEach((level, i) => this.paint(pixels.data, i, level, 255));
    context.putImageData(pixels, 0, 0);
  }

  drawOver() {
    const { width, height, blend } = this.data;
    const [top, left, bottom, right] = this.data.box;
    const [context, pixels] = blank(this.canvas, SIDE, SIDE);
    const columns = between(left, right, width);
    between(top, bottom, height).forEach((row, y) => {
      if (!row) return;
      columns.forEach((column, x) => {
        if (!column) return;
        const above = mix(this.levels, row[0] * width, column);
        const below = mix(this.levels, row[1] * width, column);
        const level = above + (below - above) * row[2];
        this.paint(pixels.data, y * SIDE + x, Math.round(level), level * blend);
      });
    });
    context.putImageData(pixels, 0, 0);
  }

  paint(pixels, i, level, opacity) {
    for (let band = 0; band < 3; band++) pixels[4 * i + band] = this.colours[3 * level + band];
    pixels[4 * i + 3] = opacity;
  }

  destroy() {
    window.removeEventListener("convviz-store", this.arrived);
  }
}

// For each pixel along a side: the two values that it lies between, and how far from the first;
// undefined beside the map. `begin` and `end` are where the map lies, as shares of the side.
function between(begin, end, count) {
  return Array.from({ length: SIDE }, (_, pixel) => {
    const cell = (((pixel + 0.5) / SIDE - begin) / (end - begin)) * count;
    if (cell < 0 || cell > count) return undefined;
    const at = Math.max(0, Math.min(count - 1, cell - 0.5));
    const first = Math.floor(at);
    return [first, Math.min(first + 1, count - 1), at - first];
  });
}

function mix(levels, start, [first, second, share]) {
  return levels[start + first] + (levels[start + second] - levels[start + first]) * share;
}

function blank(canvas, width, height) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  return [context, context.createImageData(width, height)];
}

function decoded(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

export default mount(ChannelMap);
