// What a model of words is read with, put together out of metadata.json.

/**
 * A model's own labels and recipe.
 * @typedef {object} Context
 * @property {string[]} labels
 * @property {number} known_share least share of known words for a verdict
 * @property {object} cleaning recipe, steps, classes and lower case, see cleaning.js
 * @property {object} tokens numbers that all vocabularies of words have in common
 */

/** @returns {Context} */
export function contextOf(metadata, about) {
  const { recipes, lower } = metadata.cleaning;
  const cleaning = { recipe: about.cleaning, ...recipes[about.cleaning], lower };
  return { labels: about.labels, known_share: metadata.known_share, cleaning, tokens: metadata.tokens };
}
