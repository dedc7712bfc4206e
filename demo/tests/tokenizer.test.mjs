// The tokenizer alone, without a browser: node --test demo/tests/tokenizer.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import { Tokenizer } from "../source/tokenizer.js";

const CLEANING = {
  word: "0-9A-Z_a-z",
  space: "\\u{9}-\\u{d}\\u{20}",
  lower: { pairs: "A a B b G g N n T t Σ σ", sigma: "Σ", final_sigma: "ς" },
  steps: [
    { do: "lower" },
    { do: "replace", pattern: "<[^<>]*>", by: " " },
    { do: "replace", pattern: "[^\\w']+", by: " " },
    { do: "strip_words", characters: "'_" },
  ],
};
const WORDS = ["good", "bad", "not", "it's"];

function tokenizer(settings = {}, cleaning = {}) {
  const sides = { sequence_length: 5, padding: "post", truncating: "pre", padding_id: 0, oov_id: 1, first_word_id: 2, separators: "_" };
  return new Tokenizer({ cleaning: { ...CLEANING, ...cleaning }, tokenizer: { ...sides, words: WORDS, ...settings } });
}

test("words become ids, tags and punctuation go, unknown words are 1", () => {
  assert.deepEqual([...tokenizer().encode("NOT good,<br />bad: 'it's'")], [4, 2, 3, 5, 0]);
  assert.deepEqual([...tokenizer().encode("constructor __proto__ toString")], [1, 1, 1, 0, 0]);
});

test("padding and cutting follow the metadata", () => {
  const text = "bad good good good good not";
  assert.deepEqual([...tokenizer().encode(text)], [2, 2, 2, 2, 4]);
  assert.deepEqual([...tokenizer({ truncating: "post" }).encode(text)], [3, 2, 2, 2, 2]);
  assert.deepEqual([...tokenizer({ padding: "pre" }).encode("bad")], [0, 0, 0, 0, 3]);
});

test("no word at all is one unknown word", () => {
  for (const text of ["", " \n", "!?", "\0", "😀", "\ud800"]) assert.deepEqual([...tokenizer().encode(text)], [1, 0, 0, 0, 0]);
});

test("every word knows its place in the raw text", () => {
  const raw = "😀 <b>Good</b> it's <br />'BAD'";
  const places = tokenizer().words(raw).map(({ start, end }) => raw.slice(start, end));
  assert.deepEqual(places, ["Good", "it's", "BAD"]);
});

test("a long text is read at its end alone, with the ids of the whole", () => {
  const raw = "bad <i>".repeat(20000) + "> not <b good> " + "good it's ".repeat(3);
  for (const truncating of ["pre", "post"]) {
    const some = tokenizer({ truncating });
    const all = some.words(raw);
    const expected = truncating === "pre" ? all.slice(-5) : all.slice(0, 5);
    const { words, cut } = some.read(raw);
    assert.deepEqual(words, expected);
    assert.equal(cut, true);
  }
});

test("the study's steps: stopwords by whitespace, tags deleted, neighbours run together", () => {
  const steps = [
    { do: "lower" },
    { do: "drop_words", words: ["not"] },
    { do: "delete_between", open: "<", close: ">" },
    { do: "replace", pattern: "[^\\w']", by: " " },
  ];
  const words = tokenizer({}, { steps }).words("not good<br />bad not, <never closed").map(({ word }) => word);
  assert.deepEqual(words, ["goodbad", "not", "never", "closed"]);
});

test("a sigma that ends a word is a final one", () => {
  const words = (text) => tokenizer({}, { word: "0-9A-Z_a-zσς" }).words(text).map(({ word }) => word);
  assert.deepEqual(words("AΣ A'Σ. ΣA Σ"), ["aς", "a'ς", "σa", "σ"]);
});

test("a model with words of its own is read with them", () => {
  const shared = { sequence_length: 5, padding: "post", truncating: "pre", padding_id: 0, oov_id: 1, first_word_id: 2, separators: "_" };
  const own = new Tokenizer({ cleaning: CLEANING, tokenizer: { ...shared, words: WORDS } }, { words: ["bad", "not good"], sequence_length: 3 });
  assert.deepEqual([...own.encode("not good, not bad")], [3, 1, 2]);
});

test("an unknown step is refused", () => {
  assert.throws(() => tokenizer({}, { steps: [{ do: "stem" }] }), /unknown cleaning step "stem"/);
});
