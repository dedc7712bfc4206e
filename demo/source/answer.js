// How an answer is shown: the label and its probability, then a scale between two labels or a bar for each of more.
import { $, cssPercent, foreignPart, part, percent } from "./dom.js";
import { strongest } from "./verdict.js";

const SURE = 0.65; // of two labels: below it the text only leans to one
const COLUMNS = 8; // labels; more of them stand in columns

let labels;
let isSentiment;

/** Make the scale or the bars. @param {string[]} names of the labels, in their order */
export function prepareAnswer(names) {
  labels = names;
  isSentiment = names.join() === "negative,positive";
  document.documentElement.dataset.labels = isSentiment ? "sentiment" : names.length === 2 ? "two" : "many";
  if (names.length === 2) {
    $("first").textContent = names[0];
    $("last").textContent = names[1];
    $("scale").hidden = false;
    return;
  }
  $("labels").replaceChildren(
    ...names.map((name) => {
      const item = document.createElement("li");
      const track = part("track", "");
      track.append(part("bar", ""));
      item.append(foreignPart("of", name), track, part("amount", ""));
      return item;
    }),
  );
  $("labels").classList.toggle("columns", names.length > COLUMNS);
  $("labels").hidden = false;
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
  const heading = `${leans ? "Leans " : ""}${labels[chosen]}`;
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
