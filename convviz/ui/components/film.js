// A film of a training. Every moment's pictures are here already: moving the slider only paints.

const REST = 350; // milliseconds after which Python is told where the slider rests
const PLAY = 160; // milliseconds between two moments while it plays
const HEIGHT = 208; // pixels of a root font of 16, as in film.css

class Film {
  constructor(root) {
    this.root = root;
    this.resting = new Delayed(REST);
    this.sent = []; // moments that Python has not answered yet
    this.find = (name) => root.querySelector(name);
    this.slider = this.find("input");
    this.slider.addEventListener("input", () => {
      this.play(false);
      this.go(Number(this.slider.value));
    });
    this.find(".play").addEventListener("click", () => this.play(!this.timer));
    const larger = () => this.enlarge(this.find(".screen").dataset.large !== "true");
    this.find(".larger").addEventListener("click", larger);
    this.find(".screen").addEventListener("click", (event) => {
      if (event.target.tagName === "CANVAS") larger();
    });
    for (const event of ["pointerenter", "pointerdown", "focusin"]) {
      root.addEventListener(event, () => this.reach(), true);
    }
    this.onStore = () => this.load();
    window.addEventListener("convviz-store", this.onStore);
    this.watch = new ResizeObserver(() => {
      this.drawCharts();
      this.panels?.forEach((figure) => sharpen(figure.querySelector("canvas")));
    });
    this.watch.observe(this.find(".screen"));
  }

  update(data, send) {
    this.data = data;
    this.send = send;
    this.nameButtons();
    this.find(".screen").dataset.partial = data.partial;
    this.load();
    if (!this.stills) this.wait();
    this.follow();
    this.drawCharts();
  }

  load() {
    const film = stored(this.data?.token);
    if (!film || this.token === this.data.token) return; // it is on its way, or here
    const { stills, images } = film;
    // Other pictures of as many moments: the same film seen differently, so the place stays.
    const same = this.stills?.length === stills.length && !this.data.live;
    this.token = this.data.token;
    this.stills = stills;
    this.files = images;
    this.bitmaps = stills.map(() => []);
    this.layControls(stills.length);
    this.layPanels();
    this.go(same ? this.at : this.data.at, false);
    this.decodeAll(this.token);
    this.drawCharts();
  }

  // Lay everything out before the pictures come, so that nothing moves when they do.
  wait() {
    const { moments, at } = this.data;
    this.layControls(moments.length);
    this.place(at, moments);
    this.layPanels();
  }

  layControls(count) {
    this.find(".controls").hidden = this.data.live || count < 2;
    this.slider.max = count - 1;
  }

  place(at, moments) {
    this.slider.value = at;
    this.slider.style.setProperty("--share", `${(at / Math.max(1, moments.length - 1)) * 100}%`);
    this.slider.setAttribute("aria-valuetext", moments[at].label);
    this.find(".label").textContent = moments[at].label;
  }

  // Go to the moment that Python names, unless it only answers what was sent to it.
  follow() {
    const { at, live, token } = this.data;
    const answer = this.sent.indexOf(at);
    if (answer >= 0) this.sent.splice(0, answer + 1);
    else if (at !== this.asked && token === this.token && !live) this.go(at, false);
    this.asked = at;
  }

  // Ask Python for the pictures that it did not make yet.
  reach() {
    if (!this.data?.partial || this.reached === this.data.token) return;
    this.reached = this.data.token;
    this.send("reach", this.data.token);
  }

  async decodeAll(token) {
    for (let at = 0; at < this.stills.length; at += 1) {
      for (let panel = 0; panel < this.data.titles.length; panel += 1) {
        if (this.token !== token) return;
        await this.image(at, panel);
      }
    }
    if (this.token === token) this.find(".screen").dataset.ready = "true";
  }

  image(at, panel) {
    const file = this.files[at][panel];
    if (!file) return null;
    return (this.bitmaps[at][panel] ??= createImageBitmap(file));
  }

  layPanels() {
    const { titles } = this.data;
    if (this.panels?.length !== titles.length) {
      this.panels?.forEach((figure) => figure.remove());
      this.panels = titles.map(makePanel);
      this.find(".side").prepend(this.panels[0]); // the curves go below
      this.find(".main").prepend(...this.panels.slice(1));
    }
    delete this.find(".screen").dataset.ready;
    this.panels.forEach((figure, panel) => {
      figure.querySelector("figcaption").textContent = titles[panel];
      figure.querySelector("canvas").setAttribute("aria-label", titles[panel]);
    });
  }

