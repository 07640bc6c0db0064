// The camera, live: one frame is sent, what the layer answers is drawn, then the newest frame is
// sent. Frames between are dropped. Nothing is sent while the tab is hidden.

const STAGE = 448; // pixels of the image with the picked map over it
const GAP = 2; // pixels between two maps of the grid
const RATE_OVER = 12; // frames whose times give the rate
const AGAIN = 400; // milliseconds before a frame that failed is followed by another
const WANTED = { video: { width: { ideal: 640 }, height: { ideal: 480 } }, audio: false };
const WHY = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  NotReadableError: "busy",
}; // what is said of each refusal of a camera

class Camera {
  constructor(root) {
    this.root = root;
    this.video = root.querySelector("video");
    this.message = root.querySelector(".message");
    this.live = root.querySelector(".live");
    this.stage = root.querySelector(".stage");
    this.grid = root.querySelector(".grid");
    this.headline = root.querySelector(".headline");
    this.classes = root.querySelector(".classes");
    this.rate = root.querySelector(".rate");
    this.picked = root.querySelector(".picked");
    this.freeze = root.querySelector(".freeze");
    this.frame = document.createElement("canvas");
    this.times = [];
    this.sending = new Delayed();
    this.freeze.addEventListener("click", () => this.keep());
    this.grid.addEventListener("click", (event) => this.onClick(event));
    this.grid.addEventListener("keydown", (event) => this.onKey(event));
  }

  update(data, send, tell) {
    const first = this.data === undefined;
    // What Python says of an older pick is ignored.
    if (data.layer !== this.data?.layer || data.channel === this.wanted) this.wanted = undefined;
    if (this.wanted === undefined) this.channel = data.channel;
    this.data = data;
    this.send = send;
    this.tell = tell;
    this.levelColours = Uint8Array.from(atob(data.colours), (letter) => letter.charCodeAt(0));
    this.stage.setAttribute("aria-label", data.label);
    this.grid.setAttribute("aria-label", data.grid_label);
    if (first) this.start();
    else if (this.answer) this.draw();
  }

  async start() {
    const { texts } = this.data;
    if (!window.isSecureContext) return this.say(texts.insecure);
    if (!navigator.mediaDevices) return this.say(texts.unable);
    this.say(texts.asking);
    try {
      this.stream = await navigator.mediaDevices.getUserMedia(WANTED);
    } catch (error) {
      return this.say(texts[WHY[error.name] ?? "failed"]);
    }
    if (this.ended) return this.stop();
    const [track] = this.stream.getVideoTracks();
    track.addEventListener("ended", () => this.end(this.data.texts.stopped));
    this.video.srcObject = this.stream;
    try {
      await this.video.play();
    } catch {
      if (!this.ended) this.end(this.data.texts.failed);
    }
    while (!this.ended) await this.turn();
  }

  // Send the newest frame and draw what comes back.
  async turn() {
    if (document.hidden) {
      this.times = [];
      await new Promise((resolve) =>
        document.addEventListener("visibilitychange", resolve, { once: true }),
      );
      return;
    }
    const { data } = this;
    const blob = await this.take(data.side);
    if (!blob || document.hidden || this.ended) return;
    let answer, refusal;
    try {
      const response = await fetch(data.path, {
        method: "POST",
        headers: { "X-Convviz-Camera": data.secret, "Content-Type": "image/jpeg" },
        body: blob,
      });
      if (this.ended) return;
      if (response.status === 403) return this.end(data.texts.over);
      if (response.status === 410 && !this.resuming) {
        this.resuming = true; // it has rested, while the tab was hidden: the page has to run
        this.tell("resumed", data.secret);
      }
      if (response.status === 200) answer = unpackedAnswer(await response.arrayBuffer());
      else if (response.status !== 429) {
        // The app's own words are plain text; a proxy in between answers with a page of its own.
        const isOwn = response.headers.get("content-type")?.startsWith("text/plain");
        refusal = isOwn ? await response.text() : data.texts.unreached;
      }
    } catch {
      refusal = data.texts.unreached;
    }
    if (this.ended) return;
    if (refusal) this.say(refusal);
    if (!answer) return new Promise((resolve) => setTimeout(resolve, AGAIN));
    if (answer.layer !== this.data.layer || answer.network !== this.data.network) return;
    this.say("");
    this.resuming = false;
    this.answer = answer;
    this.spare = this.shown?.canvas;
    this.shown = this.sent;
    this.draw();
    this.tellRate();
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }

