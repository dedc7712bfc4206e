// One way to ask every kind of model.
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
 */
/**
 * What a model is read with: its own labels and recipe, out of metadata.json.
 * @typedef {object} Context
 * @property {string[]} labels
 * @property {number} known_share least share of known words for a verdict
 * @property {object} cleaning recipe, steps, classes and lower case, see cleaning.js
 * @property {object} tokens numbers that all vocabularies of words have in common
 */

export const BAG = "bag";

// A kind of model and the module that opens it by `load(context, about)`. Code that a page's models do not need, a WebAssembly
// runtime above all, stays away.
const KINDS = {
  network: () => import("./network.js"),
  pocket: () => import("./network.js"),
  [BAG]: () => import("./words.js"),
};

/** @returns {Context} */
export function contextOf(metadata, about) {
  const { recipes, lower } = metadata.cleaning;
  const cleaning = { recipe: about.cleaning, ...recipes[about.cleaning], lower };
  return { labels: about.labels, known_share: metadata.known_share, cleaning, tokens: metadata.tokens };
}

/** Load a model. @param {object} metadata metadata.json @param {object} about an entry of its models @returns {Promise<Asked>} */
export async function load(metadata, about) {
  if (!Object.hasOwn(KINDS, about.kind)) throw new Problem("errorKind", { kind: about.kind });
  return (await KINDS[about.kind]()).load(contextOf(metadata, about), about);
}
