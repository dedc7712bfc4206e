// From a raw review to the ids that a model reads, as Python does it.
//
// Nothing about cleaning is decided here: steps, character classes, lower case, stopwords and vocabulary come from
// metadata.json, which Python writes out of its own behaviour (sentipress/browser.py). Character classes are Python's,
// so that a browser with another version of Unicode still agrees.

/** @typedef {{text: string, origin: Int32Array}} Traced  text, and for each of its UTF-16 units the place in the raw text */
/** @typedef {{word: string, start: number, end: number}} Token  a word, and where the raw text has it */

// Characters per word to clean at first: about twice what English prose needs.
const WINDOW = 10;

export class Tokenizer {
  /**
   * @param {object} metadata metadata.json
   * @param {object} own a model's entry in it; one with words of its own is read with them
   */
  constructor(metadata, own = {}) {
    const { cleaning } = metadata;
    const tokenizer = own.words ? { ...metadata.tokenizer, words: own.words, sequence_length: own.sequence_length } : metadata.tokenizer;
    this.length = tokenizer.sequence_length;
    this.padding = tokenizer.padding;
    this.truncating = tokenizer.truncating;
    this.paddingId = tokenizer.padding_id;
    this.oovId = tokenizer.oov_id;
    // A Map: an object would find "constructor" in every vocabulary.
    this.ids = new Map(tokenizer.words.map((word, index) => [word, tokenizer.first_word_id + index]));
    this.pairs = new Set(tokenizer.words.filter((word) => word.includes(" ")));
    this.steps = cleaning.steps.map((step) => compiled(step, cleaning));
    this.separated = new RegExp(`[^${cleaning.space}${tokenizer.separators}]+`, "gu");
  }

  /** All words of a raw text, pairs not yet joined. @param {string} raw @returns {Token[]} */
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

  /**
   * Neighbouring words that make one entry of the vocabulary, joined from left to right, none used twice.
   * @param {Token[]} words @returns {Token[]}
   */
  merged(words) {
    if (!this.pairs.size) return words;
    const joined = [];
    for (let at = 0; at < words.length; at++) {
      if (!this.#pair(words, at)) {
        joined.push(words[at]);
        continue;
      }
      joined.push({ word: `${words[at].word} ${words[at + 1].word}`, start: words[at].start, end: words[at + 1].end });
      at++;
    }
    return joined;
  }

  /** Whether a word and the next one make one entry. */
  #pair(words, at) {
    return at + 1 < words.length && this.pairs.has(`${words[at].word} ${words[at + 1].word}`);
  }

  /** The rest of a text whose start is not known, from the first word that no pair can join to the one before it. */
  #independent(words) {
    let at = 0;
    while (at < words.length && this.#pair(words, at)) at++;
    return words.slice(at + 1);
  }

  /**
   * The words and pairs that fit into the model, and whether there are more. Of a long text only the end that the
   * model reads is cleaned: one that is cut where no word and no tag is cut gives the same words there.
   * @param {string} raw
   * @returns {{words: Token[], cut: boolean}}
   */
  read(raw) {
    for (let window = WINDOW * this.length; window < raw.length / 2; window *= 2) {
      const place = this.truncating === "pre" ? seam(raw, raw.length - window) : seam(raw, window);
      if (place < 0) continue;
      const words = this.merged(
        this.truncating === "pre" ? this.#independent(this.words(raw.slice(place))) : this.words(raw.slice(0, place)),
      );
      if (words.length <= this.length) continue;
      if (this.truncating === "pre") words.forEach((word) => ((word.start += place), (word.end += place)));
      return { words: this.#fitting(words), cut: true };
    }
    const words = this.merged(this.words(raw));
    return { words: this.#fitting(words), cut: words.length > this.length };
  }

  #fitting(words) {
    return this.truncating === "pre" ? words.slice(-this.length) : words.slice(0, this.length);
  }

  /** Ids of words, not padded. @param {Token[]} words @returns {number[]} */
  lookup(words) {
    return words.map(({ word }) => this.ids.get(word) ?? this.oovId);
  }

  /** What the model takes. @param {number[]} ids at most `length` of them @returns {Int32Array} */
  pad(ids) {
    const row = new Int32Array(this.length).fill(this.paddingId);
    const some = ids.length ? ids : [this.oovId]; // no word at all is one unknown word
    row.set(some, this.padding === "pre" ? this.length - some.length : 0);
    return row;
  }

  /** All of the above. @param {string} raw @returns {Int32Array} */
  encode(raw) {
    return this.pad(this.lookup(this.read(raw).words));
  }
}