  // The square in the middle of the newest frame, as the network will see it.
  take(side) {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width) return new Promise((resolve) => requestAnimationFrame(() => resolve(null)));
    const square = Math.min(width, height);
    const context = sized(this.frame, side, side);
    const [left, top] = [(width - square) / 2, (height - square) / 2];
    context.drawImage(this.video, left, top, square, square, 0, 0, side, side);
    this.sent = sized(this.spare ?? document.createElement("canvas"), width, height);
    this.sent.drawImage(this.video, 0, 0);
    return new Promise((resolve) => this.frame.toBlob(resolve, "image/jpeg", 0.85));
  }

  draw() {
    this.live.hidden = false;
    const { channels, headline } = this.answer;
    this.headline.textContent = headline;
    this.channel = Math.max(0, Math.min(this.channel, channels - 1));
    this.drawStage();
    this.drawGrid();
    this.drawClasses();
    const isEmpty = this.answer.empty.includes(this.channel);
    const named = isEmpty ? "empty" : "channel";
    this.picked.textContent = say(this.data.texts, named, { channel: this.channel });
    this.grid.setAttribute("aria-valuemin", 0);
    this.grid.setAttribute("aria-valuemax", channels - 1);
    this.grid.setAttribute("aria-valuenow", this.channel);
    this.grid.setAttribute("aria-valuetext", this.picked.textContent);
  }

  // The sent frame as the network sees it, and the picked map over it.
  drawStage() {
    const context = sized(this.stage, STAGE, STAGE);
    const margin = this.data.margin * STAGE; // what the network cuts off on each side
    const whole = STAGE + 2 * margin;
    const { canvas } = this.shown;
    const square = Math.min(canvas.width, canvas.height);
    const [left, top] = [(canvas.width - square) / 2, (canvas.height - square) / 2];
    context.filter = "grayscale(1)";
    context.drawImage(canvas, left, top, square, square, -margin, -margin, whole, whole);
    context.filter = "none";
    const [above, before, below, after] = this.data.box.map((share) => share * STAGE);
    const map = this.map(this.channel, this.data.blend);
    context.drawImage(map, before, above, after - before, below - above);
  }

  // A channel's map as a canvas; the higher a level, the more it covers.
  map(channel, blend) {
    const { side, levels } = this.answer;
    const canvas = document.createElement("canvas");
    const context = sized(canvas, side, side);
    const pixels = context.createImageData(side, side);
    const start = channel * side * side;
    const most = this.levelColours.length / 3 - 1;
    for (let i = 0; i < side * side; i++) {
      const level = levels[start + i];
      for (let band = 0; band < 3; band++) {
        pixels.data[4 * i + band] = this.levelColours[3 * level + band];
      }
      pixels.data[4 * i + 3] = (255 * blend * level) / most;
    }
    context.putImageData(pixels, 0, 0);
    return canvas;
  }

  drawGrid() {
    const { channels, side, levels, empty } = this.answer;
    this.columns = Math.max(1, Math.min(channels, Math.ceil(Math.sqrt(2 * channels))));
    const rows = Math.ceil(channels / this.columns);
    const step = side + GAP;
    const [width, height] = [this.columns * step - GAP, rows * step - GAP];
    const context = sized(this.grid, width, height);
    const pixels = context.createImageData(width, height);
    const words = new Uint32Array(pixels.data.buffer);
    const colours = this.words();
    for (let channel = 0; channel < channels; channel++) {
      const [x, y] = this.place(channel, step);
      let from = channel * side * side;
      for (let row = 0; row < side; row++) {
        let to = (y + row) * width + x;
        for (let column = 0; column < side; column++) words[to++] = colours[levels[from++]];
      }
    }
    context.putImageData(pixels, 0, 0);
    context.lineWidth = Math.max(1, side / 20);
    context.strokeStyle = "#9aa5ad";
    for (const channel of empty) {
      const [x, y] = this.place(channel, step);
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + side, y + side);
      context.moveTo(x + side, y);
      context.lineTo(x, y + side);
      context.stroke();
    }
    const [x, y] = this.place(this.channel, step);
    context.lineWidth = Math.max(2, side / 12);
    context.strokeStyle = "#ff6a3d";
    context.strokeRect(x, y, side, side);
  }

  // The colours as 32-bit words, as they lie in an image's memory.
  words() {
    const bytes = new Uint8Array((this.levelColours.length / 3) * 4).fill(255);
    this.levelColours.forEach((value, i) => {
      bytes[4 * Math.floor(i / 3) + (i % 3)] = value;
    });
    return new Uint32Array(bytes.buffer);
  }

  place(channel, step) {
    return [(channel % this.columns) * step, Math.floor(channel / this.columns) * step];
  }

  drawClasses() {
    const { classes } = this.answer;
    if (!classes.length) {
      this.classes.replaceChildren(element("li", "", this.data.texts.no_classes));
      return;
    }
    this.classes.replaceChildren(
      ...classes.map(([label, probability, share]) => {
        const item = element("li", "");
        const bar = element("span", "");
        bar.style.width = `${100 * probability}%`;
        const track = element("span", "track");
        track.append(bar);
        item.append(element("span", "name", label), element("span", "share", share), track);
        return item;
      }),
    );
  }

  tellRate() {
    const now = performance.now();
    const given = this.video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
    this.times = [...this.times, [now, given]].slice(-RATE_OVER);
    const frames = this.times.length - 1;
    if (frames < 2) return;
    const [first, givenFirst] = this.times[0];
    const perSecond = 1000 / (now - first);
    const cameras = (given - givenFirst) * perSecond;
    const isBehind = cameras > 1.1 * frames * perSecond;
    const { texts } = this.data;
    const rate = numeral(texts, (frames * perSecond).toFixed(1));
    const values = { rate, given: cameras.toFixed(0) };
    this.rate.textContent = say(texts, isBehind ? "behind" : "rate", values);
  }

  say(text) {
    if (this.message.textContent !== text) this.message.textContent = text;
  }

  // Keep the frame that is shown as the current image.
  keep() {
    if (!this.shown) return;
    this.freeze.disabled = true;
    const jpeg = this.shown.canvas.toDataURL("image/jpeg", 0.92);
    this.tell("frozen", { jpeg: jpeg.slice(jpeg.indexOf(",") + 1) });
  }

  pick(channel) {
    if (!this.answer || channel < 0 || channel >= this.answer.channels) return;
    this.channel = this.wanted = channel;
    this.draw();
    this.sending.run(() => this.send("channel", channel));
  }

  onClick(event) {
    const box = this.grid.getBoundingClientRect();
    const rows = Math.ceil(this.answer.channels / this.columns);
    const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    this.pick(row * this.columns + column);
  }

  onKey(event) {
    const [down, across] = ARROWS[event.key] ?? [0, 0];
    if (hasModifier(event) || !(down || across)) return;
    event.preventDefault();
    this.pick(this.channel + down * this.columns + across);
  }

  // Nothing more comes: what is drawn would pass for what the camera shows now.
  end(text) {
    this.stop();
    this.answer = undefined;
    this.live.hidden = true;
    this.say(text);
  }

  stop() {
    this.ended = true;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
  }

  destroy() {
    this.stop();
    this.sending.cancel();
  }
}

function sized(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  return canvas.getContext("2d", { willReadFrequently: false });
}

function unpackedAnswer(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { ...header, levels: new Uint8Array(buffer, 4 + length) };
}

export default mount(Camera);
