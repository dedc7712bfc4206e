// The report's one page in a real headless Chromium, on a desktop and on a phone: make demo-test
//
// Reads   results/default/report/report.html, and $ARTIFACTS/report/report.html where there is one
// Writes  report-desktop.png and report-phone.png to $REPORT (demo/report by default)
// $CHROMIUM names the program where it is not in the path.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { program } from "./programs.mjs";

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const target = path.resolve(process.env.REPORT || path.join(project, "demo", "report"));
const folders = [path.join(project, "results", "default"), path.resolve(project, process.env.ARTIFACTS?.split(",")[0] || "artifacts")];
const pages = folders.map((folder) => path.join(folder, "report", "report.html")).filter(existsSync);
const WIDTHS = { desktop: [1280, 900], phone: [375, 780] };
let browser;

before(async () => {
  mkdirSync(target, { recursive: true });
  browser = await chromium.launch({ executablePath: program(process.env.CHROMIUM, ["chromium", "chromium-browser", "google-chrome"]), args: ["--no-sandbox"] });
});
after(() => browser?.close());

test("the reference report is there", () => assert.ok(pages.length > 0));

for (const file of pages) {
  for (const [name, [width, height]] of Object.entries(WIDTHS)) {
    test(`${path.relative(project, file)} at ${name} width`, async () => {
      const context = await browser.newContext({ viewport: { width, height } });
      const page = await context.newPage();
      const complaints = [];
      const requests = [];
      page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("request", (request) => requests.push(request.url()));
      await page.goto(pathToFileURL(file).href);
      const seen = await page.evaluate(() => ({
        sideways: document.documentElement.scrollWidth - innerWidth,
        // A table or picture may scroll inside its own frame; what sticks out of the page without one is cut off.
        out: [...document.querySelectorAll("h1, h2, h3, p, li, figure, svg")].filter(
          (one) => one.checkVisibility() && !one.closest("[tabindex], .scroll, table") && one.getBoundingClientRect().right > innerWidth + 1,
        ).length,
        rows: [...document.querySelectorAll("table tr")].filter((one) => one.checkVisibility()).length,
        pictures: [...document.querySelectorAll("svg, img")].filter((one) => one.checkVisibility() && one.getBoundingClientRect().width > 100).length,
      }));
      await page.screenshot({ path: path.join(target, `report-${name}.png`), fullPage: true });
      await context.close();
      assert.ok(seen.sideways <= 0, `scrolls sideways by ${seen.sideways} pixels`);
      assert.equal(seen.out, 0, "something sticks out on the right");
      assert.ok(seen.rows > 5 && seen.pictures >= 5, JSON.stringify(seen));
      assert.deepEqual(complaints, []);
      assert.deepEqual(requests.slice(1).filter((url) => !url.startsWith("data:")), [], "asks for something beside itself");
    });
  }

  test(`${path.relative(project, file)} sorts its table by the keyboard`, async () => {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    const table = page.locator("table.sortable").first();
    const column = async (name) => {
      const number = (await table.locator("thead th").allTextContents()).indexOf(name);
      return (await table.locator(`tbody td:nth-child(${number + 1})`).allTextContents()).map((text) => parseFloat(text.replaceAll(",", "")));
    };
    for (const name of ["KB", "accuracy"]) {
      const header = table.locator("th", { has: page.getByRole("button", { name, exact: true }) });
      const before = await column(name);
      await header.getByRole("button").focus();
      for (const [order, sign] of [["ascending", 1], ["descending", -1]]) {
        await page.keyboard.press("Enter");
        assert.equal(await header.getAttribute("aria-sort"), order);
        assert.deepEqual(await column(name), [...before].sort((a, b) => sign * (a - b)));
      }
    }
    assert.equal(await table.locator("th[aria-sort]").count(), 1, "one column says that the table is sorted by it");
    await table.getByRole("button", { name: "verdict", exact: true }).click();
    const words = await table.locator("tbody td:nth-child(4)").allTextContents();
    assert.deepEqual(words, [...words].sort((a, b) => a.localeCompare(b)));
    await page.close();
  });

  test(`${path.relative(project, file)} shows the figures of a point`, async () => {
    for (const [name, [width, height]] of Object.entries(WIDTHS)) {
      const page = await browser.newPage({ viewport: { width, height } });
      await page.goto(pathToFileURL(file).href);
      const figure = page.locator("figure.live").first();
      const points = await figure.locator(".point:visible").all();
      assert.ok(points.length > 3, `${points.length} points at ${name} width`);
      for (const point of points) {
        await point.focus();
        const title = await point.locator("title").textContent();
        assert.match(title, /%.* KB/);
        assert.equal(await figure.locator(".figures").textContent(), title);
      }
      await points.at(-1).hover({ force: true });
      assert.match(await figure.locator(".figures").textContent(), /%.* KB/);
      await page.close();
    }
  });
}
