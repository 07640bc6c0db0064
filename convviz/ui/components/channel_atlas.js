// Receives the picture of all channels, once per layer, and keeps it for its grid.
//
// The message is: the length of a header (4 bytes, little endian), the header as JSON, a PNG.
// It is large and stays the same while channels are picked, so that Streamlit sends it only once.

const KEPT = 3; // pictures no longer in use, for a grid that is still drawn

export default function ({ data, parentElement }) {
  const bytes = new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const atlases = (window.convvizAtlases ??= new Map());
  if (!atlases.has(header.token)) {
    const picture = new Blob([bytes.subarray(4 + length)], { type: "image/png" });
    atlases.set(header.token, { ...header, url: URL.createObjectURL(picture) });
  }
  const used = (window.convvizAtlasUsers ??= new Map());
  used.set(parentElement, header.token);
  const tokens = new Set(used.values());
  for (const [token, old] of [...atlases].filter(([token]) => !tokens.has(token)).slice(0, -KEPT)) {
    atlases.delete(token);
    URL.revokeObjectURL(old.url);
  }
  window.dispatchEvent(new Event("convviz-atlas"));
  return () => used.delete(parentElement);
}
