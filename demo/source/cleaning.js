// From a raw text to its words, as Python cleans and splits it; each word knows its place in the raw text.
//
// Nothing about cleaning is decided here: steps, character classes, lower case and stopwords come from metadata.json,
// which Python writes out of its own behaviour (sentipress/browser/rules.py). Character classes are Python's, so that a
// browser with another version of Unicode still agrees.

import { Problem } from "./problem.js";

/** @typedef {{text: string, origin: Int32Array}} Traced  text, and for each of its UTF-16 units the place in the raw text */
/** @typedef {{word: string, start: number, end: number}} Token  a word, and where the raw text has it */

export class Cleaner {
  /**
   * @param {object} cleaning of metadata.json
   * @param {string} separators what stands between words besides whitespace
   */
  constructor(cleaning, separators = "") {
    this.steps = cleaning.steps.map((step) => compiled(step, cleaning));
    this.separated = new RegExp(`[^${cleaning.classes.space}${separators}]+`, "gu");
  }

  /** All words of a raw text. @param {string} raw @returns {Token[]} */
  words(raw) {
    let traced = { text: raw, origin: new Int32Array(raw.length) };
    for (let index = 0; index < raw.length; index++) traced.origin[index] = index;
    for (const step of this.steps) traced = step(traced);
    const { text, origin } = traced;
    const words = [];
    each(text, this.separated, (word, index) => {
      const last = origin[index + word.length - 1];
      words.push({ word, start: origin[index], end: last + (raw.codePointAt(last) > 0xffff ? 2 : 1) });
    });
    return words;
  }
}

/** One cleaning step of the metadata as a function. @returns {(traced: Traced) => Traced} */
function compiled(step, cleaning) {
  switch (step.do) {
    case "lower":
      return lowering(cleaning.lower);
    case "replace": {
      const pattern = expression(step.pattern, cleaning.classes);
      return (traced) => edited(traced, matches(traced.text, pattern, () => step.by));
    }
    case "surround": {
      const pattern = expression(step.pattern, cleaning.classes);
      return (traced) => edited(traced, surroundings(traced.text, pattern, step));
    }
    case "delete_between":
      return (traced) => edited(traced, between(traced.text, step.open, step.close));
    case "drop_markup": {
      const begins = new RegExp(`[${step.begins}]`, "u");
      return (traced) => edited(traced, markup(traced.text, begins).map(([start, end]) => [start, end, step.by]));
    }
    case "drop_words": {
      const dropped = new Set(step.words);
      const words = expression("[^{space}]+", cleaning.classes);
      return (traced) => joined(traced, words, (word) => (dropped.has(word) ? null : [0, word.length]));
    }
    case "strip_words": {
      const words = expression("[^{space}]+", cleaning.classes);
      return (traced) => joined(traced, words, (word) => stripped(word, step));
    }
    default:
      throw new Problem("errorStep", { step: step.do });
  }
}

/** A pattern with the members of a character class in the place of its name: `[^{word}']`. */
function expression(pattern, classes) {
  const filled = pattern.replace(/\{([a-z]+)\}/g, (_, name) => {
    if (!(name in classes)) throw new Problem("errorClass", { name });
    return classes[name];
  });
  return new RegExp(filled, "gu");
}

/** Python's str.lower(): its own table, and a capital sigma by its neighbours. */
function lowering({ pairs, sigma, final_sigma: finalSigma, cased, ignorable }) {
  const flat = pairs.split(" ");
  const table = new Map();
  for (let index = 0; index < flat.length; index += 2) table.set(flat[index], flat[index + 1]);
  const others = [...table.keys()].filter((character) => character > "\x7f").join("");
  const capitals = new RegExp(`[A-Z]+|[${others}]`, "gu");
  const kinds = { cased: new RegExp(`[${cased}]`, "u"), ignorable: new RegExp(`[${ignorable}]`, "u") };
  // Python looks past what is no letter of a word on both sides, then asks whether a letter with case stands there.
  const isFinal = (text, index) => caseBeside(text, index, -1, kinds) && !caseBeside(text, index, 1, kinds);
  return (traced) =>
    edited(
      traced,
      matches(traced.text, capitals, (match, index) => {
        if (match === sigma) return isFinal(traced.text, index) ? finalSigma : table.get(sigma);
        return match < "\x80" ? match.toLowerCase() : table.get(match);
      }),
    );
}

