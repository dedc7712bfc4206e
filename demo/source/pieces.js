// From a raw text to the pieces that an encoder reads, as Python does it: WordPiece (BERT) and Unigram (XLM-RoBERTa).
//
// Vocabulary and parts come from the encoder's own tokenizer.json; see normalizing.js for the characters.
import { Cleaner } from "./cleaning.js";
import { normalizerOf } from "./normalizing.js";
import { Problem } from "./problem.js";

const BLANK = "\u2581"; // stands for a space in Unigram's pieces
const MARKS = ["##", BLANK]; // of a piece inside a word, and of one that begins a word
const UNKNOWN_PENALTY = 10; // below the least likely piece

/** @typedef {import("./cleaning.js").Token} Token */
/** @typedef {import("./tokenizer.js").Reading} Reading */
/** @typedef {{id: number, piece: string}} Piece */

export class Pieces {
  #added;
  #around;
  #contents;
  #normalize;
  #split;
  #cut;
  #unknown;
  #reading;
  #cleaner;

  /**
   * @param {object} library content of the library's tokenizer.json
   * @param {object} reading what Python adds to it (sentipress/browser/piece_rules.py)
   */
  constructor(library, reading) {
    this.#reading = reading;
    this.#cleaner = new Cleaner(reading.cleaning);
    this.length = reading.sequence_length;
    this.room = this.length - reading.begin.length - reading.end.length; // pieces of a text
    this.#contents = new Map(library.added_tokens.map(({ content, id }) => [content, id]));
    this.#added = addedPattern(library.added_tokens, reading.space);
    this.#around = new RegExp(`^[${reading.space}]+|[${reading.space}]+$`, "gu");
    this.#normalize = normalizerOf(library.normalizer, reading);
    this.#split = splitterOf(library.pre_tokenizer, reading);
    const model = library.model.type === "WordPiece" ? wordPiece(library.model) : unigram(library.model);
    this.#cut = model.cut;
    this.#unknown = model.unknown;
  }

  /** What the model reads of a raw text, and how much of it it knows. @param {string} raw @returns {Reading} */
  read(raw) {
    const all = this.#cleaner.words(raw);
    const text = textOf(all);
    const { total, known } = this.#known(text);
    const words = [];
    let used = this.#count(this.#reading.prefix.trimEnd(), this.room);
    for (const word of all) {
      if (used >= this.room) break;
      words.push(word);
      used += this.#count(word.word, this.room);
    }
    const cut = words.length < all.length || used > this.room;
    return { words, cut, total, known, knownShare: total ? known / total : 0 };
  }

  /** Ids of words, special ones around them, not padded. @param {Token[]} words @returns {number[]} */
  ids(words) {
    return this.encodeCleaned(textOf(words));
  }

