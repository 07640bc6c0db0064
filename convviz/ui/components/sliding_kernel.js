// A kernel that slides over an image: where it stops, what it writes, what it leaves over.

const EVERY = 140; // milliseconds between two stops
const FINE = 5; // canvas pixels per cell below which single cells are not drawn

class SlidingKernel {
  constructor(root) {
    this.root = root;
    this.input = root.querySelector(".picture");
    this.output = root.querySelector(".output");
    this.stop = 0;
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.output.addEventListener("click", (event) => this.onOutput(event));
    this.input.addEventListener("click", (event) => this.onInput(event));
    root.querySelector(".next").addEventListener("click", () => this.go(this.stop + 1));
    root.querySelector(".save").addEventListener("click", () => this.save());
    // A large output is gone through with wider steps, so that each tour takes some ten seconds.
    this.player = new Player(root.querySelector(".play"), {
      advance: () => this.go(this.stop + Math.max(1, Math.round(this.data.output ** 2 / 80))),
      every: () => EVERY,
    });
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.input);
  }

  update(data) {
    if (JSON.stringify(data) !== JSON.stringify(this.data)) this.stop = 0;
    this.data = data;
    const { length, padding, output, texts } = data;
    const put = (place, ...text) => (this.root.querySelector(place).textContent = say(texts, ...text));
    put(".in", padding ? "in_padded" : "in", { length, padding });
    put(".out", "out", { length: output });
    this.player.name(texts);
    this.draw();
  }

  go(stop) {
    const count = this.data.output ** 2;
    this.stop = ((stop % count) + count) % count;
    this.draw();
  }

  onKey(event) {
    const { output } = this.data;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -output, ArrowDown: output }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.go(this.stop + step);
  }

  onOutput(event) {
    const { output } = this.data;
    const [x, y] = this.inside(event, output);
    this.go(y * output + x);
  }

  onInput(event) {
    const { output, span, stride } = this.data;
    const side = this.data.length + 2 * this.data.padding;
    const [x, y] = this.inside(event, side).map((pixel) => {
      return clamp(Math.round((pixel - (span - 1) / 2) / stride), output);
    });
    this.go(y * output + x);
  }

  inside(event, cells) {
    const box = event.target.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * cells);
    const y = Math.floor(((event.clientY - box.top) / box.height) * cells);
    return [x, y].map((value) => clamp(value, cells));
  }

  colours() {
    const style = getComputedStyle(this.input);
    const read = (name, other) => style.getPropertyValue(name).trim() || other;
    return {
      ground: read("--st-background-color", "#fff"),
      paper: read("--st-secondary-background-color", "#eee"),
      line: read("--st-border-color", "#ccc"),
      ink: read("--st-text-color", "#000"),
    };
  }

  draw() {
    if (!this.data || !this.input.clientWidth) return;
    const { output } = this.data;
    const [row, column] = [Math.floor(this.stop / output), this.stop % output];
    this.drawInput(row, column);
    this.drawOutput(row, column);
    const at = { row: row + 1, column: column + 1 };
    this.root.querySelector(".where").textContent = say(this.data.texts, "where", at);
  }

  drawInput(row, column) {
    const { length, padding, span, stride, dilation, kernel, dropped, unseen } = this.data;
    const { pen, size } = prepare(this.input);
    const side = length + 2 * padding;
    const cell = size / side;
    const colours = this.colours();
    pen.fillStyle = colours.ground;
    pen.fillRect(0, 0, size, size);
    pen.fillStyle = colours.paper;
    pen.fillRect(padding * cell, padding * cell, length * cell, length * cell);
    if (padding) {
      hatch(pen, [0, 0, size, size], 6, "#8a97a1", 1, [padding * cell, length * cell]);
    }
    // Where cells are too small to be seen, a line for every stop takes their place.
    const step = cell >= FINE ? 1 : stride * Math.ceil(FINE / (stride * cell));
    lines(pen, size, cell * step, colours.line);
    if (unseen.length) {
      const bands = unseen.map(([first, count]) => [first * cell, count * cell]);
      hatchBands(pen, bands, [padding * cell, length * cell], -6, "#d55e00", 2);
    }
    if (dropped) {
      const from = size - dropped * cell;
      const wide = Math.max(dropped * cell, 5); // one of 277 pixels must still be seen
      const start = Math.min(from, size - wide);
      hatch(pen, [start, 0, size - start, size], -6, "#d55e00", 3);
      hatch(pen, [0, start, size, size - start], -6, "#d55e00", 3);
      pen.strokeStyle = "#d55e00";
      pen.lineWidth = 2;
      pen.strokeRect(start, 0, size - start, size);
      pen.strokeRect(0, start, size, size - start);
    }
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1.5;
    pen.strokeRect(padding * cell, padding * cell, length * cell, length * cell);
    const [x, y] = [column * stride * cell, row * stride * cell];
    pen.fillStyle = "rgba(242, 193, 78, 0.8)";
    const width = Math.max(cell, 1);
    if (dilation === 1) pen.fillRect(x, y, span * cell, span * cell);
    for (let i = 0; i < kernel && dilation > 1; i += 1) {
      for (let j = 0; j < kernel; j += 1) {
        pen.fillRect(x + j * dilation * cell, y + i * dilation * cell, width, width);
      }
    }
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 3;
    pen.strokeRect(x, y, span * cell, span * cell);
  }

  drawOutput(row, column) {
    const { output } = this.data;
    const { pen, size } = prepare(this.output);
    const cell = size / output;
    const colours = this.colours();
    pen.fillStyle = colours.paper;
    pen.fillRect(0, 0, size, size);
    pen.fillStyle = "rgba(0, 114, 178, 0.35)";
    pen.fillRect(0, 0, size, row * cell);
    pen.fillRect(0, row * cell, (column + 1) * cell, cell);
    if (cell >= FINE) lines(pen, size, cell, colours.line);
    pen.fillStyle = "#f2c14e";
    const wide = Math.max(cell, 4);
    pen.fillRect(column * cell, row * cell, wide, wide);
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 2;
    pen.strokeRect(column * cell, row * cell, wide, wide);
  }

  save() {
    const gap = 24;
    const [left, right] = [this.input, this.output];
    const sheet = element("canvas");
    sheet.width = left.width + gap + right.width;
    sheet.height = left.height;
    const pen = sheet.getContext("2d");
    pen.fillStyle = this.colours().ground;
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.drawImage(left, 0, 0);
    pen.drawImage(right, left.width + gap, 0);
    saveAs(`${this.data.name}.png`, sheet.toDataURL("image/png"));
  }

  destroy() {
    this.player.play(false);
    this.watch.disconnect();
  }
}