  go(at, tell = true) {
    if (!this.stills) return; // the pictures are on their way
    this.at = clamp(at, this.stills.length);
    const still = this.stills[this.at];
    this.place(this.at, this.stills);
    this.panels.forEach((figure, panel) => {
      figure.querySelector(".note").textContent = still.notes[panel] ?? "";
      this.paint(figure.querySelector("canvas"), panel);
    });
    this.moveMarks();
    if (tell) this.tell();
  }

  async paint(canvas, panel) {
    const { at, token } = this;
    const image = await this.image(at, panel);
    if (!image || at !== this.at || token !== this.token) return; // gone on in the meantime
    if (canvas.width !== image.width || canvas.height !== image.height) {
      canvas.width = image.width;
      canvas.height = image.height;
    }
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0);
    canvas.dataset.at = at;
    sharpen(canvas);
  }

  tell() {
    this.resting.run(() => {
      this.sent.push(this.at);
      this.send("rest", { at: this.at });
    });
  }

  play(on) {
    clearInterval(this.timer);
    this.timer = undefined;
    if (on && this.stills) {
      if (this.at === this.stills.length - 1) this.go(0);
      this.timer = setInterval(() => {
        this.go(this.at + 1);
        if (this.at === this.stills.length - 1) this.play(false);
      }, Math.max(PLAY, 4000 / this.stills.length));
    }
    this.nameButtons();
  }

  // Enlarged, what stands side by side stands one below the other, each as wide as the page.
  enlarge(on) {
    this.find(".screen").dataset.large = String(on);
    this.nameButtons();
  }

  // What a button does depends on what is on.
  nameButtons() {
    const { play, pause, enlarge, reduce } = this.data.texts;
    const name = (button, on, [whenOn, whenOff]) => {
      button.textContent = on ? whenOn : whenOff;
      button.setAttribute("aria-pressed", String(on));
    };
    name(this.find(".play"), Boolean(this.timer), [pause, play]);
    const isLarge = this.find(".screen").dataset.large === "true";
    name(this.find(".larger"), isLarge, [reduce, enlarge]);
  }

  drawCharts() {
    if (!this.data) return;
    if (this.places?.length !== this.data.charts.length) {
      this.places?.forEach((place) => place.remove());
      this.places = this.data.charts.map((_, index) => {
        const place = element("div");
        this.find(index ? ".main .charts" : ".side .charts").append(place);
        return place;
      });
    }
    this.scales = this.data.charts.map((chart, index) =>
      drawChart(this.places[index], chart, this.data.texts, (x) => this.goNear(x), !this.data.live),
    );
    this.moveMarks();
  }

  goNear(x) {
    if (this.data.live || !this.stills) return;
    const far = this.stills.map((still) => Math.abs(still.at - x));
    this.play(false);
    this.go(far.indexOf(Math.min(...far)));
  }

  moveMarks() {
    const still = this.stills ? this.stills[this.at] : this.data?.moments[this.data.at];
    if (!still || !this.scales) return;
    this.scales.forEach(({ mark, across }) => {
      const x = across(still.at);
      mark.setAttribute("x1", x);
      mark.setAttribute("x2", x);
      mark.removeAttribute("visibility");
    });
  }

  // Where the page mounts it again in the same place, another film lays out its own.
  destroy() {
    for (const part of [...(this.panels ?? []), ...(this.places ?? [])]) part.remove();
    clearInterval(this.timer);
    this.resting.cancel();
    this.watch.disconnect();
    window.removeEventListener("convviz-store", this.onStore);
  }
}

function makePanel() {
  const figure = element("figure");
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  figure.append(element("figcaption"), canvas, element("p", "note"));
  return figure;
}

// Enlarged, every value stays a square; made smaller, neighbours are averaged, or lines would drop out.
function sharpen(canvas) {
  const smaller = canvas.clientWidth * (window.devicePixelRatio || 1) < canvas.width;
  canvas.style.imageRendering = smaller ? "auto" : "pixelated";
}