  /** The same of a raw text. @param {string} raw @returns {number[]} */
  encode(raw) {
    return this.ids(this.#cleaner.words(raw));
  }

  /** The same of a text that is cleaned already. @param {string} cleaned @returns {number[]} */
  encodeCleaned(cleaned) {
    const { begin, end, prefix } = this.#reading;
    const ids = [];
    for (const word of this.#words(prefix + cleaned)) {
      for (const { id } of word) ids.push(id);
      if (ids.length >= this.room) break;
    }
    return [...begin, ...ids.slice(0, this.room), ...end];
  }

  /** Ids with padding on the right. @param {number[]} ids @param {number} length @returns {Int32Array} */
  padded(ids, length) {
    const row = new Int32Array(length).fill(this.#reading.padding_id);
    row.set(ids);
    return row;
  }

  #count(text, most) {
    let pieces = 0;
    for (const word of this.#words(text)) {
      pieces += word.length;
      if (pieces > most) break;
    }
    return pieces;
  }

  /** Words of a cleaned text, and those that are known: see `PieceTokenizer.known_share` in Python. */
  #known(cleaned) {
    let [pieces, total, known] = [0, 0, 0];
    for (const word of this.#words(cleaned)) {
      const some = word.slice(0, this.length - pieces);
      if (!some.length) break;
      const letters = some.map(({ id, piece }) => (id === this.#unknown ? 0 : lettersOf(piece)));
      const sum = letters.reduce((one, other) => one + other, 0);
      pieces += some.length;
      total += 1;
      known += letters.every(Boolean) && (letters.length === 1 || sum >= 2 * letters.length) ? 1 : 0;
    }
    return { total, known };
  }

  /** Pieces of a text, word by word. @param {string} text @returns {Generator<Piece[]>} */
  *#words(text) {
    const whole = text.replace(/[\ud800-\udfff]/gu, "?"); // half of a character, as Python's side replaces it
    let from = 0;
    for (const match of whole.matchAll(this.#added)) {
      yield* this.#plain(whole.slice(from, match.index), from === 0);
      const content = match[0].replace(this.#around, "");
      yield [{ id: this.#contents.get(content), piece: content }];
      from = match.index + match[0].length;
    }
    yield* this.#plain(whole.slice(from), from === 0);
  }

  *#plain(text, first) {
    for (const word of this.#split(this.#normalize(text), first)) yield this.#cut(word);
  }
}

const textOf = (words) => words.map(({ word }) => word).join(" ");

function lettersOf(piece) {
  const bare = MARKS.reduce((left, mark) => (left.startsWith(mark) ? left.slice(mark.length) : left), piece);
  return [...bare].length || 1; // a lone mark is a blank, which is known
}

/** Pieces like [SEP] that stand in a text as they are: the longest that fits, with the spaces that it takes along. */
function addedPattern(tokens, space) {
  const longest = [...tokens].sort((one, other) => other.content.length - one.content.length);
  const sources = longest.map(({ content, lstrip, rstrip }) => {
    const escaped = content.replace(/[$()*+./?[\\\]^{|}-]/g, "\\$&");
    return `${lstrip ? `[${space}]*` : ""}${escaped}${rstrip ? `[${space}]*` : ""}`;
  });
  return new RegExp(sources.join("|") || "(?!)", "gu");
}

/** The pre-tokenizer of a tokenizer.json. @returns {(text: string, first: boolean) => string[]} */
function splitterOf(part, { space, punctuation }) {
  switch (part.type) {
    case "Sequence": {
      const steps = part.pretokenizers.map((one) => splitterOf(one, { space, punctuation }));
      return (text, first) => steps.reduce((words, step) => words.flatMap((word, index) => step(word, first && index === 0)), [text]);
    }
    case "BertPreTokenizer": {
      const words = new RegExp(`[^${space}${punctuation}]+|[${punctuation}]`, "gu");
      return (text) => text.match(words) ?? [];
    }
    case "WhitespaceSplit": {
      const words = new RegExp(`[^${space}]+`, "gu");
      return (text) => text.match(words) ?? [];
    }
    case "Metaspace": {
      const mark = part.replacement;
      const scheme = part.prepend_scheme ?? (part.add_prefix_space === false ? "never" : "always");
      return (text, first) => {
        if (!text) return [];
        const marked = text.replaceAll(" ", mark);
        const whole = !marked.startsWith(mark) && (scheme === "always" || (scheme === "first" && first)) ? mark + marked : marked;
        return part.split === false ? [whole] : before(whole, mark);
      };
    }
    default:
      throw new Problem("errorTokenizer", { part: part.type });
  }
}

/** A text cut before each mark. */
function before(text, mark) {
  const words = [];
  let from = 0;
  for (let next = text.indexOf(mark, 1); next > 0; next = text.indexOf(mark, next + 1)) {
    words.push(text.slice(from, next));
    from = next;
  }
  return [...words, text.slice(from)];
}

/** Greedy: the longest piece first; a word of which a part is unknown is unknown. */
function wordPiece({ vocab, unk_token: unknownPiece, continuing_subword_prefix: inside, max_input_chars_per_word: most }) {
  const ids = new Map(Object.entries(vocab)); // a Map: an object would find "constructor"
  const unknown = ids.get(unknownPiece);
  const longest = Math.max(...Array.from(ids.keys(), (piece) => piece.length));
  const cut = (word) => {
    if (word.length > most && [...word].length > most) return [{ id: unknown, piece: unknownPiece }];
    const pieces = [];
    for (let start = 0; start < word.length; ) {
      const mark = start ? inside : "";
      let end = Math.min(word.length, start + longest);
      while (end > start && !ids.has(mark + word.slice(start, end))) end--;
      if (end === start) return [{ id: unknown, piece: unknownPiece }];
      const piece = mark + word.slice(start, end);
      pieces.push({ id: ids.get(piece), piece });
      start = end;
    }
    return pieces;
  };
  return { cut, unknown };
}

/** The most likely way to cut a word; characters that no piece has are unknown, those in a row are one piece. */
function unigram({ vocab, unk_id: unknown }) {
  const entries = new Map(); // a piece that comes twice has the last one's id, as in the library
  const lengths = new Map(); // first unit of a piece to the length of the longest that begins with it
  vocab.forEach(([piece, score], id) => {
    entries.set(piece, { id, score });
    lengths.set(piece.charCodeAt(0), Math.max(lengths.get(piece.charCodeAt(0)) ?? 0, piece.length));
  });
  const penalty = vocab.reduce((least, [, score]) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
  const cut = (word) => {
    const best = new Float64Array(word.length + 1);
    const from = new Int32Array(word.length + 1).fill(-1);
    const found = new Array(word.length + 1);
    for (let start = 0; start < word.length; ) {
      const next = start + (word.codePointAt(start) > 0xffff ? 2 : 1);
      const offer = (end, id, score) => {
        if (from[end] >= 0 && score <= best[end]) return;
        [best[end], from[end], found[end]] = [score, start, id];
      };
      const last = Math.min(word.length, start + (lengths.get(word.charCodeAt(start)) ?? 0));
      let single = false;
      for (let end = next; end <= last; end++) {
        const entry = entries.get(word.slice(start, end));
        if (!entry) continue;
        offer(end, entry.id, best[start] + entry.score);
        single ||= end === next;
      }
      if (!single) offer(next, unknown, best[start] + penalty);
      start = next;
    }
    const pieces = [];
    for (let end = word.length; end > 0; end = from[end]) {
      const piece = word.slice(from[end], end);
      if (found[end] === unknown && pieces.at(-1)?.id === unknown) pieces.at(-1).piece = piece + pieces.at(-1).piece;
      else pieces.push({ id: found[end], piece });
    }
    return pieces.reverse();
  };
  return { cut, unknown };
}
