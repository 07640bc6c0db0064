// Receives layers that a step may lead to, and keeps them for the grid, which draws them at the
// moment of the step (see `knownLayer`): which channels of which image to show, the texts of the
// headline, and what lies beside each.

const KEPT = 64; // layers

export default function ({ data }) {
  const known = (window.convvizLayers ??= new Map());
  for (const layer of data.layers) {
    known.delete(layer.grid.id);
    known.set(layer.grid.id, layer);
    // A browser decodes an image when it is first shown, which may be one frame too late.
    const url = stored(layer.grid.token)?.urls[0][0];
    if (url) layer.image = Object.assign(new Image(), { src: url });
  }
  for (const id of [...known.keys()].slice(0, -KEPT)) known.delete(id);
}
