// @ts-check
import js from "@eslint/js"
import globals from "globals"

export default [
  { ignores: ["**/node_modules/", ".venv/", "demo/", "build/", "dashboard/components/editor/codemirror.js", "dashboard/components/editor/formatter.js"] },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "max-lines": ["error", 400],
      "max-params": ["error", 6],
      "no-implicit-globals": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-restricted-properties": ["error", { property: "innerHTML", message: "Build elements, or set textContent: data is never markup." }],
    },
  },
  { files: ["dashboard/components/**/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["tests/javascript/**/*.js", "**/*.mjs"], languageOptions: { globals: globals.node } },
]
