// The image with what one position of a layer's output sees of it.
//
// The pointer, a tap or the arrow keys move the position. Python sends, for each row and column of
// the output, the first and last pixel that it depends on.

class ReceptiveField {
  constructor(root) {
    this.canvas = root.querySelector("canvas");
    this.text = root.querySelector("p");
    this.pen = this.canvas.getContext("2d");
    this.image = new Image();
    this.image.onload = () => this.draw();
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerdown", (event) => this.point(event));
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    root.querySelector("button").addEventListener("click", () => this.save());
  }

  update(data) {
    const shape = [data.rows.length, data.columns.length].join();
    this.data = data;
    if (shape !== this.shape) {
      this.shape = shape;
      this.row = Math.floor(data.rows.length / 2);
      this.column = Math.floor(data.columns.length / 2);
    }
    this.canvas.setAttribute("aria-label", say(data.texts, "label", { layer: data.title }));
    if (this.image.src === data.image) this.draw();
    else this.image.src = data.image;
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const { side, rows, columns } = this.data;
    this.row = nearest(rows, ((event.clientY - box.top) / box.height) * side);
    this.column = nearest(columns, ((event.clientX - box.left) / box.width) * side);
    this.draw();
  }

  onKey(event) {
    const step = ARROWS[event.key];
    if (!step) return;
    event.preventDefault();
    this.row = clamp(this.row + step[0], this.data.rows.length);
    this.column = clamp(this.column + step[1], this.data.columns.length);
    this.draw();
  }

  draw() {
    const { side, rows, columns, field } = this.data;
    const scale = this.canvas.width / side;
    const [top, bottom] = rows[this.row];
    const [left, right] = columns[this.column];
    const pen = this.pen;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.image, 0, 0, this.canvas.width, this.canvas.height);
    pen.fillStyle = "rgba(8, 14, 20, 0.62)";
    pen.beginPath();
    pen.rect(0, 0, this.canvas.width, this.canvas.height);
    const box = [left, top, right - left + 1, bottom - top + 1].map((pixels) => pixels * scale);
    if (bottom >= top && right >= left) pen.rect(...box);
    pen.fill("evenodd");
    this.dots(scale);
    pen.lineWidth = 6;
    pen.strokeStyle = "black";
    pen.strokeRect(...box);
    pen.lineWidth = 3;
    pen.strokeStyle = "#ffd54a";
    pen.strokeRect(...box);
    this.inset(box);
    this.tell(bottom - top + 1, right - left + 1, rows.length, columns.length, field);
  }

  // A field of few pixels is shown once more, enlarged, in the corner away from it.
  inset([x, y, width, height]) {
    const side = this.canvas.width;
    if (Math.max(width, height) > side / 12) return;
    const large = side * 0.34;
    const scale = large / Math.max(width, height);
    const left = x + width / 2 < side / 2 ? side - large - 12 : 12;
    const top = y + height / 2 < side / 2 ? side - large - 12 : 12;
    const pixels = this.image.naturalWidth / side;
    this.pen.drawImage(
      this.image,
      ...[x, y, width, height].map((value) => value * pixels),
      ...[left, top, width * scale, height * scale],
    );
    this.pen.lineWidth = 4;
    this.pen.strokeStyle = "#ffd54a";
    this.pen.strokeRect(left, top, width * scale, height * scale);
  }

  // One dot for each position, where there are few enough to be told apart.
  dots(scale) {
    const { rows, columns } = this.data;
    if (rows.length * columns.length > 900) return;
    rows.forEach((row, i) => {
      columns.forEach((column, j) => {
        const here = i === this.row && j === this.column;
        this.pen.fillStyle = here ? "#ffd54a" : "rgba(255, 255, 255, 0.55)";
        this.pen.beginPath();
        const radius = here ? 6 : 2.2;
        this.pen.arc(middle(column) * scale, middle(row) * scale, radius, 0, 2 * Math.PI);
        this.pen.fill();
      });
    });
  }

  tell(height, width, rows, columns, field) {
    const { side, title, texts } = this.data;
    const isCut = height < field[0] || width < field[1];
    const isWhole = height >= side && width >= side;
    const sentence = `${isWhole ? "whole" : "part"}${isCut ? "_cut" : ""}`;
    const at = { row: this.row + 1, rows, column: this.column + 1, columns };
    const seen = { layer: title, height, width, field: field.join(" × ") };
    this.text.textContent = say(texts, sentence, { ...at, ...seen });
  }

  save() {
    saveAs(`${this.data.name}.png`, this.canvas.toDataURL("image/png"));
  }
}

const middle = ([first, last]) => (first + last + 1) / 2;

function nearest(seen, pixel) {
  let best = 0;
  seen.forEach((interval, i) => {
    if (Math.abs(middle(interval) - pixel) < Math.abs(middle(seen[best]) - pixel)) best = i;
  });
  return best;
}

export default mount(ReceptiveField);
