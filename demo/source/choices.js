// The models as cards: size, what each learned from, how often it is right, and whether its file is the measured one.
import { $, part } from "./dom.js";
import { kilobytes, milliseconds, percent, t } from "./language.js";
import { loadingPlace } from "./loading.js";
import { BAG, ENCODER, isLarge } from "./models.js";

/**
 * Make the cards.
 * @param {object[]} models of metadata.json
 * @param {object | undefined} chosen one of them
 * @param {(about: object) => void} onChoice
 */
export function showCards(models, chosen, onChoice) {
  const cards = models.map((about) => [card(about, about === chosen, onChoice), ...(isLarge(about) ? [loadingPlace(about)] : [])]);
  $("choices").replaceChildren(...cards.flat());
  const said = new Set(models.map(({ kind }) => ({ [BAG]: "sourceBags", [ENCODER]: "sourceEncoders" })[kind] ?? "sourceNetworks"));
  $("source").textContent = [...said, "sourceInterval"].map((key) => t(key)).join(" ");
}

/** Mark one as chosen, or none. @param {object | undefined} about */
export function mark(about) {
  for (const radio of document.querySelectorAll(".choice input")) radio.checked = radio.value === about?.id;
}

/** The button that chooses a model. */
export const radioOf = (about) => document.querySelector(`.choice[data-id="${CSS.escape(about.id)}"] input`);

/** A model's title; where the page has several folders, with the name of its own. */
export function titleOf(about) {
  const title = t(about.title.key, { count: about.words });
  return about.folder ? t("titleOfFolder", { title, folder: about.folder }) : title;
}

/** How far a model is: its promise's state as a key of strings, or the loaded model itself. */
export function showState(about, ready, key) {
  const times = partOf(about, "times");
  if (!ready) {
    times.textContent = t(key);
    return;
  }
  partOf(about, "hash").textContent = hashOf(about, ready);
  const each = ready.milliseconds === undefined ? [] : [t("timeEach", { time: milliseconds(ready.milliseconds) })];
  times.textContent = [t("loadedIn", { time: milliseconds(ready.loadMilliseconds) }), ...each].join(" · ");
}

function card(about, checked, onChoice) {
  const choice = document.createElement("label");
  choice.className = "choice";
  choice.dataset.id = about.id;
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "model", value: about.id, checked });
  radio.addEventListener("change", () => onChoice(about));
  const title = Object.assign(part("title", titleOf(about)), { id: `title-${about.id}` });
  // The title names the button; all else describes it.
  const details = Object.assign(part("details", ""), { id: `details-${about.id}` });
  radio.setAttribute("aria-labelledby", title.id);
  radio.setAttribute("aria-describedby", details.id);
  const { value, low, high, n } = about.accuracy;
  details.append(
    part("size", kilobytes(about.bytes)),
    ...(about.trained ? [part("trained", t("trained", { texts: trainedOn(about.trained) }))] : []),
    part("accuracy", t("accuracy", { share: percent(value), texts: t("testTexts", { count: n }), low: percent(low), high: percent(high) })),
    ...(about.reading ? [part("hard", t("hard", about.reading))] : []),
    part("times", t("notLoaded")),
    Object.assign(part("hash", hashOf(about)), { title: about.sha256 }),
  );
  choice.append(radio, title, details);
  return choice;
}

/** What a model learned from, in words. */
function trainedOn({ texts, source, unlabelled, answers }) {
  const own = source.key ? t(source.key, { count: texts }) : t("textsNamed", { count: texts, name: source.name });
  const more = [...(unlabelled ? [t("trainedUnlabelled", { count: unlabelled })] : []), ...(answers ? [t("trainedAnswers", { count: answers })] : [])];
  return [own, ...more].join(", ");
}

function hashOf(about, ready) {
  const checked = ready ? [t(ready.verified ? "checked" : "unchecked")] : [];
  return [`${about.origin} · SHA-256 ${about.sha256.slice(0, 12)}…`, ...checked].join(" ");
}

function partOf(about, name) {
  return document.querySelector(`.choice[data-id="${CSS.escape(about.id)}"] .${name}`);
}
