// The diagram of a network: one block per layer, and below it the branches of one module.
//
// Click, Enter and the arrow keys pick a block. A pick is drawn at once and told to Python a moment
// later; each has a serial number, and what Python answers about an older pick is ignored.

const SLANT = 0.06; // how far the back of a block is moved, of its height: less than the gaps
const LETTER = 0.54; // of a label's size, about
const APART = 10; // pixels between two labels
const LINE = 17; // from one row of labels to the next

class NetworkDiagram {
  constructor(root) {
    this.strip = root.querySelector(".strip");
    this.foot = root.querySelector(".foot");
    this.module = root.querySelector(".module");
    this.tip = root.querySelector(".tip");
    this.serial = 0;
    this.drawn = "";
    this.sending = new Delayed();
    for (const part of [this.strip, this.module]) {
      part.addEventListener("click", (event) => this.onClick(event));
      part.addEventListener("keydown", (event) => this.onKey(event));
      part.addEventListener("pointerover", (event) => this.showTip(event));
      part.addEventListener("pointerleave", () => (this.tip.hidden = true));
    }
  }

  update(data, send) {
    const first = this.data === undefined;
    this.data = data;
    this.send = send;
    if (first) this.serial = data.serial;
    const { blocks, modules, marks, only, texts } = data;
    const wanted = JSON.stringify([blocks, modules, marks, only, texts]);
    if (wanted !== this.drawn) {
      this.drawn = wanted;
      this.opened = undefined;
      this.groups = new Map();
      this.strip.classList.toggle("fixed", data.fixed);
      this.module.classList.toggle("fixed", data.fixed);
      const svg = data.only ? undefined : this.drawStrip();
      this.strip.replaceChildren(...(svg ? [svg] : []));
      this.foot.replaceChildren(...(svg ? [this.drawKey(blocks), this.saveButton(svg, data.name)] : []));
    }
    if (data.serial >= this.serial) this.select(data.selected, data.open, first);
    if (first) requestAnimationFrame(() => this.revealMarks());
  }

  drawStrip() {
    const { blocks, height, marks } = this.data;
    const last = blocks[blocks.length - 1];
    const room = 46; // above the blocks: their backs, and notes
    const margin = 22; // left of the first block, for its name
    const width = margin + last.x + last.width + 24;
    const size = parseFloat(getComputedStyle(this.strip).getPropertyValue("--convviz-drawn"));
    const rows = placeLabels(blocks, LETTER * (size || 12.5));
    const below = 16 + LINE * (Math.max(...rows.values()) + 1);
    const full = height + room + below;
    const viewBox = `${-margin} 0 ${width} ${full}`;
    const svg = svgElement("svg", { width, height: full, viewBox });
    // As wide as the page, within bounds: what is wider still can be scrolled.
    svg.style.width = `clamp(${Math.round(0.85 * width)}px, 100%, ${Math.round(1.5 * width)}px)`;
    svg.style.height = "auto";
    svg.setAttribute("role", this.data.fixed ? "group" : "listbox");
    svg.setAttribute("aria-label", this.data.texts.layers);
    const ground = height + room;
    const line = { x1: -margin, x2: width, y1: ground + 0.5, y2: ground + 0.5 };
    svg.append(svgElement("line", { class: "ground", ...line }));
    for (const block of blocks) if (rows.get(block)) svg.append(leader(block, ground, rows));
    // In this order each block stands before the back of the one on its left, and the frame of the
    // one that is picked before all.
    for (const block of blocks) svg.append(this.drawBlock(block, ground, rows.get(block)));
    for (const block of blocks) if (block.id) svg.append(this.drawRing(block, ground - block.height));
    for (const block of blocks) {
      if (!marks[block.id]) continue;
      const x = block.x + block.width / 2 + (block.flat ? 0 : block.height * SLANT * 0.5);
      const top = ground - block.height * (block.flat ? 1 : 1 + SLANT);
      svg.append(svgElement("line", { class: "mark-line", x1: x, x2: x, y1: 20, y2: top }));
      const at = { x, y: 14, "text-anchor": "middle" };
      svg.append(svgElement("text", { class: "mark", ...at }, marks[block.id]));
    }
    return svg;
  }

