// The grid of channels: one button per channel, cut out of one image by its background's position.
//
// Click, Enter and the arrow keys pick a channel. A pick is drawn at once and told to Python a
// moment later; each has a serial number, and what Python answers about an older pick is ignored.
//
// Linked grids show the same channels: one tells the others what is pointed at and what is picked.
//
// On a phone a grid may show its first rows alone and a button for the rest, which paper has anyway.

const ROWS = 12; // of a folded grid
const NARROW = 500; // pixels

class ChannelGrid {
  constructor(root) {
    this.grid = root.querySelector(".grid");
    this.tip = root.querySelector(".tip");
    this.all = root.querySelector(".all");
    this.all.addEventListener("click", () => this.showAll());
    this.sizes = new ResizeObserver(() => {
      if (this.grid.clientWidth !== this.width) requestAnimationFrame(() => this.fold());
    });
    this.sizes.observe(this.grid);
    this.tiles = new Map();
    this.serial = 0;
    this.drawn = "";
    this.sending = new Delayed();
    this.grid.addEventListener("click", (event) => this.onClick(event));
    this.grid.addEventListener("keydown", (event) => this.onKey(event));
    this.grid.addEventListener("pointerover", (event) => this.showTip(event));
    this.grid.addEventListener("pointerleave", () => this.hideTip());
    this.onStore = () => this.draw();
    window.addEventListener("convviz-store", this.onStore);
    this.onLinked = (event) => this.follow(event.detail);
    window.addEventListener("convviz-linked", this.onLinked);
    this.onStep = (event) => this.step(event.detail);
    window.addEventListener("convviz-step", this.onStep);
    this.written = new Map();
  }

  update(data, send) {
    const first = this.data === undefined;
    if (this.isAhead && isBehind(data.steps)) return;
    if (data.id !== this.data?.id) this.takeBack();
    this.written.clear();
    this.isAhead = false;
    this.data = data;
    this.isPicked = data.picked;
    this.send = send;
    this.grid.setAttribute("aria-label", data.label);
    if (first) this.serial = data.serial;
    this.draw();
    if (data.serial < this.serial || data.selected === this.selected) return;
    // Changed elsewhere, by a button or a number: without a click there is nobody looking at it yet.
    this.select(data.selected);
    bringIntoSight(this.tiles.get(data.selected), { page: true });
  }

  // Draw the layer that a step leads to before Python sends it, if the browser has it already.
  step({ along, by }) {
    const layer = along === "trunk" && knownLayer(knownLayer(this.data?.id)?.beside[by]);
    if (!layer || !stored(layer.grid.token)) return;
    // Channels that are worked on one by one stay the same channels, and so does the picked one.
    const stays = this.isPicked && this.data.channels && layer.grid.channels === this.data.channels;
    const kept = stays ? { selected: this.selected, picked: true } : { picked: false };
    this.data = { ...this.data, ...layer.grid, ...kept };
    this.isPicked = Boolean(stays);
    this.isAhead = true;
    this.draw();
    for (const [selector, texts] of Object.entries(layer.texts)) this.write(selector, texts);
  }

  // Write into Streamlit's text nodes; where a sentence has another form, Python will write it.
  write(selector, texts) {
    const walker = document.createTreeWalker(
      document.querySelector(selector) ?? document.createTextNode(""),
      NodeFilter.SHOW_TEXT,
    );
    const nodes = [];
    while (walker.nextNode()) if (walker.currentNode.nodeValue.trim()) nodes.push(walker.currentNode);
    if (nodes.length !== texts.length) return;
    nodes.forEach((node, i) => {
      const before = this.written.get(node)?.before ?? node.nodeValue;
      this.written.set(node, { before, after: texts[i] });
      node.nodeValue = texts[i];
    });
  }

  // Streamlit writes only what has changed for it. Where Python stays with another layer than the
  // one drawn ahead, Streamlit does not know that there is another text now.
  takeBack() {
    for (const [node, { before, after }] of this.written) {
      if (node.nodeValue === after) node.nodeValue = before;
    }
  }

