import postcss, { type AtRule, type Rule } from "postcss";

/** Selectors of buttons, menus, labels that look like buttons, and of what has the focus. */
const BUTTONS =
  /:focus-visible|\b(?:button|select)\b|Button\b|_buttons?\b|_fullScreen\b|_close\b|_accept\b/;

/** Adds the weight of an id to a selector. */
const WEIGHT = ":not(#sagecell_none)";

/**
 * The rules of `css` for buttons in cells that have the class `sagecell_firm`, each with the weight of
 * one id more: no rule of a theme without an id outweighs them, and among one another they are as before.
 */
export function firm(css: string): string {
  const sheet = postcss.parse(css);
  sheet.walkAtRules(
    /^(?:property|(?:-webkit-)?keyframes|font-face|layer|import|charset)$/,
    (rule) => {
      rule.remove();
    },
  );
  sheet.walkRules((rule) => {
    if (rule.nodes.some(({ type }) => type === "rule" || type === "atrule")) {
      rule.each((node) => {
        if (node.type === "decl" && !BUTTONS.test(rule.selector)) node.remove();
      });
    } else if (!BUTTONS.test(rule.selector)) rule.remove();
  });
  sheet.walkRules((rule) => {
    if (!isNested(rule)) rule.selectors = rule.selectors.map(weighty);
  });
  removeEmpty(sheet);
  return sheet.toString();
}

function weighty(selector: string): string {
  const own = selector
    .replaceAll(":where(.sagecell)", `:where(.sagecell_firm)${WEIGHT}`)
    .replace(/\.sagecell(?![\w-])/g, `.sagecell_firm${WEIGHT}`);
  return own === selector ? `:where(.sagecell_firm)${WEIGHT} ${selector}` : own;
}

function isNested(rule: Rule): boolean {
  for (let { parent } = rule; parent !== undefined; parent = (parent as AtRule | Rule).parent) {
    if (parent.type === "rule") return true;
  }
  return false;
}

/** Removes rules that have nothing left, from the inside out. */
function removeEmpty(sheet: postcss.Container): void {
  sheet.each((node) => {
    if (node.type === "comment") node.remove();
    if (node.type !== "rule" && node.type !== "atrule") return;
    removeEmpty(node);
    if (node.nodes?.length === 0) node.remove();
  });
}
