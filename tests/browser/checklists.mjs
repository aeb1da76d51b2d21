// node checklists.mjs FILE.html…: every sheet of a file is exactly one page, on both papers. The files hold one or many.
import { check, equal, finish, open, pages, start } from "./chromium.mjs";

const browser = await start();
for (const file of process.argv.slice(2)) {
  const { page, noise, close } = await open(browser, file, { javaScriptEnabled: false });
  const sheets = await page.locator(".sheet").count();
  check("there are sheets", sheets > 0);
  for (const [format, height] of [["A4", 297], ["Letter", 279.4]]) {
    const pdf = await page.pdf({ format, preferCSSPageSize: false });
    equal(`${sheets} sheets on ${format}`, pages(pdf), sheets);
    // Pages could still be right in number if one sheet took two and two shared one: so each has to fit by itself.
    await page.emulateMedia({ media: "print" });
    const wide = format === "A4" ? 210 : 215.9;
    const px = (mm) => Math.round((mm * 96) / 25.4);
    await page.setViewportSize({ width: px(wide - 24), height: px(height - 24) });
    const tall = await page.$$eval(".sheet", (all, most) => all.filter((s) => s.scrollHeight > most + 1).map((s) => `${s.id}: ${s.scrollHeight} of ${most} px`), px(height - 24));
    equal(`each fits on ${format}`, tall.join("; "), "");
    const small = await page.$$eval(".sheet", (all) => all.filter((s) => s.querySelector(".notes").offsetHeight < 50).map((s) => s.id));
    equal(`room for notes on ${format}`, small.join("; "), "");
    await page.emulateMedia({ media: null });
  }
  equal("nothing was asked for", noise.join("; "), "");
  await close();
}
await finish(browser);
