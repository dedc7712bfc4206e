// Sentences to try, as buttons: those in the languages that a model reads.
import { $ } from "./dom.js";
import { t } from "./language.js";
import { isTooForeign } from "./verdict.js";

const AS_WELL = 0.9; // of the share of known words in the language that a model knows best: it reads this one as well

/**
 * @param {Record<string, {sentences: string[], texts: {title: string, text: string}[]}>} sentences by language, sentences.json
 * @param {object} metadata metadata.json
 * @param {object} about the model that is chosen
 * @param {import("./models.js").Asked} ready the same, loaded
 * @param {(text: string) => void} take what happens with a text
 */
export function showExamples(sentences, metadata, about, ready, take) {
  // They say something good or bad; a model of other labels has nothing to say of them.
  const fits = ["negative", "positive"].every((name) => about.labels.includes(name));
  const shareOf = (text) => ready.read(text).knownShare;
  const languages = (fits ? Object.entries(sentences) : []).map(([language, { sentences: short, texts }]) => {
    const mean = short.reduce((sum, text) => sum + shareOf(text), 0) / short.length;
    return { language, mean, short, texts };
  });
  const best = Math.max(...languages.map(({ mean }) => mean));
  const buttons = languages
    .filter(({ mean }) => mean >= AS_WELL * best)
    .flatMap(({ language, short, texts }) => [
      ...short.filter((text) => !isTooForeign(metadata, shareOf(text))).map((text) => button(text, text, language, take)),
      ...texts.filter(({ text }) => !isTooForeign(metadata, shareOf(text))).map(({ title, text }) => button(t(title), text, "", take)),
    ]);
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
