// Whether everybody can use the pages: axe-core in each state and both themes, keyboard, 200 % zoom, languages: make demo-test
//
// Reads   demo/dist (build.py)
// Writes  access.json and pictures to $REPORT (demo/report by default)
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { RULES, found, marked, unmarked } from "./barriers.mjs";
import { askAll, demo, dist, json, launch, readerOf, ready, report, scrollsSideways, serve, settled, wordsFor, write } from "./visiting.mjs";

const metadata = json(dist, "metadata.json");
const models = metadata.models.filter(({ kind }) => kind !== "encoder"); // those have a test of their own
const figures = { schema: 1, axe: json(demo, "node_modules", "axe-core", "package.json").version, rules: RULES, states: {} };
const reader = await readerOf(metadata, models[0]);
const { sentence } = wordsFor(metadata, reader);
const SENTENCE = sentence("The trailer is hilarious, the film is not.");
let server;
let browser;
let complaints;

before(async () => {
  server = await serve();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  writeFileSync(path.join(report, "access.json"), `${JSON.stringify(figures, null, 1)}\n`);
});

async function visit(name = "", options = {}, prepare = async () => {}) {
  const context = await browser.newContext({ serviceWorkers: "block", viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await prepare(page);
  await page.goto(server.url + name);
  await page.waitForFunction(() => document.documentElement.dataset.ready, null, { timeout: 60_000 });
  return page;
}

/** Five labels: what the first model says of a text is dealt out by a stand-in. */
const MANY = `
export const startRuntime = async () => {};
export class Model {
  milliseconds = 0.1;
  static async compiled() {
    return new Model();
  }
  async score() {
    return [0.1, 0.2, 0.4, 0.2, 0.1];
  }
}`;
async function withManyLabels(page) {
  const labels = ["negative", "neutral", "positive", "skip", "speech"];
  const [first] = models;
  const words = JSON.stringify({ sequence_length: 9, padding: "post", truncating: "pre", words: ["film", "not"] });
  const digest = async (content) => Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(content))).toString("hex");
  const about = { ...first, kind: "network", labels, file: "models/five.tflite", sha256: await digest("five"), vocabulary: { file: "models/five.json", sha256: await digest(words) } };
  await page.route("**/metadata.json", (route) => route.fulfill({ json: { ...metadata, models: [about] } }));
  await page.route("**/models/five.tflite", (route) => route.fulfill({ body: "five" }));
  await page.route("**/models/five.json", (route) => route.fulfill({ body: words }));
  await page.route("**/model.js", (route) => route.fulfill({ body: MANY, contentType: "text/javascript" }));
}

const refused = (page) => page.route(`**/${models[0].file}`, (route) => route.fulfill({ body: "another file" }));

/** What a person may see: a page, what is done before it comes and after. */
const STATES = {
  "nothing written": ["", async () => {}],
  "an answer, its words and all models": [
    "",
    async (page) => {
      await write(page, SENTENCE);
      await settled(page);
      await askAll(page);
    },
  ],
  "cannot judge": ["", (page) => write(page, "qwertz asdfgh yxcvbn")],
  "no words": ["", (page) => write(page, "\0😀")],
  "five labels": ["", (page) => write(page, "not film"), withManyLabels],
  "a model that is refused": ["", async () => {}, refused],
  "measuring not begun": ["bench.html", async () => {}],
  "measured": ["bench.html", (page) => measured(page, models.slice(-1))],
};

/** Measure some models on the page for it. */
async function measured(page, models) {
  for (const box of await page.locator("#models input").all()) await box.setChecked(models.some(({ id }) => id === undefined) || models.map(({ id }) => id).includes(await box.inputValue()));
  await page.locator("#start").click();
  await page.waitForFunction(() => !document.getElementById("save").disabled || document.documentElement.dataset.ready === "failed", null, { timeout: 60_000 });
}

for (const [name, [file, act, prepare]] of Object.entries(STATES)) {
  test(`axe-core finds nothing in both themes: ${name}`, async () => {
    const page = await visit(file, { reducedMotion: "reduce" }, prepare);
    await act(page);
    const papers = new Set();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      papers.add(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor));
      const { wrong, passed } = await found(page);
      figures.states[`${name}, ${colorScheme}`] = { wrong: wrong.length, rules_passed: passed };
      assert.deepEqual(wrong, []);
      assert.ok(passed > 15, `${passed} rules had something to look at`);
    }
    assert.equal(papers.size, 2);
    await page.context().close();
  });
}

