// A .tflite file with its vocabulary, asked in the way of models.js.
import { whole } from "./dom.js";
import { leaveOneOut } from "./influence.js";
import { Model, startRuntime } from "./model.js";
import { Tokenizer } from "./tokenizer.js";

const tokenizers = new Map(); // words to the Tokenizer that has them: most networks share the vocabulary of metadata.json

export class Network {
  how = "Each word is left out once and the model asked again.";
  #model;
  #tokenizer;

  constructor(model, tokenizer) {
    this.#model = model;
    this.#tokenizer = tokenizer;
  }

  static async load(metadata, about) {
    startRuntime().catch(() => {}); // the wasm comes while the vocabulary is read; an error is met in Model.load
    const words = about.words ?? metadata.tokenizer.words;
    if (!tokenizers.has(words)) tokenizers.set(words, new Tokenizer(metadata, about));
    const tokenizer = tokenizers.get(words);
    return new Network(await Model.load(about, tokenizer.encode(""), metadata.labels.length), tokenizer);
  }

  get verified() {
    return this.#model.verified;
  }

  get loadMilliseconds() {
    return this.#model.loadMilliseconds;
  }

  get milliseconds() {
    return this.#model.milliseconds;
  }

  /** What is said of a text that is too long. */
  get limit() {
    return `Only the ${this.#tokenizer.truncating === "pre" ? "last" : "first"} ${whole.format(this.#tokenizer.length)} are read.`;
  }

  read(raw) {
    return this.#tokenizer.read(raw);
  }

  score(words) {
    return this.#scoreIds(this.#tokenizer.lookup(words));
  }

  async influence(words, probabilities, label, options) {
    const score = async (some) => (await this.#scoreIds(some))[label];
    const moved = await leaveOneOut(this.#tokenizer.lookup(words), probabilities[label], score, options);
    return moved && { terms: words, weights: moved, words, shares: moved };
  }

  #scoreIds(ids) {
    return this.#model.score(this.#tokenizer.pad(ids));
  }
}
