// Chromium under remote control, and the checks' common tongue: every check is a line "ok NAME" or "FAILED NAME: why".
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.RDPWHY_PLAYWRIGHT ?? import.meta.dirname}/`);
const { chromium } = require("playwright-core");

let failures = 0;

export const check = (name, holds, why = "") => {
  if (!holds) failures += 1;
  console.log(holds ? `ok ${name}` : `FAILED ${name}: ${why}`);
};

export const equal = (name, found, wanted) => check(name, found === wanted, `found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);

// A figure for the log; never a verdict.
export const figure = (name, value) => console.log(`figure ${name} ${value}`);

export const start = () =>
  chromium.launch({
    executablePath: process.env.RDPWHY_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });

// Opens a file in a context of its own. What the page says, and what it asks for, is kept in `noise`.
export const open = async (browser, file, options = {}, before = undefined) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const url = pathToFileURL(file).href;
  const noise = [];
  page.on("console", (m) => noise.push(`console ${m.type()}: ${m.text()}`));
  page.on("pageerror", (e) => noise.push(`error: ${e.message}`));
  page.on("dialog", (d) => {
    noise.push(`dialog: ${d.message()}`);
    d.dismiss();
  });
  page.on("request", (r) => {
    if (r.url() !== url) noise.push(`request: ${r.url()}`);
  });
  if (before) await page.addInitScript(before);
  await page.goto(url);
  return { page, noise, close: () => context.close() };
};

// Two frames later: what was asked for is drawn.
export const settled = (page) => page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));

// Pages of a PDF as Chromium writes it: one object of type Page each.
export const pages = (pdf) => (pdf.toString("latin1").match(/\/Type\s*\/Page(?![a-zA-Z])/g) ?? []).length;

export const finish = async (browser) => {
  await browser.close();
  process.exitCode = failures ? 1 : 0;
};
