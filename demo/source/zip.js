// Members of a zip file, as Python's zipfile writes it: stored or deflated, neither encrypted nor beyond 4 GB.
import { Problem } from "./problem.js";

const END = 0x06054b50; // begins the record at the end, which says where the directory is
const ENTRY = 0x02014b50; // begins a member's entry in the directory
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;

/**
 * Read members by name.
 * @param {Uint8Array} bytes of the file
 * @param {string[]} names
 * @returns {Promise<Uint8Array[]>} their contents, in the order of the names
 */
export async function unzip(bytes, names) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries = directory(bytes, view);
  return Promise.all(
    names.map((name) => {
      if (!entries.has(name)) throw new Problem("errorZipMember", { name });
      return content(bytes, view, name, entries.get(name));
    }),
  );
}

function directory(bytes, view) {
  let end = bytes.length - END_BYTES;
  while (end >= 0 && view.getUint32(end, true) !== END) end--; // a comment may stand behind it
  if (end < 0) throw new Problem("errorZip");
  const entries = new Map();
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (view.getUint32(at, true) !== ENTRY) throw new Problem("errorZipDirectory");
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const first = at + ENTRY_BYTES;
    entries.set(new TextDecoder().decode(bytes.subarray(first, first + name)), {
      method: view.getUint16(at + 10, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      local: view.getUint32(at + 42, true),
    });
    at = first + name + extra + comment;
  }
  return entries;
}

async function content(bytes, view, name, { method, packed, size, local }) {
  const start = local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const held = bytes.subarray(start, start + packed);
  if (method !== STORED && method !== DEFLATED) throw new Problem("errorZipMethod", { name, method });
  const found = method === STORED ? held : await inflated(held);
  if (found.length !== size) throw new Problem("errorBytes", { part: name, count: found.length, expected: size });
  return found;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
