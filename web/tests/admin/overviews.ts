/** What a server tells the admin page. */

/** The JSON of an overview, in which `changes` replace fields. */
export function overviewText(changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    status: {
      version: "1.2",
      sandbox: "namespaces",
      starting: false,
      draining: null,
      kernels: {
        running: 2,
        ready: 1,
        limit: 81,
        ended: { finished: 5, crashed: 9 },
        ended_lately: { crashed: 3 },
      },
      refused: { too_many_kernels: 4 },
    },
    can_drain: true,
    csrf: "hush",
    uptime_seconds: 100,
    machines: [
      { name: "local", state: "up", kernels: 2, load: 0.5, memory_available_bytes: 2048 },
      { name: "far", state: "up", kernels: 0, load: null, memory_available_bytes: null },
    ],
    sessions: [
      {
        handle: "h1",
        kernel: "4e8f9ac5-...",
        kind: "python3",
        purpose: "kernel",
        state: "busy",
        age_seconds: 61,
        cpu_seconds: 10,
        memory_bytes: 1024 * 1024,
        waiting_bytes: 10,
        listeners: 1,
        site: "book.example",
        address: "203.0.113.0/24",
        key: "",
      },
      { handle: "h2", kernel: "5", state: "idle", cpu_seconds: null, key: "course" },
    ],
    sessions_total: 2,
    places: { kernel: { taken: 2, limit: 64, waiting: 1, queue_limit: 128 } },
    budgets: [
      { purpose: "kernel", scope: "site", name: "book.example", kernels: 1, limit: 0 },
      { purpose: "kernel", scope: "address", name: "203.0.113.0/24", kernels: 1, limit: 60 },
    ],
    queue: [{ purpose: "kernel", position: 1, site: "", address: "", key: "" }],
    sites: [{ site: "book.example", begun: 7, live: 1 }],
    ...changes,
  });
}