test("axe-core would find something", async () => {
  const page = await visit();
  await page.evaluate(() => document.getElementById("input").labels[0].remove());
  await page.evaluate(() => document.getElementById("language").removeAttribute("aria-label"));
  assert.match((await found(page)).wrong.join(), /select-name/);
  await page.context().close();
});

// A window of 1280 pixels at 200 % is one of 640, at 400 % one of 320.
const ZOOMS = [["200 %", { width: 640, height: 450 }, 1], ["400 %", { width: 320, height: 256 }, 1], ["text of 200 %", { width: 1280, height: 900 }, 2]];
for (const name of ["an answer, its words and all models", "five labels", "measured"]) {
  test(`nothing is cut off when zoomed: ${name}`, async () => {
    const [file, act, prepare] = STATES[name];
    const page = await visit(file, {}, prepare);
    await act(page);
    for (const language of ["en", "ru"]) {
      await page.locator("#language").selectOption(language);
      await page.waitForFunction((language) => document.documentElement.lang === language, language);
      for (const [zoom, viewport, text] of ZOOMS) {
        await page.setViewportSize(viewport);
        await page.evaluate((times) => (document.documentElement.style.fontSize = `${17 * times}px`), text);
        assert.equal(await scrollsSideways(page), false, `${zoom}, ${language}`);
        const cut = await page.evaluate(() =>
          [...document.querySelectorAll("button, p, h1, h2, label, select, li")]
            .filter((one) => one.checkVisibility() && !one.closest(".frame") && !one.matches(".hidden, .skip"))
            .filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline")
            .map((one) => one.textContent.trim().slice(0, 40)),
        );
        assert.deepEqual(cut, [], `${zoom}, ${language}`);
      }
    }
    await page.context().close();
  });
}

