// Puts the parts together.
const byId = (id) => document.getElementById(id);

const option = (value, text) => {
  const o = document.createElement("option");
  o.value = value;
  o.textContent = text;
  return o;
};

const fillFilters = () => {
  const counted = (of) => {
    const counts = new Map();
    for (let i = 0; i < events.count; i += 1) {
      const key = of(i);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  };
  const fill = (id, counts, name, keys) => {
    byId(id).append(option("", "all"), ...keys.map((k) => option(k, `${name(k)} (${counts.get(k)})`)));
  };
  byId("rows").append(option("logs", "hosts and logs"), option("attempts", "connections"));
  const hosts = counted((i) => laneOf(i).host);
  fill("host", hosts, (h) => h, [...hosts.keys()].sort());
  const stages = counted((i) => kindOf(i).stage ?? "none");
  fill("stage", stages, (s) => STAGE_NAMES[s] ?? "none", [...STAGES, "none"].filter((s) => stages.has(s)));
  const kinds = counted((i) => kindOf(i).name);
  fill("kind", kinds, (k) => k, [...kinds.keys()].sort());
};

const refresh = () => {
  applyFilter();
  makeRows();
  measure();
  makeRows();
  resetTable();
  redraw();
};

const readFilters = () => {
  filter.host = byId("host").value;
  filter.stage = byId("stage").value;
  filter.kind = byId("kind").value;
  filter.words = byId("words").value;
  view.rows = byId("rows").value;
  refresh();
};

const clearFilters = (rows = "logs") => {
  byId("filters").reset();
  byId("rows").value = rows;
  readFilters();
};

const listenOnFilters = () => {
  const form = byId("filters");
  form.addEventListener("input", readFilters);
  form.addEventListener("submit", (e) => e.preventDefault());
  byId("everything").addEventListener("click", () => {
    clearFilters(view.rows);
    fit();
  });
};

// Shows a connection from its beginning to its end.
const showAttempt = (id) => {
  const n = data.attempts.findIndex((a) => a.id === id);
  if (n < 0) return;
  const attempt = data.attempts[n];
  clearFilters("attempts");
  // Its first record can be older than its first packet.
  const own = shown.filter((i) => events.attempt[i] === n + 1);
  if (own.length) {
    show(Math.min(attempt.start, events.time[own[0]]), Math.max(attempt.end, events.time[own[own.length - 1]]));
    select(own.find((i) => roles.has(i)) ?? own[0]);
  } else {
    show(attempt.start, attempt.end);
  }
  byId("timeline").scrollIntoView();
  canvas.focus({ preventScroll: true });
};

const listenOnPage = () => {
  document.addEventListener("click", (e) => {
    const attempt = e.target.closest(".to-attempt");
    if (attempt) showAttempt(attempt.dataset.attempt);
    const place = e.target.closest("a.place");
    if (place) {
      const i = eventAt(Number(place.dataset.source), Number(place.dataset.at.split(" ").pop()));
      if (i < 0) return;
      e.preventDefault();
      if (!shown.includes(i)) clearFilters(view.rows);
      show(events.time[i] - SECOND, events.time[i] + SECOND);
      select(i);
      byId("timeline").scrollIntoView();
    }
  });
  // What is folded is read on paper as well, but for the single signs of each step: their places stand there anyway.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")].filter((d) => !d.closest(".ladder"));
    for (const d of opened) d.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const d of opened) d.open = false;
  });
};

const listenOnAttempts = () => {
  const table = byId("all-attempts");
  if (!table) return;
  sortable(table);
  for (const row of table.tBodies[0].rows) {
    const text = row.cells[0].textContent;
    const button = make("button", text, "to-attempt");
    button.type = "button";
    button.title = "Show it on the timeline";
    button.dataset.attempt = row.dataset.attempt;
    row.cells[0].replaceChildren(button);
  }
  const form = byId("attempt-filter");
  const apply = () => {
    const words = byId("attempt-words").value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcome = byId("outcome").value;
    let n = 0;
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = Boolean(outcome && row.dataset.outcome !== outcome) || !words.every((w) => text.includes(w));
      if (!row.hidden) n += 1;
    }
    byId("attempt-count").textContent = `${n.toLocaleString("en")} connections`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (e) => e.preventDefault());
};

const firstFailure = () => {
  const failed = data.attempts.filter((a) => a.outcome === "failed" || a.outcome === "dropped");
  const judged = failed.filter((a) => a.verdict === 0);
  return (judged[0] ?? failed[0])?.id;
};

const start = () => {
  document.documentElement.classList.add("js");
  const last = events.count ? events.time[events.count - 1] : 1;
  const margin = Math.max(last * 0.02, MS);
  whole.from = -margin;
  whole.to = last + margin;
  view.from = whole.from;
  view.to = whole.to;
  readColours();
  fillFilters();
  drawLegend(byId("legend"));
  listenOnCanvas();
  listenOnTable();
  listenOnFilters();
  listenOnPage();
  listenOnAttempts();
  byId("zoom-in").addEventListener("click", () => zoom(0.5));
  byId("zoom-out").addEventListener("click", () => zoom(2));
  byId("earlier").addEventListener("click", () => pan(-0.3));
  byId("later").addEventListener("click", () => pan(0.3));
  byId("fit").addEventListener("click", fit);
  const failure = firstFailure();
  byId("to-failure").hidden = !failure;
  byId("to-failure").addEventListener("click", () => showAttempt(failure));
  refresh();
  // Zoomed text and turned phones change the size of everything.
  new ResizeObserver(() => {
    measure();
    rowHeight = 0;
    drawTable();
    redraw();
  }).observe(byId("stage-area"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    drawLegend(byId("legend"));
    redraw();
  });
};

start();
