"""Reports: a question answered over many videos, as blocks that a page shows and an exporter writes. Knows no torch, no streamlit.

    errors         sentences that say what to do
    relations      which videos belong together
    ranking        which dimensions: strength, frequency against chance, specialists
    curves         where in the window: U-shape and context length
    consistency    do videos agree: rank correlations, Kendall's W, halves, settling, outliers
    request        what is asked for, and which pairs that means
    findings       all numbers of a sensitivity report
    rasters        matrices as PNG with a legend
    charts         from a table to an Altair chart
    blocks         what a report is made of
    wording        the numbers in sentences
    parts          the numbers in tables
    pictures       the numbers in pictures
    sensitivity    the report's six sections
    comparison     two of them side by side
    cells          values as people read them
    drawing        charts as SVG, in a process of its own
    html_file      a report as one HTML file (and markdown_file, parquet_file)
    catalogue      every report by its name

A module imports only what stands above it.
"""