// Draws curves into a place; returns the mark and the scale that it moves on.
function drawChart(place, chart, texts, pick, pickable) {
  // Where the page's text is larger, the chart is drawn for less room and enlarged with it.
  const enlarged = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const width = Math.max(place.clientWidth / enlarged, 200);
  const right = chart.right ? 52 : 12;
  const box = { left: 52, top: 10, right: width - right, bottom: HEIGHT - 40 };
  const all = chart.lines.flatMap((line) => line.points);
  const xMost = chart.length ?? Math.max(1, ...all.map(([x]) => x));
  const finite = (side) =>
    chart.lines
      .filter((line) => line.side === side)
      .flatMap((line) => line.points.map(([, y]) => y))
      .filter(Number.isFinite);
  const most = {
    left: chart.top ?? highest(finite("left")),
    right: Math.min(1.05, Math.max(0.4, ...finite("right")) * 1.1),
  };
  const across = (x) => box.left + (x / xMost) * (box.right - box.left);
  const up = (y, side) =>
    box.bottom - (Math.min(y, most[side]) / most[side]) * (box.bottom - box.top);
  const svg = svgElement("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
  svg.setAttribute("aria-label", chart.title);
  for (const value of ticks(most.left, 4)) {
    const y = up(value, "left");
    svg.append(svgElement("line", { class: "grid", x1: box.left, x2: box.right, y1: y, y2: y }));
    const at = { x: box.left - 8, y: y + 4, "text-anchor": "end" };
    svg.append(svgElement("text", at, short(value, texts)));
  }
  if (chart.right) {
    for (const value of ticks(most.right, 4)) {
      const text = `${Math.round(value * 100)} %`;
      const at = { x: box.right + 8, y: up(value, "right") + 4 };
      svg.append(svgElement("text", at, text));
    }
  }
  for (const value of ticks(xMost, Math.max(3, Math.floor(width / 120)))) {
    const at = { x: across(value), y: box.bottom + 18, "text-anchor": "middle" };
    svg.append(svgElement("text", at, short(value, texts)));
  }
  const middle = { x: (box.left + box.right) / 2, y: HEIGHT - 6, "text-anchor": "middle" };
  svg.append(svgElement("text", middle, chart.across));
  const ends = { y1: box.top, y2: box.bottom, visibility: "hidden" };
  const mark = svgElement("line", { class: "mark", ...ends });
  svg.append(mark);
  for (const line of chart.lines) drawLine(svg, line, across, up);
  if (pickable) {
    const [w, h] = [box.right - box.left, box.bottom - box.top];
    const hit = svgElement("rect", { class: "hit", x: box.left, y: box.top, width: w, height: h });
    const from = (event) => {
      const shown = svg.getBoundingClientRect();
      const x = ((event.clientX - shown.left) / shown.width) * width;
      pick(((x - box.left) / (box.right - box.left)) * xMost);
    };
    hit.addEventListener("pointerdown", from);
    hit.addEventListener("pointermove", (event) => event.buttons && from(event));
    svg.append(hit);
  }
  const key = element("div", "key");
  for (const line of chart.lines) {
    const axis = line.side === "right" ? chart.right : chart.left;
    const { name, side } = line; // a text is called after each side
    const text = chart.right ? say(texts, side, { name }) : name || axis;
    const entry = element("span", line.dash ? "dash" : "", text);
    entry.style.setProperty("--colour", line.colour);
    key.append(entry);
  }
  place.replaceChildren(element("figcaption", "", chart.title), key, svg);
  return { mark, across };
}

function drawLine(svg, line, across, up) {
  const points = line.points
    .filter(([, y]) => Number.isFinite(y))
    .map(([x, y]) => [across(x), up(y, line.side)]);
  const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const more = line.dash ? { "stroke-dasharray": "2 5", "stroke-linecap": "round" } : {};
  svg.append(svgElement("polyline", { class: "line", points: path, stroke: line.colour, ...more }));
  if (!line.marks || points.length > 60) return;
  for (const [x, y] of points) {
    svg.append(svgElement("rect", { x: x - 3, y: y - 3, width: 6, height: 6, fill: line.colour }));
  }
}

// The largest value; of one that towers above all others (a loss that exploded), what is usual.
function highest(values) {
  if (!values.length) return 1;
  const sorted = [...values].sort((a, b) => a - b);
  const usual = sorted[Math.floor(sorted.length * 0.9)];
  const top = sorted[sorted.length - 1];
  return (top > 4 * Math.max(usual, 1) ? 2 * Math.max(usual, 1) : top) * 1.05 || 1;
}

function ticks(most, wanted) {
  const rough = most / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((each) => each >= rough * 0.8);
  const found = [];
  for (let value = 0; value <= most * 1.001; value += step) found.push(value);
  return found;
}

function short(value, texts) {
  return numeral(texts, Number(value.toPrecision(6)).toLocaleString("en"));
}

export default mount(Film);
