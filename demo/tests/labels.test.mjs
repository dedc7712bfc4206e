// The page with other labels than negative and positive, and with models that know few of a text's words: make demo-test
//
// The models are stand-ins whose answers follow from the words. The last test takes the real one.
// Reads   demo/dist (build.py), results/make/pocket.zip
// Writes  pictures to $REPORT (demo/report by default)
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { askAll, demo, dist, json, launch, ready, report, scrollsSideways, serve, settled, write } from "./visiting.mjs";
import { decoded, frontDecoded } from "../source/packed.js";
import { unzip } from "../source/zip.js";

const built = json(dist, "metadata.json");
const NEWS = ["world", "sports", "business", "science & technology"];
// Two words for each label, in the labels' order.
const WORDS = ["war", "election", "goal", "match", "bank", "market", "atom", "robot"];

// Every word speaks for its label with 1.5 log-odds, the first word of a label with half as much again.
const MODEL = `
export const startRuntime = async () => {};
export class Model {
  constructor(labels) {
    Object.assign(this, { labels, milliseconds: 0.1 });
  }
  static async compiled(bytes, ids, labels) {
    return new Model(labels);
  }
  async score(ids) {
    const strengths = new Array(this.labels).fill(0);
    for (const id of ids) if (id > 1) strengths[((id - 2) >> 1) % this.labels] += id % 2 ? 1.5 : 2.25;
    const powers = strengths.map(Math.exp);
    const sum = powers.reduce((some, power) => some + power);
    return powers.map((power) => power / sum);
  }
}`;
const softmax = (...strengths) => strengths.map((strength) => Math.exp(strength) / strengths.reduce((sum, other) => sum + Math.exp(other), 0));
const shown = (probability) => `${(100 * probability).toFixed(1)} %`;

let server;
let browser;
let chromiumErrors;

