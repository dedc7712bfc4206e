// The page with encoders among its models: fetched when they are asked for, with progress, and put away again: make demo-test
//
// Reads   demo/golden/encoder (encoder_golden.py)
// Writes  pictures to $REPORT (demo/report by default)
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { found, marked, unmarked } from "./barriers.mjs";
import { askAll, golden, json, launch, ready, report, scrollsSideways, settled, write } from "./visiting.mjs";

const SCORE_LIMIT = 1e-2; // the page shows tenths of a percent; of a trained encoder another processor's roundings add up
const folder = path.join(golden, "encoder");
const site = path.join(folder, "site");
const missing = existsSync(site) ? false : "demo/golden/encoder is missing: python demo/encoder_golden.py";
const metadata = missing ? { models: [] } : json(site, "metadata.json");
const encoders = metadata.models.filter(({ kind }) => kind === "encoder");
const about = missing ? null : encoders.find(({ id }) => id === json(folder, "about.json").id);
const other = encoders.find((one) => one !== about);
const first = metadata.models.find((one) => !encoders.includes(one));
const expected = missing ? null : json(folder, "golden.json");
const total = missing ? 0 : about.bytes + about.tokenizer.bytes;
const shown = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const TEXT = "This is not a good movie.";
const STEPS = 12; // in which a slow server sends a model

let server;
let url;
let browser;
let requested = []; // paths in their order
let pace = 0; // milliseconds between the steps of an encoder's file; 0 sends it at once
let swapped = false; // whether a changed file comes in its place
let complaints = [];

async function answer(request, response) {
  const name = decodeURIComponent(new URL(request.url, "http://localhost").pathname.slice(1)) || "index.html";
  requested.push(name);
  const file = path.join(site, name);
  if (!existsSync(file)) return response.writeHead(404).end();
  const types = { ".html": "text/html", ".js": "text/javascript", ".json": "application/json", ".wasm": "application/wasm", ".svg": "image/svg+xml", ".css": "text/css" };
  const content = readFileSync(file);
  if (swapped && name.endsWith(".tflite")) content[content.length - 9] ^= 1;
  response.writeHead(200, { "Content-Type": types[path.extname(name)] ?? "application/octet-stream", "Cache-Control": "no-store" });
  if (!pace || !name.endsWith(".tflite")) return response.end(content);
  const step = Math.ceil(content.length / STEPS);
  for (let start = 0; start < content.length && !response.destroyed; start += step) {
    response.write(content.subarray(start, start + step));
    await new Promise((resolve) => setTimeout(resolve, pace));
  }
  return response.end();
}

