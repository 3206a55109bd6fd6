export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let amount = value;
  let unit = 0;
  for (; Math.abs(amount) >= 999.5 && unit < units.length - 1; unit++) amount /= 1_000;
  return `${unit === 0 ? Math.round(amount) : digits(amount)} ${units[unit]}`;
}

/** Three digits are as much as an assumption bears. */
export function digits(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 2 });
}

export function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

export function percent(part: number, places = 1): string {
  return `${(part * 100).toFixed(places)} %`;
}

export function signed(part: number): string {
  return `${part < 0 ? "−" : "+"}${percent(Math.abs(part))}`;
}

export function microseconds(value: number): string {
  return value >= 9_950 ? `${digits(value / 1_000)} ms` : `${count(value)} µs`;
}

/** 1 M, 10 M, 100 M, 1 G. */
export function large(value: number): string {
  return value >= 1e9 ? `${digits(value / 1e9)} G` : value >= 1e6 ? `${digits(value / 1e6)} M` : count(value);
}
