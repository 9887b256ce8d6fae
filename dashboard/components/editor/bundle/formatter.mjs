// @ts-check
// What the editor uses of sql-formatter, as one file that needs no network: `make editor` bundles it to ../formatter.js.

export { duckdb, formatDialect } from "sql-formatter"
