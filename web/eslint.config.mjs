/**
 * `npm run lint`: mistakes that tsc does not report; many of the rules need types.
 *
 * typescript-eslint needs the compiler as a library, which TypeScript 7 does not provide. So the
 * package `typescript` is TypeScript 6, and `tsc` is TypeScript 7's, from `@typescript/native`.
 */

import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import jsdoc from "eslint-plugin-jsdoc";
import tseslint from "typescript-eslint";

export default defineConfig([
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // Callbacks with a single call are written `() => this.dispose()`.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // The preset's options, except that numbers are allowed.
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
    // Every export has a doc comment. Its form is free, because types are in the code.
    files: ["**/*.ts"],
    plugins: { jsdoc },
    rules: {
      "jsdoc/require-jsdoc": [
        "error",
        {
          publicOnly: { esm: true, cjs: false, window: false },
          require: { ClassDeclaration: true, FunctionDeclaration: true },
          contexts: ["TSInterfaceDeclaration", "TSTypeAliasDeclaration", "VariableDeclaration"],
          checkConstructors: false,
          enableFixer: false,
        },
      ],
    },
  },
  {
    files: ["src/output/text/**"],
    // The text of programs contains control characters.
    rules: { "no-control-regex": "off" },
  },
  {
    files: ["tests/**"],
    rules: {
      // A missing value fails the test anyway.
      "@typescript-eslint/no-non-null-assertion": "off",
      // Doubles of classes may have only a constructor.
      "@typescript-eslint/no-extraneous-class": ["error", { allowConstructorOnly: true }],
      // Doubles of async functions return promises, too.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: ["tests/embed/**"],
    // These tests call the script like pages do, from JavaScript without types.
    rules: {
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  {
    // Scripts for Node, which tsconfig.json does not include.
    files: ["**/*.mjs"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { console: "readonly", process: "readonly" } },
  },
]);
