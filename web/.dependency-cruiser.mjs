/** `npm run layers`: which room may import which. Imports of types count like all others. */

/** From the top down: a module imports from its own room and from those in the lines below. */
const ROOMS = [
  ["admin", "page", "frame", "next", "scene"],
  ["embed"],
  ["cells"],
  ["cell"],
  ["editor"],
  ["kernel"],
  ["comm", "interact", "widgets"],
  ["kept", "linked", "output"],
  ["dom", "pageprogram", "protocol", "publicapi", "style", "styles"],
];

/** Each library is imported in one place. */
const LIBRARIES = {
  "@codemirror|@lezer|style-mod": "editor/",
  dompurify: "output/html",
  katex: "output/math/katex",
  "markdown-it": "output/markdown",
  "@fortawesome|@jupyter-widgets|@lumino|jupyter-matplotlib": "widgets/",
};

/** Chunks that are fetched when something on the page needs them: only `import()` may name them. */
const ON_DEMAND = [
  "comm/index",
  "interact/index",
  "output/markdown",
  "output/math/katex",
  "widgets/index",
  "widgets/matplotlib",
];

/** A room is a folder, or a module beside the folders. */
const within = (...rooms) => `^src/(?:${rooms.join("|")})(?:/|\\.\\w+$)`;

function forbidden(name, from, to) {
  return { name, severity: "error", from, to };
}

const order = ROOMS.flatMap((line, depth) =>
  line.map((room) =>
    forbidden(
      `${room} imports only what is below it`,
      { path: within(room) },
      { path: "^src/", pathNot: within(room, ...ROOMS.slice(depth + 1).flat()) },
    ),
  ),
);

const libraries = Object.entries(LIBRARIES).map(([names, owner]) =>
  forbidden(
    `${names} is imported by ${owner} alone`,
    { pathNot: `^src/${owner}` },
    { path: `^node_modules/(?:${names})/` },
  ),
);

export default {
  forbidden: [
    forbidden("no circles", {}, { circular: true }),
    forbidden("every room has its place", { path: "^src/", pathNot: within(...ROOMS.flat()) }, {}),
    ...order,
    forbidden(
      "output/math and output/text import neither output nor each other",
      { path: "^src/output/(math|text)/" },
      { path: "^src/output/", pathNot: "^src/output/$1/" },
    ),
    forbidden(
      "interact/controls imports only api of interact",
      { path: "^src/interact/controls/" },
      { path: "^src/interact/", pathNot: "^src/interact/(?:controls/|api\\.ts$)" },
    ),
    ...libraries,
    forbidden(
      "only protocol looks into JSON",
      { pathNot: "^src/protocol/" },
      { path: "^src/protocol/json\\.ts$" },
    ),
    forbidden(
      "only import() loads what is loaded on demand",
      {},
      { path: `^src/(?:${ON_DEMAND.join("|")})\\.ts$`, dynamic: false },
    ),
    forbidden("src imports only src and packages", {}, { pathNot: "^(?:src|node_modules)/" }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { extensions: [".ts", ".d.ts", ".js"] },
    // Also imports that are gone once the types are.
    tsPreCompilationDeps: true,
  },
};
