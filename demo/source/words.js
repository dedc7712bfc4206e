// A packed bag of words in plain JavaScript, as sentipress/runtimes/packed_words.py reads it and
// sentipress/linear/bag_of_words.py scores with it. Asked in the way of models.js.
import { Cleaner } from "./cleaning.js";
import { Times, fetchMeasured } from "./measured.js";
import { SCHEMA, checkTask, decoded, frontDecoded } from "./packed.js";
import { Problem } from "./problem.js";
import { unzip } from "./zip.js";

/** @typedef {import("./cleaning.js").Token} Token */

const KIND = "bag of words"; // in the metadata of the package
const MEMBERS = ["vocabulary.txt", "weights.bin", "metadata.json"];
const LARGEST_SCORE = 500; // beyond it the exponential leaves the range of a float
const MARKED = 2000; // words of a long text that are shown with marks: no browser lays out a million of them

/** Fetch a bag of words and open it. @param {import("./context.js").Context} context @param {object} about a model of metadata.json */
export async function load(context, about) {
  const started = performance.now();
  const { bytes, verified } = await fetchMeasured(about);
  return Object.assign(await opened(bytes, context, about.file), { verified, loadMilliseconds: performance.now() - started });
}

/** Open a file's bytes. @param {Uint8Array} bytes @param {import("./context.js").Context} context @param {string} file its name */
export const opened = (bytes, context, file) => Words.unpacked(bytes, context, file);

export class Words {
  how = "howBag";
  #cleaner;
  #labels;
  #terms; // how many
  #numbers; // of the terms
  #known; // words of all terms
  #longest; // words of the longest term
  #softmax;
  #weights; // column by column, one for two labels, else one for each
  #bias;
  #times = new Times();

  /** Read a file's bytes. @param {Uint8Array} bytes @param {import("./context.js").Context} context @param {string} file its name */
  static async unpacked(bytes, context, file) {
    try {
      const [vocabulary, weights, about] = await unzip(bytes, MEMBERS);
      return new Words(frontDecoded(decoded(vocabulary)), weights, JSON.parse(decoded(about)), context);
    } catch (reason) {
      throw new Problem("errorBag", { file, reason });
    }
  }

  /**
   * @param {string[]} terms
   * @param {Uint8Array} weights as they are packed
   * @param {object} own metadata of the model
   * @param {import("./context.js").Context} context
   */
  constructor(terms, weights, own, { cleaning, labels }) {
    if (own.schema !== SCHEMA || own.kind !== KIND) throw new Problem("errorPackage", { schema: own.schema, kind: own.kind });
    checkTask(own, { cleaning, labels });
    if (own.link !== "softmax" && own.link !== "one-vs-rest") throw new Problem("errorLink", { link: own.link });
    const columns = labels.length === 2 ? 1 : labels.length;
    if (own.bias.length !== columns || own.scale.length !== columns) throw new Problem("errorColumns", { count: own.bias.length, labels: labels.length });
    this.#cleaner = new Cleaner(cleaning);
    this.#labels = labels.length;
    this.#terms = terms.length;
    // A Map: an object would find "constructor" in every vocabulary.
    this.#numbers = new Map(terms.map((term, number) => [term, number]));
    this.#known = new Set(terms.flatMap((term) => term.split(" ")));
    this.#longest = own.max_ngram;
    this.#softmax = own.link === "softmax";
    this.#bias = own.bias;
    // Products of 32 bits, as Python multiplies them.
    this.#weights = Float32Array.from(integers(weights, own.bits, terms.length * columns), (value, index) => value * own.scale[Math.floor(index / terms.length)]);
  }

  /** Median of the recent runs, from words to probabilities. */
  get milliseconds() {
    return this.#times.median;
  }

  /** The words of a raw text, all of them read, and how many of them stand in a term. @param {string} raw */
  read(raw) {
    const words = this.#cleaner.words(raw);
    const known = words.filter(({ word }) => this.#known.has(word)).length;
    return { words, cut: false, total: words.length, known, knownShare: words.length ? known / words.length : 0 };
  }

  /** Probabilities of all labels, in their order. @param {Token[]} words of a text @returns {Promise<number[]>} */
  async score(words) {
    const started = performance.now();
    const found = this.#found(words);
    const scores = this.#bias.map((bias, column) => {
      let sum = bias;
      for (const number of found.keys()) sum += this.#weight(number, column);
      return Math.min(Math.max(sum, -LARGEST_SCORE), LARGEST_SCORE);
    });
    const probabilities = this.#probabilities(scores);
    this.#times.add(performance.now() - started);
    return probabilities;
  }

  /** The weights themselves, and each word's share of them: a term's weight is divided among all words that make it. */
  async influence(words, _, label) {
    const found = this.#found(words);
    const shares = new Float64Array(words.length);
    const terms = [];
    const weights = [];
    for (const [number, { term, length, starts }] of found) {
      const weight = this.#influenceOf(number, label);
      terms.push({ word: term });
      weights.push(weight);
      for (const start of starts) for (let at = start; at < start + length; at++) shares[at] += weight / (length * starts.length);
    }
    return { terms, weights, words: words.slice(0, MARKED), shares: shares.subarray(0, MARKED) };
  }

  /** Known terms by number, and where they start: a term counts once, however often it comes. @param {Token[]} words */
  #found(words) {
    const found = new Map();
    for (let length = 1; length <= this.#longest; length++) {
      for (let start = 0; start + length <= words.length; start++) {
        let term = words[start].word;
        for (let next = 1; next < length; next++) term += ` ${words[start + next].word}`;
        const number = this.#numbers.get(term);
        if (number === undefined) continue;
        if (found.has(number)) found.get(number).starts.push(start);
        else found.set(number, { term, length, starts: [start] });
      }
    }
    return found;
  }

  #weight(number, column) {
    return this.#weights[column * this.#terms + number];
  }

  /**
   * What a term adds to a label's log-odds: of the last of two labels, or of one label against the rest. Softmax has no
   * such sum; there it is against the mean of the other labels.
   */
  #influenceOf(number, label) {
    if (this.#labels === 2) return this.#weight(number, 0);
    const own = this.#weight(number, label);
    if (!this.#softmax) return own;
    const sum = this.#bias.reduce((some, _, column) => some + this.#weight(number, column), 0);
    return own - (sum - own) / (this.#labels - 1);
  }

  #probabilities(scores) {
    const logistic = scores.map((score) => 1 / (1 + Math.exp(-score)));
    if (this.#labels === 2) return [1 - logistic[0], logistic[0]];
    const largest = Math.max(...scores);
    const each = this.#softmax ? scores.map((score) => Math.exp(score - largest)) : logistic;
    const sum = each.reduce((some, one) => some + one, 0);
    return each.map((one) => one / sum);
  }
}

/** Whole numbers with a sign; of 4 bits two are in a byte, the lower half first. */
function integers(bytes, bits, count) {
  if (bits !== 8 && bits !== 4) throw new Problem("errorBits", { bits });
  if (bytes.length !== Math.ceil((count * bits) / 8)) throw new Problem("errorBytes", { part: "weights.bin", count: bytes.length, expected: Math.ceil((count * bits) / 8) });
  if (bits === 8) return new Int8Array(bytes.buffer, bytes.byteOffset, count);
  const values = new Int8Array(count);
  for (let index = 0; index < count; index++) values[index] = (bytes[index >> 1] << (index % 2 ? 24 : 28)) >> 28;
  return values;
}
