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
    this.colours = decoded(data.colours);
    const list = element("ol", "stages");
    const count = data.stages.length;
    list.style.setProperty("--count", count);
    this.flow.classList.toggle("many", count > 8);
    list.append(...data.stages.map((stage) => this.drawStage(stage)));
    this.flow.replaceChildren(this.drawImage(data), list);
  }

  drawImage({ photograph, input }) {
    const block = element("div", "image");
    const image = element("img");
    image.src = photograph;
    image.alt = "What goes into the network";
    block.append(image, text("image", input));
    return block;
  }

  drawStage(stage) {
    const item = element("li");
    const button = element("button", "stage");
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
    levels.forEach((level, i) => {
      pixels.data.set(this.colours.subarray(3 * level, 3 * level + 3), 4 * i);
      pixels.data[4 * i + 3] = 255;
    });
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

function decoded(letters) {
  return Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
}

export default mount(NetworkFlow);
