// One text by all models: a table with answer, known words, time and size.
import { $, foreignPart, part } from "./dom.js";
import { titleOf } from "./choices.js";
import { kilobytes, labelName, milliseconds, percent, t } from "./language.js";
import { verdict } from "./verdict.js";

/** Make the rows, without answers. @param {object[]} models of metadata.json */
export function showTable(models) {
  $("side").tBodies[0].replaceChildren(
    ...models.map((about) => {
      const row = document.createElement("tr");
      row.dataset.id = about.id;
      const header = Object.assign(part("", titleOf(about), "th"), { scope: "row" });
      row.append(header, part("answer", "", "td"), part("known", "", "td"), part("time number", "", "td"), part("number", kilobytes(about.bytes), "td"));
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

export function clearRow(about) {
  for (const cell of rowOf(about).querySelectorAll(".answer, .known, .time")) cell.textContent = "";
}

function rowOf(about) {
  return document.querySelector(`#side tr[data-id="${CSS.escape(about.id)}"]`);
}
