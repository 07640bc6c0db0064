// A window that slides over a layer's input, and the number that it makes at each place of the map.
//
// Python sends the input maps, the kernel and the map itself once for a channel; every product and
// sum is computed here, so that moving the window asks nothing of the server. Where the window comes
// to rest is told to Python a moment later.

const TOUR = 30000; // milliseconds that playing through a map shall take
const [QUICKEST, SLOWEST] = [60, 500]; // milliseconds between two stops
const BARS = 12; // input channels that get a bar each
const LEGIBLE = 16; // numbers are written into a window up to this many across
const WIDE = 7; // up to this many across, three grids of numbers find room beside each other
const PAPER = [244, 244, 244];
const BLUE = [0, 114, 178];
const VERMILION = [213, 94, 0];

class SlidingWindow {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.sending = new Delayed(400);
    this.serial = 0;
    this.player = new Player(this.find(".play"), {
      advance: () => this.advance(),
      every: () => this.every(),
      paused: () => this.rest(),
    });
    this.find(".still").hidden = !this.player.still;
    this.find(".back").addEventListener("click", () => this.step(-1));
    this.find(".next").addEventListener("click", () => this.step(1));
    this.find("select").addEventListener("change", (event) => this.look(Number(event.target.value)));
    this.find(".rows").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.look(Number(button.dataset.index));
    });
    this.input = this.find(".stage.input");
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    // The page steps through channels by the arrow keys; in here they do something else.
    this.find(".controls").addEventListener("keydown", (event) => {
      if (ARROWS[event.key]) event.stopPropagation();
    });
    this.draggable(this.input, (across, down) => this.under(across, down));
    this.draggable(this.find(".stage.output"), (across, down) => {
      const { rows, columns } = this.shown;
      return [Math.floor(down * rows.length), Math.floor(across * columns.length)];
    });
    this.find(".numbers").addEventListener("pointerover", (event) => this.showExact(event));
    this.find(".numbers").addEventListener("pointerleave", () => (this.find(".tip").hidden = true));
    this.onStore = () => this.load();
    window.addEventListener("convviz-store", this.onStore);
  }

  update(data, send) {
    this.data = data;
    this.send = send;
    this.player.name(data.texts);
    if (this.shown?.token === data.token) this.take(data);
    this.load();
  }

  // Take the position from Python, unless it answers an older move.
  take({ picked, serial }) {
    const news = String(picked) !== String(this.asked);
    this.asked = picked;
    if (!news || serial < this.serial || this.player.playing) return;
    [this.row, this.column] = picked;
    this.draw();
  }

  async load() {
    const data = this.data;
    const [inputs, rest] = [stored(data?.inputs), stored(data?.numbers)];
    this.showPhotograph();
    if (!inputs || !rest || this.loading === data.token || this.shown?.token === data.token) return;
    this.loading = data.token;
    const read = async (blob, Type) => new Type(blob ? await blob.arrayBuffer() : 0);
    const [kernel, others, divisors, numbers] = rest.images[0];
    const shown = {
      ...data,
      values: await read(inputs.images[0][0], Float32Array),
      onMap: await read(inputs.images[0][1], Uint8Array),
      weights: await read(kernel, Float32Array),
      rest: await read(others, Float64Array),
      divisors: await read(divisors, Float64Array),
      map: await read(numbers, Float32Array),
    };
    if (this.data.token !== data.token) return; // another channel was chosen meanwhile
    this.begin(shown);
  }

  begin(shown) {
    const same = this.shown && String(this.shown.names) === String(shown.names);
    this.player.play(false);
    this.shown = shown;
    this.serial = Math.max(this.serial, shown.serial);
    this.asked = shown.picked;
    [this.row, this.column] = shown.picked;
    const count = shown.rows.length * shown.columns.length;
    for (const name of [".play", ".back", ".next"]) this.find(name).hidden = count < 2;
    if (this.player.still) this.find(".play").hidden = true;
    this.find(".choice").hidden = shown.names.length < 2;
    this.find("select").replaceChildren(
      ...shown.names.map((name, index) => {
        const option = element("option", "", name);
        option.value = index;
        return option;
      }),
    );
    this.find(".whole").hidden = shown.of_image;
    this.find(".lab").classList.toggle("deep", !shown.of_image);
    this.find(".note .dot").hidden = !shown.padded;
    this.find(".content canvas").hidden = shown.of_image;
    this.find(".content img").hidden = !shown.of_image;
    this.find(".sum .title").textContent = shown.kind === "sum" ? shown.title : "";
    this.layStages();
    this.paint(this.find(".output canvas"), shown.map, shown.columns.length, shown.rows.length);
    this.showPhotograph();
    this.parts = [];
    this.order = this.bySize();
    this.look(same && this.index < shown.names.length ? this.index : this.order[0]);
  }

  showPhotograph() {
    const url = stored(this.data?.photograph)?.urls[0][0];
    if (!url) return;
    for (const image of [this.find(".photograph img"), this.find(".content img")]) {
      if (image.getAttribute("src") !== url) image.src = url;
    }
  }

  layStages() {
    const { height, width, padding, rows, columns } = this.shown;
    const [top, left, bottom, right] = padding;
    this.input.style.aspectRatio = `${width} / ${height}`;
    lay(this.find(".content"), [top, left, height - bottom, width - right], height, width);
    this.find(".output").style.aspectRatio = `${columns.length} / ${rows.length}`;
    this.find(".photograph").style.aspectRatio = "1";
  }

  // Windows of an uneven pooling differ in size; all others have one.
  makeGrids(tall, wide) {
    const count = this.shown.kind === "sum" ? 3 : 1; // the input; the kernel and the products
    this.find(".note").hidden = Math.max(tall, wide) > LEGIBLE;
    this.parts = Array.from({ length: count }, (_, part) => {
      const box = element("div", "part");
      box.style.setProperty("--columns", wide);
      // A number without its 0 before the point is a sign shorter.
      box.style.setProperty("--signs", this.shown.texts.point === "." ? 4 : 5);
      box.classList.toggle("wide", wide > WIDE);
      box.classList.toggle("many", Math.max(tall, wide) > LEGIBLE);
      const heading = element("div", "title");
      const grid = element("div", "cells");
      grid.setAttribute("role", "img");
      const cells = Array.from({ length: tall * wide }, (_, at) => {
        const cell = element("span");
        cell.dataset.part = part;
        cell.dataset.at = at;
        return cell;
      });
      grid.append(...cells);
      const sum = element("div", "total");
      box.append(heading, grid, sum);
      return { box, heading, grid, sum, cells };
    });
    this.find(".numbers").style.setProperty("--columns", wide);
    this.find(".numbers").replaceChildren(...this.parts.map(({ box }) => box));
  }

  // Show one input channel: its map, and its numbers under the window.
  look(index) {
    this.index = index;
    this.find("select").value = index;
    const { values, height, width, padding, of_image } = this.shown;
    if (!of_image) {
      const [top, left, bottom, right] = padding;
      const size = [width - left - right, height - top - bottom];
      const map = new Float32Array(size[0] * size[1]);
      for (let row = 0; row < size[1]; row++) {
        const start = (index * height + row + top) * width + left;
        map.set(values.subarray(start, start + size[0]), row * size[0]);
      }
      this.paint(this.find(".content canvas"), map, ...size);
    }
    this.draw();
  }

  paint(canvas, values, width, height) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(width, height);
    let [low, high] = [0, 0];
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    values.forEach((value, i) => {
      const share = high > low && !Number.isNaN(value) ? (value - low) / (high - low) : 0;
      const level = Math.round(255 * Math.max(0, Math.min(1, share)));
      for (let band = 0; band < 3; band++) {
        pixels.data[4 * i + band] = this.shown.colours[3 * level + band];
      }
      pixels.data[4 * i + 3] = 255;
    });
    context.putImageData(pixels, 0, 0);
  }

  // The numbers of one input channel under the window, and their products with its kernel.
  underWindow(index) {
    const { values, onMap, weights, height, width, rows, columns, kind } = this.shown;
    const [top, tall, down] = rows[this.row];
    const [left, wide, across] = columns[this.column];
    const [patch, inside, kernel, products] = [[], [], [], []];
    for (let i = 0; i < tall; i++) {
      for (let j = 0; j < wide; j++) {
        const at = (top + i * down) * width + left + j * across;
        const value = values[index * height * width + at];
        patch.push(value);
        inside.push(onMap[at] > 0);
        if (kind !== "sum") continue;
        const weight = weights[(index * tall + i) * wide + j];
        kernel.push(weight);
        products.push(value * weight);
      }
    }
    return { patch, inside, kernel, products, tall, wide };
  }

  contributions() {
    return this.shown.names.map((_, index) => total(this.underWindow(index).products));
  }

  bySize() {
    if (this.shown.kind !== "sum") return [0];
    const added = this.contributions();
    return added.map((_, index) => index).sort((a, b) => Math.abs(added[b]) - Math.abs(added[a]));
  }

  // What the window's numbers make, step by step: [name, value] each.
  steps(added) {
    const { kind, bias, rest, divisors, columns, after, relu_follows, texts } = this.shown;
    const at = this.row * columns.length + this.column;
    const { patch } = this.underWindow(0);
    let value;
    const steps = [];
    const step = (name, result) => {
      value = result;
      steps.push([name, value]);
    };
    if (kind === "sum") step(texts.sum, total(added) + rest[at] + (bias ?? 0));
    else if (kind === "maximum") step(texts.maximum, Math.max(...patch));
    else {
      const name = say(texts, "mean", { count: patch.length, divisor: divisors[at] });
      step(name, total(patch) / divisors[at]);
    }
    for (const stage of after) {
      if (stage.kind === "relu") {
        step(texts.after_relu, Math.min(Math.max(0, value), stage.ceiling ?? Infinity));
      } else {
        const normalised = ((value - stage.mean) / stage.spread) * stage.scale + stage.shift;
        step(texts.after_norm, normalised);
      }
    }
    if (relu_follows) steps.push([texts.later, Math.max(0, value)]);
    return steps;
  }

  draw() {
    const shown = this.shown;
    if (!shown || this.index === undefined) return;
    const { rows, columns, kind, height, width, texts } = shown;
    const [top, tall, down] = rows[this.row];
    const [left, wide, across] = columns[this.column];
    const bottom = top + (tall - 1) * down + 1;
    const right = left + (wide - 1) * across + 1;
    lay(this.find(".window"), [top, left, bottom, right], height, width, 10);
    this.drawOutput();
    this.drawField();
    const added = kind === "sum" ? this.contributions() : [];
    if (!this.player.playing && kind === "sum") this.order = this.bySize();
    this.drawRows(added);
    this.drawSteps(added);
    this.drawNumbers(added);
    const number = shown.map[this.row * columns.length + this.column];
    const where = this.find(".where");
    where.setAttribute("aria-live", this.player.playing ? "off" : "polite");
    where.textContent = say(texts, "where", {
      row: this.row + 1,
      rows: rows.length,
      column: this.column + 1,
      columns: columns.length,
      number: short(number, texts),
    });
    where.title = numeral(texts, String(number));
  }

  drawOutput() {
    const { rows, columns } = this.shown;
    const [tall, wide] = [rows.length, columns.length];
    lay(this.find(".cell"), [this.row, this.column, this.row + 1, this.column + 1], tall, wide, 8);
    lay(this.find(".veil.rest"), [this.row, this.column + 1, this.row + 1, wide], tall, wide);
    lay(this.find(".veil.below"), [this.row + 1, 0, tall, wide], tall, wide);
    this.find(".output + figcaption").textContent = this.shown.output;
  }

  drawField() {
    const { field, side, input, of_image, padded, names, texts } = this.shown;
    const on = `${of_image ? "on_image" : "on_channel"}${padded ? "_padded" : ""}`;
    const title = say(texts, on, { input, channel: names[this.index] });
    this.find(".input + figcaption").textContent = title;
    if (of_image) return;
    const [down, across] = field ? [field[0][this.row], field[1][this.column]] : [];
    const isSeen = Boolean(field) && down[1] >= down[0] && across[1] >= across[0];
    const caption = this.find(".photograph + figcaption");
    this.find(".field").hidden = !isSeen;
    if (isSeen) {
      const box = [down[0], across[0], down[1] + 1, across[1] + 1];
      lay(this.find(".field"), box, side, side, 10);
      const size = { height: box[2] - box[0], width: box[3] - box[1], side };
      caption.textContent = say(texts, "field", size);
    } else {
      caption.textContent = texts.no_field;
    }
  }

  drawRows(added) {
    const { names, bias, others, rest, columns, kind, texts } = this.shown;
    if (kind !== "sum") {
      this.find(".rows").replaceChildren();
      return;
    }
    const first = this.order.slice(0, BARS);
    const lines = first.map((index) => [names[index], added[index], index]);
    const further = this.order.slice(BARS);
    const left = further.length + others;
    const more = further.reduce((sum, index) => sum + added[index], 0);
    const beyond = rest[this.row * columns.length + this.column] + more;
    if (left) lines.push([say(texts, "others", { count: left }), beyond]);
    if (bias !== null) lines.push([texts.bias, bias]);
    const bound = Math.max(...lines.map(([, value]) => Math.abs(value))) || 1;
    this.find(".rows").replaceChildren(
      ...lines.flatMap(([name, value, index]) => {
        let label = element("span", "name", name);
        if (index !== undefined && names.length > 1) {
          label = element("button", "name figure", name);
          label.type = "button";
          label.dataset.index = index;
          label.setAttribute("aria-pressed", String(index === this.index));
        }
        const bar = element("span", "bar");
        const fill = element("i");
        const share = (50 * Math.abs(value)) / bound;
        fill.style.width = `${share}%`;
        fill.style.left = `${value < 0 ? 50 - share : 50}%`;
        fill.style.background = `rgb(${value < 0 ? VERMILION : BLUE})`;
        bar.append(fill);
        const number = element("span", "value", signed(value, texts));
        number.title = numeral(texts, String(value));
        return [label, bar, number];
      }),
    );
  }

  drawSteps(added) {
    const { columns, map, texts } = this.shown;
    const number = map[this.row * columns.length + this.column];
    const lines = [...this.steps(added), [texts.last, number, "last"]];
    this.find(".steps").replaceChildren(
      ...lines.flatMap(([name, value, style]) => {
        const written = element("span", "value", short(value, texts));
        written.title = numeral(texts, String(value));
        if (style) written.classList.add(style);
        return [element("span", style, name), written];
      }),
    );
  }

  drawNumbers(added) {
    const { names, kind, texts } = this.shown;
    const sum = kind === "sum" ? signed(added[this.index], texts) : "";
    const window_ = this.underWindow(this.index);
    this.cellsOf = [window_.patch, window_.kernel, window_.products];
    this.inside = window_.inside;
    this.wide = window_.wide;
    if (this.size !== `${window_.tall} × ${window_.wide}` || !this.parts.length) {
      this.size = `${window_.tall} × ${window_.wide}`;
      this.makeGrids(window_.tall, window_.wide);
    }
    this.parts.forEach((part, i) => {
      const numbers = this.cellsOf[i];
      const finite = numbers.filter(Number.isFinite).map(Math.abs);
      const bound = Math.max(0, ...finite) || 1;
      const power = bound >= 0.095 && bound < 999.5 ? 0 : Math.floor(Math.log10(bound));
      const places = Math.max(0, 1 - Math.floor(Math.log10(bound / 10 ** power) + 1e-9));
      const largest = kind === "maximum" ? numbers.indexOf(Math.max(...numbers)) : -1;
      numbers.forEach((value, at) => {
        const cell = part.cells[at];
        const isPadding = i !== 1 && !this.inside[at];
        cell.textContent = isPadding ? "·" : rounded(value / 10 ** power, places, texts);
        const [ground, ink] = tint(isPadding ? 0 : value / bound);
        cell.style.background = ground;
        cell.style.color = ink;
        cell.classList.toggle("largest", at === largest);
      });
      const title = i === 0 ? names[this.index] : texts[`part_${i}`];
      const unit = `10${superscript(power)}`;
      part.heading.textContent = power ? say(texts, "in_units", { title, unit }) : title;
      const label = say(texts, i === 2 ? "products" : "numbers", { title, size: this.size, sum });
      part.grid.setAttribute("aria-label", label);
    });
    if (kind === "sum") this.parts[2].sum.textContent = say(texts, "sum_of_products", { sum });
  }

  showExact(event) {
    const { part, at } = event.target.dataset ?? {};
    const tip = this.find(".tip");
    tip.hidden = part === undefined;
    if (tip.hidden) return;
    const isPadding = part !== "1" && !this.inside[at];
    const place = { row: Math.floor(at / this.wide) + 1, column: (at % this.wide) + 1 };
    const number = Number(this.cellsOf[part][at].toPrecision(9));
    const text = say(this.shown.texts, isPadding ? "exact_padding" : "exact", { ...place, number });
    showTip(tip, text, event.target.getBoundingClientRect(), 6);
  }

  go(row, column) {
    const { rows, columns } = this.shown;
    const to = [clamp(row, rows.length), clamp(column, columns.length)];
    if (to[0] === this.row && to[1] === this.column) return;
    [this.row, this.column] = to;
    this.draw();
    if (!this.player.playing) this.tell();
  }

  // A tour has come to rest.
  rest() {
    this.draw();
    this.tell();
  }

  tell() {
    this.serial += 1;
    const { row, column, serial } = this;
    this.sending.run(() => this.send("pick", { row, column, serial, token: this.shown.token }));
  }

  step(by) {
    this.player.play(false);
    const { rows, columns } = this.shown;
    const count = rows.length * columns.length;
    const at = (this.row * columns.length + this.column + by + count) % count;
    this.go(Math.floor(at / columns.length), at % columns.length);
  }

  // The next stop of a tour; a large map is gone through in wider steps.
  advance() {
    const { rows, columns } = this.shown;
    const [down, across] = this.strides();
    if (this.column + across < columns.length) this.go(this.row, this.column + across);
    else this.go(this.row + down < rows.length ? this.row + down : 0, 0);
  }

  strides() {
    const most = Math.floor(Math.sqrt(TOUR / QUICKEST));
    const { rows, columns } = this.shown;
    return [Math.ceil(rows.length / most), Math.ceil(columns.length / most)];
  }

  // How long each stop of a tour lasts.
  every() {
    const { rows, columns } = this.shown;
    const [down, across] = this.strides();
    const stops = Math.ceil(rows.length / down) * Math.ceil(columns.length / across);
    return Math.max(QUICKEST, Math.min(SLOWEST, TOUR / stops));
  }

  onKey(event) {
    const step = ARROWS[event.key];
    if (hasModifier(event) || !this.shown) return;
    if (event.key === " " && !this.player.still) {
      event.preventDefault();
      this.player.play(!this.player.playing);
      return;
    }
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.player.play(false);
    this.go(this.row + step[0], this.column + step[1]);
  }

  // Follow a pressed pointer; `position` gives the map's row and column for a place on the stage.
  draggable(stage, position) {
    const follow = (event) => {
      const box = stage.getBoundingClientRect();
      const across = (event.clientX - box.left) / box.width;
      this.go(...position(across, (event.clientY - box.top) / box.height));
    };
    const release = () => stage.classList.remove("dragged");
    stage.addEventListener("pointerdown", (event) => {
      if (!this.shown || event.button) return;
      this.player.play(false);
      stage.classList.add("dragged");
      stage.setPointerCapture(event.pointerId);
      follow(event);
    });
    stage.addEventListener("pointermove", (event) => {
      if (stage.classList.contains("dragged")) follow(event);
    });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, release);
  }

  // The position whose window has its middle nearest to a place on the input.
  under(across, down) {
    const { rows, columns, height, width } = this.shown;
    return [nearestTo(rows, down * height), nearestTo(columns, across * width)];
  }

  destroy() {
    this.player.play(false);
    this.sending.cancel();
    window.removeEventListener("convviz-store", this.onStore);
  }
}