  draw() {
    const atlas = stored(this.data?.token);
    if (!atlas) return; // it is on its way
    const { token, sections, empty, dead, dead_over, texts } = this.data;
    const wanted = JSON.stringify([token, sections, empty, dead, dead_over, texts]);
    if (wanted === this.drawn) return;
    this.drawn = wanted;
    if (this.atlas?.token !== token) this.isOpen = false;
    this.atlas = atlas;
    this.empty = new Set(empty);
    this.dead = new Set(dead);
    const focused = this.grid.contains(this.focused()) && this.selected;
    this.tiles.clear();
    this.tip.hidden = true;
    const dense = atlas.count > 1200;
    this.grid.classList.toggle("dense", dense);
    const tile = dense ? 13 : this.tileWidth(atlas.count);
    this.grid.style.setProperty("--tile", `${tile}px`);
    // Of a small map each value shall be a square; a little enlarged, squares would be uneven.
    this.grid.classList.toggle("squares", tile * window.devicePixelRatio > 2.5 * atlas.tile);
    this.grid.replaceChildren(...sections.flatMap((section) => this.section(section)));
    if (this.tiles.size === 0) this.grid.append(element("div", "nothing", this.data.nothing));
    this.order = [...this.tiles.keys()];
    this.fold();
    this.select(this.data.selected, { opens: this.data.picked });
    if (focused) this.tiles.get(this.selected)?.focus({ preventScroll: true });
    bringIntoSight(this.tiles.get(this.selected));
  }

  tileWidth(count) {
    const roomy = count <= 64 ? 84 : count <= 192 ? 66 : count <= 384 ? 56 : 48;
    return this.grid.clientWidth < NARROW ? Math.min(roomy, 52) : roomy;
  }

  // Hide what lies beyond the first rows on a narrow screen, unless all is wanted.
  fold() {
    if (!this.data) return;
    this.width = this.grid.clientWidth;
    for (const each of this.grid.querySelectorAll(".beyond")) each.classList.remove("beyond");
    this.all.hidden = true;
    if (!this.data.folds || this.isOpen || this.width >= NARROW) return;
    let left = ROWS;
    for (const tiles of this.grid.querySelectorAll(".tiles")) {
      const columns = getComputedStyle(tiles).gridTemplateColumns.split(" ").length;
      const hidden = [...tiles.children].slice(Math.max(0, left) * columns);
      const title = tiles.previousElementSibling;
      if (left <= 0 && title?.matches(".section")) hidden.push(title);
      for (const each of hidden) each.classList.add("beyond");
      left -= Math.ceil(tiles.children.length / columns);
    }
    this.all.hidden = left >= 0;
    this.all.textContent = this.data.all;
  }

  unfold() {
    this.isOpen = true;
    this.fold();
  }

  showAll() {
    const first = this.order.find((channel) => isBeyond(this.tiles.get(channel)));
    this.unfold();
    this.tiles.get(first)?.focus({ preventScroll: true });
  }

  section([title, channels]) {
    const tiles = element("div", "tiles");
    tiles.append(...channels.map((channel) => this.tile(channel)));
    return title ? [element("div", "section", title), tiles] : [tiles];
  }

  tile(channel) {
    const map = element("span", "map");
    if (this.dead.has(channel)) map.classList.add("dead");
    else if (this.empty.has(channel)) map.classList.add("empty");
    else this.cut(map, channel);
    const button = element("button", "tile");
    button.type = "button";
    button.tabIndex = -1;
    button.dataset.channel = channel;
    button.setAttribute("role", "option");
    button.setAttribute("aria-selected", "false");
    button.setAttribute("aria-label", this.describe(channel).replace("\n", ", "));
    button.append(map, element("span", "number", channel));
    this.tiles.set(channel, button);
    return button;
  }

  // Show a channel's part of the image of all channels.
  cut(map, channel) {
    const { columns, rows, tile, gap, width, height, urls } = this.atlas;
    const x = (channel % columns) * (tile + gap);
    const y = Math.floor(channel / columns) * (tile + gap);
    map.style.backgroundImage = `url(${urls[0][0]})`;
    map.style.backgroundSize = `${(width / tile) * 100}% ${(height / tile) * 100}%`;
    map.style.backgroundPosition =
      `${columns > 1 ? (x / (width - tile)) * 100 : 0}% ` +
      `${rows > 1 ? (y / (height - tile)) * 100 : 0}%`;
  }

  describe(channel) {
    const { maximum, active, said } = this.atlas;
    if (said?.length) return said[channel];
    const isDead = this.empty.has(channel) && this.dead.has(channel);
    const what = isDead ? "dead" : this.empty.has(channel) ? "empty" : "active";
    const values = { maximum: maximum[channel], share: active[channel], images: this.data.dead_over };
    return say(this.data.texts, what, { channel, ...values });
  }

  focused() {
    return this.grid.getRootNode().activeElement;
  }

  // Mark a channel as picked. One that is hidden brings the whole grid, if somebody picked it.
  select(channel, { opens = true } = {}) {
    if (opens && isBeyond(this.tiles.get(channel))) this.unfold();
    this.tiles.get(this.selected)?.setAttribute("aria-selected", "false");
    const stop = this.tiles.get(this.stop);
    if (stop) stop.tabIndex = -1;
    this.selected = channel;
    const tile = this.tiles.get(channel);
    tile?.setAttribute("aria-selected", "true");
    // The tab key stops once in the grid: at the picked channel, or the first where that is hidden.
    this.stop = tile && !isBeyond(tile) ? channel : this.order?.[0];
    const next = this.tiles.get(this.stop);
    if (next) next.tabIndex = 0;
  }

