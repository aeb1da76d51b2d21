// node report.mjs REPORT.html EVENTS CONNECTIONS: the report as a person uses it, with mouse, keys and without scripts.
import { check, equal, finish, open, pages, settled, start } from "./chromium.mjs";

const [file, eventCount, connectionCount] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const browser = await start();

const span = async (page) => {
  await settled(page);
  const [from, to] = (await page.getAttribute("#lanes", "data-span")).split(" ").map(Number);
  return { from, to, width: to - from };
};
// Input from outside arrives when the browser gets to it: waits for the view to change, three seconds at most.
const changed = async (page, before) => {
  let now = await span(page);
  for (let i = 0; i < 60 && now.from === before.from && now.to === before.to; i += 1) {
    await page.waitForTimeout(50);
    now = await span(page);
  }
  return now;
};
const selected = async (page) => {
  await settled(page);
  return Number(await page.getAttribute("#lanes", "data-selected"));
};
const number = (text) => Number(text.replaceAll(",", "").match(/\d+/)[0]);
const shownEvents = async (page) => {
  await settled(page);
  return number(await page.textContent("#events caption"));
};

const { page, noise, close } = await open(browser, file);
await settled(page);

// Drawn.
check("lanes are drawn", Number(await page.getAttribute("#lanes", "data-rows")) > 3, await page.getAttribute("#lanes", "data-rows"));
const colours = await page.evaluate(() => {
  const canvas = document.getElementById("lanes");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let i = 0; i < data.length; i += 4) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  return seen.size;
});
check("the picture has colours", colours > 20, colours);
check("the legend has all marks", (await page.locator("#legend li").count()) >= 8);

// The table holds every event, once.
equal("events in the caption", await shownEvents(page), eventCount);
equal("events told to assistive technology", await page.getAttribute("#events", "aria-rowcount"), String(eventCount + 1));
const scrolled = await page.evaluate(async () => {
  const area = document.getElementById("rows-area");
  const found = new Set();
  const frame = () => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });
  for (let top = 0; ; top += area.clientHeight / 2) {
    area.scrollTop = top;
    await frame();
    for (const row of document.querySelectorAll("#events tr[data-event]")) found.add(row.dataset.event);
    if (top > area.scrollHeight) break;
  }
  area.scrollTop = 0;
  return found.size;
});
equal("events in the rows", scrolled, eventCount);

// Mouse.
const canvas = page.locator("#lanes");
await canvas.scrollIntoViewIfNeeded();
await settled(page);
const box = await canvas.boundingBox();
const middle = { x: box.x + box.width * 0.6, y: box.y + box.height * 0.5 };
const whole = await span(page);
await page.mouse.move(middle.x, middle.y);
await page.mouse.wheel(0, -400);
const near = await changed(page, whole);
check("the wheel zooms in", near.width < whole.width * 0.6, `${near.width} of ${whole.width}`);
await page.mouse.down();
await page.mouse.move(middle.x - 120, middle.y, { steps: 5 });
await page.mouse.up();
const moved = await changed(page, near);
check("dragging moves", moved.from > near.from && Math.abs(moved.width - near.width) < 2, `${near.from} → ${moved.from}`);
await page.click("#fit");
equal("Fit shows all", (await span(page)).width, whole.width);

// Point at marks until one answers, and click it.
const found = await page.evaluate(() => document.getElementById("lanes").getBoundingClientRect().toJSON());
let told = "";
search: for (let y = 30; y < found.height - 4; y += 8) {
  for (let x = found.width * 0.25; x < found.width; x += 14) {
    await page.mouse.move(found.x + x, found.y + y);
    const text = await page.evaluate(() => { const t = document.getElementById("tip"); return t.hidden ? "" : t.textContent; });
    if (/^\d{4}-/.test(text) && !/ – /.test(text.slice(0, 45))) {
      told = text;
      await page.mouse.down();
      await page.mouse.up();
      break search;
    }
  }
}
check("hovering tells what a mark is", told.length > 20, told);
check("a click chooses it", (await selected(page)) >= 0);
check("its fields are shown", (await page.locator("#details dt").count()) >= 6, await page.textContent("#details"));
check("the table shows it too", (await page.locator("#events tr[aria-selected]").count()) === 1);

