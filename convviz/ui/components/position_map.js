// A map beside the image it answers to. Pointing at either shows the number there and the part of
// the image that it was computed from; a click, or the arrow keys on the map, choose a position.

class PositionMap {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.sending = new Delayed(150);
    for (const name of ["image", "map"]) {
      const stage = this.find(`.stage.${name}`);
      stage.addEventListener("pointermove", (event) => this.hover(this.at(event, stage)));
      stage.addEventListener("pointerleave", () => this.hover(undefined));
      stage.addEventListener("click", (event) => this.pick(this.at(event, stage)));
    }
    this.find(".map").addEventListener("keydown", (event) => this.onKey(event));
    this.find("input").addEventListener("input", () => this.blend());
  }

  // Lay the map over the image as strongly as the slider says.
  blend() {
    const range = this.find("input");
    this.find(".cover").style.opacity = range.value / 100;
    range.style.setProperty("--share", `${range.value}%`);
    this.find("output").textContent = `${range.value}\u00a0%`;
  }

  update(data, send) {
    this.send = send;
    this.texts = data.texts;
    this.blend();
    if (data.token !== this.token) {
      this.token = data.token;
      this.data = data;
      const bytes = Uint8Array.from(atob(data.values), (letter) => letter.charCodeAt(0));
      this.values = new Float32Array(bytes.buffer);
      this.find(".photo").src = data.image;
      this.find(".cover").src = data.map;
      lay(this.find(".cover"), data.box, data.side, data.side);
      this.find(".alone").src = data.map;
    }
    this.find(".map").setAttribute("aria-label", data.label);
    this.picked = data.picked;
    this.draw();
  }

  // The position that is pointed at: the map fills its own stage, and lies on the image where its
  // receptive fields' centres are.
  at(event, stage) {
    const shape = stage.getBoundingClientRect();
    const { height, width, side, box } = this.data;
    const onImage = stage.classList.contains("image");
    const [top, left, bottom, right] = onImage ? box.map((pixel) => pixel / side) : [0, 0, 1, 1];
    const down = (event.clientY - shape.top) / shape.height;
    const across = (event.clientX - shape.left) / shape.width;
    return [
      clamp(Math.floor(((down - top) / (bottom - top)) * height), height),
      clamp(Math.floor(((across - left) / (right - left)) * width), width),
    ];
  }

  hover(position) {
    this.hovered = position;
    this.draw();
  }

  pick(position) {
    this.picked = position;
    this.draw();
    const [row, column] = position;
    this.sending.run(() => this.send("pick", { row, column, token: this.token }));
  }

  onKey(event) {
    const step = ARROWS[event.key];
    if (!step || hasModifier(event)) return;
    event.preventDefault();
    event.stopPropagation();
    this.hovered = undefined;
    this.pick([
      clamp(this.picked[0] + step[0], this.data.height),
      clamp(this.picked[1] + step[1], this.data.width),
    ]);
  }

  draw() {
    this.mark("picked", this.picked);
    this.mark("hovered", this.hovered);
    const [row, column] = this.hovered ?? this.picked;
    const value = this.values[row * this.data.width + column];
    const number = Number.isFinite(value) ? Number(value.toPrecision(4)) : value;
    const at = { row: row + 1, column: column + 1, number };
    this.find(".read").textContent = say(this.texts, "value", at);
    this.find(".seen").textContent = this.sees(this.box(row, column));
  }

  sees(box) {
    if (!box) return this.texts.unknown;
    const [top, left, bottom, right] = box;
    const size = { width: right - left, height: bottom - top, side: this.data.side };
    const ends = { left: left + 1, right, top: top + 1, bottom };
    return say(this.texts, "seen", { ...size, ...ends });
  }

  box(row, column) {
    if (!this.data.rows) return undefined;
    const [top, bottom] = this.data.rows[row];
    const [left, right] = this.data.columns[column];
    return bottom < top || right < left ? undefined : [top, left, bottom + 1, right + 1];
  }

  mark(kind, position) {
    const cell = this.find(`.cell.${kind}`);
    const frame = this.find(`.box.${kind}`);
    const box = position && this.box(...position);
    cell.hidden = !position;
    frame.hidden = !box;
    if (position) {
      const [row, column] = position;
      lay(cell, [row, column, row + 1, column + 1], this.data.height, this.data.width);
    }
    if (box) lay(frame, box, this.data.side, this.data.side);
  }

  destroy() {
    this.sending.cancel();
  }
}

function lay(element, [top, left, bottom, right], height, width) {
  element.style.top = `${(100 * top) / height}%`;
  element.style.left = `${(100 * left) / width}%`;
  element.style.height = `${(100 * (bottom - top)) / height}%`;
  element.style.width = `${(100 * (right - left)) / width}%`;
}

export default mount(PositionMap);
