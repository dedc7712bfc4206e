// The words that moved an answer: the strongest as a list, all of them marked in the text.
import { $, cssPercent, fill, foreignPart, part } from "./dom.js";
import { signed, t } from "./language.js";

const STRONGEST = 8; // words in the list
const NOTICEABLE = 0.05; // log-odds below which a word is not marked
const FAINT = 0.12; // of the strongest word: below it a word is not marked

/**
 * Say how words were weighed and which label the lines speak for.
 * @param {string[]} labels
 * @param {number} weighed number of the label whose log-odds are weighed
 * @param {string} how it was done, in a sentence
 */
export function showLegend(labels, weighed, how) {
  $("how").textContent = how;
  fill($("legend"), t(labels.length === 2 ? "legendTwo" : "legendMany"), {
    solid: part("for", t("solidLines"), "mark"),
    dotted: part("against", t("dottedLines"), "mark"),
    for: part("", labels[weighed], "bdi"),
    against: part("", labels[1 - weighed] ?? "", "bdi"),
  });
}

/** @param {{word: string}[]} words @param {ArrayLike<number>} moved log-odds that each of them moved */
export function showStrongest(words, moved) {
  const sums = new Map(); // a word that comes twice is listed once
  words.forEach(({ word }, index) => {
    const entry = sums.get(word) ?? { word, moved: 0, times: 0 };
    sums.set(word, { word, moved: entry.moved + moved[index], times: entry.times + 1 });
  });
  const strongest = [...sums.values()].sort((a, b) => Math.abs(b.moved) - Math.abs(a.moved)).slice(0, STRONGEST);
  const most = Math.max(...strongest.map((entry) => Math.abs(entry.moved)), NOTICEABLE);
  $("strongest").replaceChildren(
    ...strongest
      .filter((entry) => Math.abs(entry.moved) >= NOTICEABLE)
      .map((entry) => {
        const item = document.createElement("li");
        item.className = entry.moved > 0 ? "for" : "against";
        const bar = part("bar", "");
        bar.style.width = cssPercent(Math.abs(entry.moved) / most);
        const amount = Object.assign(part("amount", signed(entry.moved)), { title: t("logOddsChange") });
        item.append(foreignPart("word", entry.times > 1 ? `${entry.word} ×${entry.times}` : entry.word), bar, amount);
        return item;
      }),
  );
}

/** The part of the text that the model reads, as it was written. */
export function showText(raw, words, moved) {
  const most = Math.max(...moved.map(Math.abs), NOTICEABLE);
  const parts = [];
  let from = words[0].start;
  words.forEach(({ start, end }, index) => {
    if (start < from) return; // a letter can become two words: marked once
    parts.push(raw.slice(from, start));
    const strength = Math.abs(moved[index]) / most;
    if (Math.abs(moved[index]) < NOTICEABLE || strength < FAINT) {
      parts.push(raw.slice(start, end));
    } else {
      const mark = part(moved[index] > 0 ? "for" : "against", raw.slice(start, end), "mark");
      mark.style.setProperty("--strength", `${Math.round(15 + 55 * strength)}%`);
      mark.title = t("logOdds", { amount: signed(moved[index]) });
      parts.push(mark);
    }
    from = end;
  });
  parts.push(raw.slice(from).match(/^\S{0,20}/)[0]); // the full stop behind the last word
  $("text").replaceChildren(...(words[0].start > 0 && raw.slice(0, words[0].start).trim() ? ["… "] : []), ...parts);
}
