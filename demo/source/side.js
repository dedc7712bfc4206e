// One text by all models: a table with answer, known words, time and size.
import { $, foreignPart, part } from "./dom.js";
import { titleOf } from "./choices.js";
import { kilobytes, labelName, milliseconds, percent, t } from "./language.js";
import { button, loadingPlace } from "./loading.js";
import { verdict } from "./verdict.js";

/** Make the rows, without answers. @param {object[]} models of metadata.json */
export function showTable(models) {
  $("side").tBodies[0].replaceChildren(
    ...models.map((about) => {
      const row = Object.assign(document.createElement("tr"), { role: "row" }); // said, since a narrow page lays rows out as a grid
      row.dataset.id = about.id;
      const header = Object.assign(part("", titleOf(about), "th"), { scope: "row", role: "rowheader" });
      const cells = [part("answer", "", "td"), part("known", "", "td"), part("time number", "", "td"), part("number", kilobytes(about.bytes), "td")];
      row.append(header, ...cells.map((cell) => Object.assign(cell, { role: "cell" })));
      return row;
    }),
  );
}

/** What a model answers. @param {number[]} probabilities @param {{known: number, total: number, knownShare: number}} reading */
export function showRow(metadata, about, probabilities, { known, total, knownShare }, time) {
  const row = rowOf(about);
  const label = verdict(metadata, probabilities, knownShare);
  const answer = label === null ? [t("cannotJudge")] : [foreignPart("", labelName(about.labels[label]), "bdi"), ` ${percent(probabilities[label])}`];
  row.querySelector(".answer").replaceChildren(...answer);
  row.querySelector(".known").textContent = t("knownShare", { known, count: total, share: percent(known / total, 0) });
  row.querySelector(".time").textContent = milliseconds(time);
}

/** Why a model has no answer. @param {string} reason */
export function showObstacleBeside(about, reason) {
  clearRow(about);
  rowOf(about).querySelector(".answer").textContent = `${t("notLoadable")}: ${reason}`;
}

/** A button in the place of an answer: a large model is loaded only when a visitor wants it. @param {string} text */
export function showOffer(about, text, onTake) {
  clearRow(about);
  rowOf(about).querySelector(".answer").replaceChildren(button(text, onTake));
}

/** A place in the table that shows how far a large model is. */
export function loadingBeside(about) {
  const place = loadingPlace(about);
  rowOf(about).querySelector(".answer").replaceChildren(place);
  return place;
}

export function clearRow(about) {
  for (const cell of rowOf(about).querySelectorAll(".answer, .known, .time")) cell.textContent = "";
}

function rowOf(about) {
  return document.querySelector(`#side tr[data-id="${CSS.escape(about.id)}"]`);
}
