// What pocket models and packed bags of words have in common: sentipress/runtimes/pocket.py.
import { Problem } from "./problem.js";

export const SCHEMA = 1; // of the metadata in a package
const LONGEST_PREFIX = 60; // characters that a word can share with the one before

/** Words from lines that leave out what a word shares with the one before; how much, says a line's first character. */
export function frontDecoded(text) {
  const words = [];
  let before = [];
  for (const line of text ? text.split("\n") : []) {
    const shared = (line.charCodeAt(0) || 0) - 48;
    if (shared < 0 || shared > Math.min(LONGEST_PREFIX, before.length)) throw new Problem("errorVocabularyLine", { line: words.length + 1 });
    // Python counts code points, not UTF-16 units.
    before = [...before.slice(0, shared), ...line.slice(1)];
    words.push(before.join(""));
  }
  return words;
}

/** Text of a member. @param {Uint8Array} bytes */
export const decoded = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** Refuse a package with other labels or another recipe than metadata.json says of it. @param {object} own metadata in the package */
export function checkTask(own, { cleaning, labels }) {
  if (JSON.stringify(own.labels) !== JSON.stringify(labels)) throw new Problem("errorLabels", { labels: own.labels });
  if (own.cleaning !== cleaning.recipe) throw new Problem("errorRecipe", { recipe: own.cleaning });
}
