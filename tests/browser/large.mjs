// node large.mjs REPORT.html EVENTS: how long the first picture and each frame take, in the page's own thread.
import { check, equal, figure, finish, open, settled, start } from "./chromium.mjs";

const [file, eventCount] = [process.argv[2], Number(process.argv[3])];
const browser = await start();

// Every frame's own work, measured around the callbacks that draw it.
const watch = () => {
  globalThis.frames = [];
  const real = globalThis.requestAnimationFrame.bind(globalThis);
  globalThis.requestAnimationFrame = (f) => real((t) => {
    const from = performance.now();
    f(t);
    const to = performance.now();
    globalThis.firstPicture ??= to;
    globalThis.frames.push(to - from);
  });
};

// The best of three: what else the machine does is not the page's doing.
const firsts = [];
for (let i = 0; i < 2; i += 1) {
  const { page: again, close: done } = await open(browser, file, {}, watch);
  await settled(again);
  firsts.push(await again.evaluate(() => globalThis.firstPicture));
  await done();
}
const { page, noise, close } = await open(browser, file, {}, watch);
await settled(page);
firsts.push(await page.evaluate(() => globalThis.firstPicture));
const first = Math.min(...firsts);
figure("first-picture-ms", Math.round(first));
check("first picture under 2 s", first < 2000, firsts.map(Math.round).join(", "));
equal("events", Number((await page.textContent("#events caption")).replaceAll(",", "").match(/\d+/)[0]), eventCount);

await page.evaluate(() => { globalThis.frames.length = 0; });
const canvas = page.locator("#lanes");
await canvas.scrollIntoViewIfNeeded();
const box = await canvas.boundingBox();
const at = { x: box.x + box.width * 0.6, y: box.y + box.height * 0.5 };
await page.mouse.move(at.x, at.y);
for (let i = 0; i < 25; i += 1) { await page.mouse.wheel(0, -120); await settled(page); }
for (let i = 0; i < 25; i += 1) { await page.mouse.wheel(0, 120); await settled(page); }
await page.mouse.wheel(0, -300);
await page.mouse.down();
for (let i = 0; i < 60; i += 1) { await page.mouse.move(at.x - 4 * i, at.y + (i % 9)); await settled(page); }
await page.mouse.up();
for (let i = 0; i < 60; i += 1) { await page.mouse.move(box.x + box.width * (0.3 + i / 100), at.y + (i % 30)); await settled(page); }
await page.focus("#lanes");
for (let i = 0; i < 30; i += 1) { await page.keyboard.press("n"); await settled(page); }
await page.evaluate(async () => {
  const area = document.getElementById("rows-area");
  for (let i = 0; i < 60; i += 1) {
    area.scrollTop = (area.scrollHeight * i) / 60;
    await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });
  }
});
const frames = (await page.evaluate(() => globalThis.frames)).sort((a, b) => a - b);
const share = (p) => frames[Math.min(frames.length - 1, Math.floor(frames.length * p))];
figure("frames", frames.length);
figure("frame-median-ms", share(0.5).toFixed(2));
figure("frame-95-ms", share(0.95).toFixed(2));
figure("frame-99-ms", share(0.99).toFixed(2));
check("frames were drawn", frames.length > 200, frames.length);
// A noisy machine stops a process for longer than a frame now and then: 19 of 20 have to be in time.
check("frames under 16 ms", share(0.95) < 16, share(0.95));

const before = Date.now();
await page.fill("#words", "3389 tls");
await settled(page);
figure("filter-ms", Date.now() - before);
equal("quiet", noise.join("; "), "");
await close();
await finish(browser);
