// The picture. Only rows and moments that are in sight are drawn; where marks would cover each other, their number is
// drawn as a bar instead, so that a frame costs the same for a hundred events and for a million.
const canvas = document.getElementById("lanes");
const pen = canvas.getContext("2d", { alpha: true });
const view = { from: 0, to: 1, top: 0, selected: -1, hover: -1, rows: "logs" };
const whole = { from: 0, to: 1 };
const MIN_SPAN = 200; // microseconds
const box = { width: 0, height: 0, gutter: 0, axis: 0, row: 0, font: 13 };
let rows = [];

const makeRows = () => {
  const lists = new Map();
  const add = (key, i) => {
    const list = lists.get(key);
    if (list) list.push(i);
    else lists.set(key, [i]);
  };
  for (const i of shown) add(view.rows === "attempts" && events.attempt[i] ? -events.attempt[i] : events.lane[i], i);
  const lanes = data.lanes.map((lane, n) => ({ key: n, label: lane.log, group: lane.host || "wire" }));
  lanes.sort((a, b) => a.group.localeCompare(b.group) || a.label.localeCompare(b.label));
  const attempts = view.rows === "attempts"
    ? data.attempts.map((a, n) => ({ key: -(n + 1), label: a.label, attempt: a, group: "Connections" }))
    : [];
  attempts.sort((a, b) => a.attempt.start - b.attempt.start);
  const filled = [...attempts, ...lanes].filter((r) => lists.has(r.key));
  rows = [];
  let group = null;
  for (const r of filled) {
    const name = view.rows === "attempts" && !r.attempt ? `${r.group}, no connection` : r.group;
    if (name !== group) rows.push({ heading: name, events: [] });
    group = name;
    rows.push({ ...r, events: Uint32Array.from(lists.get(r.key)) });
  }
  view.top = Math.max(0, Math.min(view.top, rows.length * box.row - room()));
};

const room = () => box.height - box.axis;
const timeToX = (us) => box.gutter + ((us - view.from) / (view.to - view.from)) * (box.width - box.gutter);
const xToTime = (x) => view.from + ((x - box.gutter) / (box.width - box.gutter)) * (view.to - view.from);
const rowY = (n) => box.axis + n * box.row - view.top;

const measure = () => {
  const style = getComputedStyle(canvas);
  box.font = Number.parseFloat(style.fontSize) || 13;
  box.row = Math.round(box.font * 1.85);
  box.axis = Math.round(box.font * 2);
  box.width = canvas.clientWidth;
  const wanted = box.axis + Math.max(rows.length, 2) * box.row + 6;
  box.height = Math.round(Math.min(wanted, Math.max(220, window.innerHeight * 0.62)));
  canvas.style.height = `${box.height}px`;
  box.gutter = Math.round(Math.min(Math.max(box.width * 0.22, box.font * 9), box.font * 22));
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
};

let waiting = 0;
const redraw = () => {
  if (!waiting) waiting = requestAnimationFrame(draw);
};

