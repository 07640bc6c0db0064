// Receives images, once, and keeps them for the component that shows them (see `stored`).
//
// The message is: the length of a header (4 bytes, little endian), the header as JSON, and all
// images one after the other. It is large and stays the same while the visitor picks among the
// images, so that Streamlit sends it only once.

const KEPT = 24; // of those no longer in use, for a component that is still drawn or drawn again

export default function ({ data, parentElement }) {
  const bytes = new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const store = (window.convvizStore ??= new Map());
  if (!store.has(header.token)) store.set(header.token, unpack(header, bytes.subarray(4 + length)));
  const inUse = (window.convvizStoreUsers ??= new Map());
  inUse.set(parentElement, header.token);
  const tokens = new Set(inUse.values());
  const unused = [...store].filter(([token]) => !tokens.has(token));
  for (const [token, { urls }] of unused.slice(0, -KEPT)) {
    store.delete(token);
    urls.flat().forEach((url) => url && URL.revokeObjectURL(url));
  }
  window.dispatchEvent(new Event("convviz-store"));
  return () => inUse.delete(parentElement);
}

// An image of no bytes stands for none.
function unpack(header, bytes) {
  let start = 0;
  const images = header.sizes.map((group) =>
    group.map((size) => {
      const png = bytes.subarray(start, start + size);
      start += size;
      return size ? new Blob([png], { type: "image/png" }) : null;
    }),
  );
  const urls = images.map((group) => group.map((image) => image && URL.createObjectURL(image)));
  return { ...header, images, urls };
}