  drawBlock(block, ground, row) {
    const { x, width, height, flat } = block;
    const back = flat ? 0 : height * SLANT;
    const y = ground - height;
    const group = svgElement("g", { class: "block" });
    group.style.setProperty("--colour", `var(--${block.look})`);
    if (block.id) this.register(group, block, block.title);
    if (back) {
      const top = [x, y, x + back, y - back, x + width + back, y - back, x + width, y];
      const side = [
        ...[x + width, y, x + width + back, y - back],
        ...[x + width + back, ground - back, x + width, ground],
      ];
      group.append(svgElement("polygon", { class: "top", points: top.join(" ") }));
      group.append(svgElement("polygon", { class: "side", points: side.join(" ") }));
    }
    group.append(svgElement("rect", { class: "face", x, y, width, height }));
    const middle = x + width / 2;
    const tip = [middle, ground + 3, middle - 5, ground + 10, middle + 5, ground + 10];
    group.append(svgElement("polygon", { class: "pointer", points: tip.join(" ") }));
    if (block.title) {
      const y = ground + 22 + LINE * row;
      group.append(svgElement("text", { x: middle, y, "text-anchor": "middle" }, block.title));
    }
    const hit = { x: x - 1, y: y - 8, width: width + 2, height: height + 30 };
    group.append(svgElement("rect", { class: "hit", ...hit }));
    return group;
  }

  drawRing({ id, x, width, height }, y, rx = 0) {
    const at = { x: x - 2, y: y - 2, width: width + 4, height: height + 4, rx };
    const ring = svgElement("rect", { class: "ring", ...at });
    const group = this.groups.get(id);
    const show = () => {
      ring.classList.toggle("picked", group.getAttribute("aria-selected") === "true");
      ring.classList.toggle("reached", group.matches(":focus-visible"));
    };
    group.addEventListener("focus", show);
    group.addEventListener("blur", show);
    new MutationObserver(show).observe(group, { attributeFilter: ["aria-selected"] });
    return ring;
  }

  drawKey(blocks) {
    const key = element("div", "key");
    const looks = new Set(blocks.map((block) => block.look));
    for (const [look, name] of Object.entries(this.data.texts.looks)) {
      if (!looks.has(look)) continue;
      const entry = element("span", "", name);
      entry.style.setProperty("--colour", `var(--${look})`);
      key.append(entry);
    }
    return key;
  }

  // The branches of one module: lanes from what comes in to what is joined.
  drawModule(name) {
    const { texts } = this.data;
    const module = this.data.modules[name];
    const lane = 60;
    const height = module.lanes.length * lane;
    const most = Math.max(module.outputs, module.channels);
    const start = 96;
    const lanes = module.lanes.map((one) => this.placeSteps(one.steps, start, 150 / most));
    const end = Math.max(...lanes.map((steps) => steps[steps.length - 1].right)) + 46;
    const svg = svgElement("svg", { viewBox: `0 0 ${end + 130} ${height + 40}`, class: "wide" });
    svg.setAttribute("role", this.data.fixed ? "group" : "listbox");
    svg.setAttribute("aria-label", say(texts, "branch_by_branch", { module: module.title }));
    const middle = height / 2 + 4;
    const entry = (module.channels / most) * height;
    svg.append(bar(8, middle - entry / 2, entry, "input"));
    let top = middle - ((module.outputs / most) * height) / 2;
    lanes.forEach((steps, index) => {
      const { channels } = module.lanes[index];
      const y = index * lane + lane / 2 + 4;
      const share = (channels / most) * height;
      const target = top + share / 2;
      const last = steps[steps.length - 1].right;
      const way =
        `M 26 ${middle} C 62 ${middle} 54 ${y} ${start - 6} ${y} H ${last}` +
        ` C ${end - 10} ${y} ${last + 20} ${target} ${end} ${target}`;
      svg.append(svgElement("path", { class: "lane", d: way }));
      for (const { step, x, width } of steps) svg.append(this.drawStep(step, x, y, width));
      svg.append(bar(end, top, Math.max(share - 1.5, 1), "join"));
      svg.append(svgElement("text", { class: "count", x: end + 26, y: target + 4 }, channels));
      top += share;
    });
    const foot = height + 32;
    const input = say(texts, "input", { channels: module.channels, size: module.size });
    svg.append(svgElement("text", { x: 8, y: foot }, input));
    const sum = say(texts, "joined", { formula: module.formula });
    svg.append(svgElement("text", { x: end + 124, y: foot, "text-anchor": "end" }, sum));
    const title = say(texts, "branches", { module: module.title, count: module.lanes.length });
    const save = this.saveButton(svg, `${this.data.name}-${module.title}`);
    const key = this.drawKey(module.lanes.flatMap((one) => one.steps));
    const scrolled = element("div", "scrolled");
    scrolled.append(svg);
    return [element("h2", "", title), scrolled, key, save];
  }

