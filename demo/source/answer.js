// How an answer is shown: the label and its probability, then a scale between two labels or a bar for each of more.
import { $, cssPercent, foreignPart, part } from "./dom.js";
import { labelName, percent, t } from "./language.js";
import { strongest } from "./verdict.js";

const SURE = 0.65; // of two labels: below it the text only leans to one
const COLUMNS = 8; // labels; more of them stand in columns

let labels;
let isSentiment;

/** Make the scale or the bars of a model. @param {string[]} names of its labels, in their order */
export function prepareAnswer(names) {
  labels = names.map(labelName);
  isSentiment = names.join() === "negative,positive";
  document.documentElement.dataset.labels = isSentiment ? "sentiment" : names.length === 2 ? "two" : "many";
  $("scale").hidden = names.length > 2;
  $("labels").hidden = names.length === 2;
  $("labels").classList.toggle("columns", names.length > COLUMNS);
  if (names.length === 2) {
    $("first").textContent = labels[0];
    $("last").textContent = labels[1];
  }
  $("labels").replaceChildren(...(names.length > 2 ? labels.map(bar) : []));
}

function bar(name) {
  const item = document.createElement("li");
  const track = part("track", "");
  track.append(part("bar", ""));
  item.append(foreignPart("of", name), track, part("amount", ""));
  return item;
}

/**
 * Show what a model says of a text.
 * @param {number[]} probabilities of all labels
 * @param {string} reading what was read of it
 * @returns {string} the answer in words
 */
export function showAnswer(probabilities, reading) {
  const chosen = strongest(probabilities);
  const leans = labels.length === 2 && probabilities[chosen] < SURE;
  const heading = leans ? t("leans", { label: labels[chosen] }) : labels[chosen];
  // Labels that a person named stay as they are written.
  const label = isSentiment ? heading[0].toUpperCase() + heading.slice(1) : heading;
  $("verdict").dataset.verdict = labels.length > 2 ? "chosen" : chosen ? "last" : "first";
  $("label").textContent = label;
  $("score").textContent = percent(probabilities[chosen]);
  $("reading").textContent = reading;
  $("words").hidden = false;
  if (labels.length === 2) $("marker").style.left = cssPercent(probabilities[1]);
  else showBars(probabilities, chosen);
  return `${label}, ${percent(probabilities[chosen], 0)}`;
}

/** Show why there is no answer. @param {string} title @param {string} reason */
export function showObstacle(title, reason) {
  $("verdict").dataset.verdict = "none";
  $("label").textContent = title;
  $("score").textContent = "";
  $("reading").textContent = reason;
  $("words").hidden = true;
  $("marker").style.left = cssPercent(0.5);
  showBars();
}

function showBars(probabilities, chosen) {
  for (const [index, item] of [...$("labels").children].entries()) {
    const probability = probabilities?.[index];
    item.querySelector(".bar").style.width = cssPercent(probability ?? 0);
    item.querySelector(".amount").textContent = probability === undefined ? "" : percent(probability);
    if (index === chosen) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
}
