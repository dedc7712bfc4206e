// Sentences to try, as buttons: those in the languages that a model reads.
import { $ } from "./dom.js";
import { t } from "./language.js";
import { isTooForeign } from "./verdict.js";

/**
 * @param {Record<string, {sentences: string[], texts: {title: string, text: string}[]}>} sentences by language, sentences.json
 * @param {object} metadata metadata.json
 * @param {object} about the model that is chosen
 * @param {import("./models.js").Asked} ready the same, loaded
 * @param {(text: string) => void} take what happens with a text
 */
export function showExamples(sentences, metadata, about, ready, take) {
  const buttons = [];
  // They say something good or bad; a model of other labels has nothing to say of them.
  const fits = ["negative", "positive"].every((name) => about.labels.includes(name));
  for (const [language, { sentences: short, texts }] of fits ? Object.entries(sentences) : []) {
    const reads = (text) => !isTooForeign(metadata, ready.read(text).knownShare);
    if (short.filter(reads).length < short.length / 2) continue;
    buttons.push(...short.filter(reads).map((text) => button(text, text, language, take)));
    buttons.push(...texts.filter(({ text }) => reads(text)).map(({ title, text }) => button(t(title), text, "", take)));
  }
  $("examples").replaceChildren(...buttons);
  $("examples").hidden = !buttons.length;
}

/** @param {string} language of a title that is a sentence itself; empty where the title is the page's */
function button(title, text, language, take) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: title });
  if (language) Object.assign(made, { className: "sentence", lang: language });
  made.addEventListener("click", () => take(text));
  return made;
}