  saveButton(svg, name) {
    const button = element("button", "save", this.data.texts.save);
    button.type = "button";
    button.addEventListener("click", () => saveDrawing(svg, name));
    return button;
  }

  placeSteps(steps, start, scale) {
    let x = start;
    return steps.map((step, index) => {
      const least = 46 + 8 * Math.max(0, step.text.length - 4);
      const width = step.thin ? 7 : Math.max(least, step.channels * scale);
      const placed = { step, x, width, right: x + width };
      x += width + (steps[index + 1]?.thin ? 2 : 26);
      return placed;
    });
  }

  drawStep(step, x, y, width) {
    const group = svgElement("g", { class: "block" });
    group.style.setProperty("--colour", `var(--${step.look})`);
    this.register(group, step, step.thin ? "" : `${step.text} ${step.channels}`);
    const box = { x, y: y - 17, width, height: 34 };
    group.append(svgElement("rect", { class: "face", ...box, rx: step.thin ? 1 : 4 }));
    if (!step.thin) {
      const at = { x: x + width / 2, "text-anchor": "middle" };
      group.append(svgElement("text", { ...at, y: y - 1, class: "inner" }, step.text));
      group.append(" "); // or the two would be read as one word
      group.append(svgElement("text", { ...at, y: y + 12, class: "inner" }, step.channels));
    }
    group.append(this.drawRing({ id: step.id, ...box }, box.y, 5));
    return group;
  }

  // What is read out begins with what is written on the block, so that it can be asked for by that.
  register(group, { id, label }, written) {
    group.dataset.id = id;
    group.dataset.label = label;
    const spoken = label.startsWith(written ?? "") ? label : `${written}, ${label}`;
    group.setAttribute("aria-label", spoken);
    if (this.data.fixed) {
      group.setAttribute("role", "img");
    } else {
      group.setAttribute("role", "option");
      group.setAttribute("aria-selected", "false");
      group.setAttribute("tabindex", "-1");
    }
    this.groups.set(id, group);
  }

  select(id, open, scroll) {
    if (open !== this.opened) {
      this.opened = open;
      const groups = this.module.querySelectorAll(".block");
      for (const group of groups) this.groups.delete(group.dataset.id);
      this.module.replaceChildren(...(this.data.modules[open] ? this.drawModule(open) : []));
    }
    this.selected = id;
    if (this.data.fixed) return;
    for (const group of this.groups.values()) {
      group.setAttribute("aria-selected", "false");
      group.setAttribute("tabindex", "-1");
    }
    const inModule = this.data.blocks.find((block) => block.module && block.module === open);
    const group = this.groups.get(id);
    group?.setAttribute("aria-selected", "true");
    if (inModule && inModule.id !== id) {
      this.groups.get(inModule.id)?.setAttribute("aria-selected", "true");
    }
    const stop = group ?? this.groups.values().next().value;
    stop?.setAttribute("tabindex", "0");
    if (scroll) requestAnimationFrame(() => this.reveal(inModule?.id ?? id));
  }