  pick(channel) {
    this.select(channel);
    this.isPicked = true;
    this.tiles.get(channel).focus();
    this.tell({ picked: channel });
    this.serial += 1;
    this.sending.run(() => this.send("pick", { channel, serial: this.serial }));
  }

  tell(what) {
    if (!this.data.link) return;
    const detail = { ...what, link: this.data.link, from: this };
    window.dispatchEvent(new CustomEvent("convviz-linked", { detail }));
  }

  // Do what a linked grid did: point at the same channel, or pick it.
  follow({ link, from, picked, hovered }) {
    if (from === this || !link || link !== this.data?.link) return;
    this.grid.querySelector(".pointed")?.classList.remove("pointed");
    this.tiles.get(hovered)?.classList.add("pointed");
    if (picked === undefined) return;
    this.select(picked);
    bringIntoSight(this.tiles.get(picked));
  }

  onClick(event) {
    const tile = event.target.closest(".tile");
    if (tile) this.pick(Number(tile.dataset.channel));
  }

  onKey(event) {
    const tile = event.target.closest(".tile");
    if (!tile || hasModifier(event)) return;
    const next = this.neighbour(Number(tile.dataset.channel), event.key);
    if (next === undefined) return;
    event.preventDefault();
    this.tip.hidden = true;
    this.pick(next);
  }

  neighbour(channel, key) {
    const place = this.order.indexOf(channel);
    const at = (index) => this.order[clamp(index, this.order.length)];
    switch (key) {
      case "ArrowLeft":
        return at(place - 1);
      case "ArrowRight":
        return at(place + 1);
      case "Home":
        return at(0);
      case "End":
        return at(this.order.length - 1);
      case "ArrowUp":
      case "ArrowDown":
        return this.inNextRow(channel, key === "ArrowDown" ? 1 : -1);
      default:
        return undefined;
    }
  }

  // The tile above or below, also across the line between two sections.
  inNextRow(channel, step) {
    const from = this.tiles.get(channel).getBoundingClientRect();
    const middle = from.left + from.width / 2;
    let best;
    let bestTop;
    let bestOff;
    const start = this.order.indexOf(channel);
    for (let i = start + step; i >= 0 && i < this.order.length; i += step) {
      const tile = this.tiles.get(this.order[i]);
      if (isBeyond(tile)) this.unfold();
      const box = tile.getBoundingClientRect();
      if (Math.abs(box.top - from.top) < 2) continue;
      bestTop ??= box.top;
      if (Math.abs(box.top - bestTop) > 2) break; // one row too far
      const off = Math.abs(box.left + box.width / 2 - middle);
      if (bestOff === undefined || off < bestOff) [best, bestOff] = [this.order[i], off];
    }
    return best ?? channel;
  }

  showTip(event) {
    const tile = event.target.closest?.(".tile");
    if (!tile || event.pointerType === "touch") {
      this.hideTip();
      return;
    }
    this.tell({ hovered: Number(tile.dataset.channel) });
    const text = this.describe(Number(tile.dataset.channel));
    showTip(this.tip, text, tile.getBoundingClientRect(), 8);
  }

  hideTip() {
    this.tip.hidden = true;
    this.tell({});
  }

  destroy() {
    this.sending.cancel();
    this.sizes.disconnect();
    window.removeEventListener("convviz-linked", this.onLinked);
    window.removeEventListener("convviz-store", this.onStore);
    window.removeEventListener("convviz-step", this.onStep);
  }
}

// Whether a folded grid does not show a tile.
function isBeyond(tile) {
  return Boolean(tile?.classList.contains("beyond"));
}

// Scroll the box that the grid lies in as little as it takes; where it has none, the page itself, if
// that is asked for. What is in sight stays where it is.
function bringIntoSight(tile, { page = false } = {}) {
  if (isBeyond(tile)) return;
  let box = tile;
  const scrolls = () => ["auto", "scroll"].includes(getComputedStyle(box).overflowY);
  while (box && !(scrolls() && box.scrollHeight > box.clientHeight)) {
    box = box.parentElement ?? box.getRootNode().host;
  }
  if (!box || box.dataset.testid === "stMain") {
    if (page) tile?.scrollIntoView({ block: "nearest" });
    return;
  }
  const [inner, outer] = [tile.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.top < outer.top) box.scrollTop += inner.top - outer.top - 8;
  if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom + 8;
}

export default mount(ChannelGrid);