function nearestTo(windows, place) {
  let best = 0;
  let least = Infinity;
  windows.forEach(([first, count, step], index) => {
    const off = Math.abs(first + ((count - 1) * step + 1) / 2 - place);
    if (off < least) [best, least] = [index, off];
  });
  return best;
}

// Lay an element over a part of its stage, at least `least` pixels wide and high around its middle.
function lay(element, [top, left, bottom, right], height, width, least = 0) {
  const style = element.style;
  style.left = `${(100 * left) / width}%`;
  style.top = `${(100 * top) / height}%`;
  style.width = `${(100 * (right - left)) / width}%`;
  style.height = `${(100 * (bottom - top)) / height}%`;
  if (!least) return;
  const stage = element.parentElement.getBoundingClientRect();
  const wide = ((right - left) / width) * stage.width;
  const tall = ((bottom - top) / height) * stage.height;
  if (wide < least) {
    style.width = `${least}px`;
    style.left = `calc(${(50 * (left + right)) / width}% - ${least / 2}px)`;
  }
  if (tall < least) {
    style.height = `${least}px`;
    style.top = `calc(${(50 * (top + bottom)) / height}% - ${least / 2}px)`;
  }
}

function total(numbers) {
  return numbers.reduce((sum, value) => sum + value, 0);
}