/** A space at or before a place that is inside no tag, where a text can be cut; -1 if there is none near. */
function seam(raw, place) {
  for (let at = place; at > place - 1000 && at >= 0; at--) {
    if (raw[at] !== " ") continue;
    const open = raw.lastIndexOf("<", at);
    if (open < 0 || raw.lastIndexOf(">", at) > open) return at;
    at = open;
  }
  return -1;
}

/** One cleaning step of the metadata as a function. @returns {(traced: Traced) => Traced} */
function compiled(step, cleaning) {
  const words = new RegExp(`[^${cleaning.space}]+`, "gu");
  switch (step.do) {
    case "lower":
      return lowering(cleaning.lower);
    case "replace": {
      const pattern = new RegExp(step.pattern.replaceAll("\\w", cleaning.word), "gu");
      return (traced) => edited(traced, matches(traced.text, pattern, () => step.by));
    }
    case "delete_between":
      return (traced) => edited(traced, between(traced.text, step.open, step.close));
    case "drop_words": {
      const dropped = new Set(step.words);
      return (traced) => joined(traced, words, (word) => (dropped.has(word) ? null : [0, word.length]));
    }
    case "strip_words": {
      const strippable = new Set(step.characters);
      return (traced) =>
        joined(traced, words, (word) => {
          let [start, end] = [0, word.length];
          while (start < end && strippable.has(word[start])) start++;
          while (end > start && strippable.has(word[end - 1])) end--;
          return start < end ? [start, end] : null;
        });
    }
    default:
      throw new Error(`metadata.json asks for the unknown cleaning step "${step.do}": build the page again`);
  }
}

/** Python's str.lower(): its own table, and a capital sigma by its neighbours. */
function lowering({ pairs, sigma, final_sigma: finalSigma }) {
  const flat = pairs.split(" ");
  const table = new Map();
  for (let index = 0; index < flat.length; index += 2) table.set(flat[index], flat[index + 1]);
  const others = [...table.keys()].filter((character) => character > "\x7f").join("");
  const capitals = new RegExp(`[A-Z]+|[${others}]`, "gu");
  // Python looks past what is no letter of a word on both sides, then asks whether a letter with case stands there.
  const isFinal = (text, index) => caseBeside(text, index, -1) && !caseBeside(text, index, 1);
  return (traced) =>
    edited(
      traced,
      matches(traced.text, capitals, (match, index) => {
        if (match === sigma) return isFinal(traced.text, index) ? finalSigma : table.get(sigma);
        return match < "\x80" ? match.toLowerCase() : table.get(match);
      }),
    );
}

const ignorable = /\p{Case_Ignorable}/u;
const cased = /\p{Cased}/u;

/** Whether the next character that counts, to the left (-1) or right (1) of a place, is a letter with case. */
function caseBeside(text, index, direction) {
  for (let at = index + direction; at >= 0 && at < text.length; at += direction) {
    if (direction < 0 && /[\udc00-\udfff]/.test(text[at]) && at > 0 && text.codePointAt(at - 1) > 0xffff) at--;
    const character = String.fromCodePoint(text.codePointAt(at));
    if (!ignorable.test(character)) return cased.test(character);
    if (direction > 0) at += character.length - 1;
  }
  return false;
}

/** Calls back with each match and its place; several times the speed of matchAll. */
function each(text, pattern, visit) {
  text.replace(pattern, (match, index) => {
    visit(match, index);
    return "";
  });
}

/** Edits [start, end, replacement] for every match of a pattern. */
function matches(text, pattern, replacement) {
  const edits = [];
  each(text, pattern, (match, index) => edits.push([index, index + match.length, replacement(match, index)]));
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
