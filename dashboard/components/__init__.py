"""Browser components: a folder each, with its Python glue, HTML, CSS and ES modules.

    modules      hands a folder's modules to the browser, by their content
    connection   what a page says when its server has ended or the store has grown, and which changes of its address are steps
    player       the video beside the colors of its tokens
    token_map    tokens as points, in WebGL
    matrix       the differences of a pair, patch by dimension
    editor       CodeMirror over the text area of the SQL page

`shared/` holds the modules that several components import. A component is a folder NAME with NAME.html, NAME.css and NAME.js, whose default
export is made by `mountOnce` of shared/mounting.js; its glue calls ``mount(NAME)``.
"""
