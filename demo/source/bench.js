// The page that measures the models on the device that opens it: times of 200 texts, memory, and all of it as a JSON.
import { titleOf } from "./choices.js";
import { $, part } from "./dom.js";
import { explained, kilobytes, megabytes, milliseconds, number, offerLanguages, preferred, speak, t } from "./language.js";
import { clearLoading, showProgress } from "./loading.js";
import { bytesOf, isLarge, load } from "./models.js";
import { clockTick, percentile, timesOf } from "./timing.js";

const SCHEMA = 1; // of the JSON

let metadata;
let tick;
let stopping;
let state = ["benchReady", () => ({})]; // what is said, to be said again in another language
const measured = new Map(); // id of a model to its figures

start().catch(fail);

async function start() {
  metadata = await fetched("./metadata.json");
  await speak(preferred(metadata.languages));
  offerLanguages($("language"), metadata.languages, (language) => speak(language).then(show).catch(fail));
  tick = clockTick();
  show();
  $("start").addEventListener("click", () => measure().catch(fail));
  $("stop").addEventListener("click", () => stopping.abort());
  $("save").addEventListener("click", save);
  $("start").disabled = false;
  document.documentElement.dataset.ready = "true";
}

async function fetched(file) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} could not be fetched (${response.status})`);
  return response.json();
}

function fail(error) {
  $("state").textContent = explained(error);
  $("start").disabled = false;
  $("stop").disabled = true;
  document.documentElement.dataset.ready = "failed";
}

function say(key, values = () => ({})) {
  state = [key, values];
  $("state").textContent = t(key, values());
}

/** Everything that is made of strings. */
function show() {
  const before = new Map([...document.querySelectorAll("#models input")].map(({ value, checked }) => [value, checked]));
  $("models").replaceChildren(
    ...metadata.models.map((about) => {
      const choice = part("box", "", "label");
      // A large model is fetched only if a visitor ticks it.
      const checked = before.get(about.id) ?? !isLarge(about);
      const box = Object.assign(document.createElement("input"), { type: "checkbox", value: about.id, checked });
      const size = isLarge(about) ? t("benchLarge", { size: megabytes(bytesOf(about)) }) : kilobytes(about.bytes);
      choice.append(box, ` ${titleOf(about)}, ${size}`);
      return choice;
    }),
  );
  say(...state);
  showResults();
}

/** Load each model that is ticked, and time it. */
async function measure() {
  const wanted = [...document.querySelectorAll("#models input:checked")].map((box) => box.value);
  stopping = new AbortController();
  $("start").disabled = true;
  $("save").disabled = true;
  $("stop").disabled = false;
  const texts = await fetched("./bench-texts.json");
  for (const about of metadata.models.filter(({ id }) => wanted.includes(id))) {
    say("benchLoading", () => ({ model: titleOf(about) }));
    const model = await loadedUnlessStopped(about);
    if (!model) break;
    try {
      const times = await timesOf(model, texts, tick, {
        signal: stopping.signal,
        progress: (done) => {
          say("benchRunning", () => ({ model: titleOf(about), done, count: texts.length }));
          return new Promise((resolve) => setTimeout(resolve)); // the page shows it and hears the button
        },
      });
      if (!times) break;
      measured.set(about.id, figuresOf(about, model, times, await memory()));
    } finally {
      model.free?.();
    }
    showResults();
  }
  say(stopping.signal.aborted ? "benchStopped" : "benchDone");
  $("start").disabled = false;
  $("stop").disabled = true;
  $("save").disabled = !measured.size;
}

/** A model, with progress where it is large; null where the visitor stopped it. */
async function loadedUnlessStopped(about) {
  const stop = () => stopping.abort();
  try {
    return await load(metadata, about, { signal: stopping.signal, progress: (state) => showProgress($("loading"), titleOf(about), state, stop) });
  } catch (error) {
    if (stopping.signal.aborted) return null;
    throw error;
  } finally {
    clearLoading($("loading"), $("stop"));
  }
}

function figuresOf(about, model, times, memoryBytes) {
  const rounded = (value) => Number(value.toFixed(4));
  return {
    id: about.id,
    origin: about.origin,
    sha256: about.sha256,
    checked: model.verified,
    bytes: about.bytes,
    load_ms: rounded(model.loadMilliseconds),
    texts: times.length,
    p50_ms: rounded(percentile(times, 0.5)),
    p95_ms: rounded(percentile(times, 0.95)),
    times_ms: times.map(rounded),
    memory_bytes: memoryBytes?.bytes ?? null,
    memory_of: memoryBytes?.of ?? null,
  };
}

/** Bytes that the page holds, where the browser tells; without isolation from other pages it tells JavaScript's alone. */
async function memory() {
  if (globalThis.crossOriginIsolated && performance.measureUserAgentSpecificMemory) {
    return { bytes: (await performance.measureUserAgentSpecificMemory()).bytes, of: "page" };
  }
  return performance.memory ? { bytes: performance.memory.usedJSHeapSize, of: "JavaScript heap, without WebAssembly" } : null;
}

function showResults() {
  $("results").hidden = !measured.size;
  $("clock").textContent = t("benchClock", { time: t("milliseconds", { amount: number(tick, 3) }) });
  $("times").tBodies[0].replaceChildren(
    ...metadata.models
      .filter(({ id }) => measured.has(id))
      .map((about) => {
        const found = measured.get(about.id);
        const row = document.createElement("tr");
        row.dataset.id = about.id;
        const bytes = found.memory_bytes;
        const cells = [
          t("milliseconds", { amount: number(found.p50_ms, 3) }),
          t("milliseconds", { amount: number(found.p95_ms, 3) }),
          milliseconds(found.load_ms),
          bytes === null ? t("benchNoMemory") : megabytes(bytes),
        ];
        row.append(Object.assign(part("", titleOf(about), "th"), { scope: "row" }), ...cells.map((text) => part("number", text, "td")));
        return row;
      }),
  );
}

function save() {
  const content = {
    schema: SCHEMA,
    what: "milliseconds of a text, from the raw text to the probabilities, one after the other",
    created: new Date().toISOString(),
    browser: navigator.userAgent,
    cores: navigator.hardwareConcurrency ?? null,
    device_memory_gb: navigator.deviceMemory ?? null,
    screen: [screen.width, screen.height, devicePixelRatio],
    clock_tick_ms: tick,
    models: [...measured.values()],
  };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(content, null, 1)}\n`], { type: "application/json" }));
  link.download = `sentipress-bench-${content.created.slice(0, 10)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
