// The events as columns, and which of them the filter lets through. Their order is that of time.
const events = (() => {
  const raw = data.events;
  const count = raw.time.length;
  const time = new Float64Array(count);
  const place = new Float64Array(count);
  const at = new Uint32Array(count + 1);
  const last = new Map();
  let now = 0;
  for (let i = 0; i < count; i += 1) {
    now += raw.time[i];
    time[i] = now;
    const source = raw.source[i];
    const number = (last.get(source) ?? 0) + raw.place[i];
    last.set(source, number);
    place[i] = number;
    at[i + 1] = at[i] + data.shapes[raw.shape[i]].length;
  }
  const column = (name) => Uint32Array.from(raw[name]);
  return {
    count, time, place, at,
    lane: column("lane"), source: column("source"), kind: column("kind"), origin: column("origin"),
    attempt: column("attempt"), shape: column("shape"), values: column("values"),
  };
})();

const kindOf = (i) => data.kinds[events.kind[i]];
const laneOf = (i) => data.lanes[events.lane[i]];
const stageOf = (i) => kindOf(i).stage ?? "";
const attemptOf = (i) => (events.attempt[i] ? data.attempts[events.attempt[i] - 1] : null);
const isWire = (i) => data.sources[events.source[i]]?.wire ?? false;
const placeOf = (i) => `${isWire(i) ? "packet" : "record"} ${events.place[i]}`;
const originOf = (i) => (events.origin[i] ? data.origins[events.origin[i] - 1] : placeOf(i));

// Name, value, and whether the sentence has it.
const fieldsOf = (i) =>
  data.shapes[events.shape[i]].map(([name, told], n) => [data.texts[name], data.texts[events.values[events.at[i] + n]], told]);

const FEW_FIELDS = 5;
const sentence = (i) => {
  const told = fieldsOf(i).filter((f) => f[2]).slice(0, FEW_FIELDS);
  const words = told.map(([name, value]) => (value === "yes" ? name.replaceAll("_", " ") : `${name.replaceAll("_", " ")} ${value}`));
  const meaning = kindOf(i).meaning;
  return words.length ? `${meaning} (${words.join(", ")})` : meaning;
};

// What verdicts rest on, by event.
const roles = (() => {
  const wanted = new Map(data.evidence.map(([source, place, role, verdict]) => [`${source}/${place}`, { role, verdict }]));
  const found = new Map();
  if (wanted.size) {
    for (let i = 0; i < events.count; i += 1) {
      const role = wanted.get(`${events.source[i]}/${events.place[i]}`);
      if (role) found.set(i, role);
    }
  }
  return found;
})();

const eventAt = (source, number) => {
  for (let i = 0; i < events.count; i += 1) {
    if (events.source[i] === source && events.place[i] === number) return i;
  }
  return -1;
};

const STAGES = ["name", "tcp", "x224", "tls", "credssp", "authorization", "mcs", "licensing", "activation", "session"];
const STAGE_NAMES = {
  name: "Name", tcp: "TCP", x224: "X.224", tls: "TLS", credssp: "CredSSP", authorization: "Authorization",
  mcs: "MCS", licensing: "Licensing", activation: "Activation", session: "Session",
};

const filter = { host: "", stage: "", kind: "", words: "" };
// Indices of the events that are shown.
let shown = Uint32Array.from({ length: events.count }, (_, i) => i);

// For each word: which texts, kinds, origins, lanes and attempts have it; an event has a word if one of its parts does.
const having = (word) => {
  const has = (text) => (text.toLowerCase().includes(word) ? 1 : 0);
  return {
    texts: Uint8Array.from(data.texts, has),
    kinds: Uint8Array.from(data.kinds, (k) => has(`${k.name} ${k.meaning} ${k.stage ?? ""}`)),
    origins: Uint8Array.from(data.origins, has),
    lanes: Uint8Array.from(data.lanes, (l) => has(`${l.host} ${l.log}`)),
    attempts: Uint8Array.from(data.attempts, (a) => has(`${a.id} ${a.label} ${a.user ?? ""} ${a.outcome}`)),
  };
};

const has = (i, tables) => {
  if (tables.kinds[events.kind[i]] || tables.lanes[events.lane[i]]) return true;
  if (events.origin[i] && tables.origins[events.origin[i] - 1]) return true;
  if (events.attempt[i] && tables.attempts[events.attempt[i] - 1]) return true;
  for (let v = events.at[i]; v < events.at[i + 1]; v += 1) {
    if (tables.texts[events.values[v]]) return true;
  }
  return false;
};

const applyFilter = () => {
  const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean).map(having);
  const lanes = Uint8Array.from(data.lanes, (l) => (!filter.host || l.host === filter.host ? 1 : 0));
  const kinds = Uint8Array.from(data.kinds, (k) =>
    (!filter.kind || k.name === filter.kind) && (!filter.stage || (k.stage ?? "none") === filter.stage) ? 1 : 0);
  const kept = new Uint32Array(events.count);
  let n = 0;
  for (let i = 0; i < events.count; i += 1) {
    if (!lanes[events.lane[i]] || !kinds[events.kind[i]]) continue;
    if (!words.every((w) => has(i, w))) continue;
    kept[n] = i;
    n += 1;
  }
  shown = kept.slice(0, n);
};

// First position in a list of events (by time) whose event is not before `us`.
const firstFrom = (list, us) => {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (events.time[list[mid]] < us) low = mid + 1;
    else high = mid;
  }
  return low;
};
