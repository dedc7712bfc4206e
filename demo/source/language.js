// What the page says, in the visitor's language: strings/<language>.json, and numbers as that language writes them.
import { Problem } from "./problem.js";

const STORED = "sentipress-language"; // the visitor's choice, kept on the device

let strings = {};
let language = "en";
let plural;

/** The visitor's choice, else the first of the browser's languages that the page has, else its first. @param {string[]} languages */
export function preferred(languages) {
  const wished = [stored(), ...(navigator.languages ?? [navigator.language])];
  return wished.map((name) => name?.split("-")[0]).find((name) => languages.includes(name)) ?? languages[0];
}

/** Fetch a language's strings and write them where the page has a place for them. @param {string} name as "en" */
export async function speak(name) {
  const response = await fetch(`./strings/${name}.json`);
  if (!response.ok) throw new Error(`strings/${name}.json could not be fetched (${response.status})`);
  use(name, await response.json());
  document.documentElement.lang = name;
  document.title = t(document.documentElement.dataset.title);
  document.querySelector("meta[name=description]").content = t("description");
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  for (const element of document.querySelectorAll("[data-placeholder]")) element.placeholder = t(element.dataset.placeholder);
}

/** Take these strings, without a page to write them on. @param {string} name of their language @param {object} found by key */
export function use(name, found) {
  strings = found;
  language = name;
  plural = new Intl.PluralRules(name);
}

/** Show the languages in a <select> and tell of a change. @param {HTMLSelectElement} field @param {string[]} languages */
export function offerLanguages(field, languages, onChange) {
  field.replaceChildren(
    ...languages.map((name) => {
      // A language is named in itself; a reader then pronounces it rightly.
      const shown = new Intl.DisplayNames([name], { type: "language" }).of(name);
      return Object.assign(document.createElement("option"), { value: name, lang: name, textContent: shown, selected: name === language });
    }),
  );
  field.addEventListener("change", () => {
    store(field.value);
    onChange(field.value);
  });
}

/**
 * A string with its places filled. A string of several forms takes that of `values.count`.
 * @param {string} key
 * @param {Record<string, unknown>} values numbers are written in the language
 */
export function t(key, values = {}) {
  const found = strings[key];
  if (found === undefined) throw new Error(`strings/${language}.json lacks "${key}"`);
  const form = typeof found === "string" ? found : (found[plural.select(values.count)] ?? found.other);
  return form.replace(/\{(\w+)\}/g, (place, name) => (name in values ? said(values[name]) : place));
}

/** Name of a label: a common one in the language, any other as it is. @param {string} name */
export const labelName = (name) => strings[`label_${name}`] ?? name;

/** What an error says to the visitor. */
export const explained = (error) => (error instanceof Problem ? t(error.key, error.values) : String(error?.message ?? error));

export const number = (value, digits = 0) => new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
export const percent = (share, digits = 1) => `${number(100 * share, digits)} %`;
export const signed = (value) => `${value > 0 ? "+" : "−"}${number(Math.abs(value), 2)}`;
export const kilobytes = (bytes) => t("kilobytes", { amount: number(Math.round(bytes / 1024)) });
export const megabytes = (bytes) => t("megabytes", { amount: number(bytes / 1_000_000, 1) });

/** Milliseconds with a digit more where they are few; below what a browser's clock can tell as such. */
export function milliseconds(time) {
  if (time < 0.05) return t("belowMilliseconds", { amount: number(0.1, 1) });
  return t("milliseconds", { amount: number(time, time < 10 ? 1 : 0) });
}

function said(value) {
  if (value instanceof Error) return explained(value);
  return typeof value === "number" ? number(value) : String(value);
}

function stored() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // a browser may forbid it
  }
}

function store(name) {
  try {
    localStorage.setItem(STORED, name);
  } catch {
    // The choice then holds until the page is left.
  }
}
