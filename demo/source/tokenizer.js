// From a raw text to the ids that a network reads, as Python does it; its vocabulary comes from Python, too.
import { Cleaner } from "./cleaning.js";

/** @typedef {import("./cleaning.js").Token} Token */
/**
 * @typedef {object} Reading
 * @property {Token[]} words words and pairs that fit into the model
 * @property {boolean} cut whether the text has more of them
 * @property {number} total words of the whole text; a pair is two
 * @property {number} known those of them that have an id of their own
 * @property {number} knownShare their share, 0 for a text without words; as Tokenizer.known_share in Python
 */

export class Tokenizer {
  /**
   * @param {object} cleaning recipe, see cleaning.js
   * @param {object} tokenizer vocabulary, length and sides, and what all vocabularies of words have in common
   */
  constructor({ cleaning, tokenizer }) {
    this.length = tokenizer.sequence_length;
    this.padding = tokenizer.padding;
    this.truncating = tokenizer.truncating;
    this.paddingId = tokenizer.padding_id;
    this.oovId = tokenizer.oov_id;
    // A Map: an object would find "constructor" in every vocabulary.
    this.ids = new Map(tokenizer.words.map((word, index) => [word, tokenizer.first_word_id + index]));
    this.pairs = new Set(tokenizer.words.filter((word) => word.includes(" ")));
    this.cleaner = new Cleaner(cleaning, tokenizer.separators);
  }

  /** All words of a raw text, pairs not yet joined. @param {string} raw @returns {Token[]} */
  words(raw) {
    return this.cleaner.words(raw);
  }

  /**
   * Neighbouring words that make one entry of the vocabulary, joined from left to right, none used twice.
   * @param {Token[]} words @returns {Token[]}
   */
  merged(words) {
    if (!this.pairs.size) return words;
    const joined = [];
    for (let at = 0; at < words.length; at++) {
      const pair = at + 1 < words.length ? `${words[at].word} ${words[at + 1].word}` : "";
      if (!this.pairs.has(pair)) {
        joined.push(words[at]);
        continue;
      }
      joined.push({ word: pair, start: words[at].start, end: words[at + 1].end });
      at++;
    }
    return joined;
  }

  /** What the model reads of a raw text, and how much of the whole text it knows. @param {string} raw @returns {Reading} */
  read(raw) {
    const words = this.words(raw);
    const merged = this.merged(words);
    const unknown = merged.filter(({ word }) => !this.ids.has(word)).length;
    return {
      words: this.truncating === "pre" ? merged.slice(-this.length) : merged.slice(0, this.length),
      cut: merged.length > this.length,
      total: words.length,
      known: words.length - unknown,
      knownShare: words.length ? 1 - unknown / words.length : 0,
    };
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
