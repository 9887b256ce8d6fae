"""The dashboard: pages over a store, in Streamlit. Imports store, film, latent and reports; never ingest, never torch.

    units            numbers as people read them, each with its unit
    colors          three numbers of a token become red, green and blue
    downloads        files as links
    marks            patches that were taken, as a text in URLs
    channels         what of a token can be seen on the map
    tracks           where taken patches are in a clip
    caching          answers kept until the store changes, and the workspace of a store: the only module that caches
    selection        what the reader is looking at, from the URL
    consent          which SQL of an address runs
    links            from page to page
    sql_link         the control beside a result that shows its query and opens it on the SQL page
    paging           which rows stand on the page that the URL names
    charts           from a table to an Altair chart
    results          a query's result as a table that a browser shows, and as files

    components       what is drawn in the browser, a folder each: player, token_map, matrix, connection

    corpus           page: what is in the store?
      corpus_videos      the videos, a page of a query at a time
      corpus_video       the video chosen in that table
      corpus_failures    what failed, and why
      corpus_encoders    what encoded them, and from which weights
    video            page: what does the encoder see in this video?
      address, place     clip, slice, patches and marks in the URL
      video_colors      what the colors are made from
      video_patches      the patches that were taken
      video_segmentation what was cut out by foreground and background marks
      video_track        where they are in their window
      video_search       where else in the corpus there are such
      video_alike        videos like this one
      video_map          the map of tokens
      sources            what stands for a video on screen: its file, or its slice pictures, and why
      media              what a browser fetches by itself: files, pictures, colors, by the ids of the store
    windows          page: what changes when the window shifts?
      windows_choice     which pair, and the widgets that choose another
    sensitivity      page: which dimensions react when the window shifts?
      sensitivity_scope  which pairs it is about
      blocks             the blocks of a report, drawn
    sql              page: what do you want to know?

    app              the frame: opens the store, draws the sidebar, runs the chosen page
    access           which hosts it answers to, and whom it lets in
    launch           starts the server, for the command
    guard            who may talk to the server, and what its pages may do
    server           the app, and the routes of media beside it

A page is a module with TITLE, ICON and ``show(store, selection)``; its name goes into ``app.PAGES``.
"""
