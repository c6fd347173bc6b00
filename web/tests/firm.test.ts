import { expect, test } from "vitest";

import { firm } from "../firm";

const packed = (css: string) => firm(css).replace(/\s/g, "");

test("the rules for buttons have one id more, and no others are left", () => {
  const sheet = packed(
    "@property --x{syntax:'*';inherits:true}@keyframes k{to{top:0}}pre{color:red}" +
      ".sagecell{color:red;& :where(button,select):hover{top:0}& pre{top:0}}" +
      ":where(.sagecell){.sagecell_evalButton{top:0}.sagecell_bar{top:0}}" +
      "@media print{.sagecell :where(button), .sagecell .sagecell_bar{left:0}}" +
      ":is(.sagecell_interactControl, .sagecell_bookmarks) button{top:1px}",
  );
  expect(sheet).toBe(
    ".sagecell_firm:not(#sagecell_none){&:where(button,select):hover{top:0}}" +
      ":where(.sagecell_firm):not(#sagecell_none){.sagecell_evalButton{top:0}}" +
      "@mediaprint{.sagecell_firm:not(#sagecell_none):where(button),.sagecell_firm:not(#sagecell_none).sagecell_bar{left:0}}" +
      ":where(.sagecell_firm):not(#sagecell_none):is(.sagecell_interactControl,.sagecell_bookmarks)button{top:1px}",
  );
});
