// A large model on its way: a bar with bytes and time left, and a button that ends it; where it cannot be loaded, a second try.
import { part } from "./dom.js";
import { megabytes, t } from "./language.js";

const MINUTE = 60;
const MANY_SECONDS = 100; // beyond it minutes are told

/** @typedef {import("./kept.js").Progress} Progress */

/** An empty place for it. @param {object} about a model of metadata.json */
export function loadingPlace(about) {
  const place = Object.assign(part("loading", "", "div"), { hidden: true });
  place.dataset.loading = about.id;
  return place;
}

/** Those that the page has for a model. @returns {HTMLElement[]} */
export const placesOf = (about) => [...document.querySelectorAll(`[data-loading="${CSS.escape(about.id)}"]`)];

/**
 * Show how far a model is.
 * @param {HTMLElement} place
 * @param {string} title of the model
 * @param {Progress} state
 * @param {() => void} onEnd what happens when the visitor has enough of waiting
 */
export function showProgress(place, title, state, onEnd) {
  if (!place.querySelector("progress")) begin(place, title, onEnd); // else kept as it is: it may have the focus
  Object.assign(place.querySelector("progress"), { max: state.total, value: state.received });
  place.querySelector(".amounts").textContent = amounts(state);
}

/** Show why a model cannot be loaded. @param {string} reason @param {string} offer text of the button @param {() => void} onRetry */
export function showFailure(place, reason, offer, onRetry) {
  place.replaceChildren(part("reason", reason, "p"), button(offer, onRetry));
  place.hidden = false;
}

/** Empty a place; the focus goes to what stands beside it. @param {HTMLElement} beside */
export function clearLoading(place, beside) {
  if (place.contains(document.activeElement)) beside?.focus();
  place.replaceChildren();
  place.hidden = true;
}

/** A button of a large model. */
export function button(text, onClick) {
  const made = Object.assign(part("", text, "button"), { type: "button" });
  made.addEventListener("click", onClick);
  return made;
}

function begin(place, title, onEnd) {
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", t("loadingModel", { model: title }));
  place.replaceChildren(bar, part("amounts", "", "span"), button(t("loadingEnd"), onEnd));
  place.hidden = false;
}

/** Bytes and time left, in words. @param {Progress} state */
function amounts({ received, total, secondsLeft }) {
  if (received >= total) return t("loadingReady");
  const said = t("loadingBytes", { received: megabytes(received), total: megabytes(total) });
  return secondsLeft === undefined ? said : `${said}, ${timeLeft(secondsLeft)}`;
}

function timeLeft(seconds) {
  if (seconds > MANY_SECONDS) return t("minutesLeft", { count: Math.round(seconds / MINUTE) });
  return t("secondsLeft", { count: Math.max(1, Math.round(seconds)) });
}
