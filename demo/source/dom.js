// Small helpers for what stands on the page.

export const $ = (id) => document.getElementById(id);
export const whole = new Intl.NumberFormat("en");
export const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;
export const shortTime = (milliseconds) => `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
export const counted = (number, noun) => `${whole.format(number)} ${noun}${number === 1 ? "" : "s"}`;
export const signed = (number) => `${number > 0 ? "+" : "−"}${Math.abs(number).toFixed(2)}`;

/** Width or place in a style sheet. */
export const cssPercent = (share) => percent(share, 2).replace(" ", "");

/** Whether the first letter is of a script that runs from right to left. `dir="auto"` takes seconds for a field of 1 MB. */
export function runsLeftwards(text) {
  return /^\P{L}{0,200}[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(text.slice(0, 400));
}

/** An element with a class and a text. */
export function part(name, text, element = "span") {
  return Object.assign(document.createElement(element), { className: name, textContent: text });
}

/** The same for words that may run from right to left. */
export function foreignPart(name, text) {
  return Object.assign(part(name, text), { dir: "auto" });
}
