// A network on one screen: the image, and for each stage its strongest maps. A click on a stage
// opens its layer.

class NetworkFlow {
  constructor(root) {
    this.flow = root.querySelector(".flow");
    this.drawn = "";
  }

  update(data, _send, tell) {
    this.tell = tell;
    const wanted = JSON.stringify(data);
    if (wanted === this.drawn) return;
    this.drawn = wanted;
    this.colours = pixelsOf(decoded(data.colours));
    const list = element("ol", "stages");
    list.style.setProperty("--columns", data.columns);
    this.flow.classList.toggle("many", data.many);
    this.flow.classList.toggle("presented", data.presented);
    list.append(...data.stages.map((stage) => this.drawStage(stage)));
    const image = this.drawImage(data);
    if (data.many) {
      // It is the first of the cells, so that the rows are as wide as each other.
      const item = element("li", "first");
      item.append(image);
      list.prepend(item);
      this.flow.replaceChildren(list);
    } else this.flow.replaceChildren(image, list);
  }

  drawImage({ photograph, input, texts }) {
    const block = element("div", "image");
    const image = element("img");
    image.src = photograph;
    image.alt = texts.photograph;
    const drawn = element("span", "maps");
    drawn.append(image);
    block.append(drawn, text(texts.image, input));
    return block;
  }

  drawStage(stage) {
    const item = element("li");
    const button = element("button", "stage figure");
    button.type = "button";
    button.dataset.stage = stage.layer;
    button.title = stage.label;
    const maps = element("span", stage.channels.length ? "maps" : "maps vector");
    maps.append(...stage.maps.map((levels) => this.drawMap(decoded(levels), stage)));
    button.append(maps, text(stage.title, stage.lines));
    button.addEventListener("click", () => this.tell("open", stage.layer));
    item.append(button);
    return item;
  }

  drawMap(levels, { width, height }) {
    const canvas = element("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(width, height);
    const drawn = new Uint32Array(pixels.data.buffer);
    for (let i = 0; i < levels.length; i += 1) drawn[i] = this.colours[levels[i]];
    context.putImageData(pixels, 0, 0);
    return canvas;
  }
}

// A name, whose long first word is left out where there is little room, and lines below it.
function text(title, lines) {
  const made = element("span", "text");
  const name = element("b");
  const word = /^[a-z]{8,}(?=\d)/i.exec(title)?.[0] ?? "";
  name.append(element("i", "", word), title.slice(word.length));
  made.append(name);
  made.append(...lines.map((line) => element("span", "", line)));
  return made;
}

// The colours of all levels, three bytes each, as whole pixels.
function pixelsOf(colours) {
  const pixels = new Uint8ClampedArray((4 * colours.length) / 3).fill(255);
  for (let i = 0; i < colours.length; i += 3) {
    pixels.set(colours.subarray(i, i + 3), (4 * i) / 3);
  }
  return new Uint32Array(pixels.buffer);
}

function decoded(letters) {
  return Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
}

export default mount(NetworkFlow);
