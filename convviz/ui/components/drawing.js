export default function ({ data, parentElement }) {
  const box = parentElement.querySelector(".drawing");
  box.innerHTML = data.svg;
  box.style.maxWidth = data.width ? `${data.width}px` : "";
  box.classList.toggle("savable", Boolean(data.name));
  const button = parentElement.querySelector(".save");
  button.hidden = !data.name;
  button.textContent = data.texts.save;
  button.onclick = () => saveDrawing(box.querySelector("svg"), data.name);
}
