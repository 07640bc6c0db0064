// Images as points of a plane. Pointing at one shows its thumbnail, a click chooses it. A class has a
// shape as well as a colour.

const WIDTH = 720; // as in image_scatter.html
const TALL = 440;
const EDGE = 34;
const NEAR = 18; // pixels on the screen from which on a point is pointed at

// Outlines about (0, 0), five pixels from its middle to the rim.
const SHAPES = [
  "M5 0A5 5 0 1 1-5 0A5 5 0 1 1 5 0Z",
  "M-4.4-4.4H4.4V4.4H-4.4Z",
  "M0-5.8L5.4 4H-5.4Z",
  "M0-6L6 0L0 6L-6 0Z",
  "M-2-5.5H2V-2H5.5V2H2V5.5H-2V2H-5.5V-2H-2Z",
  "M0 5.8L5.4-4H-5.4Z",
];
const STAR = "M0-12L3.5-4L12-3.2L5.6 2.4L7.6 10.8L0 6.4L-7.6 10.8L-5.6 2.4L-12-3.2L-3.5-4Z";

class ImageScatter {
  constructor(root) {
    this.svg = root.querySelector("figure > svg");
    this.classes = root.querySelector(".classes");
    this.tip = root.querySelector(".tip");
    this.sending = new Delayed();
    this.svg.addEventListener("pointermove", (event) => this.hover(event));
    this.svg.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.svg.addEventListener("click", (event) => this.pick(event));
  }

  update(data, send) {
    this.data = data;
    this.send = send;
    this.svg.setAttribute("aria-label", data.label);
    this.place();
    this.draw();
    this.list();
  }

  // Where each point lies in the drawing.
  place() {
    const bytes = Uint8Array.from(atob(this.data.points), (letter) => letter.charCodeAt(0));
    const values = new Float32Array(bytes.buffer);
    const axis = (offset, from, to) => {
      const own = values.filter((_, i) => i % 2 === offset);
      const low = Math.min(...own);
      const span = Math.max(...own) - low || 1;
      return Array.from(own, (value) => from + ((value - low) / span) * (to - from));
    };
    const across = axis(0, EDGE, WIDTH - EDGE);
    const up = axis(1, TALL - EDGE, EDGE);
    this.spots = across.map((x, row) => [x, up[row]]);
  }

  draw() {
    const { labels, classes, picked, axes } = this.data;
    const points = labels.map((label, row) => {
      const [x, y] = this.spots[row];
      const isOwn = label === classes.length;
      const mark = isOwn ? { class: "point own", d: STAR } : { class: "point", ...this.mark(label) };
      return svgElement("path", { ...mark, transform: `translate(${x} ${y})` });
    });
    const [x, y] = this.spots[picked] ?? [-99, -99];
    const ring = svgElement("circle", { class: "ring", cx: x, cy: y, r: 14 });
    const middle = { x: WIDTH / 2, y: TALL - 8, "text-anchor": "middle" };
    const side = `translate(16 ${TALL / 2}) rotate(-90)`;
    this.svg.replaceChildren(
      ...points,
      ring,
      svgElement("text", middle, axes[0]),
      svgElement("text", { transform: side, "text-anchor": "middle" }, axes[1]),
    );
  }

  mark(label) {
    const { colours } = this.data;
    return { d: SHAPES[label % SHAPES.length], fill: colours[label % colours.length] };
  }

  list() {
    const { classes, labels } = this.data;
    const entries = classes.map((name, label) => this.entry(name, this.mark(label)));
    if (labels.includes(classes.length)) {
      entries.push(this.entry(this.data.texts.own, { class: "own", d: STAR }));
    }
    this.classes.replaceChildren(...entries);
  }

  entry(name, mark) {
    const entry = element("span");
    const drawing = svgElement("svg", { viewBox: "-12 -12 24 24", "aria-hidden": "true" });
    const scale = mark.d === STAR ? {} : { transform: "scale(1.6)" };
    drawing.append(svgElement("path", { ...mark, ...scale }));
    entry.append(drawing, element("span", "", name));
    return entry;
  }

  // The row of the point that is pointed at; -1 for none.
  at(event) {
    const box = this.svg.getBoundingClientRect();
    const scale = box.width / WIDTH;
    let best = -1;
    let least = NEAR;
    this.spots.forEach(([x, y], row) => {
      const far = Math.hypot(box.left + x * scale - event.clientX, box.top + y * scale - event.clientY);
      if (far < least) [best, least] = [row, far];
    });
    return best;
  }

  hover(event) {
    const row = this.at(event);
    if (row < 0) {
      this.tip.hidden = true;
      return;
    }
    const { titles, classes, labels, token, texts } = this.data;
    const name = classes[labels[row]] ?? texts.own;
    const url = stored(token)?.urls[0][row];
    const image = this.tip.querySelector("img");
    image.hidden = !url;
    if (url && image.getAttribute("src") !== url) image.src = url;
    this.tip.querySelector("span").textContent = `${name}: ${titles[row]}`;
    this.tip.hidden = false;
    const { offsetWidth, offsetHeight } = this.tip;
    const left = clamp(event.clientX - offsetWidth / 2, innerWidth - offsetWidth);
    const above = event.clientY - offsetHeight - 16;
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${above > 60 ? above : event.clientY + 20}px`;
  }

  pick(event) {
    const row = this.at(event);
    if (row < 0) return;
    this.hover(event); // a finger does not hover
    this.data.picked = row;
    this.draw();
    this.sending.run(() => this.send("pick", { row }));
  }

  destroy() {
    this.sending.cancel();
  }
}

export default mount(ImageScatter);