// Slanted lines in rows and columns of a square: where each begins, and how wide it is.
function hatchBands(pen, bands, [start, side], step, colour, thickness) {
  const region = new Path2D();
  for (const [at, wide] of bands) {
    region.rect(at, start, wide, side);
    region.rect(start, at, side, wide);
  }
  pen.save();
  pen.clip(region);
  hatch(pen, [start, start, side, side], step, colour, thickness);
  pen.restore();
}

function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const size = canvas.clientWidth;
  canvas.width = canvas.height = Math.round(size * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { pen, size };
}

function lines(pen, size, step, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let at = step; at < size - 0.5; at += step) {
    pen.moveTo(at, 0);
    pen.lineTo(at, size);
    pen.moveTo(0, at);
    pen.lineTo(size, at);
  }
  pen.stroke();
}

// Slanted lines in a rectangle; `hole` leaves out a square in its middle: where it begins, its side.
function hatch(pen, [x, y, width, height], step, colour, thickness, hole) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  if (hole) pen.rect(hole[0], hole[0], hole[1], hole[1]);
  pen.clip("evenodd");
  pen.strokeStyle = colour;
  pen.lineWidth = thickness;
  pen.beginPath();
  const reach = width + height;
  for (let at = 0; at < reach; at += Math.abs(step)) {
    if (step > 0) {
      pen.moveTo(x + at, y);
      pen.lineTo(x + at - height, y + height);
    } else {
      pen.moveTo(x + width - at, y);
      pen.lineTo(x + width - at + height, y + height);
    }
  }
  pen.stroke();
  pen.restore();
}

export default mount(SlidingKernel);
