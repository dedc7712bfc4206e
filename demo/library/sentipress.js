// A model in a page of one's own: texts in, labels and probabilities out, as `sentipress.load` gives them in Python.
//
//   import { load } from "./sentipress.js";
//   const model = await load("pocket.zip");
//   await model(["A fine film."]);
import { contextOf } from "./context.js";
import { explained, use } from "./language.js";
import { fetched } from "./measured.js";
import { SCHEMA, decoded } from "./packed.js";
import { Problem } from "./problem.js";
import rules from "./rules.js";
import { strongest, verdict } from "./verdict.js";
import { unzip } from "./zip.js";

/**
 * What a model says of one text.
 * @typedef {object} Answer
 * @property {string | null} label the likeliest one; null where the model knows fewer than a third of the text's words
 * @property {number} score probability of the likeliest label, also where `label` is null
 * @property {Record<string, number>} probabilities of each label by its name
 * @property {number} known share of the text's words that the model knows, 0 to 1
 */
/**
 * @typedef {{labels: string[]} & ((texts: string[]) => Promise<Answer[]>)} Classifier
 *   gives an answer for each text; a single text is refused with a TypeError. Calls may overlap: each waits for the one before.
 */
/** @typedef {import("./models.js").Asked} Asked */

use(rules.language, rules.strings);

/**
 * Open a model file.
 * @param {string | URL | Uint8Array} source address of a pocket model or a packed bag of words, or its bytes
 * @returns {Promise<Classifier>}
 */
export async function load(source) {
  const isBytes = source instanceof Uint8Array;
  const bytes = isBytes ? source : await fetched(source).catch(inWords);
  const { labels, asked } = await opening(bytes, isBytes ? "the file" : String(source));
  let last = Promise.resolve();
  const classify = (texts) => {
    const answers = last.then(() => judged(asked, labels, checked(texts)));
    last = answers.catch(() => {}); // one call's error is not the next one's
    return answers;
  };
  return Object.assign(classify, { labels: Object.freeze([...labels]) });
}

/** What went wrong as an error that a program can show. */
function inWords(error) {
  throw new Error(explained(error), { cause: error });
}

/** @returns {Promise<{labels: string[], asked: Asked}>} */
async function opening(bytes, name) {
  try {
    const [content] = await unzip(bytes, ["metadata.json"]);
    const own = JSON.parse(decoded(content));
    if (own.schema !== SCHEMA) throw new Problem("errorPackage", { schema: own.schema, kind: own.kind });
    if (!Object.hasOwn(rules.cleaning.recipes, own.cleaning)) throw new Problem("errorRecipe", { recipe: own.cleaning });
    // A network needs a runtime, 9 MB of WebAssembly, which is fetched here and only here.
    const { opened } = await (own.kind === undefined
      ? import("./network.js")
      : import("./words.js"));
    return { labels: own.labels, asked: await opened(bytes, contextOf(rules, own), name) };
  } catch (error) {
    // Of "no model of this page (reason)" the reason is what a page of others can say.
    throw new Error(`${name} cannot be opened: ${explained(error.values?.reason ?? error)}`, { cause: error });
  }
}

function checked(texts) {
  if (typeof texts === "string") throw new TypeError("give a list of texts, also for a single one: model([text])");
  const listed = [...texts];
  const wrong = listed.findIndex((text) => typeof text !== "string");
  if (wrong >= 0) throw new TypeError(`texts[${wrong}] is no text (string) but of the type ${typeof listed[wrong]}`);
  return listed;
}

/** @returns {Promise<Answer[]>} */
async function judged(asked, labels, texts) {
  const answers = [];
  for (const text of texts) {
    const { words, knownShare } = asked.read(text);
    const row = await asked.score(words);
    answers.push({
      label: labels[verdict(rules, row, knownShare)] ?? null,
      score: row[strongest(row)],
      probabilities: Object.fromEntries(labels.map((name, index) => [name, row[index]])),
      known: knownShare,
    });
  }
  return answers;
}
