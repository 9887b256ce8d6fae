"""The dashboard: pages over a store, in Streamlit. Imports store and reports; never ingest, never torch.

    units            numbers as people read them, each with its unit
    caching          answers kept until the store changes: the only module that caches
    selection        what the reader is looking at, from the URL
    sql_link         the control beside a result that shows its query and opens it on the SQL page
    paging           which rows stand on the page that the URL names
    charts           from a table to an Altair chart
    results          a query's result as a table that a browser shows, and as files

    corpus           page: what is in the store?
      corpus_videos      the videos, a page of a query at a time
      corpus_video       the video chosen in that table
      corpus_failures    what failed, and why
      corpus_encoders    what encoded them, and from which weights
    windows          page: what changes when the window shifts?
      windows_choice     which pair, and the widgets that choose another
      windows_matrix     its differences, drawn in the browser (with windows_matrix.html, .css, .js)
    sensitivity      page: which dimensions react when the window shifts?
      sensitivity_scope  which pairs it is about
      blocks             the blocks of a report, drawn
    sql              page: what do you want to know?

    app              the frame: opens the store, draws the sidebar, runs the chosen page

A page is a module with TITLE, ICON and ``show(store, selection)``; its name goes into ``app.PAGES``.
"""
