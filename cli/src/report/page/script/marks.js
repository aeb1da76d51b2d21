// Marks of events: each group of stages has a colour and a shape, so that neither is the only sign.
const GROUPS = [
  { name: "Reaching the server", stages: ["name", "tcp"], colour: "--reach", shape: "circle" },
  { name: "Protocol and TLS", stages: ["x224", "tls"], colour: "--secure", shape: "square" },
  { name: "Logon", stages: ["credssp", "authorization"], colour: "--logon", shape: "up" },
  { name: "Set-up", stages: ["mcs", "licensing", "activation"], colour: "--setup", shape: "diamond" },
  { name: "Session", stages: ["session"], colour: "--session", shape: "down" },
  { name: "Other", stages: [""], colour: "--other", shape: "tick" },
];
const groupOfKind = data.kinds.map((k) => GROUPS.findIndex((g) => g.stages.includes(k.stage ?? "")));

// Adds the outline of a mark to the path under construction.
const outline = (pen, shape, x, y, r) => {
  switch (shape) {
    case "circle":
      pen.moveTo(x + r, y);
      pen.arc(x, y, r, 0, 2 * Math.PI);
      break;
    case "square":
      pen.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
      break;
    case "up":
      pen.moveTo(x, y - r * 1.1);
      pen.lineTo(x + r * 1.1, y + r * 0.9);
      pen.lineTo(x - r * 1.1, y + r * 0.9);
      pen.closePath();
      break;
    case "down":
      pen.moveTo(x, y + r * 1.1);
      pen.lineTo(x + r * 1.1, y - r * 0.9);
      pen.lineTo(x - r * 1.1, y - r * 0.9);
      pen.closePath();
      break;
    case "diamond":
      pen.moveTo(x, y - r * 1.25);
      pen.lineTo(x + r * 1.25, y);
      pen.lineTo(x, y + r * 1.25);
      pen.lineTo(x - r * 1.25, y);
      pen.closePath();
      break;
    default:
      pen.rect(x - 1, y - r * 0.8, 2, r * 1.6);
  }
};

// A colour of the style sheet; asked anew when the theme changes.
let colours = {};
const readColours = () => {
  const style = getComputedStyle(document.documentElement);
  colours = {};
  for (const name of ["--reach", "--secure", "--logon", "--setup", "--session", "--other", "--text", "--faint", "--line", "--back", "--stripe", "--bad", "--good", "--unsure", "--accent"]) {
    colours[name] = style.getPropertyValue(name).trim();
  }
};

const drawLegend = (list) => {
  const ratio = window.devicePixelRatio || 1;
  const entry = (name, paint) => {
    const item = document.createElement("li");
    const picture = document.createElement("canvas");
    picture.width = 18 * ratio;
    picture.height = 18 * ratio;
    picture.setAttribute("aria-hidden", "true");
    const pen = picture.getContext("2d");
    pen.scale(ratio, ratio);
    paint(pen);
    item.append(picture, name);
    return item;
  };
  const items = GROUPS.map((g) => entry(g.name, (pen) => {
    pen.fillStyle = colours[g.colour];
    pen.beginPath();
    outline(pen, g.shape, 9, 9, 5);
    pen.fill();
  }));
  items.push(entry("Evidence of a verdict", (pen) => ring(pen, 9, 9, 7)));
  items.push(entry("Not recorded", (pen) => hatch(pen, 1, 17, 9, 6, colours["--faint"])));
  list.replaceChildren(...items);
};

// Slanted lines over a stretch that nothing is recorded of.
const hatch = (pen, from, to, middle, half, colour) => {
  if (to - from < 1) return;
  pen.save();
  pen.beginPath();
  pen.rect(from, middle - half, to - from, 2 * half);
  pen.clip();
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  // Aligned to the picture, so that neighbours of one colour look like one.
  for (let x = Math.floor((from - 2 * half) / 6) * 6; x < to; x += 6) {
    pen.moveTo(x, middle + half);
    pen.lineTo(x + 2 * half, middle - half);
  }
  pen.stroke();
  pen.restore();
};

const ring = (pen, x, y, r) => {
  pen.strokeStyle = colours["--bad"];
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(x, y, r, 0, 2 * Math.PI);
  pen.stroke();
};

const OUTCOMES = {
  ok: { mark: "✓", colour: "--good" },
  failed: { mark: "✗", colour: "--bad" },
  dropped: { mark: "✗", colour: "--bad" },
  cancelled: { mark: "·", colour: "--faint" },
  unknown: { mark: "?", colour: "--unsure" },
};