const draw = () => {
  waiting = 0;
  pen.clearRect(0, 0, box.width, box.height);
  pen.font = `${box.font}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  scale();
  pen.save();
  pen.beginPath();
  pen.rect(0, box.axis, box.width, room());
  pen.clip();
  const first = Math.max(0, Math.floor(view.top / box.row));
  const last = Math.min(rows.length, Math.ceil((view.top + room()) / box.row));
  for (let n = first; n < last; n += 1) drawRow(rows[n], n);
  pen.restore();
  cursor();
  // What is shown, for whoever drives this page from outside.
  canvas.dataset.rows = String(last - first);
  canvas.dataset.span = `${view.from} ${view.to}`;
  canvas.dataset.selected = String(view.selected);
};

const scale = () => {
  const width = box.width - box.gutter;
  const step = stepFor(((view.to - view.from) / width) * box.font * 8.5);
  // Lines stand on round times of the zone, not of UTC.
  const off = (data.base * 1000) + zoneAt(data.base + view.from / 1000)[1] * SECOND;
  const start = Math.ceil((view.from + off) / step) * step - off;
  pen.fillStyle = colours["--faint"];
  pen.strokeStyle = colours["--line"];
  pen.lineWidth = 1;
  const digits = step >= SECOND ? 0 : step >= MS ? 3 : 6;
  for (let us = start; us <= view.to; us += step) {
    const x = Math.round(timeToX(us)) + 0.5;
    pen.beginPath();
    pen.moveTo(x, box.axis - 6);
    pen.lineTo(x, box.height);
    pen.stroke();
    const midnight = Math.abs((us + off) % DAY) < 1;
    const label = step >= DAY || midnight ? stamp(us, { digits: 0 }).slice(0, 10) : stamp(us, { date: false, digits }).slice(0, step >= MINUTE ? 5 : undefined);
    pen.fillText(label, x + 3, box.axis / 2, box.font * 8.5);
  }
  pen.clearRect(0, 0, box.gutter - 1, box.axis);
  pen.fillStyle = colours["--text"];
  pen.fillText(`${stamp(view.from, { digits: 0 }).slice(0, 10)} ${zoneName(view.from)}`, 8, box.axis / 2, box.gutter - 14);
};

// The longest beginning of a text that fits.
const fitting = (text, width) => {
  if (pen.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (pen.measureText(`${text.slice(0, mid)}…`).width <= width) low = mid;
    else high = mid - 1;
  }
  return `${text.slice(0, low)}…`;
};

const drawRow = (row, n) => {
  const y = rowY(n);
  const middle = y + box.row / 2;
  if (row.heading !== undefined) {
    pen.fillStyle = colours["--stripe"];
    pen.fillRect(0, y, box.width, box.row);
    pen.fillStyle = colours["--text"];
    pen.font = `600 ${box.font}px system-ui, sans-serif`;
    pen.fillText(fitting(row.heading, box.width - 16), 8, middle);
    pen.font = `${box.font}px system-ui, sans-serif`;
    return;
  }
  baseline(row, middle);
  if (row.attempt) bar(row.attempt, middle);
  marks(row, middle);
  pen.clearRect(0, y, box.gutter - 1, box.row);
  let left = 18;
  if (row.attempt) {
    const outcome = OUTCOMES[row.attempt.outcome];
    pen.fillStyle = colours[outcome.colour];
    pen.fillText(outcome.mark, 6, middle);
    left = 20;
  }
  pen.fillStyle = colours["--text"];
  pen.fillText(fitting(row.label, box.gutter - left - 6), left, middle);
};

// The line that marks stand on: drawn where the log tells, hatched where it does not.
const baseline = (row, middle) => {
  const lane = row.attempt ? null : data.lanes[row.key];
  const y = Math.round(middle) + 0.5;
  const inside = (us) => Math.min(Math.max(timeToX(us), box.gutter), box.width);
  const [first, last] = lane?.covered ?? [null, null];
  const from = first === null ? box.gutter : inside(first);
  const to = last === null ? box.width : inside(last);
  pen.strokeStyle = colours["--line"];
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(from, y);
  pen.lineTo(to, y);
  pen.stroke();
  const half = box.row * 0.3;
  hatch(pen, box.gutter, from, middle, half, colours["--line"]);
  hatch(pen, to, box.width, middle, half, colours["--line"]);
  for (const [start, end] of lane?.gaps ?? []) {
    // What was overwritten lies before the first record, where nothing is covered anyway.
    if (end <= (first ?? -Infinity)) continue;
    const x = inside(start);
    hatch(pen, x, Math.max(inside(end), end > view.from && start < view.to ? x + 3 : x), middle, half, colours["--unsure"]);
  }
};

const bar = (attempt, middle) => {
  if (attempt.end < view.from || attempt.start > view.to) return;
  const from = Math.max(timeToX(attempt.start), box.gutter);
  const to = Math.min(Math.max(timeToX(attempt.end), from + 3), box.width);
  const half = box.row * 0.36;
  pen.globalAlpha = 0.22;
  pen.fillStyle = colours[OUTCOMES[attempt.outcome].colour];
  pen.fillRect(from, middle - half, to - from, 2 * half);
  pen.globalAlpha = 1;
};

const marks = (row, middle) => {
  const list = row.events;
  const low = firstFrom(list, view.from);
  const high = firstFrom(list, view.to + 1);
  const width = box.width - box.gutter;
  const r = box.font * 0.36;
  if (high - low > width / 4) {
    density(list, low, high, middle, width);
  } else {
    const byGroup = GROUPS.map(() => []);
    for (let k = low; k < high; k += 1) byGroup[groupOfKind[events.kind[list[k]]]].push(list[k]);
    byGroup.forEach((some, g) => {
      if (!some.length) return;
      pen.fillStyle = colours[GROUPS[g].colour];
      pen.beginPath();
      for (const i of some) outline(pen, GROUPS[g].shape, timeToX(events.time[i]), middle, r);
      pen.fill();
    });
  }
  for (const i of roles.keys()) {
    if (events.time[i] < view.from || events.time[i] > view.to || !holds(list, i)) continue;
    const x = timeToX(events.time[i]);
    const group = GROUPS[groupOfKind[events.kind[i]]];
    pen.fillStyle = colours[group.colour];
    pen.beginPath();
    outline(pen, group.shape, x, middle, r);
    pen.fill();
    ring(pen, x, middle, r + 3);
  }
};

const holds = (list, i) => {
  let k = firstFrom(list, events.time[i]);
  while (k < list.length && events.time[list[k]] === events.time[i]) {
    if (list[k] === i) return true;
    k += 1;
  }
  return false;
};

const BIN = 3; // pixels
const density = (list, low, high, middle, width) => {
  const half = box.row * 0.42;
  pen.fillStyle = colours["--other"];
  pen.beginPath();
  let from = low;
  for (let x = 0; x < width && from < high; x += BIN) {
    const edge = view.from + ((x + BIN) / width) * (view.to - view.from);
    let to = from;
    // Galloping: most bins hold few events.
    let leap = 1;
    while (to + leap < high && events.time[list[to + leap]] < edge) leap *= 2;
    let end = Math.min(to + leap, high);
    while (to < end) {
      const mid = (to + end) >> 1;
      if (events.time[list[mid]] < edge) to = mid + 1;
      else end = mid;
    }
    const n = to - from;
    if (n > 0) {
      const h = half * Math.min(1, 0.25 + Math.log2(n + 1) / 10);
      pen.rect(box.gutter + x, middle - h, BIN - 0.5, 2 * h);
    }
    from = to;
  }
  pen.fill();
};

const cursor = () => {
  for (const [i, colour] of [[view.hover, "--faint"], [view.selected, "--accent"]]) {
    if (i < 0) continue;
    const x = timeToX(events.time[i]);
    if (x < box.gutter || x > box.width) continue;
    pen.strokeStyle = colours[colour];
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x, box.axis);
    pen.lineTo(x, box.height);
    pen.stroke();
    const n = rows.findIndex((r) => r.heading === undefined && holds(r.events, i));
    if (n < 0 || rowY(n) + box.row / 2 < box.axis) continue;
    pen.lineWidth = 2.5;
    pen.strokeRect(x - box.font * 0.62, rowY(n) + box.row * 0.14, box.font * 1.24, box.row * 0.72);
  }
};

const WHY = {
  "log-cleared": "The log was cleared in this span.",
  "rolled-over": "Older records were overwritten.",
  "records-missing": "Record numbers are missing here.",
};

// What to say of a place where nothing was recorded.
const holeAt = (x, y) => {
  if (y < box.axis || x < box.gutter) return "";
  const row = rows[Math.floor((y - box.axis + view.top) / box.row)];
  const lane = row && row.heading === undefined && !row.attempt ? data.lanes[row.key] : null;
  if (!lane) return "";
  const [first, last] = lane.covered;
  const us = xToTime(x);
  const gap = lane.gaps.find(([from, to]) => us >= from && us <= to);
  if (gap) return [`${stamp(gap[0], { digits: 0 })} – ${stamp(gap[1], { digits: 0 })}`, WHY[gap[2]] ?? gap[2]];
  if (first !== null && us < first) return ["Not recorded", `${lane.log} begins at ${stamp(first, { digits: 0 })}.`];
  if (last !== null && us > last) return ["Not recorded", `The evidence of ${lane.host || "the wire"} ends at ${stamp(last, { digits: 0 })}.`];
  return "";
};

// The event under the pointer: the nearest one of the row, not further off than a finger is wide.
const REACH = 8;
const hit = (x, y) => {
  if (y < box.axis || x < box.gutter - REACH) return -1;
  const row = rows[Math.floor((y - box.axis + view.top) / box.row)];
  if (!row || row.heading !== undefined) return -1;
  const k = firstFrom(row.events, xToTime(x));
  let best = -1;
  let distance = REACH + 1;
  const consider = (i) => {
    const off = Math.abs(timeToX(events.time[i]) - x) - (roles.has(i) ? 0.5 : 0);
    if (off < distance) {
      best = i;
      distance = off;
    }
  };
  for (let j = Math.max(0, k - 12); j < Math.min(row.events.length, k + 12); j += 1) consider(row.events[j]);
  return best;
};
