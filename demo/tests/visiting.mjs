// The built page in a real headless Chromium: server, browser and visits, for the tests beside this file.
//
// $CHROMIUM and $PYTHON name the programs where they are not in the path, $REPORT the folder for pictures and figures.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { decoded, frontDecoded } from "../source/packed.js";
import { Tokenizer } from "../source/tokenizer.js";
import { contextOf } from "../source/context.js";
import { isTooForeign } from "../source/verdict.js";
import { Words } from "../source/words.js";
import { unzip } from "../source/zip.js";
import { program } from "./programs.mjs";

export const demo = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
export const dist = path.join(demo, "dist");
export const golden = path.join(demo, "golden");
export const report = path.resolve(process.env.REPORT || path.join(demo, "report"));
mkdirSync(report, { recursive: true });

export const json = (...names) => JSON.parse(readFileSync(path.join(...names), "utf8"));

/** The server of `make demo`, on a free port; `requests` are the paths that it was asked for. */
export async function serve(port = 0, folder = dist) {
  const python = program(process.env.PYTHON, ["python3", "python"]);
  const child = spawn(python, ["-u", "-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", folder], { stdio: ["ignore", "pipe", "pipe"] });
  const requests = [];
  child.stderr.on("data", (chunk) => requests.push(...Array.from(String(chunk).matchAll(/"GET (\S+)/g), ([, name]) => name)));
  const found = await new Promise((resolve, reject) => {
    child.stdout.on("data", (chunk) => /port (\d+)/.test(chunk) && resolve(Number(/port (\d+)/.exec(chunk)[1])));
    child.on("exit", (code) => reject(new Error(`the web server ended with ${code}`)));
  });
  const stop = () => new Promise((resolve) => (child.exitCode !== null ? resolve() : (child.removeAllListeners("exit").on("exit", resolve), child.kill("SIGKILL"))));
  return { url: `http://127.0.0.1:${found}/`, port: found, requests, stop };
}

export function launch() {
  return chromium.launch({
    executablePath: program(process.env.CHROMIUM, ["chromium", "chromium-browser", "google-chrome"]),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** Wait until a visited page can be used. */
export async function ready(visited) {
  await visited.waitForFunction(() => document.documentElement.dataset.ready, null, { timeout: 60_000 });
  const state = await visited.evaluate(() => [document.documentElement.dataset.ready, document.getElementById("reading").textContent]);
  assert.equal(state[0], "true", state[1]);
}

/** Put a text into the field as a paste would, and wait until the page has an answer to it. */
export async function write(visited, text) {
  await visited.evaluate((escaped) => {
    const field = document.getElementById("input");
    document.getElementById("label").textContent = "";
    field.value = JSON.parse(escaped);
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }, escapedJson(text));
  await visited.waitForFunction(() => document.getElementById("label").textContent, null, { timeout: 30_000 });
  return visited.evaluate(() => ({
    label: document.getElementById("label").textContent,
    score: document.getElementById("score").textContent,
    reading: document.getElementById("reading").textContent,
    verdict: document.getElementById("verdict").dataset.verdict,
  }));
}

/** JSON in ASCII: a lone surrogate does not survive the way to the browser otherwise. */
export const escapedJson = (content) => JSON.stringify(content).replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Wait until the words of the text that stands in the field are weighed. */
export const settled = (visited) => visited.waitForFunction(() => document.getElementById("words").dataset.state === "current", null, { timeout: 30_000 });

/** Ask all models, and wait until the table has their answers. */
export async function askAll(visited) {
  await visited.locator("#compare").click();
  await visited.waitForFunction(() => !document.getElementById("compare").disabled, null, { timeout: 60_000 });
}

/** What a model of the page reads of a text, without a browser. @returns {Promise<{read: (raw: string) => object, words: string[]}>} */
export async function readerOf(metadata, about) {
  const context = contextOf(metadata, about);
  const bytes = new Uint8Array(readFileSync(path.join(dist, about.file)));
  if (about.kind === "bag") return Words.unpacked(bytes, context, about.file);
  const own = about.vocabulary ? json(dist, about.vocabulary.file) : await pocketWords(bytes);
  return new Tokenizer({ cleaning: context.cleaning, tokenizer: { ...context.tokens, ...own } });
}

/** What the tests write: English, or words of a model's own where it knows too few of that. */
export function wordsFor(metadata, reader) {
  const prose = "This film wasn't bad at all, I loved it! ";
  const readsEnglish = !isTooForeign(metadata, reader.read(prose).knownShare);
  const own = [...(reader.ids?.keys() ?? [])].filter((word) => /^[\p{L}']+$/u.test(word)).slice(0, 12).join(" ");
  return { readsEnglish, sentence: (english) => (readsEnglish ? english : own) };
}

async function pocketWords(bytes) {
  const [vocabulary, metadata] = await unzip(bytes, ["vocabulary.txt", "metadata.json"]);
  return { ...JSON.parse(decoded(metadata)), words: frontDecoded(decoded(vocabulary)) };
}

/** Whether a page is wider than its window. */
export const scrollsSideways = (visited) => visited.evaluate(() => document.documentElement.scrollWidth > innerWidth);

// Activations become 8 bits, and kernels differ in what they round: the steps behind a value that was rounded otherwise follow it. So of
// a network's texts one in a hundred may be further from Python's answer. Seen of one review of 160; where it arose was not traced.
export const RARE = { share: 0.01, limit: 5e-3 };
