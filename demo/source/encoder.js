// A transformer encoder, asked in the way of models.js: pieces, a .tflite file with a signature for each length, a thread.
import { leaveOneOut } from "./influence.js";
import { fetchKept } from "./kept.js";
import { Pieces } from "./pieces.js";

const RECENT = 101; // runs whose median is told

/** @typedef {import("./tokenizer.js").Reading} Reading */
/** @typedef {import("./cleaning.js").Token} Token */

export class Encoder {
  how = "Each word is left out once and the model asked again.";
  limit = "Only its beginning is read.";
  #about;
  #pieces;
  #worker;
  #waiting = new Map(); // number of a question to what settles its promise
  #asked = 0;
  #times = [];

  constructor(about, pieces, worker) {
    this.#about = about;
    this.#pieces = pieces;
    this.#worker = worker;
    worker.onmessage = ({ data: { id, numbers, error } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve(numbers);
      else reject(new Error(error));
    };
    worker.onerror = (event) => this.#end(event.message || `the thread of ${about.file} failed`);
  }

  /**
   * Fetch an encoder unless the device has it, check it, compile it and run it once.
   * @param {object} about what Python says of it (sentipress/browser/encoder_files.py)
   * @param {{progress?: (state: import("./kept.js").Progress) => void, signal?: AbortSignal}} options the bytes are those of
   *   the model and its vocabulary together; a signal that is aborted ends the download with an AbortError
   */
  static async load(about, { progress = () => {}, signal } = {}) {
    const started = performance.now();
    const total = about.bytes + about.tokenizer.bytes;
    const library = await fetchKept(about.tokenizer, { signal, progress: (state) => progress({ ...state, total }) });
    const before = library.bytes.length;
    const model = await fetchKept(about, { signal, progress: (state) => progress({ ...state, received: before + state.received, total }) });
    const pieces = new Pieces(JSON.parse(new TextDecoder().decode(library.bytes)).library, about.reading);
    signal?.throwIfAborted();
    const encoder = new Encoder(about, pieces, new Worker(new URL("./encoder-worker.js", import.meta.url)));
    encoder.verified = model.verified && library.verified;
    encoder.kept = model.kept && library.kept;
    try {
      await encoder.#ask({ bytes: model.bytes }, [model.bytes.buffer]);
      await encoder.score([]);
    } catch (error) {
      encoder.free();
      throw error;
    }
    encoder.#times = []; // the first run also allocates
    encoder.loadMilliseconds = performance.now() - started;
    return encoder;
  }

  /** Give all memory back; what was asked and has no answer yet fails. */
  free() {
    this.#end(`${this.#about.file} was put away`);
  }

  #end(reason) {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }

  #ask(content, transferred = []) {
    if (!this.#worker) return Promise.reject(new Error(`${this.#about.file} was put away`));
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...content }, transferred);
    });
  }

  /** What the model reads of a raw text. @param {string} raw @returns {Reading} */
  read(raw) {
    return this.#pieces.read(raw);
  }

  /** Probabilities of all labels, in their order. @param {Token[]} words @returns {Promise<number[]>} */
  async score(words) {
    const started = performance.now();
    const ids = this.#pieces.ids(words);
    const length = this.#about.lengths.find((some) => some >= ids.length); // the shortest that holds the text
    const logits = await this.#ask({ ids: this.#pieces.padded(ids, length), signature: this.#about.signature + length });
    this.#times.push(performance.now() - started);
    if (this.#times.length > RECENT) this.#times.shift();
    const expected = this.#about.labels.length === 2 ? 1 : this.#about.labels.length;
    if (logits.length !== expected) throw new Error(`${this.#about.file} gives ${logits.length} numbers, its labels need ${expected}`);
    if (expected === 1) {
      const last = 1 / (1 + Math.exp(-logits[0]));
      return [1 - last, last];
    }
    const largest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - largest));
    const sum = powers.reduce((some, power) => some + power, 0);
    return powers.map((power) => power / sum);
  }

  /** See models.js; words and terms are those between spaces. */
  async influence(words, probabilities, label, options) {
    const score = async (some) => (await this.score(some))[label];
    const moved = await leaveOneOut(words, probabilities[label], score, options);
    return moved && { terms: words, weights: moved, words, shares: moved };
  }

  /** Median of the recent runs from words to probabilities, undefined before the first one. */
  get milliseconds() {
    return [...this.#times].sort((one, other) => one - other)[Math.floor(this.#times.length / 2)];
  }
}
