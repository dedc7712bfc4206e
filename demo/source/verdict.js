// Which label a text gets, as Python decides it (sentipress/data/task.py).

/** Number of the strongest label; of equals the first. @param {number[]} probabilities of all labels */
export function strongest(probabilities) {
  return probabilities.reduce((best, probability, index) => (probability > probabilities[best] ? index : best), 0);
}

/** Whether too few of a text's words are known to judge it. @param {{known_share: number}} metadata */
export function isTooForeign(metadata, knownShare) {
  return knownShare < metadata.known_share;
}

/**
 * Number of a text's label; null where a model cannot judge it.
 * @param {{known_share: number}} metadata
 * @param {number[]} probabilities of all labels, in their order
 * @param {number} knownShare of the text's words, 0 to 1
 */
export function verdict(metadata, probabilities, knownShare) {
  return isTooForeign(metadata, knownShare) ? null : strongest(probabilities);
}
