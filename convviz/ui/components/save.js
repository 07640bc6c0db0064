// Save a drawing as an SVG file that looks the same elsewhere: the theme's colours written into it.
function saveDrawing(drawing, name) {
  const copy = drawing.cloneNode(true);
  const originals = [drawing, ...drawing.querySelectorAll("*")];
  const copies = [copy, ...copy.querySelectorAll("*")];
  originals.forEach((original, i) => {
    const style = getComputedStyle(original);
    if (style.display === "none") {
      copies[i].setAttribute("display", "none");
      return;
    }
    for (const property of ["fill", "stroke", "stroke-width", "font-size", "font-weight"]) {
      copies[i].setAttribute(property, style.getPropertyValue(property));
    }
    copies[i].removeAttribute("style");
    copies[i].style.filter = style.filter;
    copies[i].setAttribute("font-family", "sans-serif");
  });
  const box = drawing.viewBox.baseVal;
  const ground = document.createElementNS(copy.namespaceURI, "rect");
  for (const side of ["x", "y", "width", "height"]) ground.setAttribute(side, box[side]);
  ground.setAttribute("fill", getComputedStyle(drawing).getPropertyValue("--st-background-color"));
  copy.prepend(ground);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  const file = new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
  const link = document.createElement("a");
  link.download = `${name}.svg`;
  link.href = URL.createObjectURL(file);
  link.click();
  URL.revokeObjectURL(link.href);
}
