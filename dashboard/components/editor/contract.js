// @ts-check
// What Python sends.

/** @typedef {{name: string, type: string, about: string}} Named a column or a function, its type or its arguments, and what it means */
/** @typedef {{line: number, before: string, message: string}} Failure where a query failed: the line, from 1, what of it stands before, and why */
/**
 * @typedef {object} Data
 * @property {string} query what stands in the page's own text area
 * @property {Record<string, Named[]>} tables columns by table
 * @property {Named[]} functions
 * @property {Failure | null} failure of this query
 * @property {boolean} ran whether this query has just been run
 */

export {}
