// Everything about one event.
const details = document.getElementById("details");

const make = (tag, text, className) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};

const drawDetails = (i) => {
  if (i < 0) {
    details.replaceChildren(make("p", "Choose an event to see all its fields.", "note"));
    return;
  }
  const list = make("dl");
  const add = (name, value) => {
    if (value === "" || value === null || value === undefined) return;
    list.append(make("dt", name), make("dd", value));
  };
  const lane = laneOf(i);
  const source = data.sources[events.source[i]];
  add("Time", `${stamp(events.time[i], { digits: 6 })} ${zoneName(events.time[i])}`);
  if (lane.ahead) add("In its own clock", `${stamp(events.time[i] + lane.ahead, { digits: 6 })} (${span(lane.ahead)} ahead)`);
  add("Host", lane.host);
  add("Log", lane.log);
  add("Event", events.origin[i] ? originOf(i) : "");
  add("Place", `${placeOf(i)} of ${source?.path ?? ""}`);
  add("Stage", STAGE_NAMES[stageOf(i)] ?? "none of a connection");
  add("Fact", kindOf(i).name);
  const role = roles.get(i);
  if (role) add("For a verdict", role.role);
  const fields = make("dl", undefined, "fields");
  for (const [name, value] of fieldsOf(i)) fields.append(make("dt", name), make("dd", value));
  const parts = [make("h3", kindOf(i).meaning), list];
  if (fields.children.length) parts.push(make("h4", "Fields"), fields);
  const attempt = attemptOf(i);
  if (attempt) {
    const button = make("button", `${OUTCOMES[attempt.outcome].mark} ${attempt.outcome}: ${attempt.label}`, "to-attempt");
    button.type = "button";
    button.dataset.attempt = attempt.id;
    parts.push(make("h4", "Connection"), button);
  }
  details.replaceChildren(...parts);
};

const focusDetails = () => {
  details.tabIndex = -1;
  details.focus({ preventScroll: false });
};

// Chooses an event everywhere: picture, table, panel. -1: none.
const select = (i) => {
  view.selected = i;
  drawDetails(i);
  if (i >= 0) {
    reveal(i);
    tableTo(i);
  }
  drawTable();
  redraw();
};
