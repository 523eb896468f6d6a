// Quantities in few characters, as `peerage top` writes them.

const UNITS = ["", "k", "M", "G", "T", "P"];

export function scaled(value, base = 1000) {
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < UNITS.length - 1) {
    value /= base;
    unit += 1;
  }
  if (unit === 0) return value.toFixed(0);
  const size = Math.abs(value);
  return value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0) + UNITS[unit];
}

export const bytes = (value) => `${scaled(value, 1024)}B`;
export const rate = (value) => `${scaled(value)}B/s`;
export const share = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.00005) return "0";
  if (seconds < 1) return `${(seconds * 1000).toFixed(seconds >= 0.01 ? 0 : 1)}ms`;
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86400)}d${two(Math.floor((whole % 86400) / 3600))}h`;
}

export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString();
