// node hostile.mjs FILE.html…: reports with names that attackers chose. None of them became anything but text.
import { check, equal, finish, open, settled, start } from "./chromium.mjs";

const browser = await start();
for (const file of process.argv.slice(2)) {
  const { page, noise, close } = await open(browser, file);
  await settled(page);
  equal("nothing ran", await page.evaluate(() => String(globalThis.pwned)), "undefined");
  const shown = await page.evaluate(() => document.querySelector("main").innerText);
  // What the program itself never writes.
  equal("no foreign element", await page.locator("img, iframe, object, embed, link, base, marquee, audio, video, form[action]").count(), 0);
  equal("no handler", await page.evaluate(() => [...document.querySelectorAll("*")].filter((e) => e.getAttributeNames().some((n) => n.startsWith("on"))).length), 0);
  equal("no link out", await page.evaluate(() => [...document.querySelectorAll("[href], [src]")].filter((e) => !(e.getAttribute("href") ?? "#").startsWith("#") || e.hasAttribute("src")).length), 0);
  check("the names are there, as text", ["<img src=x onerror=pwned=1>", "</script>"].every((n) => shown.includes(n)));
  const hidden = await page.evaluate(() => {
    const text = document.body.innerText;
    return (text.match(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g) ?? []).length;
  });
  equal("no hidden character", hidden, 0);
  // With every event chosen once, each name has been through the panel, the table and the picture.
  if (await page.locator("#lanes").count()) {
    await page.selectOption("#rows", "attempts");
    await page.focus("#lanes");
    for (let i = 0; i < 60; i += 1) await page.keyboard.press("n");
    await settled(page);
    equal("still nothing ran", await page.evaluate(() => String(globalThis.pwned)), "undefined");
  }
  equal("nothing was said on the console, nothing asked for", noise.join("; "), "");
  await close();
}
await finish(browser);