function short(value, texts) {
  const text = Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value);
  return withMinus(numeral(texts, text));
}

// As texts write it; a hyphen is narrower than a plus.
function withMinus(text) {
  return text.replace(/^-/, "−");
}

function signed(value, texts) {
  return value > 0 ? `+${short(value, texts)}` : short(value, texts);
}

function rounded(value, places, texts) {
  if (!Number.isFinite(value)) return "?";
  const text = value.toFixed(places);
  if (Number(text) === 0) return "0";
  // Where a point stands before decimals, the 0 before it may go; before a comma it may not.
  const short = texts.point === "." ? text.replace(/^(-?)0\./, "$1.") : text;
  return withMinus(numeral(texts, short));
}

function superscript(power) {
  return [...String(power)].map((letter) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(letter)]).join("");
}

// A colour for a share of −1 to 1, and the one of black and white that has a contrast of 4.5 to it.
function tint(share) {
  const strength = Number.isFinite(share) ? Math.min(1, Math.abs(share)) : 0;
  const end = share < 0 ? VERMILION : BLUE;
  const mixed = PAPER.map((value, band) => Math.round(value + (end[band] - value) * strength));
  const [red, green, blue] = mixed.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return [`rgb(${mixed})`, light > 0.179 ? "#000" : "#fff"];
}

export default mount(SlidingWindow);
