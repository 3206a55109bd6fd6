// Times in words that stay true: relative ones are renewed while they are shown.
import { element } from "./dom.js";

const language = document.documentElement.lang;
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const units = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

function relativeTime(date, now = Date.now()) {
  const seconds = Math.round((date.getTime() - now) / 1000);
  const [unit, length] = units.find((one) => Math.abs(seconds) >= one[1]) ?? [];
  // Truncated: an hour and a half ago is an hour ago, as people say it.
  return unit === undefined ? "just now" : relative.format(Math.trunc(seconds / length), unit);
}

export function relativeTimeElement(at) {
  const date = new Date(at);
  const title = exact.format(date);
  return element("time", { datetime: date.toISOString(), title, data: { relative: "" } }, relativeTime(date));
}

setInterval(() => {
  for (const shown of document.querySelectorAll("time[data-relative]")) {
    const text = relativeTime(new Date(shown.dateTime));
    if (shown.textContent !== text) shown.textContent = text;
  }
}, 5_000);

/** In its largest unit, for where it is in the corner of an eye: `59 s`, `29 min`, `3 h`, `6 d` */
export function roughlyRemaining(milliseconds) {
  return remaining(milliseconds).split(" ", 2).join(" ");
}

/** `59 s`, `29 min 59 s`, `3 h 59 min`, `6 d 23 h` */
export function remaining(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
}
