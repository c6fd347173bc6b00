/** All figures and tables of the admin page. */

import type {
  AdminBudget,
  AdminCount,
  AdminMachine,
  AdminOverview,
  AdminPlaces,
  AdminSession,
  AdminWaiting,
} from "../protocol/admin/overview";
import { duration, known, ofLimit, size } from "./figures";
import { Table } from "./table";

/** Processor time of a session, and when it was told. */
interface Sample {
  readonly cpu: number;
  readonly uptime: number;
}

/** Shows an overview; `stop` is called when the operator wants a session to be stopped. */
export class AdminView {
  readonly element = document.createElement("div");
  readonly #facts = document.createElement("dl");
  readonly #values = new Map<string, HTMLElement>();
  readonly #sessions: Table<AdminSession>;
  readonly #queue = new Table<AdminWaiting>({
    title: "Queue",
    none: "Nobody waits.",
    key: ({ purpose, position }) => `${purpose} ${position}`,
    columns: [
      { title: "Position", text: ({ position }) => `${position}`, isNumber: true },
      { title: "For", text: ({ purpose }) => purpose },
      { title: "From", text: ({ from }) => from },
    ],
  });
  readonly #places = new Table<AdminPlaces>({
    title: "Places",
    none: "None.",
    key: ({ purpose }) => purpose,
    columns: [
      { title: "For", text: ({ purpose }) => purpose },
      { title: "Taken", text: ({ taken, limit }) => ofLimit(taken, limit), isNumber: true },
      {
        title: "Waiting",
        text: ({ waiting, queueLimit }) => ofLimit(waiting, queueLimit),
        isNumber: true,
      },
    ],
  });
  readonly #budgets = new Table<AdminBudget>({
    title: "Budgets",
    none: "Nobody has a kernel that is counted.",
    key: ({ purpose, scope, name }) => `${purpose} ${scope} ${name}`,
    columns: [
      { title: "By", text: ({ scope }) => scope },
      { title: "Name", text: ({ name }) => name },
      { title: "For", text: ({ purpose }) => purpose },
      { title: "Kernels", text: ({ kernels, limit }) => ofLimit(kernels, limit), isNumber: true },
    ],
  });
  readonly #machines = new Table<AdminMachine>({
    title: "Machines",
    none: "None.",
    key: ({ name }) => name,
    columns: [
      { title: "Name", text: ({ name }) => name },
      { title: "State", text: ({ state }) => state },
      { title: "Kernels", text: ({ kernels }) => `${kernels}`, isNumber: true },
      {
        title: "Load",
        text: ({ load }) => known(load, (value) => value.toFixed(2)),
        isNumber: true,
      },
      { title: "Free memory", text: ({ memory }) => known(memory, size), isNumber: true },
    ],
  });
  readonly #ends = counts("Ends", "No kernel has ended yet.", "Reason", "In five minutes");
  readonly #sites = counts("Sites", "No site's page has begun a session.", "Site", "Now");
  readonly #refused = counts("Refusals", "Nobody was refused.", "Word", null);
  #samples = new Map<string, Sample>();
  #shares = new Map<string, number>();

  constructor(stop: (session: AdminSession) => void) {
    this.#sessions = new Table<AdminSession>({
      title: "Sessions",
      none: "Nobody has a kernel.",
      key: ({ handle }) => handle,
      columns: [
        { title: "Kernel", text: ({ kernel }) => kernel },
        { title: "State", text: ({ state }) => state },
        { title: "Age", text: ({ age }) => duration(age), isNumber: true },
        { title: "Processor", text: (each) => this.#processor(each), isNumber: true },
        { title: "Memory", text: ({ memory }) => known(memory, size), isNumber: true },
        { title: "Waiting", text: ({ waiting }) => size(waiting), isNumber: true },
        { title: "Clients", text: ({ listeners }) => `${listeners}`, isNumber: true },
        { title: "For", text: ({ purpose, kind }) => `${purpose}, ${kind}` },
        { title: "From", text: ({ from }) => from },
      ],
      action: { label: "Stop", name: ({ kernel }) => `Stop ${kernel}`, act: stop },
    });
    this.#facts.className = "admin_facts";
    const rest = document.createElement("div");
    rest.className = "admin_tables";
    rest.append(
      ...[this.#places, this.#machines, this.#queue, this.#sites].map(({ element }) => element),
      ...[this.#budgets, this.#ends, this.#refused].map(({ element }) => element),
    );
    this.element.append(this.#facts, this.#sessions.element, rest);
  }

  /** Shows an overview in the place of the last one. */
  show(overview: AdminOverview): void {
    this.#measure(overview);
    const waiting = overview.places.reduce((sum, { waiting }) => sum + waiting, 0);
    const crashed = overview.ends.find(({ name }) => name === "crashed")?.recent ?? 0;
    this.#fact("Kernels", ofLimit(overview.running, overview.limit));
    this.#fact("Ready", `${overview.ready}`);
    this.#fact("Waiting", `${waiting}`);
    this.#fact("Crashed lately", `${crashed}`);
    this.#fact("Confinement", overview.sandbox);
    this.#fact("Up", duration(overview.uptime));
    this.#fact("Version", overview.version);
    this.#sessions.update(overview.sessions);
    this.#queue.update(overview.queue);
    this.#places.update(overview.places);
    this.#budgets.update(overview.budgets);
    this.#machines.update(overview.machines);
    this.#ends.update(overview.ends);
    this.#sites.update(overview.sites);
    this.#refused.update(overview.refused);
  }

  #fact(name: string, text: string): void {
    let value = this.#values.get(name);
    if (value === undefined) {
      const [group, term] = [document.createElement("div"), document.createElement("dt")];
      value = document.createElement("dd");
      term.textContent = name;
      group.append(term, value);
      this.#facts.append(group);
      this.#values.set(name, value);
    }
    if (value.textContent !== text) value.textContent = text;
  }

  /** Notes how much of a processor each session has used since it was told last. */
  #measure({ sessions, uptime }: AdminOverview): void {
    const samples = new Map<string, Sample>();
    const shares = new Map<string, number>();
    for (const { handle, cpu } of sessions) {
      if (cpu === null) continue;
      const before = this.#samples.get(handle);
      if (before !== undefined && uptime > before.uptime) {
        const used = Math.max(0, cpu - before.cpu);
        shares.set(handle, used / (uptime - before.uptime));
      }
      samples.set(handle, { cpu, uptime });
    }
    [this.#samples, this.#shares] = [samples, shares];
  }

  #processor({ handle, cpu }: AdminSession): string {
    const share = this.#shares.get(handle);
    const percent = share === undefined ? "" : `, ${Math.round(100 * share)} %`;
    return known(cpu, (seconds) => `${seconds.toFixed(1)} s${percent}`);
  }
}

function counts(
  title: string,
  none: string,
  name: string,
  recent: string | null,
): Table<AdminCount> {
  return new Table<AdminCount>({
    title,
    none,
    key: (count) => count.name,
    columns: [
      { title: name, text: (count) => count.name },
      { title: "In all", text: ({ total }) => `${total}`, isNumber: true },
      ...(recent === null
        ? []
        : [{ title: recent, text: (count: AdminCount) => `${count.recent}`, isNumber: true }]),
    ],
  });
}
