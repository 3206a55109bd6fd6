// "Firefox on Android": as much of a user agent as a person needs to recognise a device of theirs.

// Order matters: many browsers name those that they resemble, too.
const browsers = [
  ["Edge", /\bEdg(?:e|A|iOS)?\//u],
  ["Opera", /\bOPR\//u],
  ["Samsung Internet", /\bSamsungBrowser\//u],
  ["Firefox", /\b(?:Firefox|FxiOS)\//u],
  ["Chrome", /\b(?:Headless)?Chrome\/|\bCriOS\//u],
  ["Safari", /\bVersion\/[\d.]+.*\bSafari\//u],
];
const systems = [
  ["iPhone", /\biPhone\b/u],
  ["iPad", /\biPad\b/u],
  ["Android", /\bAndroid\b/u],
  ["ChromeOS", /\bCrOS\b/u],
  ["Windows", /\bWindows\b/u],
  ["Mac", /\bMacintosh\b/u],
  ["Linux", /\bLinux\b/u],
];

export function deviceOf(userAgent) {
  if (!userAgent) return "Unknown device";
  const nameOf = (table) => table.find(([, pattern]) => pattern.test(userAgent))?.[0];
  const browser = nameOf(browsers);
  const system = nameOf(systems);
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? userAgent.split("/", 1)[0].slice(0, 40);
}
