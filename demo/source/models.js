// One way to ask every kind of model.

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
 * @property {string} how the influence is found, in a sentence
 * @property {string} [limit] what is said of a text of which the model reads a part
 * @property {boolean} verified whether the file is known to be the one that was measured
 * @property {number} loadMilliseconds
 * @property {number | undefined} milliseconds median of the recent scores
 * @property {(raw: string) => Reading} read
 * @property {(words: Token[]) => Promise<number[]>} score gives the probabilities of all labels
 * @property {(words: Token[], probabilities: number[], label: number, options: object) => Promise<Influence | null>} influence
 *   gives null when it was cancelled; the options are those of influence.js
 */

export const BAG = "bag of words"; // kind of a model; one without a kind is a network

/** Load a model; code that its kind does not need, a WebAssembly runtime above all, stays away. @returns {Promise<Asked>} */
export async function load(metadata, about) {
  if (about.kind === BAG) return (await import("./words.js")).Words.load(metadata, about);
  return (await import("./network.js")).Network.load(metadata, about);
}
