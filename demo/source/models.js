// One way to ask every kind of model.
import { contextOf } from "./context.js";
import { Problem } from "./problem.js";

/** @typedef {import("./cleaning.js").Token} Token */
/** @typedef {import("./tokenizer.js").Reading} Reading */
/**
 * What moved the log-odds of a label: above 0 speaks for it.
 * @typedef {object} Influence
 * @property {{word: string}[]} terms words, or words with a space between
 * @property {ArrayLike<number>} weights what each term moved
 * @property {Token[]} words those that are marked in the text
 * @property {ArrayLike<number>} shares what each of them moved
 */
/**
 * @typedef {object} Asked
 * @property {string} how the influence is found, as a key of strings/*.json
 * @property {{key: string, count: number}} [limit] what is said of a text of which the model reads a part, likewise
 * @property {boolean} verified whether the file is known to be the one that was measured
 * @property {number} loadMilliseconds from the request to the first answer
 * @property {number | undefined} milliseconds median of the recent scores
 * @property {(raw: string) => Reading} read
 * @property {(words: Token[]) => Promise<number[]>} score gives the probabilities of all labels
 * @property {(words: Token[], probabilities: number[], label: number, options: object) => Promise<Influence | null>} influence
 *   gives null when it was cancelled; the options are those of influence.js
 * @property {() => void} [free] of a large model: gives all its memory back; what has no answer yet ends with an AbortError
 */

export const BAG = "bag";
export const ENCODER = "encoder";

// A kind of model and the module that opens it by `load(context, about, options)`. Code that a page's models do not need, a
// WebAssembly runtime above all, stays away.
const KINDS = {
  network: () => import("./network.js"),
  pocket: () => import("./network.js"),
  [BAG]: () => import("./words.js"),
  [ENCODER]: () => import("./encoder.js"),
};

/** Whether a model is fetched only when a visitor asks for it, with progress, and put away when another one is chosen. */
export const isLarge = (about) => about.kind === ENCODER;

/** Bytes of all that is fetched for a large model. */
export const bytesOf = (about) => about.bytes + about.tokenizer.bytes;

/**
 * Load a model.
 * @param {object} metadata metadata.json
 * @param {object} about an entry of its models
 * @param {{progress?: (state: import("./kept.js").Progress) => void, signal?: AbortSignal}} options heeded by large models: a
 *   signal that is aborted ends the loading with an AbortError
 * @returns {Promise<Asked>}
 */
export async function load(metadata, about, options = {}) {
  if (!Object.hasOwn(KINDS, about.kind)) throw new Problem("errorKind", { kind: about.kind });
  return (await KINDS[about.kind]()).load(contextOf(metadata, about), about, options);
}