before(async () => {
  server = await serve();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const sha256 = (content) => createHash("sha256").update(content).digest("hex");

/** Entry of metadata.json for a network with a vocabulary in a file of its own. */
function network(id, labels, vocabulary, content = Buffer.from("a network")) {
  const [{ accuracy }] = built.models;
  const words = JSON.stringify(vocabulary);
  const about = { id, kind: "network", title: { key: "titlePocket" }, origin: `made/${id}`, labels, cleaning: "own", words: vocabulary.words.length, bytes: content.length, accuracy };
  const files = { [`models/${id}.tflite`]: content, [`models/${id}.json`]: words };
  return { about: { ...about, file: `models/${id}.tflite`, sha256: sha256(content), vocabulary: { file: `models/${id}.json`, sha256: sha256(words) } }, files };
}

const SIDES = { sequence_length: 12, padding: "post", truncating: "pre" };
const OWN = { steps: [{ do: "lower" }, { do: "replace", pattern: "[^{word}']+", by: " " }], classes: Object.values(built.cleaning.recipes)[0].classes };

/** A visit to the page as it would be built for other labels. */
async function visit({ labels, networks }, { stub = true, ...options } = {}) {
  const context = await browser.newContext({ serviceWorkers: "block", viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  chromiumErrors = [];
  page.on("pageerror", (error) => chromiumErrors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && chromiumErrors.push(message.text()));
  const served = networks ?? [network("all", labels, { ...SIDES, words: WORDS }), network("few", labels, { ...SIDES, words: ["goal", "bank"] })];
  const metadata = { ...built, cleaning: { ...built.cleaning, recipes: { ...built.cleaning.recipes, own: OWN } }, models: served.map(({ about }) => about) };
  await page.route("**/metadata.json", (route) => route.fulfill({ json: metadata }));
  for (const { files } of served) for (const [name, body] of Object.entries(files)) await page.route(`**/${name}`, (route) => route.fulfill({ body }));
  if (stub) await page.route("**/model.js", (route) => route.fulfill({ body: MODEL, contentType: "text/javascript" }));
  await page.goto(server.url);
  return page;
}

const bars = (page) =>
  page.locator("#labels li").evaluateAll((items) =>
    items.map((item) => ({
      name: item.querySelector(".of").textContent,
      amount: item.querySelector(".amount").textContent,
      width: parseFloat(item.querySelector(".bar").style.width),
      chosen: item.getAttribute("aria-current") === "true",
    })),
  );

test("more than two labels: a bar for each, the strongest in the heading", async () => {
  const page = await visit({ labels: NEWS });
  await ready(page);
  assert.deepEqual((await bars(page)).map(({ name, amount, chosen }) => [name, amount, chosen]), NEWS.map((name) => [name, "", false]));
  const answer = await write(page, "Goal! The market saw a match, and a robot.");
  const expected = softmax(0, 2.25 + 1.5, 1.5, 1.5);
  assert.deepEqual([answer.label, answer.score, answer.verdict], ["sports", shown(expected[1]), "chosen"]);
  assert.equal(answer.reading, "4 of 9 words known.");
  const found = await bars(page);
  assert.deepEqual(found.map(({ name, amount, chosen }) => [name, amount, chosen]), NEWS.map((name, index) => [name, shown(expected[index]), index === 1]));
  for (const [index, { width }] of found.entries()) assert.ok(Math.abs(width - 100 * expected[index]) < 0.01);
  assert.equal(await page.locator("#scale").isHidden(), true);
  const colour = (selector) => page.locator(selector).evaluate((element) => getComputedStyle(element).backgroundColor);
  assert.notEqual(await colour("[aria-current] .bar"), await colour("#labels li:first-child .bar"));
  assert.deepEqual(chromiumErrors, []);
  await page.context().close();
});

test("the words that moved the chosen label, in log-odds", async () => {
  const page = await visit({ labels: NEWS });
  await ready(page);
  const raw = "Goal! The market saw a match.";
  await write(page, raw);
  await settled(page);
  const odds = (...strengths) => Math.log(softmax(...strengths)[1] / (1 - softmax(...strengths)[1]));
  const whole = odds(0, 3.75, 1.5, 0);
  const expected = new Map([["goal", whole - odds(0, 1.5, 1.5, 0)], ["match", whole - odds(0, 2.25, 1.5, 0)], ["market", whole - odds(0, 3.75, 0, 0)]]);
  const found = await page.locator("#strongest li").evaluateAll((items) => items.map((item) => [item.querySelector(".word").textContent, item.className, item.querySelector(".amount").textContent]));
  const sorted = [...expected].sort(([, one], [, other]) => Math.abs(other) - Math.abs(one));
  assert.deepEqual(found, sorted.map(([word, moved]) => [word, moved > 0 ? "for" : "against", `${moved > 0 ? "+" : "−"}${Math.abs(moved).toFixed(2)}`]));
  assert.equal(await page.locator("#text").textContent(), raw);
  assert.equal((await page.locator("#words > .quiet").textContent()).replace(/\s+/g, " ").trim(), "Each word is left out once and the model asked again. Solid lines speak for sports, dotted lines against it.");
  await page.context().close();
});

test("two labels of any name: a scale between them", async () => {
  const page = await visit({ labels: ["Ham", "Spam"] });
  await ready(page);
  assert.equal(await page.locator("#scale").innerText(), "Ham\nSpam");
  assert.equal(await page.locator("#labels").isHidden(), true);
  const spam = await write(page, "goal goal");
  assert.deepEqual([spam.label, spam.score, spam.verdict], ["Spam", shown(softmax(0, 4.5)[1]), "last"]);
  const ham = await write(page, "war election");
  assert.deepEqual([ham.label, ham.score, ham.verdict], ["Ham", shown(softmax(3.75, 0)[0]), "first"]);
  assert.ok(Math.abs((await page.locator("#marker").evaluate((element) => parseFloat(element.style.left))) - 100 * softmax(3.75, 0)[1]) < 0.01);
  const close = await write(page, "war election goal match market");
  assert.deepEqual([close.label, close.verdict], ["Ham", "first"]);
  const closer = await write(page, "war election goal match");
  assert.deepEqual([closer.label, closer.score], ["Leans Ham", "50.0 %"]);
  await settled(page);
  assert.match(await page.locator("#words > .quiet").textContent(), /speak for\s+Spam,\s+dotted lines\s+for Ham\./);
  await page.context().close();
});

test("negative and positive keep their colours, other labels have none of them", async () => {
  const tones = [];
  for (const labels of [["negative", "positive"], ["Ham", "Spam"], NEWS]) {
    const page = await visit({ labels });
    await ready(page);
    await write(page, "goal goal");
    tones.push(await page.locator(".headline").evaluate((element) => getComputedStyle(element).color));
    await page.context().close();
  }
  assert.equal(tones[0], "rgb(27, 122, 94)");
  assert.ok(tones[1] !== tones[0] && tones[2] === tones[1]);
});

test("a text of unknown words gets no label", async () => {
  const page = await visit({ labels: NEWS });
  await ready(page);
  const reason = (known, total) => `${known} of ${total} words known. Below 33.3 % the model has read too little to judge: its vocabulary is that of the texts it learned from.`;
  const foreign = await write(page, "goal und die anderen Wörter nicht");
  assert.deepEqual(foreign, { label: "Cannot judge", score: "", reading: reason(1, 6), verdict: "none" });
  assert.ok((await bars(page)).every(({ amount, width, chosen }) => amount === "" && width === 0 && !chosen));
  assert.equal(await page.locator("#words").isHidden(), true);
  await page.waitForFunction(() => document.querySelector("[aria-live=polite]").textContent.startsWith("Cannot judge. 1 of 6 words known."));
  await page.screenshot({ path: path.join(report, "labels-cannot-judge.png"), fullPage: true });
  const third = await write(page, "goal und nicht"); // exactly a third is enough
  assert.deepEqual([third.label, third.reading], ["sports", "1 of 3 words known."]);
  // A word that the length limit cuts away is known or unknown as well: 10 known words in front of 12 unknown ones.
  const long = await write(page, `${"goal ".repeat(10)}${"nicht ".repeat(12)}`);
  assert.deepEqual([long.verdict, long.reading], ["chosen", "10 of 22 words known. Only the last 12 are read."]);
  assert.deepEqual((await write(page, `${"nicht ".repeat(27)}${"goal ".repeat(12)}`)).label, "Cannot judge");
  await page.context().close();
});

test("each model judges by its own vocabulary", async () => {
  const page = await visit({ labels: NEWS });
  await ready(page);
  await write(page, "war and election and atom and goal");
  await askAll(page);
  const cells = (id) => page.locator(`#side tr[data-id="${id}"] td:is(.answer, .known)`).allTextContents();
  assert.deepEqual(await cells("few"), ["Cannot judge", "1 of 7 (14 %)"]);
  assert.deepEqual(await cells("all"), [`world ${shown(softmax(3.75, 2.25, 0, 2.25)[0])}`, "4 of 7 (57 %)"]);
  await page.locator('.choice[data-id="few"] input').check();
  await page.waitForFunction(() => document.getElementById("label").textContent === "Cannot judge");
  assert.match(await page.locator("#reading").textContent(), /^1 of 7 words known\./);
  // The other model can still be asked.
  await askAll(page);
  assert.match((await cells("all"))[0], /^world/);
  await page.context().close();
});

test("models of different labels stand side by side, each with its own scale or bars", async () => {
  const networks = [network("news", NEWS, { ...SIDES, words: WORDS }), network("spam", ["Ham", "Spam"], { ...SIDES, words: ["bank", "market", "robot", "atom"] }), network("mood", ["negative", "positive"], { ...SIDES, words: WORDS })];
  for (const { about } of networks) about.folder = `of ${about.id}`;
  const page = await visit({ networks });
  await ready(page);
  const shape = async () => [await page.locator("#scale").isVisible(), await page.locator("#labels li").count(), await page.locator("html").getAttribute("data-labels")];
  assert.equal((await write(page, "bank robot robot")).label, "science & technology");
  assert.deepEqual(await shape(), [false, 4, "many"]);
  await page.locator('.choice[data-id="spam"] input').check();
  await page.waitForFunction(() => document.getElementById("label").textContent === "Spam");
  assert.deepEqual(await shape(), [true, 0, "two"]);
  assert.equal(await page.locator("#scale").innerText(), "Ham\nSpam");
  await page.locator('.choice[data-id="mood"] input').check();
  await page.waitForFunction(() => document.getElementById("label").textContent === "Positive");
  assert.deepEqual(await shape(), [true, 0, "sentiment"]);
  await askAll(page);
  assert.deepEqual(await page.locator("#side tbody th").allTextContents(), ["Pocket model (of news)", "Pocket model (of spam)", "Pocket model (of mood)"]);
  const rows = await page.locator("#side td.answer").allTextContents();
  assert.deepEqual(rows.map((row) => row.replace(/ [\d.]+ %/, "")), ["science & technology", "Spam", "positive"]);
  await page.locator('.choice[data-id="news"] input').check();
  await page.waitForFunction(() => document.getElementById("label").textContent === "science & technology");
  assert.deepEqual(await shape(), [false, 4, "many"]);
  assert.deepEqual(chromiumErrors, []);
  await page.context().close();
});

test("a model that is slow to come does not take the place of one that was chosen later", async () => {
  const networks = ["first", "slow", "last"].map((id, index) => network(id, [["a", "b"], ["c", "d"], ["e", "f", "g"]][index], { ...SIDES, words: WORDS }));
  const page = await visit({ networks });
  await ready(page);
  let release;
  await page.route("**/models/slow.tflite", async (route) => {
    await new Promise((resolve) => (release = resolve));
    await route.fulfill({ body: networks[1].files["models/slow.tflite"] });
  });
  await write(page, "war election");
  await page.locator('.choice[data-id="slow"] input').check();
  await page.waitForFunction(() => document.querySelector('.choice[data-id="slow"] .times').textContent === "loading…");
  await page.locator('.choice[data-id="last"] input').check();
  await page.waitForFunction(() => document.getElementById("label").textContent === "e");
  release();
  await page.locator('.choice[data-id="slow"] .hash').filter({ hasText: "✓" }).waitFor();
  assert.equal(await page.locator("#label").textContent(), "e");
  assert.equal(await page.locator("#labels li").count(), 3);
  await page.context().close();
});

test("a model that cannot be loaded does not keep the others from answering, and can be tried again", async () => {
  const networks = ["one", "two", "three"].map((id) => network(id, NEWS, { ...SIDES, words: WORDS }));
  const page = await visit({ networks });
  await ready(page);
  await page.route("**/models/two.tflite", (route) => route.fulfill({ status: 404, body: "" }));
  await write(page, "goal match");
  await askAll(page);
  const cells = () => page.locator("#side td.answer").allTextContents();
  assert.deepEqual((await cells()).map((text) => text.replace(/ [\d.]+ %/, "")), ["sports", "could not be loaded: models/two.tflite could not be fetched (404)", "sports"]);
  assert.equal(await page.locator('.choice[data-id="two"] .times').textContent(), "could not be loaded");
  assert.equal(await page.locator("#label").textContent(), "sports");
  await page.unroute("**/models/two.tflite");
  await page.route("**/models/two.tflite", (route) => route.fulfill({ body: networks[1].files["models/two.tflite"] }));
  await askAll(page);
  assert.match((await cells())[1], /^sports/);
  await page.context().close();
});

test("the page says nothing of films to models of other labels, and its bars speak for themselves", async () => {
  const page = await visit({ labels: NEWS });
  await ready(page);
  const words = await page.evaluate(() => document.querySelector(".writing").innerText + document.title + document.querySelector("meta[name=description]").content);
  assert.doesNotMatch(words, /review|film|positive|negative|\{|undefined/i);
  assert.match(words, /Waiting for a text\s.*Write or paste one\.sentipress/s);
  assert.equal(await page.locator("#examples").isHidden(), true);
  await write(page, "... فيلم رائع");
  assert.equal(await page.locator("#input").evaluate((field) => getComputedStyle(field).direction), "rtl");
  await write(page, "robot");
  assert.equal(await page.locator("#input").evaluate((field) => getComputedStyle(field).direction), "ltr");
  const list = page.getByRole("list", { name: "Probability of each label" });
  assert.equal(await list.getByRole("listitem").count(), 4);
  await page.waitForFunction(() => /^science & technology, \d+ %\.$/.test(document.querySelector("[aria-live=polite]").textContent));
  await page.context().close();
});

test("labels and texts of every script, fifty of them, on a phone", async () => {
  const many = Array.from({ length: 50 }, (_, index) => ["мир", "खेल", "経済", "علوم", "a rather long name of a label"][index % 5] + ` ${index}`);
  for (const [name, options] of Object.entries({ desktop: {}, phone: { viewport: { width: 390, height: 844 }, colorScheme: "dark" } })) {
    const page = await visit({ labels: many }, options);
    await ready(page);
    await write(page, "robot atom");
    await settled(page);
    assert.equal((await bars(page)).filter(({ chosen }) => chosen).length, 1);
    assert.equal(await scrollsSideways(page), false);
    await page.screenshot({ path: path.join(report, `labels-fifty-${name}.png`), fullPage: true });
    await page.context().close();
  }
});

test("pictures", async () => {
  for (const [name, options] of Object.entries({ desktop: {}, phone: { viewport: { width: 390, height: 844 } } })) {
    const page = await visit({ labels: NEWS }, options);
    await ready(page);
    await write(page, "The goal of the match was not the market, and the bank had a robot.");
    await settled(page);
    await askAll(page);
    assert.equal(await scrollsSideways(page), false);
    await page.screenshot({ path: path.join(report, `labels-${name}.png`), fullPage: true });
    await page.context().close();
  }
});

// Real networks

const POCKET = path.join(demo, "..", "results", "make", "pocket.zip");
const members = await unzip(new Uint8Array(readFileSync(POCKET)), ["model.tflite", "vocabulary.txt", "metadata.json"]);
const pocket = JSON.parse(decoded(members[2]));
const vocabulary = { sequence_length: pocket.sequence_length, padding: pocket.padding, truncating: pocket.truncating, words: frontDecoded(decoded(members[1])) };

test("a network with its vocabulary beside it answers as the pocket model that has both inside", { skip: built.models[0].cleaning !== pocket.cleaning }, async () => {
  const content = readFileSync(POCKET);
  const packed = { ...network("packed", pocket.labels, vocabulary, content), files: { "models/packed.zip": content } };
  const { vocabulary: _, ...about } = packed.about;
  packed.about = { ...about, kind: "pocket", file: "models/packed.zip", cleaning: pocket.cleaning };
  const apart = network("apart", pocket.labels, vocabulary, Buffer.from(members[0]));
  apart.about.cleaning = pocket.cleaning;
  const page = await visit({ networks: [apart, packed] }, { stub: false });
  await ready(page);
  const answers = [];
  for (const text of ["This is not a good movie.", "A quiet, beautiful film. ".repeat(200), "I have seen worse, but not often."]) {
    for (const id of ["apart", "packed"]) {
      await page.locator(`.choice[data-id="${id}"] input`).check();
      await page.locator(`.choice[data-id="${id}"] .hash`).filter({ hasText: "✓" }).waitFor();
      answers.push(await write(page, text));
    }
    assert.deepEqual(answers.at(-1), answers.at(-2));
  }
  assert.ok(new Set(answers.map(({ score }) => score)).size === 3);
  assert.deepEqual(chromiumErrors, []);
  await page.context().close();
});

test("a model with other outputs than the labels need is refused, and so is a vocabulary that is not the measured one", async () => {
  const refusal = async (one) => {
    const page = await visit({ networks: [one] }, { stub: false });
    await page.waitForFunction(() => document.documentElement.dataset.ready);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.ready), "failed");
    const reason = await page.locator("#reading").textContent();
    await page.context().close();
    return reason;
  };
  const more = network("more", [...pocket.labels, "another"], vocabulary, Buffer.from(members[0]));
  assert.equal(await refusal(more), "the model gives 1 number, its 3 labels need 3");
  const swapped = network("swapped", pocket.labels, vocabulary, Buffer.from(members[0]));
  swapped.files["models/swapped.json"] = swapped.files["models/swapped.json"].replace("good", "evil");
  assert.match(await refusal(swapped), /^models\/swapped\.json is not the file that was measured \(SHA-256 /);
  const unknown = network("unknown", pocket.labels, vocabulary);
  unknown.about.kind = "encoder of tomorrow";
  assert.match(await refusal(unknown), /knows no model of the kind “encoder of tomorrow”/);
});

test("a model of another language is offered sentences of that language", async () => {
  const sentences = json(dist, "sentences.json");
  const labels = ["negative", "neutral", "positive", "skip", "speech"];
  const words = [...new Set(sentences.ru.sentences.join(" ").toLowerCase().match(/\p{L}+/gu))];
  const page = await visit({ networks: [network("posts", labels, { ...SIDES, words }), network("films", ["negative", "positive"], { ...SIDES, words: [...new Set(sentences.en.sentences.join(" ").toLowerCase().match(/[a-z']+/g))] })] });
  await ready(page);
  const buttons = () => page.locator("#examples .sentence").allTextContents();
  assert.deepEqual(await buttons(), sentences.ru.sentences);
  await page.locator("#examples .sentence").first().click();
  await page.waitForFunction(() => document.getElementById("score").textContent);
  assert.equal((await bars(page)).filter(({ chosen }) => chosen).length, 1);
  await page.locator('.choice[data-id="films"] input').check();
  await page.waitForFunction(() => /This is not/.test(document.getElementById("examples").textContent));
  assert.deepEqual(await buttons(), sentences.en.sentences);
  await page.context().close();
});