async function begin(port = 0) {
  server = createServer((request, response) => void answer(request, response));
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${server.address().port}/`;
}

async function stop() {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

before(async () => {
  if (missing) return;
  await begin();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  if (!missing) await stop();
});

async function visit({ prepare = async () => {}, file = "", ...options } = {}) {
  [pace, swapped, requested, complaints] = [0, false, [], []];
  const context = await browser.newContext({ serviceWorkers: "block", viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000); // other programs may share the machine
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await prepare(page);
  await page.goto(url + file);
  await page.waitForFunction(() => document.documentElement.dataset.ready, null, { timeout: 60_000 });
  return page;
}

const card = (page, one) => page.locator(`.choice[data-id="${one.id}"]`);
const radio = (page, one) => card(page, one).locator("input");
const row = (page, one) => page.locator(`#side tr[data-id="${one.id}"]`);
const panel = (page, one) => page.locator(`#choices [data-loading="${one.id}"]`);
const times = (page, one) => card(page, one).locator(".times").textContent();
const label = (page) => page.locator("#label").textContent();
const files = (one) => [one.tokenizer.file, one.file];
const fetchedModels = () => requested.filter((name) => name.startsWith("models/"));

/** Choose a model and wait until it is loaded. */
async function choose(page, one) {
  await radio(page, one).check();
  await card(page, one).locator(".hash").filter({ hasText: "✓" }).waitFor();
  await page.waitForFunction(() => !/Loading/.test(document.getElementById("label").textContent));
}

/** Choose an encoder from a slow server, and wait until some of it has come. */
async function chooseSlowly(page, one = about) {
  pace = 250;
  await radio(page, one).check();
  await page.waitForFunction((id) => document.querySelector(`#choices [data-loading="${id}"] progress`)?.value > 100_000 || document.querySelector(`#choices [data-loading="${id}"] progress`)?.position > 0.5, one.id);
}

test("encoders are listed and offered, and nothing of them is fetched before they are chosen", { skip: missing }, async () => {
  const page = await visit({ serviceWorkers: "allow" });
  await page.waitForFunction(() => document.documentElement.dataset.offline === "true", null, { timeout: 60_000 });
  assert.deepEqual(new Set(fetchedModels()), new Set(first.vocabulary ? [first.file, first.vocabulary.file] : [first.file]));
  assert.equal(await radio(page, first).isChecked(), true);
  await write(page, TEXT);
  await askAll(page);
  for (const one of encoders) {
    assert.equal(await times(page, one), "not loaded yet");
    assert.match(await card(page, one).textContent(), new RegExp(`${Math.round(one.bytes / 1024).toLocaleString("en")} KB`));
    assert.equal(await row(page, one).getByRole("button").textContent(), `Load it too (${shown(one.bytes + one.tokenizer.bytes)})`);
    assert.equal(await panel(page, one).isHidden(), true);
  }
  assert.match(await page.locator("#source").textContent(), /An encoder reads all words of a text together/);
  assert.deepEqual(fetchedModels().filter((name) => encoders.some((one) => files(one).includes(name))), []);
  assert.equal(page.workers().length, 0);
  await page.context().close();
});

test("a chosen encoder shows how far it is, then answers as Python does", { skip: missing }, async () => {
  const page = await visit();
  await write(page, TEXT);
  await page.evaluate(() => {
    globalThis.said = [];
    globalThis.values = [];
    new MutationObserver(() => globalThis.said.push(document.getElementById("announcement").textContent)).observe(document.getElementById("announcement"), { childList: true });
    new MutationObserver(() => globalThis.values.push(document.querySelector("#choices progress")?.value ?? -1)).observe(document.getElementById("choices"), { childList: true, subtree: true, attributes: true, attributeFilter: ["value"] });
  });
  await chooseSlowly(page);
  const bar = panel(page, about).getByRole("progressbar", { name: "Loading Encoder, 8 bits" });
  assert.equal(await bar.count(), 1);
  assert.equal(await bar.evaluate(({ max }) => max), total);
  assert.match(await panel(page, about).locator(".amounts").textContent(), /^\d+\.\d MB of \d+\.\d MB(, about \d+ seconds? left)?$/);
  assert.equal(await panel(page, about).getByRole("button").textContent(), "Cancel");
  assert.equal(await label(page), "Loading the model…");
  assert.match(await page.locator("#reading").textContent(), new RegExp(`^Encoder, 8 bits, ${shown(total)}, is fetched once`));
  // What is written meanwhile waits for it.
  await page.locator("#input").fill("A dull, stupid film.");
  await page.waitForTimeout(300);
  assert.equal(await label(page), "Loading the model…");
  pace = 0;
  await card(page, about).locator(".hash").filter({ hasText: "✓ as measured" }).waitFor();
  await page.waitForFunction(() => document.getElementById("score").textContent || /Cannot judge/.test(document.getElementById("label").textContent));
  assert.equal(await panel(page, about).isHidden(), true);
  assert.equal(page.workers().length, 1);
  const { said, values } = await page.evaluate(() => ({ said: globalThis.said, values: globalThis.values }));
  assert.ok(said.includes("Loading Encoder, 8 bits") && said.includes("Encoder, 8 bits is loaded."), said.join(" | "));
  assert.ok(said.some((text) => /^Encoder, 8 bits: \d+ % loaded$/.test(text)), said.join(" | "));
  const grown = values.filter((value) => value >= 0);
  assert.ok(new Set(grown).size > 4, `${grown.length} values`);
  assert.deepEqual([...grown].sort((one, other) => one - other), grown);

  const some = expected.texts.map((text, index) => ({ text, row: expected.probabilities[index], share: expected.known_share[index] })).filter(({ text }) => text.length < 400).slice(0, 12);
  let judged = 0;
  for (const { text, row, share } of some) {
    const { label: said, score } = await write(page, text);
    if (share < metadata.known_share) {
      assert.equal(said, "Cannot judge");
      continue;
    }
    judged++;
    const most = row.indexOf(Math.max(...row));
    assert.match(said, new RegExp(about.labels[most], "i"), text);
    assert.ok(Math.abs(parseFloat(score) / 100 - row[most]) < SCORE_LIMIT, `${text}: ${score}, Python ${row[most]}`);
  }
  assert.ok(judged > 3, `${judged} texts were judged`);
  await settled(page);
  assert.ok((await page.locator("#strongest li").count()) > 0);
  assert.match(await page.locator("#how").textContent(), /^Words are left out in turn/);
  assert.match(await times(page, about), /^loaded in [\d,.]+ ms · [\d.]+ ms a text$/);
  const long = await write(page, "the film is good and the film is bad ".repeat(20));
  assert.match(long.reading, new RegExp(`Only the beginning is read, ${about.lengths.at(-1) - 2} pieces of words\\.$`));
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("its memory comes back when another model is chosen; the device keeps its files", { skip: missing }, async () => {
  const page = await visit();
  await write(page, TEXT);
  await choose(page, about);
  assert.equal(page.workers().length, 1);
  const before = await write(page, TEXT);
  await choose(page, first);
  await page.waitForFunction((id) => document.querySelector(`.choice[data-id="${id}"] .times`).textContent === "not loaded, kept on this device", about.id);
  assert.equal(page.workers().length, 0);
  assert.equal((await write(page, TEXT)).verdict === "none", false);
  assert.equal(await row(page, about).getByRole("button").textContent(), "Ask it too (kept on this device)");
  requested = [];
  await choose(page, about);
  assert.deepEqual(await write(page, TEXT), before);
  assert.deepEqual(fetchedModels(), []);
  // One encoder takes the place of the other.
  if (other) {
    await choose(page, other);
    assert.equal(page.workers().length, 1);
    assert.match((await write(page, TEXT)).score + (await label(page)), /\d %|Cannot judge/);
  }
  // A text that is being weighed, or asked beside, is of no use any more: nobody is told of an error.
  await page.locator("#input").fill(expected.texts.find((text) => text.length > 500));
  await page.waitForFunction(() => document.getElementById("progress").textContent.startsWith("weighing") || document.getElementById("words").hidden);
  await choose(page, first);
  await page.waitForTimeout(300);
  assert.equal(page.workers().length, 0);
  assert.equal(await page.evaluate(() => document.documentElement.dataset.ready), "true");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("loading can be cancelled, by the button or by another choice, and leaves nothing behind", { skip: missing }, async () => {
  const page = await visit();
  const before = await write(page, TEXT);
  for (const end of ["button", "choice"]) {
    await chooseSlowly(page);
    if (end === "button") {
      await panel(page, about).getByRole("button").focus();
      await page.keyboard.press("Enter");
    } else await radio(page, first).check();
    await page.waitForFunction((wanted) => document.getElementById("label").textContent === wanted, before.label);
    assert.equal(await radio(page, first).isChecked(), true);
    assert.equal(await panel(page, about).isHidden(), true);
    assert.equal(await times(page, about), "not loaded yet");
    if (end === "button") assert.equal(await page.evaluate(() => document.activeElement.value), first.id);
    await page.waitForTimeout(400);
    assert.equal(page.workers().length, 0);
    const names = await page.evaluate(async () => (await (await caches.open("encoders")).keys()).map(({ url }) => new URL(url).pathname));
    assert.deepEqual(names.filter((name) => name.endsWith(".tflite")), []);
  }
  // Chosen again at once, it is loaded.
  await chooseSlowly(page);
  await panel(page, about).getByRole("button").click();
  pace = 0;
  await choose(page, about);
  assert.equal(page.workers().length, 1);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a changed file is refused, and can be tried again", { skip: missing }, async () => {
  const page = await visit();
  await write(page, TEXT);
  swapped = true;
  await radio(page, about).check();
  const retry = panel(page, about).getByRole("button", { name: "Try again" });
  await retry.waitFor();
  assert.match(await panel(page, about).textContent(), /is not the file that was measured \(SHA-256 \w{12}\)/);
  assert.match(await page.locator("#reading").textContent(), /is not the file that was measured/);
  assert.equal(await times(page, about), "could not be loaded");
  assert.equal(page.workers().length, 0);
  // Typing does not fetch it again, and the reason is said in another language as well.
  requested = [];
  await page.locator("#input").fill("A fine film.");
  await page.waitForTimeout(400);
  assert.deepEqual(fetchedModels(), []);
  await page.locator("#language").selectOption("ru");
  await page.waitForFunction(() => /не тот файл/.test(document.getElementById("reading").textContent));
  assert.match(await panel(page, about).textContent(), /не тот файл.*Попробовать ещё раз/);
  await page.locator("#language").selectOption("en");
  await retry.waitFor();
  assert.deepEqual((await found(page)).wrong, []);
  swapped = false;
  await retry.click();
  await card(page, about).locator(".hash").filter({ hasText: "✓" }).waitFor();
  assert.equal(await panel(page, about).isHidden(), true);
  await page.context().close();
});

test("an encoder is asked beside the others when a visitor wants it", { skip: missing }, async () => {
  const page = await visit();
  const before = await write(page, TEXT);
  pace = 120;
  await row(page, about).getByRole("button").click();
  const bar = row(page, about).getByRole("progressbar", { name: "Loading Encoder, 8 bits" });
  await bar.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Cancel");
  await row(page, about).getByRole("button", { name: "Cancel" }).click();
  await row(page, about).getByRole("button", { name: "Load it too" }).waitFor();
  assert.equal(await radio(page, first).isChecked(), true);
  pace = 0;
  await row(page, about).getByRole("button").click();
  await page.waitForFunction((id) => /\d %|Cannot/.test(document.querySelector(`#side tr[data-id="${id}"] .answer`).textContent), about.id);
  assert.match(await row(page, about).locator(".time").textContent(), /ms$/);
  assert.equal(await radio(page, first).isChecked(), true);
  assert.deepEqual(await page.evaluate(() => document.getElementById("score").textContent), before.score);
  if (other) {
    // A second one takes its place in memory; the answer stays for this text.
    const beside = await row(page, about).locator(".answer").textContent();
    await row(page, other).getByRole("button").click();
    await page.waitForFunction((id) => /\d %|Cannot/.test(document.querySelector(`#side tr[data-id="${id}"] .answer`).textContent), other.id);
    assert.equal(await row(page, about).locator(".answer").textContent(), beside);
    assert.equal(page.workers().length, 1);
    await write(page, "A fine film.");
    await page.waitForFunction((id) => /\d %|Cannot/.test(document.querySelector(`#side tr[data-id="${id}"] .answer`).textContent), other.id);
    assert.match(await row(page, about).locator(".answer").textContent(), /Ask it too/);
  }
  // Asking all fetches no other one.
  requested = [];
  await askAll(page);
  assert.deepEqual(fetchedModels(), []);
  await radio(page, first).check();
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("works without the server once it was loaded", { skip: missing }, async () => {
  const page = await visit({ serviceWorkers: "allow" });
  await page.waitForFunction(() => document.documentElement.dataset.offline === "true", null, { timeout: 60_000 });
  await choose(page, about);
  const before = await write(page, TEXT);
  const { port } = server.address();
  await stop();
  try {
    await assert.rejects(fetch(url));
    await page.reload();
    await ready(page);
    await page.waitForFunction((id) => document.querySelector(`.choice[data-id="${id}"] .times`).textContent === "not loaded, kept on this device", about.id);
    await choose(page, about);
    assert.deepEqual(await write(page, TEXT), before);
  } finally {
    await begin(port);
  }
  const held = await page.evaluate(async () => {
    const found = {};
    for (const name of await caches.keys()) found[name] = (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname.slice(1));
    return found;
  });
  const kept = Object.entries(held).filter(([, names]) => files(about).some((file) => names.includes(file))).map(([name]) => name);
  assert.deepEqual(kept, ["encoders"], "its files are kept once");
  await page.context().close();
});

test("a page of encoders alone waits until one is chosen", { skip: missing }, async () => {
  const alone = (page) => page.route("**/metadata.json", (route) => route.fulfill({ json: { ...metadata, models: encoders } }));
  const page = await visit({ prepare: alone });
  assert.equal(await page.locator(".choice input:checked").count(), 0);
  assert.equal((await write(page, TEXT)).label, "No model is chosen");
  assert.deepEqual(fetchedModels(), []);
  assert.deepEqual((await found(page)).wrong, []);
  await chooseSlowly(page);
  await panel(page, about).getByRole("button").click();
  await page.waitForFunction(() => document.getElementById("label").textContent === "No model is chosen");
  assert.equal(await page.locator(".choice input:checked").count(), 0);
  pace = 0;
  await choose(page, about);
  assert.match((await write(page, TEXT)).label, /positive|negative|Cannot/i);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("axe-core finds nothing while an encoder is loaded, no text is left out of the languages, nothing scrolls sideways", { skip: missing }, async () => {
  const strings = (page) => page.route("**/strings/en.json", (route) => route.fulfill({ json: marked(json(site, "strings", "en.json")) }));
  const page = await visit({ reducedMotion: "reduce", prepare: strings });
  await write(page, TEXT);
  pace = 3000;
  await row(page, other ?? about).getByRole("button").click();
  await row(page, other ?? about).locator("progress").waitFor();
  if (other) await radio(page, about).check();
  await panel(page, about).locator("progress").waitFor();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual((await found(page)).wrong, []);
  }
  assert.deepEqual(await unmarked(page), []);
  for (const viewport of [{ width: 640, height: 450 }, { width: 320, height: 256 }]) {
    await page.setViewportSize(viewport);
    assert.equal(await scrollsSideways(page), false);
  }
  await page.locator("#language").selectOption("ru");
  await page.waitForFunction(() => document.documentElement.lang === "ru");
  assert.match(await panel(page, about).textContent(), /МБ из .*Отменить/);
  assert.equal(await label(page), "Модель загружается…");
  assert.equal(await scrollsSideways(page), false);
  await page.context().close();
});

test("the page that measures fetches an encoder only if it is ticked", { skip: missing }, async () => {
  const page = await visit({ file: "bench.html" });
  for (const one of metadata.models) assert.equal(await page.locator(`#models input[value="${one.id}"]`).isChecked(), one === first || !encoders.includes(one));
  assert.match(await page.locator("#models").textContent(), new RegExp(`Encoder, 8 bits, ${shown(total)}, fetched if you tick it`));
  for (const box of await page.locator("#models input").all()) await box.setChecked((await box.inputValue()) === about.id);
  pace = 250;
  await page.locator("#start").click();
  await page.locator("#loading progress").waitFor();
  assert.deepEqual((await found(page)).wrong, []);
  await page.locator("#stop").click();
  await page.waitForFunction(() => document.getElementById("state").textContent === "Stopped.");
  assert.equal(await page.locator("#loading").isHidden(), true);
  assert.equal(page.workers().length, 0);
  pace = 0;
  await page.locator("#start").click();
  await page.waitForFunction(() => !document.getElementById("save").disabled || document.documentElement.dataset.ready === "failed", null, { timeout: 300_000 });
  const rows = await page.locator("#times tbody tr").allTextContents();
  assert.equal(rows.length, 1);
  assert.match(rows[0], /^Encoder, 8 bits[\d.]+ ms/);
  assert.equal(page.workers().length, 0);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("pictures", { skip: missing }, async () => {
  const shots = { desktop: { viewport: { width: 1280, height: 900 } }, "phone-dark": { viewport: { width: 390, height: 844 }, colorScheme: "dark" } };
  for (const [name, options] of Object.entries(shots)) {
    const page = await visit(options);
    await write(page, TEXT);
    await chooseSlowly(page);
    await page.screenshot({ path: path.join(report, `encoder-loading-${name}.png`), fullPage: true });
    pace = 0;
    await card(page, about).locator(".hash").filter({ hasText: "✓" }).waitFor();
    await write(page, "The film is good, but not a good movie.");
    await page.waitForTimeout(1500);
    await askAll(page);
    assert.equal(await scrollsSideways(page), false);
    await page.screenshot({ path: path.join(report, `encoder-${name}.png`), fullPage: true });
    await page.context().close();
  }
});
