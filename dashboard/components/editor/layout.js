// @ts-check
// The layout of a query: one clause a line. Only blanks change.

const LAYOUT = { keywordCase: "preserve", tabWidth: 2, expressionWidth: 90, linesBetweenQueries: 1, paramTypes: { named: ["$"] } }

const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|[\p{L}\p{N}_]+|->>?|--|\/\*|\*\/|[*/<>=~!@#%^&|:]+|\S/gu

/**
 * A query in the layout of the formatter, which is fetched when it is first needed; null where it cannot read the query, or would change more
 * than blanks.
 * @param {string} text
 * @returns {Promise<string | null>}
 */
export async function formatQuery(text) {
  const { duckdb, formatDialect } = await import("./formatter.js")
  try {
    const formatted = formatDialect(text, { dialect: duckdb, ...LAYOUT }).trim()
    return readTokens(formatted) === readTokens(text) ? formatted : null
  } catch {
    return null
  }
}

/**
 * The words and signs of a text, one a line: signs that belong together stay so, as those that begin a comment.
 * @param {string} text
 */
function readTokens(text) {
  return text.match(TOKEN)?.join("\n") ?? ""
}
