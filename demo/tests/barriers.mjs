// What keeps a person from using a page: by axe-core, and text that is in none of the page's languages.
import { readFileSync } from "node:fs";
import path from "node:path";
import { demo } from "./visiting.mjs";

const AXE = readFileSync(path.join(demo, "node_modules", "axe-core", "axe.min.js"), "utf8");
export const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe-core finds wrong: rule, and the places of it. */
export async function found(page) {
  await page.evaluate(AXE);
  return page.evaluate(async (rules) => {
    const { violations, passes } = await globalThis.axe.run(document, { runOnly: rules });
    return { wrong: violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`)), passed: passes.length };
  }, RULES);
}

/** Strings that can be told from all that is no string. */
export function marked(strings) {
  const mark = (form) => `⟦${form}⟧`;
  return Object.fromEntries(Object.entries(strings).map(([key, form]) => [key, typeof form === "string" ? mark(form) : Object.fromEntries(Object.entries(form).map(([kind, one]) => [kind, mark(one)]))]));
}

/** Text and attributes of the page that come from no string. What a person wrote, names and file names are none. */
export const unmarked = (page) =>
  page.evaluate(() => {
    const own = "#text, .word, .hash, option, .name, .sentence, #input, noscript, script";
    const copy = document.body.cloneNode(true);
    for (const one of copy.querySelectorAll(own)) one.remove();
    const without = (text) => {
      for (let before = ""; before !== text; ) [before, text] = [text, text.replace(/⟦[^⟦⟧]*⟧/g, "")];
      return text;
    };
    const attributes = ["aria-label", "title", "placeholder", "alt"];
    const named = [...copy.querySelectorAll(attributes.map((name) => `[${name}]`).join())].flatMap((one) => attributes.map((name) => one.getAttribute(name) ?? ""));
    return [copy.textContent, document.title, document.querySelector("meta[name=description]").content, ...named].map(without).flatMap((text) => text.match(/\p{L}[^\n]*/gu) ?? []);
  });
