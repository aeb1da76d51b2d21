// Moments. The file holds microseconds after `data.base`; people read the zone that was asked for.
const data = JSON.parse(document.getElementById("data").textContent);

const zoneAt = (ms) => {
  let zone = data.zones[0];
  for (const z of data.zones) {
    if (z[0] > ms) break;
    zone = z;
  }
  return zone;
};

const pad = (n, digits) => String(n).padStart(digits, "0");

// `2026-11-21 08:14:03.118`; parts that are not asked for are left out.
const stamp = (us, { date = true, digits = 3 } = {}) => {
  const ms = data.base + us / 1000;
  const at = new Date(Math.floor(ms) + zoneAt(ms)[1] * 1000);
  const day = `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1, 2)}-${pad(at.getUTCDate(), 2)}`;
  const time = `${pad(at.getUTCHours(), 2)}:${pad(at.getUTCMinutes(), 2)}:${pad(at.getUTCSeconds(), 2)}`;
  const micros = ((Math.round(us) % 1e6) + 1e6) % 1e6;
  const rest = digits ? `.${pad(micros, 6).slice(0, digits)}` : "";
  return `${date ? `${day} ` : ""}${time}${rest}`;
};

const zoneName = (us) => zoneAt(data.base + us / 1000)[2];

const MS = 1e3;
const SECOND = 1e6;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
// Distances between two lines of the scale that people can count with.
const STEPS = [
  10, 20, 50, 100, 200, 500, MS, 2 * MS, 5 * MS, 10 * MS, 20 * MS, 50 * MS, 100 * MS, 200 * MS, 500 * MS,
  SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY,
];
const stepFor = (us) => STEPS.find((s) => s >= us) ?? STEPS[STEPS.length - 1];

const span = (us) => {
  const abs = Math.abs(us);
  const say = (n, unit) => `${n >= 100 ? Math.round(n) : Number(n.toPrecision(3))} ${unit}`;
  if (abs < MS) return say(us, "µs");
  if (abs < SECOND) return say(us / MS, "ms");
  if (abs < 2 * MINUTE) return say(us / SECOND, "s");
  if (abs < 2 * HOUR) return say(us / MINUTE, "min");
  if (abs < 2 * DAY) return say(us / HOUR, "h");
  return say(us / DAY, "days");
};
