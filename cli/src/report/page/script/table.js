// The table of all events that are shown. Rows exist only around those in sight; empty rows above and below hold the place
// of the others.
const rowsArea = document.getElementById("rows-area");
const eventsTable = document.getElementById("events");
const tbody = eventsTable.tBodies[0];
const SPARE = 12;
let rowHeight = 0;

const cell = (row, text) => {
  const td = document.createElement("td");
  td.textContent = text;
  td.title = text;
  row.append(td);
};

// The name of a host without its domain; addresses stay whole.
const shortName = (host) => (/^[\d.:]+$/.test(host) ? host : host.split(".")[0]);

const tableRow = (n) => {
  const i = shown[n];
  const row = document.createElement("tr");
  row.dataset.event = String(i);
  row.setAttribute("aria-rowindex", String(n + 2));
  if (i === view.selected) row.setAttribute("aria-selected", "true");
  if (roles.has(i)) row.classList.add("is-evidence");
  const lane = laneOf(i);
  const stage = stageOf(i);
  cell(row, stamp(events.time[i]));
  cell(row, shortName(lane.host));
  cell(row, lane.log);
  cell(row, originOf(i));
  cell(row, STAGE_NAMES[stage] ?? stage);
  cell(row, sentence(i));
  return row;
};

const spacer = (height) => {
  const row = document.createElement("tr");
  row.className = "spacer";
  row.setAttribute("aria-hidden", "true");
  row.style.height = `${height}px`;
  return row;
};

const drawTable = () => {
  if (!rowHeight && shown.length) {
    const top = rowsArea.scrollTop;
    const probe = tableRow(0);
    tbody.append(probe);
    rowHeight = probe.getBoundingClientRect().height || 24;
    probe.remove();
    rowsArea.scrollTop = top;
  }
  const height = rowHeight || 24;
  const first = Math.max(0, Math.floor(rowsArea.scrollTop / height) - SPARE);
  const last = Math.min(shown.length, Math.ceil((rowsArea.scrollTop + rowsArea.clientHeight) / height) + SPARE);
  const some = [spacer(first * height)];
  for (let n = first; n < last; n += 1) some.push(tableRow(n));
  some.push(spacer((shown.length - last) * height));
  tbody.replaceChildren(...some);
};

const resetTable = () => {
  const words = `${shown.length.toLocaleString("en")} events`;
  const all = shown.length === events.count ? "" : ` of ${events.count.toLocaleString("en")}`;
  eventsTable.caption.textContent = words + all;
  document.getElementById("count").textContent = words + all;
  eventsTable.setAttribute("aria-rowcount", String(shown.length + 1));
  rowsArea.scrollTop = 0;
  drawTable();
};

const tableTo = (i) => {
  const n = shown.indexOf(i);
  if (n < 0) return;
  const top = n * rowHeight;
  const head = eventsTable.tHead.getBoundingClientRect().height;
  if (top < rowsArea.scrollTop || top > rowsArea.scrollTop + rowsArea.clientHeight - head - rowHeight * 2) {
    rowsArea.scrollTop = Math.max(0, top - rowsArea.clientHeight / 2);
  }
};

const listenOnTable = () => {
  let waits = 0;
  rowsArea.addEventListener("scroll", () => {
    if (!waits) {
      waits = requestAnimationFrame(() => {
        waits = 0;
        drawTable();
      });
    }
  });
  tbody.addEventListener("click", (e) => {
    const row = e.target.closest("tr[data-event]");
    if (row) select(Number(row.dataset.event));
  });
  rowsArea.addEventListener("keydown", (e) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (by) {
      e.preventDefault();
      stepEvent(by);
    } else if (e.key === "Enter") {
      focusDetails();
    }
  });
};

// Tables that sort by a click on a heading. Values that look like numbers sort as numbers.
const sortable = (table) => {
  const body = table.tBodies[0];
  const key = (row, n) => row.cells[n].dataset.sort ?? row.cells[n].textContent;
  [...table.tHead.rows[0].cells].forEach((head, n) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const sorted = [...body.rows].sort((a, b) => key(a, n).localeCompare(key(b, n), "en", { numeric: true }));
      if (!up) sorted.reverse();
      body.append(...sorted);
    });
  });
};