  reveal(id) {
    const group = this.groups.get(id);
    if (!group || !this.strip.contains(group)) return;
    const [block, strip] = [group, this.strip].map((part) => part.getBoundingClientRect());
    const middle = (block.left + block.right) / 2 - strip.left;
    if (middle < 30 || middle > strip.width - 60) {
      this.strip.scrollBy({ left: middle - strip.width / 2, behavior: "smooth" });
    }
  }

  // Where the page is too narrow for all, what is marked is in the middle of what is seen.
  revealMarks() {
    const [strip, ...lines] = [this.strip, ...this.strip.querySelectorAll(".mark-line")].map((part) =>
      part.getBoundingClientRect(),
    );
    if (!lines.length || lines.at(-1).right < strip.right - 60) return;
    const middle = (lines[0].left + lines.at(-1).right) / 2 - strip.left;
    this.strip.scrollBy({ left: middle - strip.width / 2, behavior: "instant" });
  }

  pick(id) {
    if (this.data.fixed) return;
    const block = this.data.blocks.find((one) => one.id === id);
    const open = block ? block.module : this.opened;
    this.select(id, open, true);
    this.groups.get(id)?.focus({ preventScroll: true });
    this.serial += 1;
    this.sending.run(() => this.send("pick", { id, serial: this.serial }));
  }

  onClick(event) {
    const group = event.target.closest?.(".block");
    if (group?.dataset.id) this.pick(group.dataset.id);
  }

  onKey(event) {
    if (hasModifier(event) || !this.selected) return;
    const inside = this.module.contains(event.target);
    const part = inside ? this.module : this.strip;
    const order = [...part.querySelectorAll(".block")].map((g) => g.dataset.id).filter(Boolean);
    const place = order.indexOf(event.target.closest(".block")?.dataset.id);
    const next = {
      ArrowLeft: place - 1,
      ArrowRight: place + 1,
      Home: 0,
      End: order.length - 1,
    }[event.key];
    const down = event.key === "ArrowDown" && !inside && this.opened;
    const up = event.key === "ArrowUp" && inside;
    if (next === undefined && !down && !up) return;
    event.preventDefault();
    this.tip.hidden = true;
    if (down) this.pick(this.module.querySelector(".block").dataset.id);
    else if (up) this.pick(this.data.blocks.find((one) => one.module === this.opened).id);
    else this.pick(order[clamp(next, order.length)]);
  }

  showTip(event) {
    const group = event.target.closest?.(".block");
    if (!group?.dataset.label || event.pointerType === "touch") {
      this.tip.hidden = true;
      return;
    }
    const box = group.querySelector(".face").getBoundingClientRect();
    showTip(this.tip, group.dataset.label, box, 10);
  }

  destroy() {
    this.sending.cancel();
  }
}

// The row of each block's name below the ground: the first in which it overlaps no other and the
// line to it crosses none. Where there is no such row, its line passes behind a name.
function placeLabels(blocks, letter) {
  const ends = [];
  const rows = new Map();
  for (const block of blocks) {
    if (!block.title) continue;
    const middle = block.x + block.width / 2;
    const half = (block.title.length * letter) / 2;
    const fits = (row) =>
      (ends[row] ?? -Infinity) < middle - half &&
      ends.slice(0, row).every((end) => end - APART < middle - 2);
    let row = 0;
    while (row < ends.length && !fits(row)) row += 1;
    const free = ends.findIndex((end) => end < middle - half);
    if (row === ends.length && row >= 2 && free >= 0) row = free;
    for (let above = 0; above < row; above += 1) ends[above] = Math.max(ends[above], middle + 3);
    ends[row] = middle + half + APART;
    rows.set(block, row);
  }
  return rows;
}

function leader(block, ground, rows) {
  const x = block.x + block.width / 2;
  const y2 = ground + 11 + LINE * rows.get(block);
  return svgElement("line", { class: "leader", x1: x, x2: x, y1: ground + 4, y2 });
}

function bar(x, y, height, look) {
  const made = svgElement("rect", { class: "face", x, y, width: 18, height });
  made.style.setProperty("--colour", `var(--${look})`);
  return made;
}

export default mount(NetworkDiagram);
