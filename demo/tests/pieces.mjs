// Cut texts into pieces in JavaScript for a comparison with Python: takes lines of JSON from stdin, first {library, reading},
// then {raw: [...], cleaned: [...]} as often as wanted; gives a line {raw: [[ids], share], cleaned: [[ids], ...]} for each.
// With the argument "library" the ids of cleaned texts are those of the npm package @huggingface/tokenizers instead.
import { createInterface } from "node:readline";
import { Pieces } from "../source/pieces.js";

let cutter;
const other = process.argv[2] === "library" ? await import("@huggingface/tokenizers") : null;

/** Ids of a text by the package, which neither cuts nor pads. */
function byPackage({ library, reading }) {
  const tokenizer = new other.Tokenizer(library, {});
  const room = reading.sequence_length - reading.end.length;
  return (text) => {
    const { ids } = tokenizer.encode(reading.prefix + text);
    return ids.length > reading.sequence_length ? [...ids.slice(0, room), ...reading.end] : ids;
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const content = JSON.parse(line);
  if (!cutter) {
    cutter = other ? { encodeCleaned: byPackage(content) } : new Pieces(content.library, content.reading);
    continue;
  }
  const raw = content.raw.map((text) => {
    const reading = cutter.read(text);
    return [cutter.ids(reading.words), reading.knownShare, cutter.encode(text)];
  });
  const cleaned = content.cleaned.map((text) => cutter.encodeCleaned(text));
  process.stdout.write(`${JSON.stringify({ raw, cleaned })}\n`);
}
