// A network and its vocabulary, asked in the way of models.js: a .tflite file beside a vocabulary, or a pocket model with both.
import { leaveOneOut } from "./influence.js";
import { fetchMeasured } from "./measured.js";
import { Model, startRuntime } from "./model.js";
import { SCHEMA, checkTask, decoded, frontDecoded } from "./packed.js";
import { Problem } from "./problem.js";
import { Tokenizer } from "./tokenizer.js";
import { unzip } from "./zip.js";

const MEMBERS = ["model.tflite", "vocabulary.txt", "metadata.json"];
const tokenizers = new Map(); // file of a vocabulary to the promise of its Tokenizer: the networks of a folder share it

/** Fetch a network and get it ready. @param {import("./context.js").Context} context @param {object} about a model of metadata.json */
export async function load(context, about) {
  const started = performance.now();
  startRuntime().catch(() => {}); // the wasm comes while the model does; an error is met in Model.compiled
  const { bytes, verified } = await fetchMeasured(about);
  const model = about.vocabulary ? await compiled(bytes, await shared(context, about.vocabulary), context) : await opened(bytes, context, about.file);
  return Object.assign(model, { verified, loadMilliseconds: performance.now() - started });
}

/** Get a pocket model ready. @param {Uint8Array} bytes @param {import("./context.js").Context} context @param {string} file its name */
export async function opened(bytes, context, file) {
  const { network, tokenizer } = await unpacked(bytes, context, file);
  return compiled(network, tokenizer, context);
}

async function compiled(network, tokenizer, { labels }) {
  return new Network(await Model.compiled(network, tokenizer.encode(""), labels.length), tokenizer);
}

/** Network and vocabulary of a pocket model. @param {Uint8Array} bytes @param {string} file its name */
export async function unpacked(bytes, context, file) {
  try {
    const [network, vocabulary, metadata] = await unzip(bytes, MEMBERS);
    const own = JSON.parse(decoded(metadata));
    if (own.schema !== SCHEMA || own.kind !== undefined) throw new Problem("errorPackage", { schema: own.schema, kind: own.kind });
    checkTask(own, context);
    const { sequence_length, padding, truncating } = own;
    const tokenizer = { ...context.tokens, sequence_length, padding, truncating, words: frontDecoded(decoded(vocabulary)) };
    return { network, tokenizer: new Tokenizer({ cleaning: context.cleaning, tokenizer }) };
  } catch (reason) {
    throw new Problem("errorPocket", { file, reason });
  }
}

function shared(context, about) {
  if (!tokenizers.has(about.file)) {
    const reading = fetchMeasured(about).then(({ bytes }) => new Tokenizer({ cleaning: context.cleaning, tokenizer: { ...context.tokens, ...JSON.parse(decoded(bytes)) } }));
    reading.catch(() => tokenizers.delete(about.file)); // a second try may find the network again
    tokenizers.set(about.file, reading);
  }
  return tokenizers.get(about.file);
}

export class Network {
  how = "howNetwork";
  #model;
  #tokenizer;

  constructor(model, tokenizer) {
    this.#model = model;
    this.#tokenizer = tokenizer;
  }

  get milliseconds() {
    return this.#model.milliseconds;
  }

  /** What is said of a text that is too long. */
  get limit() {
    return { key: this.#tokenizer.truncating === "pre" ? "limitLast" : "limitFirst", count: this.#tokenizer.length };
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
