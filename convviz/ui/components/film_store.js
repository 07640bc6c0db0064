// Receives the pictures of a film and keeps them for it.
//
// The message is: the length of a header (4 bytes, little endian), the header as JSON, then all
// PNGs one after the other. It is large and stays the same while the slider moves, so that
// Streamlit sends it only once.

const KEPT = 4; // the films in use and the ones before them

export default function ({ data }) {
  const bytes = new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const films = (window.convvizFilms ??= new Map());
  if (!films.has(header.token)) {
    let place = 4 + length;
    for (const still of header.stills) {
      still.pictures = still.sizes.map((size) => {
        const picture = size && new Blob([bytes.subarray(place, place + size)], { type: "image/png" });
        place += size;
        return picture || null;
      });
    }
    films.set(header.token, header.stills);
  }
  for (const token of [...films.keys()].slice(0, -KEPT)) {
    if (token !== header.token) films.delete(token);
  }
  window.dispatchEvent(new Event("convviz-film"));
}
