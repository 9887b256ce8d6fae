// @ts-check
// What Python sends.

/**
 * A column or a function, its type or its arguments, and what it means.
 * @typedef {object} Named
 * @property {string} name
 * @property {string} type
 * @property {string} about
 */

/**
 * Where a query failed: the line, from 1, what of it stands before the place, and why.
 * @typedef {object} Failure
 * @property {number} line
 * @property {string} before
 * @property {string} message
 */

/**
 * What stands in the page's own text area, what can be completed, where it failed, and whether it has just been run.
 * @typedef {object} Data
 * @property {string} query
 * @property {Record<string, Named[]>} tables
 * @property {Named[]} functions
 * @property {Failure | null} failure
 * @property {boolean} ran
 */

export {}
