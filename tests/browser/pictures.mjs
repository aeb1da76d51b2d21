// node pictures.mjs ANSWER.txt REPORT.html FOLDER: the pictures of README.md.
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open, settled, start } from "./chromium.mjs";

const [answer, report, folder] = process.argv.slice(2);
const LINES = 46;
const COLOURS = { 31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea", 90: "#8b949e", 91: "#ffa198", 92: "#56d364", 93: "#e3b341", 94: "#a5d6ff", 96: "#b3f0ff" };

// The colours that the program writes, as a terminal shows them.
const terminal = (text) => {
  const escape = (t) => t.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  let style = {};
  let out = "";
  for (const part of text.split(/(\u001b\[[\d;]*m)/)) {
    const codes = part.match(/^\u001b\[([\d;]*)m$/);
    if (!codes) {
      const css = [style.colour && `color:${style.colour}`, style.bold && "font-weight:700", style.faint && "color:#8b949e"].filter(Boolean).join(";");
      out += css ? `<span style="${css}">${escape(part)}</span>` : escape(part);
      continue;
    }
    for (const code of (codes[1] || "0").split(";").map(Number)) {
      if (code === 0) style = {};
      else if (code === 1) style.bold = true;
      else if (code === 2) style.faint = true;
      else if (COLOURS[code]) style.colour = COLOURS[code];
    }
  }
  return out;
};

const text = readFileSync(answer, "utf8").split("\n").slice(0, LINES).join("\n");
const page = `<!doctype html><meta charset="utf-8"><body style="margin:0;background:#0d1117;color:#e6edf3;display:inline-block">
<pre style="margin:0;padding:22px 26px;font:15px/1.42 'DejaVu Sans Mono',monospace"><span style="color:#8b949e">$ rdpwhy diagnose fixtures/showcase</span>\n${terminal(text)}</pre>`;
const shell = join(tmpdir(), `rdpwhy-terminal-${process.pid}.html`);
writeFileSync(shell, page);

const browser = await start();
const first = await open(browser, shell, { viewport: { width: 1100, height: 900 } });
await first.page.locator("body").screenshot({ path: join(folder, "terminal.png") });
await first.close();

const second = await open(browser, report, { viewport: { width: 1280, height: 1250 } });
await settled(second.page);
await second.page.screenshot({ path: join(folder, "report.png") });
await second.page.setViewportSize({ width: 1280, height: 860 });
await second.page.evaluate(() => document.documentElement.style.setProperty("scroll-behavior", "auto"));
await second.page.click("#to-failure");
await settled(second.page);
await second.page.evaluate(() => document.getElementById("timeline").scrollIntoView({ behavior: "instant" }));
await settled(second.page);
await second.page.screenshot({ path: join(folder, "timeline.png") });
await browser.close();
