// @ts-check
// The first lines of the bundle: what is in it, and under which license.

import { readFileSync } from "node:fs"

const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8"))
const parts = Object.entries(devDependencies).filter(([name]) => /^@(codemirror|lezer)\//.test(name))
const license = readFileSync("node_modules/@codemirror/state/LICENSE", "utf8").trim()
process.stdout.write(`// @ts-nocheck\n// Made by \`make editor\` of ${parts.map(([name, version]) => `${name} ${version}`).join(", ")}.\n/*!\n${license}\n*/`)