/** Whether the next character that counts, to the left (-1) or right (1) of a place, is a letter with case. */
function caseBeside(text, index, direction, { cased, ignorable }) {
  for (let at = index + direction; at >= 0 && at < text.length; at += direction) {
    if (direction < 0 && /[\udc00-\udfff]/.test(text[at]) && at > 0 && text.codePointAt(at - 1) > 0xffff) at--;
    const character = String.fromCodePoint(text.codePointAt(at));
    if (!ignorable.test(character)) return cased.test(character);
    if (direction > 0) at += character.length - 1;
  }
  return false;
}

/** UTF-16 units of a text's first characters (code points); of all of them without a limit. */
function unitsOf(text, characters) {
  if (characters === undefined || text.length <= characters) return text.length;
  let units = 0;
  for (let count = 0; count < characters && units < text.length; count++) units += text.codePointAt(units) > 0xffff ? 2 : 1;
  return units;
}

/** The part [start, end] of a word without some characters at its ends and cut to a length; null if nothing is left. */
function stripped(word, { characters, longest }) {
  let start = 0;
  while (start < word.length && characters.includes(word[start])) start++;
  let end = start + unitsOf(word.slice(start), longest);
  while (end > start && characters.includes(word[end - 1])) end--; // last: what is left of a longer word may end so, too
  return start < end ? [start, end] : null;
}

/** Calls back with each match and its place; several times the speed of matchAll. */
function each(text, pattern, visit) {
  text.replace(pattern, (match, ...rest) => {
    visit(match, rest[rest.length - 2]); // what a pattern's groups hold stands before the place
    return "";
  });
}

/** Edits [start, end, replacement] for every match of a pattern. */
function matches(text, pattern, replacement) {
  const edits = [];
  each(text, pattern, (match, index) => edits.push([index, index + match.length, replacement(match, index)]));
  return edits;
}

/** Edits that put something on both sides of every match of a pattern, and cut it to the longest length. */
function surroundings(text, pattern, { by, longest }) {
  const edits = [];
  each(text, pattern, (match, index) => {
    edits.push([index, index, by], [index + unitsOf(match, longest), index + match.length, by]);
  });
  return edits;
}

/** Edits that delete from each `open` to the next `close`; linear, where a lazy regular expression is not. */
function between(text, open, close) {
  const edits = [];
  for (let start = text.indexOf(open); start >= 0; ) {
    const end = text.indexOf(close, start);
    if (end < 0) break;
    edits.push([start, end + close.length, ""]);
    start = text.indexOf(open, end + close.length);
  }
  return edits;
}

/** Places [start, end] of tags, until none is left: "<a<b>c>" is one once "<b>" is gone. In linear time. */
function markup(text, begins) {
  let opened = [];
  const tags = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "<") opened.push(at);
    if (text[at] !== ">") continue;
    if (opened.length && begins.test(text[opened.at(-1) + 1])) {
      const start = opened.pop();
      while (tags.length && tags.at(-1)[0] > start) tags.pop();
      tags.push([start, at + 1]);
    } else {
      opened = []; // this ">" stays, and no tag goes beyond it
    }
  }
  return tags;
}

/** A text with edits made, from left to right. @returns {Traced} */
function edited({ text, origin }, edits) {
  if (!edits.length) return { text, origin };
  let growth = 0;
  for (const [start, end, by] of edits) growth += by.length - (end - start);
  const places = new Int32Array(text.length + growth);
  let [result, from, to] = ["", 0, 0];
  for (const [start, end, by] of edits) {
    result += text.slice(from, start) + by;
    while (from < start) places[to++] = origin[from++];
    // A replacement of equal length keeps its places one by one, any other stands where the match began.
    const step = by.length === end - start ? 1 : 0;
    for (let index = 0; index < by.length; index++) places[to++] = origin[start + step * index];
    from = end;
  }
  result += text.slice(from);
  while (from < text.length) places[to++] = origin[from++];
  return { text: result, origin: places };
}

/** Words of a text, each kept in part or dropped, with single spaces between. @returns {Traced} */
function joined({ text, origin }, pattern, kept) {
  const places = new Int32Array(text.length);
  const words = [];
  let to = 0;
  each(text, pattern, (word, index) => {
    const range = kept(word);
    if (!range) return;
    if (words.length) places[to++] = origin[index];
    words.push(word.slice(range[0], range[1]));
    for (let at = index + range[0]; at < index + range[1]; at++) places[to++] = origin[at];
  });
  return { text: words.join(" "), origin: places.subarray(0, to) };
}
