/** Time as a collaborator, so that tests control it. */
export interface Clock {
  /** Seconds since an arbitrary fixed moment; never decreases. */
  now(): number;
  /** The wall-clock time. */
  date(): Date;
  /** Calls `act` once after `seconds`; the result cancels that. */
  after(seconds: number, act: () => void): () => void;
}

/** The browser's clock and timers. */
export const browserClock: Clock = {
  now: () => performance.now() / 1000,
  date: () => new Date(),
  after(seconds, act) {
    const timer = setTimeout(act, seconds * 1000);
    return () => clearTimeout(timer);
  },
};

/** A random UUID (version 4), also over plain HTTP, where `crypto.randomUUID` does not exist. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)).map((byte, at) => {
    if (at === 6) return (byte & 0x0f) | 0x40;
    return at === 8 ? (byte & 0x3f) | 0x80 : byte;
  });
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
