/**
 * `npm run lint`: mistakes that tsc does not report, many of which can be seen only with the types.
 *
 * typescript-eslint needs the compiler as a library, which TypeScript 7 is not. So the package
 * `typescript` is TypeScript 6, and `tsc` is TypeScript 7's, from the package `@typescript/native`.
 */

import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig([
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // A callback that makes one call is written `() => this.dispose()` here.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // The preset's options, except that numbers are allowed: `${seconds} s` has one meaning.
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        {
          allowAny: false,
          allowBoolean: false,
          allowNever: false,
          allowNullish: false,
          allowNumber: true,
          allowRegExp: false,
        },
      ],
    },
  },
  {
    files: ["src/output/text/**"],
    // What programs print contains control characters.
    rules: { "no-control-regex": "off" },
  },
  {
    files: ["tests/**"],
    rules: {
      // Where a value is missing, the test fails without another check.
      "@typescript-eslint/no-non-null-assertion": "off",
      // A double may be a class with a constructor alone, because it is called with `new`.
      "@typescript-eslint/no-extraneous-class": ["error", { allowConstructorOnly: true }],
      // A double returns a promise because what it stands for does.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: ["tests/embed/**"],
    // These tests call the script as authors' pages do: from JavaScript, without types.
    rules: {
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  {
    // Node runs these as they are. They are JavaScript, which tsconfig.json does not include.
    files: ["**/*.mjs"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { console: "readonly", process: "readonly" } },
  },
]);
