/** Figures as an operator reads them. */

/** A time in one or two units, such as "2 h 5 min". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A size in the largest unit of which there is at least one, such as "12 MB". */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let rest = bytes;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${rest < 10 && unit > 0 ? rest.toFixed(1) : Math.round(rest)} ${units[unit] ?? ""}`;
}

/** A figure, or a dash if it is not known. */
export function known(value: number | null, text: (value: number) => string): string {
  return value === null ? "–" : text(value);
}

/** "3 of 60", or "3" if there is no limit. */
export function ofLimit(value: number, limit: number): string {
  return limit > 0 ? `${value} of ${limit}` : `${value}`;
}
