// @ts-check
// What the editor uses of CodeMirror, as one file that needs no network: `make editor` bundles it to ../codemirror.js.

export { autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap } from "@codemirror/autocomplete"
export { defaultKeymap, history, historyKeymap } from "@codemirror/commands"
export { PostgreSQL, SQLDialect, sql } from "@codemirror/lang-sql"
export { bracketMatching, syntaxHighlighting } from "@codemirror/language"
export { lintKeymap, setDiagnostics } from "@codemirror/lint"
export { highlightSelectionMatches, searchKeymap } from "@codemirror/search"
export { EditorState, Prec } from "@codemirror/state"
export { drawSelection, EditorView, keymap, lineNumbers, placeholder } from "@codemirror/view"
export { classHighlighter } from "@lezer/highlight"