// Keys.
await canvas.focus();
await page.keyboard.press("Escape");
equal("Escape lets go", await selected(page), -1);
await page.keyboard.press("+");
const closer = await span(page);
check("+ zooms in", closer.width < whole.width);
await page.keyboard.press("ArrowRight");
check("→ moves", (await span(page)).from > closer.from);
await page.keyboard.press("-");
check("- zooms out", (await span(page)).width > closer.width);
await page.keyboard.press("0");
equal("0 shows all", (await span(page)).width, whole.width);
await page.keyboard.press("n");
const first = await selected(page);
await page.keyboard.press("n");
equal("N goes to the next event", await selected(page), first + 1);
await page.keyboard.press("p");
equal("P goes back", await selected(page), first);
await page.keyboard.press("Enter");
equal("Enter opens it", await page.evaluate(() => document.activeElement.id), "details");
await page.focus("#rows-area");
await page.keyboard.press("ArrowDown");
equal("the table goes by keys", await selected(page), first + 1);
// Nothing keeps the focus: from the first control to the last, once around.
await page.focus(".skip");
const reached = new Set();
for (let i = 0; i < 400; i += 1) {
  await page.keyboard.press("Tab");
  const at = await page.evaluate(() => document.activeElement.id || document.activeElement.tagName);
  reached.add(at);
  if (at === "BODY") break;
}
for (const id of ["rows", "words", "fit", "lanes", "rows-area", "outcome", "attempt-words"]) check(`Tab reaches ${id}`, reached.has(id));

// Filters.
const hosts = await page.$$eval("#host option", (all) => all.map((o) => o.value).filter(Boolean));
let sum = 0;
for (const host of hosts) {
  await page.selectOption("#host", host);
  sum += await shownEvents(page);
}
equal("each event is of one host", sum, eventCount);
await page.click("#everything");
sum = 0;
for (const stage of await page.$$eval("#stage option", (all) => all.map((o) => o.value).filter(Boolean))) {
  await page.selectOption("#stage", stage);
  sum += await shownEvents(page);
}
equal("each event is of one stage or of none", sum, eventCount);
await page.click("#everything");
const kind = await page.$eval("#kind option:nth-child(2)", (o) => ({ value: o.value, text: o.textContent }));
await page.selectOption("#kind", kind.value);
equal("a kind shows what it counts", await shownEvents(page), Number(kind.text.match(/\((\d+)\)$/)[1]));
await page.click("#everything");
await page.fill("#words", "tls");
const words = await shownEvents(page);
check("words narrow it", words > 0 && words < eventCount, words);
await page.fill("#words", "no such thing anywhere");
equal("words that are nowhere", await shownEvents(page), 0);
await page.click("#everything");
equal("Show all", await shownEvents(page), eventCount);
await page.selectOption("#rows", "attempts");
await settled(page);
check("rows per connection", Number(await page.getAttribute("#lanes", "data-rows")) >= Math.min(connectionCount, 5));
await page.selectOption("#rows", "logs");

// From a verdict to its evidence and its connection.
await page.locator("article .place").first().click();
check("a place in a verdict leads to its event", (await selected(page)) >= 0);
await page.click("#to-failure");
const failure = await span(page);
check("the failure is shown close", failure.width < whole.width / 2, failure.width);

