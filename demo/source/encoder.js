// A transformer encoder, asked in the way of models.js: pieces, a .tflite file with a signature for each length, a thread.
import { leaveOneOut } from "./influence.js";
import { fetchKept } from "./kept.js";
import { Times } from "./measured.js";
import { Pieces } from "./pieces.js";
import { Problem } from "./problem.js";

// A long text's words are left out in groups: each question takes up to a third of a second.
const MOST_QUESTIONS = 64;

/** @typedef {import("./tokenizer.js").Reading} Reading */
/** @typedef {import("./cleaning.js").Token} Token */

/** See models.js; an encoder brings its own recipe. */
export const load = (context, about, options) => Encoder.load(about, options);

export class Encoder {
  how = "howEncoder";
  #about;
  #pieces;
  #worker;
  #waiting = new Map(); // number of a question to what settles its promise
  #asked = 0;
  #times = new Times();

  constructor(about, pieces, worker) {
    this.#about = about;
    this.#pieces = pieces;
    this.#worker = worker;
    worker.onmessage = ({ data: { id, numbers, error } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve(numbers);
      else reject(new Problem("errorRun", { file: about.file, reason: error }));
    };
    worker.onerror = (event) => this.#end(new Problem("errorRun", { file: about.file, reason: event.message ?? "" }));
  }

  /**
   * Fetch an encoder unless the device has it, check it, compile it and run it once.
   * @param {object} about what Python says of it (sentipress/browser/encoder_files.py)
   * @param {{progress?: (state: import("./kept.js").Progress) => void, signal?: AbortSignal}} options the bytes are those of
   *   the model and its vocabulary together; a signal that is aborted ends the download with an AbortError
   */
  static async load(about, { progress = () => {}, signal } = {}) {
    const started = performance.now();
    const before = about.tokenizer.bytes;
    const total = before + about.bytes;
    const tokenizer = await fetchKept(about.tokenizer, { signal, progress: ({ received }) => progress({ received, total }) });
    const model = await fetchKept(about, { signal, progress: (state) => progress({ ...state, received: before + state.received, total }) });
    const { library, reading } = JSON.parse(new TextDecoder().decode(tokenizer.bytes));
    const pieces = new Pieces(library, reading);
    signal?.throwIfAborted();
    const encoder = new Encoder(about, pieces, new Worker(new URL("./encoder-worker.js", import.meta.url)));
    encoder.verified = model.verified && tokenizer.verified;
    encoder.kept = model.kept && tokenizer.kept;
    const end = () => encoder.free();
    signal?.addEventListener("abort", end);
    try {
      await encoder.#ask({ bytes: model.bytes }, [model.bytes.buffer]);
      await encoder.score([]);
    } catch (error) {
      encoder.free();
      throw error;
    } finally {
      signal?.removeEventListener("abort", end);
    }
    encoder.#times = new Times(); // the first run also allocates
    encoder.loadMilliseconds = performance.now() - started;
    return encoder;
  }

  /** What is said of a text that is too long. */
  get limit() {
    return { key: "limitPieces", count: this.#pieces.room };
  }

  /** Give all memory back; what was asked and has no answer yet ends with an AbortError. */
  free() {
    this.#end(this.#putAway());
  }

  #putAway() {
    return new DOMException(`${this.#about.file} was put away`, "AbortError");
  }

  #end(reason) {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }

  #ask(content, transferred = []) {
    if (!this.#worker) return Promise.reject(this.#putAway());
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
    this.#times.add(performance.now() - started);
    const labels = this.#about.labels.length;
    const expected = labels === 2 ? 1 : labels; // of two labels a model gives the last one's logit
    if (logits.length !== expected) throw new Problem("errorOutputs", { count: logits.length, labels, expected });
    if (expected === 1) {
      const last = 1 / (1 + Math.exp(-logits[0]));
      return [1 - last, last];
    }
    const largest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - largest));
    const sum = powers.reduce((some, power) => some + power, 0);
    return powers.map((power) => power / sum);
  }

  /** See models.js; words are those between spaces, terms a word or neighbours of a long text, which share what they moved. */
  async influence(words, probabilities, label, options) {
    const size = Math.ceil(words.length / MOST_QUESTIONS);
    const groups = Array.from({ length: Math.ceil(words.length / size) }, (_, group) => words.slice(group * size, (group + 1) * size));
    const score = async (some) => (await this.score(some.flat()))[label];
    const weights = await leaveOneOut(groups, probabilities[label], score, options);
    if (!weights) return null;
    const terms = groups.map((group) => ({ word: group.map(({ word }) => word).join(" ") }));
    return { terms, weights, words, shares: groups.flatMap((group, index) => group.map(() => weights[index] / group.length)) };
  }

  /** Median of the recent runs from words to probabilities, undefined before the first one. */
  get milliseconds() {
    return this.#times.median;
  }
}
