// What the tokenizer of an encoder makes of a text before it looks for words and pieces, as the library "tokenizers" does.
//
// Which characters are meant comes from Python (sentipress/browser/piece_rules.py) or from the encoder's tokenizer.json. No
// version of Unicode that a browser may have decides anything, but for NFKC itself and for accents in a row.

import { Problem } from "./problem.js";

const GROUP_BYTES = 6; // a group of characters of so many bytes or more is looked up one character at a time
const REMEMBERED = 50_000; // groups; the memory of a text of all Unicode is no leak

/**
 * The normalizer of a tokenizer.json as a function.
 * @param {object} part of it, or null
 * @param {object} reading what Python says of the characters
 * @returns {(text: string) => string}
 */
export function normalizerOf(part, reading) {
  switch (part?.type) {
    case undefined:
      return (text) => text;
    case "Sequence": {
      const steps = part.normalizers.map((one) => normalizerOf(one, reading));
      return (text) => steps.reduce((made, step) => step(made), text);
    }
    case "BertNormalizer":
      return byTable(reading.normalizer);
    case "Precompiled":
      return byMap(part.precompiled_charsmap, reading.graphemes);
    case "NFKC":
      return (text) => text.normalize("NFKC");
    case "Replace": {
      const { String: literal, Regex: expression } = part.pattern;
      const pattern = expression === undefined ? literal : new RegExp(expression, "gu");
      return (text) => text.replaceAll(pattern, () => part.content);
    }
    default:
      throw new Problem("errorTokenizer", { part: part.type });
  }
}

/** BERT's: each character by itself. */
function byTable({ control, accents, blank, apart, hangul, reordered, pairs }) {
  const made = new Map(Object.entries(pairs));
  const keys = [...made.keys()].map((character) => `\\u{${character.codePointAt(0).toString(16)}}`).join("");
  const changed = new RegExp(`[${control}${accents}${blank}${apart}${hangul}${keys}]`, "gu");
  const kinds = [
    [new RegExp(`[${control}${accents}]`, "u"), () => ""],
    [new RegExp(`[${blank}]`, "u"), () => " "],
    [new RegExp(`[${apart}]`, "u"), (character) => ` ${character} `],
    [new RegExp(`[${hangul}]`, "u"), (character) => character.normalize("NFD")],
  ];
  const become = (character) => {
    if (!made.has(character)) made.set(character, kinds.find(([kind]) => kind.test(character))[1](character));
    return made.get(character);
  };
  const controls = new RegExp(`[${control}]`, "gu");
  const moving = new RegExp(`[${reordered}]`, "u");
  return (text) => {
    const ordered = moving.test(text) ? text.replace(controls, "").normalize("NFD") : text;
    return ordered.replace(changed, become);
  };
}

/**
 * SentencePiece's map of characters. A group of characters that belong together is looked up by its first key, and the
 * rest of it is dropped; that is how the library does it. Of groups below six bytes only these have more than one
 * character: an accent or the like behind a character, or a sign that belongs to the one after it.
 */
function byMap(base64, { attached, prepended, isolated }) {
  const find = doubleArray(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  const groups = new RegExp(
    `[${isolated}]|[${prepended}]*[^${attached}${prepended}${isolated}][${attached}]*|[${prepended}]*[${attached}]+|[${prepended}]+`,
    "gu",
  );
  const encoder = new TextEncoder();
  const known = new Map();
  const become = (group) => {
    const bytes = encoder.encode(group);
    const whole = bytes.length < GROUP_BYTES ? find(bytes) : undefined;
    return whole ?? Array.from(group, (character) => find(encoder.encode(character)) ?? character).join("");
  };
  return (text) =>
    text.replace(groups, (group) => {
      let made = known.get(group);
      if (made === undefined) {
        made = become(group);
        if (known.size < REMEMBERED) known.set(group, made);
      }
      return made;
    });
}

/** A double array of Darts-clone with its values behind it: gives the value of the shortest key that a text begins with. */
function doubleArray(bytes) {
  const view = new DataView(bytes.buffer);
  const size = view.getUint32(0, true);
  const units = Uint32Array.from({ length: size / 4 }, (_, index) => view.getUint32(4 + 4 * index, true));
  const values = bytes.subarray(4 + size);
  const offset = (unit) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  const decoder = new TextDecoder();
  return (key) => {
    let place = offset(units[0]);
    for (const byte of key) {
      if (byte === 0) return undefined;
      place ^= byte;
      const unit = units[place];
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
      place ^= offset(unit);
      if (unit & 0x100) {
        const start = units[place] & 0x7fffffff;
        return decoder.decode(values.subarray(start, values.indexOf(0, start)));
      }
    }
    return undefined;
  };
}