// All connections.
const rows = page.locator("#all-attempts tbody tr");
equal("a row per connection", await rows.count(), connectionCount);
const column = (n) => page.$$eval("#all-attempts tbody tr", (all, i) => all.map((r) => r.cells[i].dataset.sort ?? r.cells[i].textContent), n);
await page.click("#all-attempts th:nth-child(3) button");
const up = await column(2);
equal("a heading sorts", JSON.stringify(up), JSON.stringify([...up].sort((a, b) => a.localeCompare(b, "en", { numeric: true }))));
await page.click("#all-attempts th:nth-child(3) button");
equal("and sorts back", await page.getAttribute("#all-attempts th:nth-child(3)", "aria-sort"), "descending");
await page.selectOption("#outcome", "failed");
const failed = await rows.evaluateAll((all) => all.filter((r) => !r.hidden).map((r) => r.dataset.outcome));
check("only the failed ones", failed.length > 0 && failed.length < connectionCount && failed.every((o) => o === "failed"), failed);

// Everything has a name.
const nameless = await page.evaluate(() =>
  [...document.querySelectorAll("input, select, button, a[href], svg[role], canvas[role], [role=region]")]
    .filter((e) => !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim() || e.title))
    .map((e) => e.outerHTML.slice(0, 80)));
equal("no control is without a name", nameless.join(), "");
equal("nothing was said on the console, nothing asked for", noise.join("; "), "");

// Paper.
for (const format of ["A4", "Letter"]) {
  const pdf = await page.pdf({ format, printBackground: true });
  const n = pages(pdf);
  check(`prints on ${format}`, n >= 3 && n <= 20, `${n} pages`);
}
await close();

// Colours that can be read, light and dark: 4.5 to 1 (WCAG AA) for each text against what is behind it.
for (const colorScheme of ["light", "dark"]) {
  const { page: themed, close: done } = await open(browser, file, { colorScheme });
  const poor = await themed.evaluate(() => {
    const rgb = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
    const light = ([r, g, b]) => {
      const part = (c) => ((c / 255) <= 0.04045 ? c / 255 / 12.92 : (((c / 255) + 0.055) / 1.055) ** 2.4);
      return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const behind = (e) => {
      for (let at = e; at; at = at.parentElement) {
        const colour = rgb(getComputedStyle(at).backgroundColor);
        if (colour.length === 3 || colour[3] === 1) return colour;
      }
      return [255, 255, 255];
    };
    const found = new Map();
    for (const e of document.querySelectorAll("body *:not(script):not(svg *)")) {
      const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
      if (!own || !e.checkVisibility()) continue;
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) found.set(`${e.tagName}.${e.className}`, ratio.toFixed(2));
    }
    return [...found].map(([what, ratio]) => `${what} ${ratio}`);
  });
  equal(`contrast, ${colorScheme}`, poor.join("; "), "");
  await done();
}

// A phone, and a desk's window at 200 %: nothing sticks out sideways.
for (const [name, width, height] of [["a phone", 390, 844], ["200 %", 640, 450]]) {
  const { page: small, noise: said, close: done } = await open(browser, file, { viewport: { width, height } });
  await settled(small);
  const wide = await small.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
  check(`${name}: no scrolling sideways`, wide <= 0, `${wide} px too wide`);
  check(`${name}: lanes are drawn`, Number(await small.getAttribute("#lanes", "data-rows")) > 3);
  equal(`${name}: quiet`, said.join("; "), "");
  await done();
}

// Scripts off.
const { page: still, close: over } = await open(browser, file, { javaScriptEnabled: false });
const verdicts = await still.locator("article.verdict").count();
check("without scripts: verdicts", verdicts > 0);
check("without scripts: ladders", (await still.locator("article table.ladder").first().isVisible()));
equal("without scripts: a flowchart each", await still.locator("article svg.flow").count(), verdicts);
check("without scripts: flowcharts are seen", await still.locator("article svg.flow").first().isVisible());
equal("without scripts: connections", await still.locator("#all-attempts tbody tr").count(), connectionCount);
equal("without scripts: events", await still.locator("#events tbody tr").count(), Math.min(eventCount, 1000));
equal("without scripts: nothing that needs them", await still.locator(".script-only:visible").count(), 0);
const pdf = await still.pdf({ format: "A4" });
check("without scripts: prints", pages(pdf) >= 3, pages(pdf));
await over();

await finish(browser);