test("everything can be done with the keyboard alone", async () => {
  const page = await visit();
  const at = () => page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.tagName);
  await page.keyboard.press("Tab");
  assert.equal(await at(), "skip");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "input" || location.hash === "#input");
  await page.locator("#input").focus();
  await page.keyboard.type(sentence("A dull film."));
  await page.waitForFunction(() => document.getElementById("score").textContent);
  const reach = async (wanted) => {
    for (let presses = 0; presses < 40; presses++) {
      if ((await at()) === wanted) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${wanted} is not reached`);
  };
  if (await page.locator(".sentence").count()) {
    await reach("sentence");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("#input").inputValue(), await page.locator("#examples button").first().textContent());
  }
  await reach("text");
  await reach("compare");
  await page.keyboard.press("Space");
  await page.waitForFunction((count) => [...document.querySelectorAll("#side td.answer")].filter((cell) => cell.textContent && !cell.querySelector("button")).length === count, models.length);
  await page.locator("#language").focus();
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.documentElement.lang === "ru");
  await page.context().close();
});

test("fields, buttons and groups have names for a screen reader", async () => {
  const page = await visit();
  await page.getByRole("textbox", { name: "Your text" }).waitFor();
  await page.getByRole("combobox", { name: "Language" }).waitFor();
  if (await page.locator(".sentence").count()) await page.getByRole("group", { name: "Sentences to try" }).waitFor();
  await page.getByRole("radiogroup", { name: "Model" }).waitFor();
  await page.getByRole("region", { name: "Table of answers" }).waitFor();
  const radios = await page.getByRole("radio").all();
  assert.equal(radios.length, metadata.models.length);
  const titles = await page.locator(".choice .title").allTextContents();
  for (const title of titles) assert.ok((await page.getByRole("radio", { name: title, exact: true }).count()) >= 1, title);
  await page.context().close();
});

// --- Languages

test("the browser's language is spoken, another one can be chosen, and stays", async () => {
  const page = await visit("", { locale: "ru-RU" });
  const lang = () => page.evaluate(() => [document.documentElement.lang, document.title, document.querySelector("h1").innerText]);
  assert.deepEqual(await lang(), ["ru", "sentipress: маленькие классификаторы, которые читают", "Ваш текст"]);
  const text = sentence("This is not a good movie, not at all.");
  const { known, total } = reader.read(text);
  assert.equal((await write(page, text.match(/[\p{L}']+/u)[0])).reading, "Известно 1 из 1 слова.");
  const answer = await write(page, text);
  assert.match(answer.score, /^\d+,\d %$/);
  assert.equal(answer.reading, `Известно ${known} из ${total} слов.`);
  await askAll(page);
  await page.locator("#language").selectOption("en");
  await page.waitForFunction(() => document.documentElement.lang === "en");
  await page.waitForFunction(() => document.getElementById("score").textContent);
  assert.deepEqual(await lang(), ["en", "sentipress: small text classifiers that read", "Your text"]);
  assert.equal(await page.locator("#reading").textContent(), `${known} of ${total} words known.`);
  assert.match(await page.locator(".choice .times").last().textContent(), /^loaded in/, "a loaded model is still a loaded one");
  await page.reload();
  await ready(page);
  assert.equal((await lang())[0], "en");
  await page.goto(`${server.url}bench.html`);
  await page.waitForFunction(() => document.documentElement.dataset.ready);
  assert.equal((await lang())[0], "en");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a language that the page does not have is answered in English", async () => {
  const page = await visit("", { locale: "de-DE" });
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  await page.context().close();
});

for (const [name, [file, act, prepare]] of Object.entries(STATES)) {
  test(`no text is left out of the languages: ${name}`, async () => {
    const page = await visit(file, {}, async (page) => {
      await page.route("**/strings/en.json", (route) => route.fulfill({ json: marked(json(dist, "strings", "en.json")) }));
      await prepare?.(page);
    });
    await act(page);
    assert.ok((await page.locator("body").innerText()).includes("⟦"));
    // Labels that a person named are no strings.
    assert.deepEqual((await unmarked(page)).filter((text) => !/^(skip|speech)/.test(text)), []);
    await page.context().close();
  });
}

// --- The page that measures

test("the page that measures gives times of 200 texts, and a JSON", async () => {
  const some = models.slice(0, 1).concat(models.slice(-1));
  const page = await visit("bench.html");
  assert.equal(await page.locator("#save").isDisabled(), true);
  await measured(page, some);
  const rows = await page.locator("#times tbody tr").allTextContents();
  assert.equal(rows.length, new Set(some.map(({ id }) => id)).size);
  for (const row of rows) assert.match(row, /[\d.]+ ms.*[\d.]+ ms.*(MB|not told)$/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#save").click()]);
  const saved = JSON.parse(readFileSync(await download.path(), "utf8"));
  assert.match(download.suggestedFilename(), /^sentipress-bench-\d{4}-\d\d-\d\d\.json$/);
  assert.deepEqual(saved.models.map(({ id }) => id), [...new Set(some.map(({ id }) => id))]);
  for (const model of saved.models) {
    assert.equal(model.texts, 200);
    assert.equal(model.times_ms.length, 200);
    const sorted = [...model.times_ms].sort((a, b) => a - b);
    assert.deepEqual([model.p50_ms, model.p95_ms], [sorted[100], sorted[190]]);
    assert.ok(sorted[0] > 0 && model.load_ms > 0 && model.checked === true);
    assert.equal(model.sha256, metadata.models.find(({ id }) => id === model.id).sha256);
  }
  assert.ok(saved.clock_tick_ms > 0 && saved.browser.includes("Chrom"));
  figures.bench = Object.fromEntries(saved.models.map(({ id, p50_ms, p95_ms, memory_bytes }) => [id, { p50_ms, p95_ms, memory_bytes }]));
  await page.screenshot({ path: path.join(report, "bench.png"), fullPage: true });
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a measurement can be stopped, and a model that is refused is said", async () => {
  const page = await visit("bench.html");
  await page.evaluate(() => {
    new MutationObserver(() => document.getElementById("stop").click()).observe(document.getElementById("state"), { childList: true });
    document.getElementById("start").click();
  });
  await page.waitForFunction(() => document.getElementById("state").textContent === "Stopped.");
  assert.equal(await page.locator("#results").isHidden(), true);
  await page.context().close();
  const other = await visit("bench.html", {}, refused);
  await other.locator("#start").click();
  await other.waitForFunction(() => /is not the file that was measured/.test(document.getElementById("state").textContent));
  await other.context().close();
});

// --- Any folder of any server

test("works in a sub-path, offline too", async () => {
  const elsewhere = await serve(0, demo);
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${elsewhere.url}dist/`);
  await ready(page);
  await page.waitForFunction(() => document.documentElement.dataset.offline === "true", null, { timeout: 60_000 });
  const answer = await write(page, SENTENCE);
  await page.goto(`${elsewhere.url}dist/bench.html`);
  await page.waitForFunction(() => document.documentElement.dataset.ready === "true");
  assert.deepEqual(elsewhere.requests.filter((name) => !name.startsWith("/dist/")), []);
  await elsewhere.stop();
  await page.goto(`${elsewhere.url}dist/`);
  await ready(page);
  assert.deepEqual(await write(page, SENTENCE), answer);
  await context.close();
});
