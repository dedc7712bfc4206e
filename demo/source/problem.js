// What can go wrong on the page, as a key of strings/*.json: the page says it in the visitor's language.

export class Problem extends Error {
  /**
   * @param {string} key of the string
   * @param {Record<string, unknown>} values for its places; a Problem among them is said in words, too
   */
  constructor(key, values = {}) {
    super(`${key} ${JSON.stringify(values, (_, value) => (value instanceof Error ? value.message : value))}`);
    this.key = key;
    this.values = values;
  }
}
