// Zoom and pan, by wheel, drag, buttons and keys.
const clampView = () => {
  const span = Math.min(Math.max(view.to - view.from, MIN_SPAN), whole.to - whole.from);
  const from = Math.min(Math.max(view.from, whole.from), whole.to - span);
  view.from = from;
  view.to = from + span;
};

const zoom = (factor, at = (view.from + view.to) / 2) => {
  view.from = at - (at - view.from) * factor;
  view.to = at + (view.to - at) * factor;
  clampView();
  redraw();
};

const pan = (share) => {
  const by = (view.to - view.from) * share;
  view.from += by;
  view.to += by;
  clampView();
  redraw();
};

const scrollRows = (pixels) => {
  view.top = Math.max(0, Math.min(view.top + pixels, rows.length * box.row - room()));
  redraw();
};

const fit = () => {
  view.from = whole.from;
  view.to = whole.to;
  redraw();
};

const show = (from, to) => {
  const margin = Math.max((to - from) * 0.25, 2 * MS);
  view.from = from - margin;
  view.to = to + margin;
  clampView();
  redraw();
};

// Brings an event into sight, sideways and downwards.
const reveal = (i) => {
  const time = events.time[i];
  const width = view.to - view.from;
  if (time < view.from || time > view.to) {
    view.from = time - width / 2;
    view.to = time + width / 2;
    clampView();
  }
  const n = rows.findIndex((r) => r.heading === undefined && holds(r.events, i));
  if (n >= 0 && (rowY(n) < box.axis || rowY(n) + box.row > box.height)) {
    scrollRows(n * box.row - view.top - room() / 2);
  }
  redraw();
};

const stepEvent = (by) => {
  if (!shown.length) return;
  let at;
  if (view.selected < 0) {
    at = firstFrom(shown, by > 0 ? view.from : view.to) - (by > 0 ? 0 : 1);
  } else {
    at = shown.indexOf(view.selected);
    at = at < 0 ? firstFrom(shown, events.time[view.selected]) : at + by;
  }
  select(shown[Math.min(Math.max(at, 0), shown.length - 1)]);
};

const tip = document.getElementById("tip");
const hover = (i, x, y) => {
  if (i !== view.hover) {
    view.hover = i;
    redraw();
  }
  const hole = i < 0 && x !== undefined ? holeAt(x, y) : "";
  tip.hidden = i < 0 && !hole;
  if (tip.hidden) return;
  const [first, second] = hole || [`${stamp(events.time[i])} ${originOf(i)}`, sentence(i)];
  tip.replaceChildren(make("b", first), make("span", second));
  const width = tip.offsetWidth;
  tip.style.left = `${Math.max(0, Math.min(x + 14, box.width - width))}px`;
  tip.style.top = `${y + 18}px`;
};

const listenOnCanvas = () => {
  let drag = null;
  canvas.addEventListener("pointerdown", (e) => {
    if (e.button !== 0) return;
    canvas.setPointerCapture(e.pointerId);
    drag = { x: e.offsetX, y: e.offsetY, from: view.from, to: view.to, top: view.top, moved: false };
  });
  canvas.addEventListener("pointermove", (e) => {
    if (!drag) {
      hover(hit(e.offsetX, e.offsetY), e.offsetX, e.offsetY);
      return;
    }
    const dx = e.offsetX - drag.x;
    const dy = e.offsetY - drag.y;
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    drag.moved = true;
    hover(-1);
    const by = (dx / (box.width - box.gutter)) * (drag.to - drag.from);
    view.from = drag.from - by;
    view.to = drag.to - by;
    clampView();
    view.top = drag.top;
    scrollRows(-dy);
  });
  canvas.addEventListener("pointerup", (e) => {
    if (drag && !drag.moved) {
      const i = hit(e.offsetX, e.offsetY);
      if (i >= 0) select(i);
    }
    drag = null;
  });
  canvas.addEventListener("pointercancel", () => { drag = null; });
  canvas.addEventListener("pointerleave", () => hover(-1));
  canvas.addEventListener("dblclick", (e) => zoom(0.4, xToTime(e.offsetX)));
  canvas.addEventListener("wheel", (e) => {
    e.preventDefault();
    const unit = e.deltaMode === 1 ? box.row : 1;
    if (e.shiftKey) scrollRows((e.deltaY || e.deltaX) * unit);
    else if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) pan((e.deltaX * unit) / (box.width - box.gutter));
    else zoom(Math.exp(Math.max(-1, Math.min(1, (e.deltaY * unit) / 400))), xToTime(Math.max(e.offsetX, box.gutter)));
  }, { passive: false });
  const keys = {
    ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15), ArrowUp: () => scrollRows(-box.row), ArrowDown: () => scrollRows(box.row),
    PageUp: () => scrollRows(-room()), PageDown: () => scrollRows(room()), Home: () => pan(-1e9), End: () => pan(1e9),
    "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1.6), 0: fit,
    n: () => stepEvent(1), p: () => stepEvent(-1), N: () => stepEvent(1), P: () => stepEvent(-1),
    Enter: () => (view.selected < 0 ? stepEvent(1) : focusDetails()),
    Escape: () => select(-1),
  };
  canvas.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !Object.hasOwn(keys, e.key)) return;
    e.preventDefault();
    keys[e.key]();
  });
};
