// Small helpers for what stands on the page.

export const $ = (id) => document.getElementById(id);

/** Width or place in a style sheet. */
export const cssPercent = (share) => `${(100 * share).toFixed(2)}%`;

/** Whether the first letter is of a script that runs from right to left. `dir="auto"` takes seconds for a field of 1 MB. */
export function runsLeftwards(text) {
  return /^\P{L}{0,200}[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(text.slice(0, 400));
}

/** An element with a class and a text. */
export function part(name, text, element = "span") {
  return Object.assign(document.createElement(element), { className: name, textContent: text });
}

/** The same for words that may run from right to left. */
export function foreignPart(name, text, element = "span") {
  return Object.assign(part(name, text, element), { dir: "auto" });
}

/** Fill an element with a string whose {places} become elements. @param {Record<string, Node>} nodes by place */
export function fill(element, string, nodes) {
  element.replaceChildren(...string.split(/(\{\w+\})/).map((piece) => (piece.startsWith("{") ? nodes[piece.slice(1, -1)] : piece)));
}
