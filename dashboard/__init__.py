"""The dashboard: pages over a store, in Streamlit. Imports store, media, latent and reports; never ingest, never torch.

A page is a folder with a module `page` of TITLE, ICON and ``show(store, selection)``; the folder's name is a row of `parameters.PAGES`.

    corpus           what is in the store?
    video            what does the encoder see in this video?
    windows          what changes when the window shifts?
    sensitivity      which dimensions react when the window shifts?
    dimension        what does this dimension encode?
    sql              what do you want to know?
    jobs             what runs on this store?
    components       what is drawn in the browser, one folder each: player, token_map, matrix, connection

    app              the frame: opens the store, draws the sidebar, runs the chosen page
    parameters       every parameter of the URL; `address` holds those without a widget, `permalinks` maps those of earlier versions
    selection        what the reader is looking at, from the URL
    caching          answers kept until the store changes, and the store's workspace: the only module that caches
    sql_link         the control beside a result that shows its query and opens it on the SQL page
    server, routes   the app, and beside it what a browser fetches by itself
    guard, access    who may talk to the server, and what its pages may do

`docs/architecture.md` lists every file.
"""
