/** What the server tells the admin page; see "Administration" in docs/protocol.rst. */

import { type Json, type JsonObject, objectAt, objectsAt, parseObject, textAt } from "../json";

/** A session that lives. Null: not known. */
export interface AdminSession {
  readonly handle: string;
  readonly kernel: string;
  readonly kind: string;
  readonly purpose: string;
  readonly state: string;
  readonly age: number;
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly waiting: number;
  readonly listeners: number;
  readonly from: string;
}

/** A machine that runs kernels. */
export interface AdminMachine {
  readonly name: string;
  readonly state: string;
  readonly kernels: number;
  readonly load: number | null;
  readonly memory: number | null;
}

/** The places for kernels of one purpose. */
export interface AdminPlaces {
  readonly purpose: string;
  readonly taken: number;
  readonly limit: number;
  readonly waiting: number;
  readonly queueLimit: number;
}

/** Somebody's share of a budget. A limit of 0 is none. */
export interface AdminBudget {
  readonly purpose: string;
  readonly scope: string;
  readonly name: string;
  readonly kernels: number;
  readonly limit: number;
}

/** A visitor in the queue. */
export interface AdminWaiting {
  readonly purpose: string;
  readonly position: number;
  readonly from: string;
}

/** A number of something that has a name. */
export interface AdminCount {
  readonly name: string;
  readonly total: number;
  readonly recent: number;
}

/** Everything. Times are in seconds, sizes in bytes. */
export interface AdminOverview {
  readonly version: string;
  readonly sandbox: string;
  readonly isStarting: boolean;
  /** Seconds until the sessions that are left will be ended; null if the server is not draining. */
  readonly draining: number | null;
  readonly canDrain: boolean;
  /** The secret that changes need. */
  readonly csrf: string;
  readonly uptime: number;
  readonly running: number;
  readonly ready: number;
  readonly limit: number;
  readonly sessions: readonly AdminSession[];
  readonly machines: readonly AdminMachine[];
  readonly places: readonly AdminPlaces[];
  readonly budgets: readonly AdminBudget[];
  readonly queue: readonly AdminWaiting[];
  /** Of kernels, by reason; `recent` are those of the last five minutes. */
  readonly ends: readonly AdminCount[];
  /** Sessions by the site of their page; `recent` are those that live. */
  readonly sites: readonly AdminCount[];
  /** By code; without `recent`. */
  readonly refused: readonly AdminCount[];
}

/** Reads the server's answer; null if it is not a JSON object. */
export function decodeOverview(text: string): AdminOverview | null {
  const value = parseObject(text);
  if (value === null) return null;
  const status = objectAt(value, "status");
  const kernels = objectAt(status, "kernels");
  const places = objectAt(value, "places");
  return {
    version: textAt(status, "version"),
    sandbox: textAt(status, "sandbox"),
    isStarting: status["starting"] === true,
    draining: knownAt(objectAt(status, "draining"), "seconds_left"),
    canDrain: value["can_drain"] === true,
    csrf: textAt(value, "csrf"),
    uptime: numberAt(value, "uptime_seconds"),
    running: numberAt(kernels, "running"),
    ready: numberAt(kernels, "ready"),
    limit: numberAt(kernels, "limit"),
    sessions: objectsAt(value, "sessions").map(session),
    machines: objectsAt(value, "machines").map((each) => ({
      name: textAt(each, "name"),
      state: textAt(each, "state"),
      kernels: numberAt(each, "kernels"),
      load: knownAt(each, "load"),
      memory: knownAt(each, "memory_available_bytes"),
    })),
    places: Object.keys(places).map((purpose) => {
      const each = objectAt(places, purpose);
      return {
        purpose,
        taken: numberAt(each, "taken"),
        limit: numberAt(each, "limit"),
        waiting: numberAt(each, "waiting"),
        queueLimit: numberAt(each, "queue_limit"),
      };
    }),
    budgets: objectsAt(value, "budgets").map((each) => ({
      purpose: textAt(each, "purpose"),
      scope: textAt(each, "scope"),
      name: textAt(each, "name"),
      kernels: numberAt(each, "kernels"),
      limit: numberAt(each, "limit"),
    })),
    queue: objectsAt(value, "queue").map((each) => ({
      purpose: textAt(each, "purpose"),
      position: numberAt(each, "position"),
      from: origin(each),
    })),
    ends: counts(objectAt(kernels, "ended"), objectAt(kernels, "ended_lately")),
    sites: objectsAt(value, "sites").map((each) => ({
      name: textAt(each, "site"),
      total: numberAt(each, "begun"),
      recent: numberAt(each, "live"),
    })),
    refused: counts(objectAt(status, "refused"), {}),
  };
}

function session(each: JsonObject): AdminSession {
  return {
    handle: textAt(each, "handle"),
    kernel: textAt(each, "kernel"),
    kind: textAt(each, "kind"),
    purpose: textAt(each, "purpose"),
    state: textAt(each, "state"),
    age: numberAt(each, "age_seconds"),
    cpu: knownAt(each, "cpu_seconds"),
    memory: knownAt(each, "memory_bytes"),
    waiting: numberAt(each, "waiting_bytes"),
    listeners: numberAt(each, "listeners"),
    from: origin(each),
  };
}

/** Where a visitor comes from: the API key, or the page's site and the address. */
function origin(each: JsonObject): string {
  const [key, site, address] = [textAt(each, "key"), textAt(each, "site"), textAt(each, "address")];
  if (key !== "") return `key ${key}`;
  return [site, address].filter((part) => part !== "").join(", ") || "this machine";
}

function counts(totals: JsonObject, recent: JsonObject): AdminCount[] {
  return Object.keys(totals)
    .map((name) => ({ name, total: numberAt(totals, name), recent: numberAt(recent, name) }))
    .sort((one, other) => other.total - one.total);
}

function numberAt(value: JsonObject, key: string): number {
  return knownAt(value, key) ?? 0;
}

function knownAt(value: JsonObject, key: string): number | null {
  const inner: Json | undefined = value[key];
  return typeof inner === "number" ? inner : null;
}
