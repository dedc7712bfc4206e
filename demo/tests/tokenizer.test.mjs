// The tokenizer alone, without a browser: node --test demo/tests/tokenizer.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import { Tokenizer } from "../source/tokenizer.js";
import { verdict } from "../source/verdict.js";

const CLASSES = { word: "0-9A-Z_a-z\\u{4e00}-\\u{9fff}\\u{20000}-\\u{2fa1f}", space: "\\u{9}-\\u{d}\\u{20}", marks: "\\u{300}-\\u{36f}", unspaced: "\\u{4e00}-\\u{9fff}\\u{20000}-\\u{2fa1f}" };
const CLEANING = {
  classes: CLASSES,
  lower: { pairs: "A a B b G g N n T t Σ σ", sigma: "Σ", final_sigma: "ς", cased: "A-Za-zΣσς", ignorable: "'" },
  steps: [
    { do: "lower" },
    { do: "replace", pattern: "<[^<>]*>", by: " " },
    { do: "replace", pattern: "[^{word}']+", by: " " },
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

test("of a long text the model reads one end, where its words are those of the whole", () => {
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
    { do: "replace", pattern: "[^{word}']", by: " " },
  ];
  const words = tokenizer({}, { steps }).words("not good<br />bad not, <never closed").map(({ word }) => word);
  assert.deepEqual(words, ["goodbad", "not", "never", "closed"]);
});

test("a sigma that ends a word is a final one", () => {
  const words = (text) => tokenizer({}, { classes: { ...CLASSES, word: "0-9A-Z_a-zσς" } }).words(text).map(({ word }) => word);
  assert.deepEqual(words("AΣ A'Σ. ΣA Σ"), ["aς", "a'ς", "σa", "σ"]);
});

const POSTS = [
  { do: "lower" },
  { do: "surround", pattern: "([^{word}{marks}{space}'])\\1*", by: " ", longest: 3 },
  { do: "surround", pattern: "[{unspaced}][{marks}]*", by: " " },
  { do: "strip_words", characters: "'_", longest: 6 },
];
const posts = (text) => tokenizer({}, { steps: POSTS }).words(text).map(({ word }) => word);

test("runs of one mark are cut by code points and stand alone", () => {
  assert.deepEqual(posts("good:))))) bad!!"), ["good", ":", ")))", "bad", "!!"]);
  assert.deepEqual(posts("a😀😀😀😀b👍👎"), ["a", "😀😀😀", "b", "👍", "👎"]);
  // A lone half of a character is no beginning of the whole one behind it.
  assert.deepEqual(posts("\ud83d😀😀"), ["\ud83d", "😀😀"]);
});

test("characters of a script without spaces are words, with their accents", () => {
  assert.deepEqual(posts("a电影b𠮷\u0301野"), ["a", "电", "影", "b", "𠮷\u0301", "野"]);
});

test("words are cut by code points, and their ends cleaned before and after", () => {
  const classes = { ...CLASSES, word: `${CLASSES.word}𐐨` };
  const words = (text) => tokenizer({}, { steps: POSTS, classes }).words(text).map(({ word }) => word);
  assert.deepEqual(words("𐐨𐐨𐐨𐐨𐐨𐐨𐐨 'abcdefg' abcde'fg 'ab'"), ["𐐨𐐨𐐨𐐨𐐨𐐨", "abcdef", "abcde", "ab"]);
});

test("every cut or surrounded word knows its place in the raw text", () => {
  const raw = "<3 GOODBAD:)))) 𠮷野a 'BAD'";
  const places = tokenizer({}, { steps: POSTS }).words(raw).map(({ start, end }) => raw.slice(start, end));
  assert.deepEqual(places, ["<", "3", "GOODBA", ":", ")))", "𠮷", "野", "a", "BAD"]);
});

test("known words are counted over the whole text, a pair as two", () => {
  const some = tokenizer({ words: [...WORDS, "not good"], sequence_length: 2 });
  const { words, cut, total, known, knownShare } = some.read("not good nothing bad here, <b>there");
  assert.deepEqual([words.map(({ word }) => word), cut, total, known, knownShare], [["here", "there"], true, 6, 3, 0.5]);
  assert.deepEqual([some.read("").knownShare, some.read("good").knownShare, some.read("constructor").knownShare], [0, 1, 0]);
});

test("a third of known words is enough for a verdict", () => {
  const metadata = { known_share: 1 / 3 };
  for (let words = 3; words < 3000; words += 3) assert.equal(verdict(metadata, [0.2, 0.3, 0.5], 1 - (2 * words) / 3 / words), 2);
  assert.equal(verdict(metadata, [0.2, 0.3, 0.5], 1 - 67 / 100), null);
  assert.equal(verdict(metadata, [0.4, 0.4, 0.2], 1), 0);
  assert.equal(verdict(metadata, [0.5, 0.5], 1), 0);
});

test("an unknown character class is refused", () => {
  assert.throws(() => tokenizer({}, { steps: [{ do: "replace", pattern: "[{vowels}]", by: "" }] }), /errorClass {"name":"vowels"}/);
});

test("an unknown step is refused", () => {
  assert.throws(() => tokenizer({}, { steps: [{ do: "stem" }] }), /errorStep {"step":"stem"}/);
});
