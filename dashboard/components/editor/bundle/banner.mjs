// @ts-check
// The first lines of a bundle: what is in it, and under which license. `node banner.mjs NAME`

import { readFileSync } from "node:fs"

const BUNDLES = {
  codemirror: { parts: /^@(codemirror|lezer)\//, licenses: ["@codemirror/state/LICENSE"] },
  formatter: { parts: /^sql-formatter$/, licenses: ["sql-formatter/LICENSE", "nearley/LICENSE.txt"] },
}
const { parts, licenses } = BUNDLES[/** @type {keyof typeof BUNDLES} */ (process.argv[2])]
const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8"))
const named = Object.entries(devDependencies).filter(([name]) => parts.test(name)).map(([name, version]) => `${name} ${version}`)
const texts = licenses.map(path => readFileSync(`node_modules/${path}`, "utf8").trim())
process.stdout.write(`// @ts-nocheck\n// Made by \`make editor\` of ${named.join(", ")}.\n/*!\n${texts.join("\n\n")}\n*/`)
